"""A bench for rewriting: an image made of assembly, a small analysis of it, gates, an engine."""

from __future__ import annotations

from collections.abc import Mapping

from aot.analyze.decode import Decoder, Flow
from aot.analyze.model import Analysis, CallPath, Dynamic, FoundSite, Insn, Known, Number, Trap
from aot.image.model import Arch, Format, Image, Import, Prot, Segment
from aot.manifest import DataWord, Manifest
from aot.personality.abi.gate import ErrorStyle, Gate, Second
from aot.personality.abi.personality import Personality
from aot.record import dataclass, field, replace
from aot.rewrite.apply import apply
from aot.rewrite.assemble import assemble
from aot.rewrite.call import CallInfo
from aot.rewrite.plan import plan

CODE = 0x400000
_X86_ARGS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_A64_ARGS = tuple(f"x{i}" for i in range(6))

# The shapes of door that stubs tell apart; facts as in the personalities' own Gate rows.
GATES: dict[str, Gate] = {
    "linux-x86_64": Gate("syscall", "rax", _X86_ARGS, None, "rax", ErrorStyle.NEGATIVE, lost=("rcx", "r11")),
    "freebsd-x86_64": Gate(
        "syscall", "rax", _X86_ARGS, 8, "rax", ErrorStyle.CARRY, "rdx", Second.KEPT,
        zeroed=("r8", "r9", "r10"), lost=("rcx", "r11"),
    ),
    "netbsd-x86_64": Gate(
        "syscall", "rax", _X86_ARGS, 8, "rax", ErrorStyle.CARRY, "rdx", Second.ZERO, lost=("rcx", "r11")
    ),
    "linux-aarch64": Gate("svc", "x8", _A64_ARGS, None, "x0", ErrorStyle.NEGATIVE),
    "freebsd-aarch64": Gate(
        "svc", "x8", _A64_ARGS, 0, "x0", ErrorStyle.CARRY, "x1", Second.ZERO, immediates=(0,)
    ),
    "openbsd-aarch64": Gate("svc", "x8", _A64_ARGS, None, "x0", ErrorStyle.CARRY, "x1", Second.KEPT, skip=8),
    "netbsd-aarch64": Gate("svc", "imm", _A64_ARGS, 0, "x0", ErrorStyle.CARRY, "x1", Second.ZERO),
    "darwin-aarch64": Gate("svc", "x16", _A64_ARGS, None, "x0", ErrorStyle.CARRY, "x1", Second.ZERO),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FakeBinder:
    """Every number is a call; `inline` says which are answered from a data word."""

    gate: Gate
    inline: Mapping[int, DataWord] = field(default_factory=dict)

    def call(self, number: int) -> CallInfo | None:
        return CallInfo(f"call{number}", self.inline.get(number))

    def import_call(self, library: str, name: str) -> CallInfo | None:
        return None if name.startswith("unknown") else CallInfo(name)

    serves_imports = True

    def import_object(self, name: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class FakeIdentity:
    """Whose program it is; rewriting does not look at it."""

    personality: Personality = Personality.LINUX
    column: str = "test"


def image_of(
    arch: Arch,
    code: bytes,
    *,
    base: int = CODE,
    imports: tuple[Import, ...] = (),
    pie: bool = False,
    zeroes: int = 0x1000,
) -> Image:
    """An ELF image with `code` at `base` and a writable page behind it."""
    text = Segment(base, max(len(code), 1), code, Prot.R | Prot.X, "text")
    data = Segment((text.end + 0x1FFF) & ~0xFFF, zeroes, b"\x00" * 64, Prot.R | Prot.W, "data")
    return Image(
        Format.ELF, arch, base, (text, data), pie, "0" * 64,
        imports=tuple(replace(i, slot=data.address + i.slot) for i in imports),
    )  # fmt: skip


def analysis_of(image: Image, *, numbers: Mapping[int, Number] | None = None) -> Analysis:
    """A linear sweep from the image's first byte: enough for code that is nothing but code."""
    decoder, text = Decoder(image.arch), image.segments[0]
    raws = decoder.sweep(text.data, text.address)
    insns = [Insn(r[0], r[1], image.read(r[0], r[1]), r[2], r[3]) for r in raws]
    targets = frozenset(
        goal
        for raw in raws
        if decoder.flow(raw) in (Flow.JUMP, Flow.BRANCH, Flow.CALL) and (goal := decoder.target(raw))
    )
    sites = []
    for index, raw in enumerate(raws):
        if decoder.flow(raw) is not Flow.TRAP:
            continue
        insn = insns[index]
        before = _block_before(insns, raws, index, targets, decoder)
        trap = {"syscall": Trap.SYSCALL, "svc": Trap.SVC, "int": Trap.INT}[insn.mnemonic]
        immediate = int(insn.operands.lstrip("#"), 0) if insn.operands else 0
        number = (numbers or {}).get(insn.address) or _number(before)
        sites.append(FoundSite(
            insn.address, insn.size, trap, immediate, number, text.address, "test",
            before, _block_after(insns, raws, index, targets, decoder),
        ))  # fmt: skip
    return Analysis(tuple(sites), (), targets)


def _block_before(
    insns: list[Insn],
    raws: list[tuple[int, int, str, str]],
    index: int,
    targets: frozenset[int],
    decoder: Decoder,
) -> tuple[Insn, ...]:
    at = index
    while at > 0 and insns[at].address not in targets and decoder.flow(raws[at - 1]) is Flow.NEXT:
        at -= 1
    return tuple(insns[at:index])


def _block_after(
    insns: list[Insn],
    raws: list[tuple[int, int, str, str]],
    index: int,
    targets: frozenset[int],
    decoder: Decoder,
) -> tuple[Insn, ...]:
    out: list[Insn] = []
    for at in range(index + 1, len(insns)):
        if insns[at].address in targets or decoder.flow(raws[at]) is not Flow.NEXT:
            break
        out.append(insns[at])
    return tuple(out)


def _number(before: tuple[Insn, ...]) -> Number:
    for insn in reversed(before):
        register, _, value = insn.operands.partition(", ")
        if insn.mnemonic in ("mov", "movz") and register in ("eax", "rax", "x8", "w8", "x16", "w16"):
            try:
                return Known(int(value.lstrip("#"), 0), (insn.address, insn.size))
            except ValueError:
                break
    return Dynamic("register")


def rewritten(
    arch: Arch,
    code: bytes | str,
    gate: str,
    *,
    base: int = CODE,
    inline: Mapping[int, DataWord] | None = None,
    imports: tuple[Import, ...] = (),
    pie: bool = False,
    zeroes: int = 0x1000,
    passed: tuple[int, ...] = (),
) -> tuple[Image, Manifest, tuple[Segment, ...]]:
    """Assemble, analyse, plan and apply; `passed` are the numbers that callers pass to every site."""
    raw = assemble(arch, code) if isinstance(code, str) else code
    image = image_of(arch, raw, base=base, imports=imports, pie=pie, zeroes=zeroes)
    paths = tuple(CallPath(number, (), base) for number in passed)
    analysis = analysis_of(image)
    analysis = replace(analysis, sites=tuple(replace(site, paths=paths) for site in analysis.sites))
    planned = plan(image, analysis, FakeBinder(GATES[gate], inline or {}))
    return image, *apply(planned, FakeIdentity())
