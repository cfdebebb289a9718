"""printf's formatting: pure text in, text out; a Dialect has what differs between C runtimes."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping

from aot.record import dataclass

FLAGS = "-+ #0"
SIGNED, UNSIGNED, FLOATS = "di", "uoxXb", "fFeEgGaA"
DIGITS = 13  # hexadecimal digits of a double's fraction


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from: the next 8-byte argument, narrow and wide strings, and %n's target."""

    word: Callable[[], int]
    narrow: Callable[[int, int | None], str]  # (address, most characters)
    wide: Callable[[int, int | None], str]
    count: Callable[[int, int, int], None]  # (address, bytes, characters so far)
    real: Callable[[str], float] | None = (
        None  # a floating-point argument of a size; None: a double in a word
    )


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one C runtime does its own way."""

    sizes: tuple[str, ...]  # length modifiers, longest first
    bits: Mapping[str, int]  # of integers; 32 when not listed
    pointer: Callable[[int], str]
    nan: Callable[[str], str]  # what a NaN prints, by the sign that numbers would show
    wide: Callable[[str, str, bool, int], bool]  # (size, letter, wide format, options) -> a wide string


@dataclass(slots=True)
class Spec:
    """One conversion: flags, width, precision, size in bytes, letter."""

    flags: str = ""
    width: int = 0
    precision: int | None = None
    size: str = ""
    letter: str = ""


def render(template: str, source: Source, dialect: Dialect, *, wide: bool = False, options: int = 0) -> str:
    """The formatted text. Unknown conversions print their letter, as the runtime does."""
    out: list[str] = []
    at, total = 0, 0
    while at < len(template):
        start = template.find("%", at)
        if start < 0:
            out.append(template[at:])
            break
        out.append(template[at:start])
        total += start - at
        spec, at = _parse(template, start + 1, source, dialect)
        text = _convert(spec, source, dialect, total, wide=wide, options=options)
        out.append(text)
        total += len(text)
    return "".join(out)


def _parse(template: str, at: int, source: Source, dialect: Dialect) -> tuple[Spec, int]:
    spec = Spec()
    while at < len(template) and template[at] in FLAGS:
        spec.flags += template[at]
        at += 1
    spec.width, at = _number(template, at, source)
    if spec.width < 0:
        spec.flags, spec.width = spec.flags + "-", -spec.width
    if template[at : at + 1] == ".":
        precision, at = _number(template, at + 1, source)
        spec.precision = precision if precision >= 0 else None
    for size in dialect.sizes:
        if template.startswith(size, at):
            spec.size, at = size, at + len(size)
            break
    spec.letter = template[at : at + 1]
    return spec, at + 1


def _number(template: str, at: int, source: Source) -> tuple[int, int]:
    if template[at : at + 1] == "*":
        return _signed(source.word(), 32), at + 1
    end = at
    while end < len(template) and template[end].isdigit():
        end += 1
    return int(template[at:end] or 0), end


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _convert(spec: Spec, source: Source, dialect: Dialect, total: int, *, wide: bool, options: int) -> str:
    letter, bits = spec.letter, dialect.bits.get(spec.size, 32)
    if letter in SIGNED and letter:
        value = _signed(source.word(), bits)
        return _integer(spec, abs(value), "d", _sign(spec, negative=value < 0))
    if letter in UNSIGNED and letter:
        value = source.word() & (1 << bits) - 1
        return _integer(spec, value, "d" if letter == "u" else letter, "")
    if letter in FLOATS and letter:
        return _float(spec, _real(spec, source), dialect)
    match letter:
        case "%":
            return "%"
        case "c" | "C":
            return _pad(spec, _character(source.word(), wide=dialect.wide(spec.size, letter, wide, -1)))
        case "s" | "S" | "Z":
            return _pad(spec, _string(spec, source, wide=dialect.wide(spec.size, letter, wide, options)))
        case "p":
            return _pad(spec, dialect.pointer(source.word()))
        case "n":
            source.count(source.word(), bits // 8, total)
            return ""
    return letter


def _sign(spec: Spec, *, negative: bool) -> str:
    if negative:
        return "-"
    return "+" if "+" in spec.flags else " " if " " in spec.flags else ""


def _pad(spec: Spec, text: str, prefix: str = "", *, zeros: bool = False) -> str:
    room = spec.width - len(prefix) - len(text)
    if room <= 0:
        return prefix + text
    if "-" in spec.flags:
        return prefix + text + " " * room
    if zeros and "0" in spec.flags:
        return prefix + "0" * room + text
    return " " * room + prefix + text


def _integer(spec: Spec, value: int, form: str, prefix: str) -> str:
    digits = "" if spec.precision == 0 and not value else format(value, form)
    digits = digits.rjust(spec.precision or 0, "0")
    if "#" in spec.flags:
        if form == "o" and not digits.startswith("0"):
            digits = "0" + digits
        elif form in "xXb" and value:
            prefix = "0" + form
    return _pad(spec, digits, prefix, zeros=spec.precision is None)


def _real(spec: Spec, source: Source) -> float:
    if source.real is not None:
        return source.real(spec.size)
    number: float = struct.unpack("<d", struct.pack("<Q", source.word()))[0]
    return number


def _character(word: int, *, wide: bool) -> str:
    if wide:
        return chr(word & 0xFFFF)
    return bytes((word & 0xFF,)).decode("utf-8", "surrogateescape")


def _string(spec: Spec, source: Source, *, wide: bool) -> str:
    address = source.word()
    if not address:
        return "(null)"[: spec.precision]
    if wide:
        return source.wide(address, spec.precision)
    return source.narrow(address, spec.precision)


def _float(spec: Spec, number: float, dialect: Dialect) -> str:
    upper = spec.letter.isupper()
    letter = spec.letter.lower()
    prefix = _sign(spec, negative=math.copysign(1.0, number) < 0)
    number = abs(number)
    if math.isnan(number):
        text = dialect.nan(prefix)
        return _pad(spec, text.upper() if upper else text)
    if math.isinf(number):
        return _pad(spec, "INF" if upper else "inf", prefix)
    if letter == "a":
        digits, prefix = _hexadecimal(spec, number), prefix + "0x"
    else:
        precision = 6 if spec.precision is None else spec.precision
        digits = f"%{'#' if '#' in spec.flags else ''}.{precision}{letter}" % number
    if upper:
        digits, prefix = digits.upper(), prefix.upper()
    return _pad(spec, digits, prefix, zeros=True)


def _hexadecimal(spec: Spec, number: float) -> str:
    """The part of %a behind 0x."""
    mantissa, exponent = math.frexp(number)
    if not number:
        whole, power = 0, 0
    else:
        power = max(exponent - 1, -1022)
        whole = int(math.ldexp(mantissa, exponent - power + 52))
    places = DIGITS if spec.precision is None else spec.precision
    if places < DIGITS:
        shift = 4 * (DIGITS - places)
        half = 1 << shift - 1
        rest, whole = whole & (1 << shift) - 1, whole >> shift
        whole += rest > half or (rest == half and whole & 1)
        fraction, lead = whole & (1 << 4 * places) - 1, whole >> 4 * places
        digits = f"{fraction:0{places}x}" if places else ""
    else:
        digits = f"{whole & (1 << 52) - 1:013x}".ljust(places, "0")
        lead = whole >> 52
    point = "." if digits or "#" in spec.flags else ""
    return f"{lead}{point}{digits}p{power:+d}"
