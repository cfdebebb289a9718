"""A bare machine for CPU tests: address space, backend, contexts and guest code for every crossing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keystone

from aot.image.model import Arch
from aot.manifest import GateKind
from runtime.cpu.api import Cpu, Fault, FaultKind
from runtime.cpu.scripted_cpu import Bound, Import, ScriptedCpu, Step, Stop, Table, Trap
from runtime.cpu.unicorn_cpu import UnicornCpu
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace

CODE, GATES, DATA, STACK = 0x40_0000, 0x50_0000, 0x60_0000, 0x80_0000
STACK_SIZE = 0x1_0000
X86, A64 = Arch.X86_64, Arch.AARCH64
ARGS = {X86: (7, 6, 2, 10, 8, 9), A64: (0, 1, 2, 3, 4, 5)}  # indices of argument registers
NUMBER = {X86: 0, A64: 8}


_KEYSTONE = {
    X86: keystone.Ks(keystone.KS_ARCH_X86, keystone.KS_MODE_64),
    A64: keystone.Ks(keystone.KS_ARCH_ARM64, keystone.KS_MODE_LITTLE_ENDIAN),
}


def assemble(arch: Arch, text: str, at: int = 0) -> bytes:
    """Guest code from assembly text."""
    return bytes(_KEYSTONE[arch].asm(text, at)[0])


@dataclass
class Thread:
    """The smallest RegisterState."""

    regs: memoryview
    fpu: Any = None
    name: str = ""
    log: list[Any] = field(default_factory=list)


class Rig:
    """Unicorn with code, data and stack mapped and the gates in place."""

    def __init__(self, arch: Arch) -> None:
        self.arch = arch
        self.space = AddressSpace(Arena(), arch)
        for at, size, prot in ((CODE, 0x4000, 5), (GATES, 0x1000, 5), (DATA, 0x4000, 6)):
            self.space.map(at, size, prot, fixed=True)
        self.space.map(STACK, STACK_SIZE, 6, fixed=True)
        self.cpu: Cpu = UnicornCpu(arch, self.space)
        self.gates: dict[int, int] = {}
        code, offsets = self.cpu.gate_code()
        if code:
            self.space.poke(GATES, code)
            self.gates = {kind: GATES + at for kind, at in offsets.items()}
        self.cpu.set_areas([(GATES, GATES + 0x1000), (CODE + 0x2000, CODE + 0x4000)])
        self._stubs = CODE + 0x2000

    def thread(self, pc: int = CODE, name: str = "") -> Thread:
        """A context that starts at `pc` with a stack of its own quarter."""
        thread = Thread(self.cpu.new_regs(), name=name)
        thread.regs[-1] = pc
        thread.regs[4 if self.arch is X86 else 31] = STACK + STACK_SIZE - 256
        return thread

    def load(self, source: str | dict[Arch, str], at: int = CODE) -> int:
        """Assemble at an address; returns the end."""
        text = source if isinstance(source, str) else source[self.arch]
        code = assemble(self.arch, text, at)
        self.space.poke(at, code)
        return at + len(code)

    def put(self, code: bytes, at: int) -> int:
        """Raw bytes at an address; returns the end."""
        self.space.poke(at, code)
        return at + len(code)

    # crossings as a stub makes them

    def crossing(self, kind: GateKind, index: int, at: int) -> bytes:
        """Bytes at `at` that cross through `kind` and go on behind themselves."""
        if kind is GateKind.IMPORT:
            stub = self._import_stub(index)
            if self.arch is X86:
                return b"\xe8" + (stub - at - 5 & 0xFFFF_FFFF).to_bytes(4, "little")
            return (0x9400_0000 | (stub - at >> 2 & 0x3FF_FFFF)).to_bytes(4, "little")
        if self.arch is X86:
            jump = self.gates[kind] - (at + 21)
            return (
                b"\x48\xb9" + (at + 21).to_bytes(8, "little") + b"\x41\xbb" + index.to_bytes(4, "little")
            ) + (b"\xe9" + (jump & 0xFFFF_FFFF).to_bytes(4, "little"))
        words = [0x5280_0008 | index << 5] if kind in (GateKind.BOUND, GateKind.BOUND_CARRY) else []
        words.append(self.cpu.exit_words()[kind])
        return b"".join(word.to_bytes(4, "little") for word in words)

    def _import_stub(self, index: int) -> int:
        at = self._stubs
        if self.arch is X86:
            jump = self.gates[GateKind.IMPORT] - (at + 11)
            code = (
                b"\x41\xbb"
                + index.to_bytes(4, "little")
                + b"\xe9"
                + (jump & 0xFFFF_FFFF).to_bytes(4, "little")
            )
        else:
            words = (0x5280_0010 | index << 5, self.cpu.exit_words()[GateKind.IMPORT], 0xD65F_03C0)
            code = b"".join(word.to_bytes(4, "little") for word in words)
        self._stubs = self.put(code, at) + 15 & ~15
        return at

    def trap(self) -> bytes:
        """A trap instruction (svc immediate 7)."""
        return b"\x0f\x05" if self.arch is X86 else (0xD400_0001 | 7 << 5).to_bytes(4, "little")

    def illegal(self) -> bytes:
        """An undefined instruction."""
        return b"\x0f\x0b" if self.arch is X86 else bytes(4)

    def program(self, steps: list[GateKind | str], index: int = 0) -> list[int]:
        """Lay steps out at CODE, an illegal instruction behind; returns their addresses and its."""
        at, where = CODE, []
        for step in steps:
            where.append(at)
            at = self.put(self.trap() if isinstance(step, str) else self.crossing(step, index, at), at)
        where.append(at)
        self.put(self.illegal(), at)
        return where

    def close(self) -> None:
        """Free engine and memory."""
        self.cpu.close()
        self.space.close()


def scripted(arch: Arch, steps: list[GateKind | str]) -> ScriptedCpu:
    """The same program for the test double."""
    kinds: dict[GateKind | str, Callable[[], Step]] = {
        GateKind.BOUND: lambda: Bound(0),
        GateKind.BOUND_CARRY: lambda: Bound(0, carry=True),
        GateKind.TABLE: lambda: Table(0, 0),
        GateKind.TABLE_CARRY: lambda: Table(0, 0, carry=True),
        GateKind.IMPORT: lambda: Import(0),
        "trap": lambda: Trap(CODE),
    }

    def guest(_regs: memoryview) -> Iterator[Step]:
        for step in steps:
            yield kinds[step]()
        yield Stop(Fault(FaultKind.ILLEGAL, CODE))

    return ScriptedCpu(arch, lambda _context: guest)
