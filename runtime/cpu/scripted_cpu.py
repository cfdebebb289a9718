"""A test double of the CPU door: the guest is a Python generator that yields the crossings it makes.

    def guest(regs):
        regs[7] = 1
        yield Bound(0)          # runs doors.sites[0](context)
        assert regs[0] == 5
        yield Stop(Fault(FaultKind.ILLEGAL, 0x1000))

`ScriptedCpu.program` maps a context to its generator. Handlers, Leave, complete, again, kick and faults
behave as on a real backend; there is no machine code; flags, bases and vector registers are plain numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aot.image.model import Arch
from aot.manifest import GateKind
from aot.personality.abi.compile import KEEP_CARRY
from aot.personality.abi.leave import Leave
from aot.record import dataclass, field, replace
from runtime.cpu.api import REGS, Doors, Exit, Fault, Handler, Kick, Left, RangeEvent, RegisterState


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound site is called."""

    site: int
    carry: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table-bound site is called."""

    number: int
    where: int
    carry: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """An imported function is called."""

    index: int


@dataclass(frozen=True, slots=True)
class Trap:
    """A trap nobody translated."""

    pc: int
    immediate: int = 0


@dataclass(frozen=True, slots=True)
class Return:
    """A guest function called by the kernel comes back."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The guest faults."""

    fault: Fault


Step = Bound | Table | Import | Trap | Return | Stop
Program = Callable[[memoryview], Iterator[Step]]
CARRY = {Arch.X86_64: 1, Arch.AARCH64: 1 << 29}


@dataclass(slots=True)
class _State:
    """What a real backend keeps in `fpu`."""

    flags: int = 0
    bases: dict[str, int] = field(default_factory=dict)
    simd: dict[int, int] = field(default_factory=dict)
    steps: Iterator[Step] | None = None


class ScriptedCpu:
    """Implements api.Cpu without a CPU."""

    def __init__(self, arch: Arch, program: Callable[[Any], Program]) -> None:
        self.arch, self.program = arch, program
        self.doors = Doors()
        self.events: list[RangeEvent] = []
        self.areas: list[tuple[int, int]] = []
        self._kicked = threading.Event()

    def gate_code(self) -> tuple[bytes, dict[int, int]]:
        """No machine code."""
        return b"", {}

    def exit_words(self) -> Mapping[int, int]:
        """Never executed."""
        return {int(kind): int(kind) for kind in GateKind}

    def set_areas(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Noted only."""
        self.areas = list(ranges)

    def add_area(self, start: int, end: int) -> None:
        """Noted only."""
        self.areas.append((start, end))

    def drop_area(self, start: int, end: int) -> None:
        """Noted only."""
        self.areas.remove((start, end))

    def new_regs(self) -> memoryview:
        """See api.Cpu."""
        return memoryview(bytearray(8 * len(REGS[self.arch]))).cast("Q")

    def _state(self, context: RegisterState) -> _State:
        if context.fpu is None:
            context.fpu = _State()
        state: _State = context.fpu
        return state

    def resume(self, context: RegisterState) -> Exit:
        """See api.Cpu."""
        state = self._state(context)
        if state.steps is None:
            state.steps = self.program(context)(context.regs)
        while not self._kicked.is_set():
            step = next(state.steps)
            if isinstance(step, Stop):
                return step.fault
            handler, carries = self._handler(step)
            try:
                carry = handler(context)
            except Leave as cause:
                return Left(cause, handler)
            if carries:
                self._set_carry(state, carry)
        self._kicked.clear()
        return Kick()

    def _handler(self, step: Step) -> tuple[Handler, bool]:
        doors = self.doors
        match step:
            case Bound(site, carry):
                return doors.sites[site], carry
            case Table(number, where, carry):
                table = doors.table
                assert table is not None
                return lambda context: table(context, number, where), carry
            case Import(index):
                return doors.imports[index], False
            case Trap(pc, immediate):
                trap = doors.trap
                assert trap is not None
                return lambda context: trap(context, pc, immediate), doors.trap_carry
            case _:
                assert doors.returned is not None
                return doors.returned, False

    def _set_carry(self, state: _State, carry: int) -> None:
        if carry == KEEP_CARRY:
            return
        bit = CARRY[self.arch]
        state.flags = state.flags & ~bit | (bit if carry else 0)

    def kick(self) -> None:
        """See api.Cpu."""
        self._kicked.set()

    def complete(self, context: RegisterState, carry: int) -> None:
        """Sets the carry flag whatever the door was: a script knows what it looks at."""
        self._set_carry(self._state(context), carry)

    def duplicate(self, context: RegisterState, child: RegisterState) -> None:
        """See api.Cpu."""
        child.regs[:] = context.regs
        child.fpu = replace(self._state(context))

    def restart(self, context: RegisterState, pc: int) -> None:
        """See api.Cpu."""
        context.regs[-1] = pc

    def get_flags(self, context: RegisterState) -> int:
        """See api.Cpu."""
        return self._state(context).flags

    def set_flags(self, context: RegisterState, value: int) -> None:
        """See api.Cpu."""
        self._state(context).flags = value

    def get_base(self, context: RegisterState, which: str) -> int:
        """See api.Cpu."""
        return self._state(context).bases.get(which, 0)

    def set_base(self, context: RegisterState, which: str, value: int) -> None:
        """See api.Cpu."""
        self._state(context).bases[which] = value

    def get_simd(self, context: RegisterState, index: int) -> int:
        """See api.Cpu."""
        return self._state(context).simd.get(index, 0)

    def set_simd(self, context: RegisterState, index: int, value: int) -> None:
        """See api.Cpu."""
        self._state(context).simd[index] = value

    def changed(self, event: RangeEvent) -> None:
        """Noted only."""
        self.events.append(event)

    def close(self) -> None:
        """Nothing to free."""
