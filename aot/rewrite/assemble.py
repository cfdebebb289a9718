"""The assembler: templates go through Keystone once, their fields are patched and range-checked here.

A template is assembly text with fields in braces, `{name:kind}`. Keystone encodes out-of-range branches
silently wrong, so it never sees a real address: every field is a placeholder that `render` fills.
What Keystone gives for the templates of all systems is checked in (assembled.py): loading it takes longer than
building the stubs of a library. A text that is not there goes through Keystone.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any

from aot.errors import RewriteError
from aot.image.model import Arch
from aot.record import dataclass
from aot.rewrite.assembled import ASSEMBLED


class Kind(Enum):
    """What a field of a template is, hence how its value is encoded."""

    REL32 = "rel32"  # x86: target - end of the field, for jumps and [rip+field]
    IMM32 = "imm32"  # x86: the value itself
    DISP32 = "disp32"  # x86: the value itself, signed
    B26 = "b26"  # aarch64: b/bl target
    PAGE = "page"  # aarch64: adrp target page
    OFF8 = "off8"  # aarch64: scaled offset in page of an 8-byte load or store
    IMM16 = "imm16"  # aarch64: movz/movk/movn
    WORD = "word"  # aarch64: the whole instruction


@dataclass(frozen=True, slots=True)
class Field:
    """One placeholder of a template: its byte offset in the code."""

    name: str
    kind: Kind
    offset: int


@dataclass(frozen=True, slots=True)
class Template:
    """Assembled code with holes."""

    arch: Arch
    code: bytes
    fields: tuple[Field, ...]


# The bits of the placeholder instruction that stay.
_KEEP = {
    Kind.B26: 0xFC000000,
    Kind.PAGE: 0x9F00001F,
    Kind.OFF8: 0xFFC003FF,
    Kind.IMM16: 0xFFE0001F,
    Kind.WORD: 0,
}
_FIELD = re.compile(r"\{(\w+):(\w+)\}")
_MARK = (
    0x7A010203  # placeholder no real encoding holds by chance; the search below insists on exactly one match
)


@cache
def _engine(arch: Arch) -> Any:
    import keystone

    if arch is Arch.X86_64:
        return keystone.Ks(keystone.KS_ARCH_X86, keystone.KS_MODE_64)
    return keystone.Ks(keystone.KS_ARCH_ARM64, keystone.KS_MODE_LITTLE_ENDIAN)


def assemble(arch: Arch, text: str) -> bytes:
    """The bytes of `text` at address 0; for templates, tests and golden files, not for addresses."""
    encoded, _ = _engine(arch).asm(text, 0)
    return bytes(encoded or ())


def prepared(arch: Arch, text: str) -> bytes:
    """The same, from assembled.py where it has the text."""
    text = "\n".join(line for part in text.splitlines() if (line := part.strip()))
    known = ASSEMBLED[arch.value].get(text)
    return assemble(arch, text) if known is None else bytes.fromhex(known)


@cache
def template(arch: Arch, text: str) -> Template:
    """The template of `text`, assembled on first use."""
    return _x86_template(text) if arch is Arch.X86_64 else _a64_template(text)


def _x86_template(text: str) -> Template:
    found = [(m.group(1), Kind(m.group(2))) for m in _FIELD.finditer(text)]
    marks = iter(range(len(found)))
    code = prepared(Arch.X86_64, _FIELD.sub(lambda _: hex(_MARK + next(marks) * 0x10101), text))
    fields = []
    for index, (name, kind) in enumerate(found):
        mark = _MARK + index * 0x10101
        words = [struct.unpack_from("<i", code, at)[0] for at in range(len(code) - 3)]
        # Keystone takes a jump operand for an address (field = mark - end of field), a displacement as it is.
        hits = [at for at, word in enumerate(words) if word == mark or word + at + 4 == mark]
        assert len(hits) == 1, f"placeholder {name} of {text!r}"
        fields.append(Field(name, kind, hits[0]))
    return Template(Arch.X86_64, code, tuple(fields))


def _a64_template(text: str) -> Template:
    lines = [line.strip() for line in text.replace(";", "\n").splitlines() if line.strip()]
    fields, offset = [], 0
    for index, line in enumerate(lines):
        if line.endswith(":"):
            continue
        for match in _FIELD.finditer(line):
            kind = Kind(match.group(2))
            fields.append(Field(match.group(1), kind, offset))
            lines[index] = "nop" if kind is Kind.WORD else _FIELD.sub("#0", line)
        offset += 4
    code = prepared(Arch.AARCH64, "\n".join(lines))
    assert len(code) == offset, f"{text!r} is not {offset} bytes"
    return Template(Arch.AARCH64, code, tuple(fields))


def render(part: Template, address: int, values: Mapping[str, int]) -> bytes:
    """The code of `part` at `address`. Raises RewriteError when a value does not fit its field."""
    code = bytearray(part.code)
    for field in part.fields:
        value = values[field.name]
        at = field.offset
        if part.arch is Arch.X86_64:
            word = value - (address + at + 4) if field.kind is Kind.REL32 else value
            low = 0 if field.kind is Kind.IMM32 else -(1 << 31)
            if not low <= word < 1 << 31:
                raise RewriteError(f"{field.name} {value:#x} is out of range at {address + at:#x}")
            struct.pack_into("<i", code, at, word)
        else:
            (word,) = struct.unpack_from("<I", code, at)
            bits = a64_bits(field.kind, value, address + at)
            struct.pack_into("<I", code, at, word & _KEEP[field.kind] | bits)
    return bytes(code)


def a64_bits(kind: Kind, value: int, address: int) -> int:
    """The bits that encode `value` in an instruction at `address`. Raises RewriteError out of range."""
    match kind:
        case Kind.B26:
            return _signed(value - address, 4, 26, value)
        case Kind.PAGE:
            pages = _signed((value & ~0xFFF) - (address & ~0xFFF), 0x1000, 21, value)
            return (pages & 3) << 29 | (pages >> 2) << 5
        case Kind.OFF8:
            assert value % 8 == 0
            return (value & 0xFFF) // 8 << 10
        case Kind.IMM16:
            assert 0 <= value <= 0xFFFF
            return value << 5
        case _:
            return value


def _signed(distance: int, unit: int, bits: int, value: int) -> int:
    steps, rest = divmod(distance, unit)
    if rest or not -(1 << (bits - 1)) <= steps < 1 << (bits - 1):
        raise RewriteError(f"branch to {value:#x} is out of range ({distance:#x})")
    return steps & ((1 << bits) - 1)
