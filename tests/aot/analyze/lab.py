"""Small images from assembly text, for tests of analysis."""

from __future__ import annotations

import re

import keystone

from aot.analyze.model import Analysis, FoundSite
from aot.analyze.sites import analyze
from aot.image.model import Arch, Format, FunctionRange, Image, Prot, Segment, Symbol
from aot.personality.abi.gate import ErrorStyle, Gate

BASE = 0x400000
DATA = 0x600000
X86_64, AARCH64 = Arch.X86_64, Arch.AARCH64
GATES = {
    X86_64: Gate("syscall", "rax", (), None, "rax", ErrorStyle.NEGATIVE, lost=("rcx", "r11")),
    AARCH64: Gate("svc", "x8", (), None, "x0", ErrorStyle.NEGATIVE),
}
IMMEDIATE = Gate("svc", "imm", (), None, "x0", ErrorStyle.CARRY)


def assemble(arch: Arch, text: str, address: int = BASE) -> bytes:
    """The bytes of `text`; numbers are hexadecimal only with 0x."""
    mode = (
        (keystone.KS_ARCH_X86, keystone.KS_MODE_64)
        if arch is X86_64
        else (keystone.KS_ARCH_ARM64, keystone.KS_MODE_LITTLE_ENDIAN)
    )
    encoded, _ = keystone.Ks(*mode).asm(re.sub(r";[^\n]*", "", text), address)
    return bytes(encoded)


def image(
    arch: Arch,
    code: str | bytes,
    *,
    functions: tuple[tuple[int, int], ...] | None = ((0, 0),),
    symbols: tuple[Symbol, ...] = (),
    data: bytes = b"",
    entry: int = 0,
    not_code: tuple[tuple[int, int], ...] = (),
) -> Image:
    """An image of one code segment at BASE; `functions` are (start, end) offsets, end 0 is its last byte."""
    raw = code if isinstance(code, bytes) else assemble(arch, code)
    segments = [Segment(BASE, len(raw), raw, Prot.R | Prot.X)]
    if data:
        segments.append(Segment(DATA, len(data), data, Prot.R))
    ranges = tuple(
        FunctionRange(BASE + start, BASE + (end or len(raw)), "eh_frame") for start, end in functions or ()
    )
    return Image(
        Format.ELF, arch, BASE + entry, tuple(segments), False, "0" * 64,
        symbols=symbols, functions=ranges,
        data_in_code=tuple((BASE + low, BASE + high) for low, high in not_code),
    )  # fmt: skip


def found(program: Image, gate: Gate | None = None) -> Analysis:
    return analyze(program, gate or GATES[program.arch])


def only(program: Image, gate: Gate | None = None) -> FoundSite:
    """The one site of `program`."""
    (site,) = found(program, gate).sites
    return site
