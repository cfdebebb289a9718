"""Sorting, searching, numbers, random numbers and time of the C runtime. From: stdlib.h, time.h."""

from __future__ import annotations

import re
import struct
import time
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, S64, U32, To
from aot.personality.abi.neutral import Clock
from aot.personality.abi.op import Op
from aot.personality.windows import fails
from aot.personality.windows.crt import TEXT, Steps, c, calls_back, constant, crt, static
from aot.personality.windows.files import Ops
from aot.personality.windows.guest_code import sort_address
from aot.personality.windows.kinds import OUT_WORD_OPT, POINTER, RAW
from aot.personality.windows.state import M64

RAND_MAX = 0x7FFF
LONG_MAX, LONG_MIN = (1 << 31) - 1, -(1 << 31)


# -- sorting and searching ---------------------------------------------------------------------------


def _signed(result: int) -> int:
    return ((result & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000


@calls_back
def sort(ctx: Any, ops: Ops, base: int, count: int, size: int, compare: int) -> Steps:
    """Qsort: guest code does it, see guest_code.py."""
    yield sort_address(ctx), (base, count, size, compare)
    return 0


@calls_back
def search(ctx: Any, ops: Ops, key: int, base: int, count: int, size: int, compare: int) -> Steps:
    """Bsearch."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        result = _signed((yield compare, (key, base + middle * size)))
        if result == 0:
            return base + middle * size
        low, high = (middle + 1, high) if result > 0 else (low, middle)
    return 0


# -- numbers -----------------------------------------------------------------------------------------

_NUMBER = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(0[xX](?=[0-9a-fA-F]))?([0-9a-zA-Z]*)")
_FLOAT = re.compile(
    rb"[ \t\n\v\f\r]*[+-]?(?:inf(?:inity)?|nan|0x[0-9a-f]*\.?[0-9a-f]*(?:p[+-]?\d+)?"
    rb"|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)",
    re.IGNORECASE,
)


def _parse(text: bytes, base: int) -> tuple[int, int]:
    """(value, bytes used) of an integer; 0 bytes when there is none."""
    found = _NUMBER.match(text)
    if found is None or base == 1 or base > 36:
        return 0, 0
    sign, prefix, digits = found.groups()
    if prefix and base not in (0, 16):
        digits, prefix = b"0", b""
    start = found.start(3)
    base = base or (16 if prefix else 8 if digits[:1] == b"0" else 10)
    value, used = 0, 0
    for byte in digits:
        digit = int(chr(byte), 36)
        if digit >= base:
            break
        value, used = value * base + digit, used + 1
    if not used:
        return 0, (found.start(2) + 1 if prefix else 0)
    return (-value if sign == b"-" else value), start + used


def integer(low: int, high: int, *, wrap: bool = False) -> Any:
    """A strtol-like function over a range; `wrap` lets a minus sign count modulo the range."""

    def convert(ctx: Any, ops: Ops, text: int, end: int, base: int) -> int:
        raw = ctx.mem.cstr(text, 1 << 20)
        value, used = _parse(raw, base)
        if end:
            ctx.mem.write(end, struct.pack("<Q", text + used))
        if wrap and -high <= value < 0:
            return value & high
        if not low <= value <= high:
            fails.set_errno(ctx, 34)
            value = high if value > high or wrap else low
        return value & M64

    return convert


def to_int(ctx: Any, ops: Ops, text: bytes) -> int:
    """Atoi, atol."""
    return max(LONG_MIN, min(LONG_MAX, _parse(text, 10)[0])) & 0xFFFF_FFFF


def to_int64(ctx: Any, ops: Ops, text: bytes) -> int:
    """Atoll, _atoi64."""
    return _parse(text, 10)[0] & M64


def _double(ctx: Any, value: float) -> int:
    ctx.cpu.set_simd(ctx, 0, int.from_bytes(struct.pack("<d", value), "little"))
    return 0


def _read_float(text: bytes) -> tuple[float, int]:
    found = _FLOAT.match(text)
    if found is None:
        return 0.0, 0
    word = found[0].strip().lower()
    if b"0x" in word:
        return float.fromhex(word.decode()), found.end()
    return float(word), found.end()


def to_double(ctx: Any, ops: Ops, text: int, end: int) -> int:
    """Strtod: the result is in the first vector register."""
    value, used = _read_float(ctx.mem.cstr(text, 1 << 20))
    if end:
        ctx.mem.write(end, struct.pack("<Q", text + used))
    return _double(ctx, value)


def text_to_double(ctx: Any, ops: Ops, text: bytes) -> int:
    """Atof."""
    return _double(ctx, _read_float(text)[0])


def absolute(ctx: Any, ops: Ops, value: int) -> int:
    """Abs, labs."""
    return abs(value) & 0xFFFF_FFFF


def random(ctx: Any, ops: Ops) -> int:
    """Rand: the runtime's own generator, so that programs see its numbers."""
    runtime = crt(ctx)
    runtime.seed = (runtime.seed * 214_013 + 2_531_011) & 0xFFFF_FFFF
    return runtime.seed >> 16 & RAND_MAX


def seed(ctx: Any, ops: Ops, value: int) -> int:
    """Srand."""
    crt(ctx).seed = value
    return 0


# -- time --------------------------------------------------------------------------------------------


def now(ctx: Any, ops: Ops, out: int) -> int:
    """_time64."""
    seconds: int = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.REALTIME).sec
    if out:
        ctx.mem.write(out, struct.pack("<q", seconds))
    return seconds


def clock(ctx: Any, ops: Ops) -> int:
    """Clock: milliseconds since the start."""
    return int(ops[Op.CLOCK_GETTIME](ctx, clock=Clock.PROCESS).ns // 1_000_000) & 0x7FFF_FFFF


def _tm(seconds: int) -> bytes:
    if not 0 <= seconds < 1 << 40:
        raise Errno(E.INVAL)
    t = time.gmtime(seconds)
    fields = (t.tm_sec, t.tm_min, t.tm_hour, t.tm_mday, t.tm_mon - 1, t.tm_year - 1900)
    return struct.pack("<9i", *fields, (t.tm_wday + 1) % 7, t.tm_yday - 1, 0)


def broken_down(ctx: Any, ops: Ops, where: int) -> int:
    """_gmtime64 and _localtime64: the time zone is UTC."""
    (seconds,) = struct.unpack("<q", ctx.mem.read(where, 8))
    return static(ctx, "tm", _tm(seconds))


def broken_down_s(ctx: Any, ops: Ops, out: int, where: int) -> int:
    """_gmtime64_s and _localtime64_s."""
    (seconds,) = struct.unpack("<q", ctx.mem.read(where, 8))
    ctx.mem.write(out, _tm(seconds))
    return 0


def _calendar(ctx: Any, address: int) -> time.struct_time:
    sec, minute, hour, day, month, year, wday, yday, _ = struct.unpack("<9i", ctx.mem.read(address, 36))
    return time.struct_time((year + 1900, month + 1, day, hour, minute, sec, (wday - 1) % 7, yday + 1, 0))


def _days(year: int, month: int) -> int:
    """Days from 1970-01-01 to the first of a month (0..11)."""
    year -= month < 2
    era_day = (153 * ((month - 2) % 12) + 2) // 5
    return 365 * year + year // 4 - year // 100 + year // 400 + era_day - 719_468


def make_time(ctx: Any, ops: Ops, where: int) -> int:
    """_mktime64 and _mkgmtime64: fields out of range are carried over."""
    sec, minute, hour, day, month, year = (int(f) for f in struct.unpack("<6i", ctx.mem.read(where, 24)))
    year, month = year + 1900 + month // 12, month % 12
    seconds = ((_days(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + sec
    ctx.mem.write(where, _tm(seconds))
    return seconds & M64


def format_time(ctx: Any, ops: Ops, out: int, room: int, template: bytes, where: int) -> int:
    """Strftime in the C locale."""
    text = time.strftime(template.decode("utf-8", "surrogateescape"), _calendar(ctx, where)).encode()
    if len(text) >= room:
        return 0
    ctx.mem.write(out, text + b"\0")
    return len(text)


def as_text(ctx: Any, ops: Ops, where: int) -> int:
    """Asctime."""
    return static(ctx, "asctime", time.strftime("%a %b %d %H:%M:%S %Y\n\0", _calendar(ctx, where)).encode())


def timespec(ctx: Any, ops: Ops, out: int, base: int) -> int:
    """_timespec64_get."""
    found = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.REALTIME)
    ctx.mem.write(out, struct.pack("<qi4x", found.sec, found.nsec))
    return base


ARRAY = {
    "base": To("base", POINTER), "count": To("count", RAW), "size": To("size", RAW),
    "compare": To("compare", RAW),
}  # fmt: skip
CONVERT = {"text": To("text", POINTER), "end": To("end", OUT_WORD_OPT), "base": To("base", S32)}
STRING = {"text": To("text", TEXT)}
WHERE = {"where": To("where", POINTER)}
OUT = {"out": To("out", POINTER)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("qsort", ARRAY, sort, ret=NOTHING),
    c("bsearch", {"key": To("key", POINTER), **ARRAY}, search),
    c("strtol", CONVERT, integer(LONG_MIN, LONG_MAX)),
    c("strtoul", CONVERT, integer(0, 0xFFFF_FFFF, wrap=True)),
    c("strtoll", CONVERT, integer(-(1 << 63), (1 << 63) - 1), also=("_strtoi64", "strtoimax")),
    c("strtoull", CONVERT, integer(0, M64, wrap=True), also=("_strtoui64", "strtoumax")),
    c("strtod", {"text": To("text", POINTER), "end": To("end", OUT_WORD_OPT)}, to_double, ret=NOTHING),
    c("atof", STRING, text_to_double, ret=NOTHING),
    c("atoi", STRING, to_int, also=("atol",)),
    c("atoll", STRING, to_int64, also=("_atoi64",)),
    c("abs", {"value": To("value", S32)}, absolute, also=("labs",)),
    c("rand", {}, random),
    c("srand", {"value": To("value", U32)}, seed, ret=NOTHING),
    c("_time64", OUT, now),
    c("clock", {}, clock),
    c("_gmtime64", WHERE, broken_down, fail=fails.NULL_ERRNO, also=("_localtime64",)),
    c("_gmtime64_s", {**OUT, **WHERE}, broken_down_s, fail=fails.ERRNO, also=("_localtime64_s",)),
    c("_mktime64", WHERE, make_time, also=("_mkgmtime64",)),
    c("strftime", {**OUT, "room": To("room", RAW), "template": To("template", TEXT), **WHERE}, format_time),
    c("asctime", WHERE, as_text),
    c("_timespec64_get", {**OUT, "base": To("base", S32)}, timespec),
    c("_tzset", {}, constant(0), ret=NOTHING, also=("tzset",)),
    c("_difftime64", {"left": To("left", S64), "right": To("right", S64)}, lambda ctx, ops, left,
        right: _double(ctx, float(left - right)), ret=NOTHING),
)
# fmt: on
