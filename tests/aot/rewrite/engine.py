"""Runs rewritten code on Unicorn with gates that only take notes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import unicorn as uc
from unicorn import arm64_const as a64
from unicorn import x86_const as x86

from aot.image.model import Arch, Segment
from aot.manifest import PAGE, GateKind, Manifest
from aot.record import dataclass, field

X86 = {
    name: getattr(x86, f"UC_X86_REG_{name.upper()}")
    for name in "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip rflags".split()
}
A64 = {f"x{i}": getattr(a64, f"UC_ARM64_REG_X{i}") for i in range(31)} | {
    "sp": a64.UC_ARM64_REG_SP, "pc": a64.UC_ARM64_REG_PC, "nzcv": a64.UC_ARM64_REG_NZCV,
}  # fmt: skip
_CARRY = (b"\xf8", b"\xf9")  # clc, stc
STACK, GATES, NOP = 0x70000000, 0x60000000, 0xD503201F
Registers = dict[str, int]


@dataclass(slots=True)
class Crossing:
    """One arrival at a gate (None: a trap left alone), with every register there; `out` is what the kernel
    changes."""

    kind: GateKind | None
    regs: Registers
    out: Registers = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One finished run."""

    regs: Registers
    crossings: list[Crossing]
    memory: Callable[[int, int], bytes]


def start_registers(arch: Arch) -> Registers:
    """A different value in every register, the stack pointer aside."""
    names = X86 if arch is Arch.X86_64 else A64
    values = {name: 0x1111_0000_0000_0000 + i * 0x0101_0101 for i, name in enumerate(names)}
    sp = "rsp" if arch is Arch.X86_64 else "sp"
    flags = {"rflags": 0x8D7} if arch is Arch.X86_64 else {"nzcv": 0xF0000000}
    values |= flags | {sp: STACK + 0x8000}
    return values


def run(
    arch: Arch,
    manifest: Manifest,
    segments: Sequence[Segment],
    *,
    start: int,
    stop: int,
    regs: Registers,
    words: Mapping[int, int] | None = None,
    traps: Sequence[int] = (),
    carry: int | None = None,
    serve: Callable[[Crossing], None] = lambda _: None,
) -> Run:
    """Run from `start` to `stop`; `words` are written by address, `traps` are served where they are.

    A carry style call sets or clears `carry` by an instruction: a hook that writes flags is not heard.
    """
    engine = uc.Uc(*(
        (uc.UC_ARCH_X86, uc.UC_MODE_64) if arch is Arch.X86_64 else (uc.UC_ARCH_ARM64, uc.UC_MODE_ARM)
    ))  # fmt: skip
    names = X86 if arch is Arch.X86_64 else A64
    for segment in segments:
        low, high = segment.address & ~(PAGE - 1), (segment.end + PAGE - 1) & ~(PAGE - 1)
        engine.mem_map(low, high - low)
        engine.mem_write(segment.address, segment.data)
    engine.mem_map(STACK, 0x10000)
    engine.mem_map(GATES, PAGE)
    for address, value in (words or {}).items():
        engine.mem_write(address, struct.pack("<Q", value))
    places = _x86_gates(engine, manifest, carry) if arch is Arch.X86_64 else _a64_gates(engine, manifest)
    for trap in traps:  # Unicorn's own `syscall` does not keep the flags: a nop of two bytes stands for it
        engine.mem_write(trap, b"\x66\x90" if carry is None else _CARRY[carry] + b"\x90")
        places[trap] = None
    crossings: list[Crossing] = []

    def on_code(_uc: uc.Uc, address: int, _size: int, _data: object) -> None:
        if address in places:
            crossing = Crossing(places[address], {n: engine.reg_read(r) for n, r in names.items()})
            crossings.append(crossing)
            serve(crossing)
            for name, value in crossing.out.items():
                engine.reg_write(names[name], value)

    engine.hook_add(uc.UC_HOOK_CODE, on_code)
    for name, value in regs.items():
        if name not in ("rip", "pc"):
            engine.reg_write(names[name], value)
    engine.emu_start(start, stop, count=1000)
    final = {n: engine.reg_read(r) for n, r in names.items()}
    return Run(final, crossings, lambda at, size: bytes(engine.mem_read(at, size)))


def _x86_gates(engine: uc.Uc, manifest: Manifest, carry: int | None) -> dict[int, GateKind | None]:
    places: dict[int, GateKind | None] = {}
    for kind in GateKind:
        at = GATES + 16 * kind
        leave = b"\xc3" if kind is GateKind.IMPORT else b"\xff\xe1"  # ret, jmp rcx
        if carry is not None and kind in (GateKind.BOUND_CARRY, GateKind.TABLE_CARRY):
            leave = _CARRY[carry] + leave
        engine.mem_write(at, leave)
        engine.mem_write(manifest.area + 8 * kind, struct.pack("<Q", at))
        places[at] = kind
    return places


def _a64_gates(engine: uc.Uc, manifest: Manifest) -> dict[int, GateKind | None]:
    places: dict[int, GateKind | None] = {}
    for word in manifest.exits:
        assert bytes(engine.mem_read(word.addr, 4)) == struct.pack("<I", word.kind)
        engine.mem_write(word.addr, struct.pack("<I", NOP))
        places[word.addr] = GateKind(word.kind)
    return places
