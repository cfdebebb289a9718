"""Instructions of real programs of this machine, as material for windows."""

from __future__ import annotations

import random
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import capstone
from capstone import arm64_const, x86_const

from aot.analyze.decode import Decoder, family
from aot.errors import AotError
from aot.image.formats import load_image
from aot.image.model import Arch, Image
from aot.record import dataclass
from corpus.foreign import ForeignError, deb, go

SAMPLES = 400  # stretches of code that are read a program
STRETCH = 256  # bytes
# What has no business in a window: it asks the outside, stops, waits, or tells where the x87 was; bt leaves flags undefined.
_X86_NOT = (
    "rdtsc", "rdrand", "rdseed", "rdpmc", "cpuid", "xgetbv", "hlt", "in", "out", "ins", "cli", "sti", "fxsave",
    "fnstenv", "fnsave", "fstenv", "fsave", "fldenv", "frstor", "fxrstor", "xsave", "xrstor", "rep", "wr", "rd",
    "sys", "iret", "mwait", "monitor", "clflush", "clwb", "xabort", "xbegin", "xend", "xtest", "endbr",
    "enter", "l", "v", "str", "smsw", "invd", "inv", "encls", "enclu", "pause", "ud", "serialize", "umonitor",
    "umwait", "tpause", "popf", "bt", "prefetch", "fwait", "wait", "emms",
)  # fmt: skip
_X86_BUT = ("lea", "leave", "lock", "lodsb", "lodsd", "lodsq", "lahf", "insert", "insertps", "inc", "stosb")
_A64_NOT = (
    "svc", "hvc", "smc", "brk", "udf", "hlt", "mrs", "msr", "sys", "dc", "ic", "tlbi", "at", "ld", "st", "clrex",
    "wfi", "wfe", "sev", "yield", "eret", "drps", "dsb", "dmb", "isb", "pac", "aut", "xpac", "hint", "prf",
    "adr", "swp", "cas", "esb", "bti", "psb", "csdb",
)  # fmt: skip
_A64_BUT = ("ldr", "ldp", "ldur", "str", "stp", "stur", "ldrb", "strb", "ldrh", "strh", "ldrsw")


@dataclass(frozen=True, slots=True)
class Piece:
    """One instruction; `place` is the offset of a rip-relative displacement, or 0."""

    code: bytes
    reads: frozenset[str]  # families of registers
    place: int = 0


def pieces(arch: Arch, seed: int) -> list[list[Piece]]:
    """Straight runs of instructions as the programs have them; the same for equal programs and seeds."""
    rng = random.Random(seed)
    runs: list[list[Piece]] = []
    for image in _images(arch):
        runs += _runs(image, rng)
    assert runs or arch is Arch.AARCH64, "no program of this machine could be read"
    return runs


@cache
def _images(arch: Arch) -> tuple[Image, ...]:
    images = []
    for path in _programs(arch):
        try:
            image = load_image(path)
        except (AotError, OSError):
            continue
        if image.arch is arch:
            images.append(image)
    return tuple(images)


def _programs(arch: Arch) -> Iterator[Path]:
    """Code of different compilers: C of the distribution, Go."""
    yield from (Path(sys.executable).resolve(), *sorted(Path("/lib").glob("*-linux-gnu/libc.so.6")))
    yield from sorted(Path("/lib").glob("*-linux-gnu/libm.so.6"))
    yield from (Path(found).resolve() for name in ("bash", "openssl") if (found := shutil.which(name)))
    name = "amd64" if arch is Arch.X86_64 else "arm64"
    for make in (lambda: deb("busybox-static", name) / "bin/busybox", lambda: go("hello", "linux", name)):
        try:
            yield make()
        except ForeignError:
            continue  # not fetched and nothing to fetch with: one kind of code less


def _runs(image: Image, rng: random.Random) -> Iterator[list[Piece]]:
    decoder, known = Decoder(image.arch), dict[bytes, Piece | None]()
    engine = _engine(image.arch)
    code = [segment for segment in image.code if len(segment.data) > 2 * STRETCH]
    weights = [len(segment.data) for segment in code]
    for _ in range(SAMPLES if code else 0):
        (segment,) = rng.choices(code, weights)
        at = rng.randrange(len(segment.data) - STRETCH) & -4
        run: list[Piece] = []
        for insn in engine.disasm(segment.data[at : at + STRETCH], segment.address + at):
            raw = bytes(insn.bytes)
            if raw not in known:
                known[raw] = _piece(insn, raw, decoder)
            piece = known[raw]
            if piece is not None:
                run.append(piece)
        if run:
            yield run


def _engine(arch: Arch) -> capstone.Cs:
    if arch is Arch.X86_64:
        engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    else:
        engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN)
    engine.detail = True
    return engine


def _piece(insn: capstone.CsInsn, raw: bytes, decoder: Decoder) -> Piece | None:
    """What Capstone, not the code under test, says of an instruction; None for one that is no material."""
    x86 = decoder.arch is Arch.X86_64
    leave, keep = (_X86_NOT, _X86_BUT) if x86 else (_A64_NOT, _A64_BUT)
    name = insn.mnemonic.removeprefix("lock ")
    if name.startswith(leave) and not name.startswith(keep):
        return None
    flow = {capstone.CS_GRP_JUMP, capstone.CS_GRP_CALL, capstone.CS_GRP_RET, capstone.CS_GRP_INT}
    if flow & set(insn.groups) or capstone.CS_GRP_PRIVILEGE in insn.groups:
        return None
    named = {family(word) for word in re.findall(r"\w+", insn.op_str)}  # Capstone forgets some it reads
    reads = decoder.reads(raw) | named
    if x86:
        if raw[0] in (0xC4, 0xC5, 0x62):  # VEX, EVEX: the engine has no AVX
            return None
        memory = [op.mem for op in insn.operands if op.type == x86_const.X86_OP_MEM]
        if any(operand.base == x86_const.X86_REG_RIP for operand in memory):
            return Piece(raw, reads, insn.disp_offset)
    elif any(op.type == arm64_const.ARM64_OP_IMM and abs(op.imm - insn.address) < 1 << 21
             for op in insn.operands if name == "ldr"):  # fmt: skip
        return None  # a literal load: generated, not harvested
    return Piece(raw, reads)
