"""The aarch64 half of the Unicorn backend: exit words, traps, exceptions, flags.

Exit word of kind k is `svc #(0x4840 + k)`. One interrupt hook serves everything; it looks the address up in
what it learnt at the first crossing there (the word at an address does not change without a CODE event),
so guest memory is read once per exit, not once per call. A bound stub holds its site index in w8, or in w16
where that is the system's number register: the instruction before the exit tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.manifest import GateKind
from aot.personality.abi.errors import Errno
from runtime.cpu.api import Doors, FaultKind, Handler, RegisterState
from runtime.cpu.unicorn_doors import chosen, invented
from runtime.cpu.unicorn_engine import HOOK_INTR, INTR_HOOK
from runtime.cpu.unicorn_state import State

if TYPE_CHECKING:
    from runtime.cpu.unicorn_cpu import UnicornCpu

PC = 32
EXIT = 0x4840  # svc immediate of GateKind 0
CARRY = 1 << 29  # of nzcv
CLREX = bytes.fromhex("5f3303d5")
SVC, SMC = 2, 13
_CAUSES = {1: FaultKind.ILLEGAL, 4: FaultKind.ALIGNMENT, 7: FaultKind.BREAKPOINT, SMC: FaultKind.ILLEGAL}
_BOUND, _BOUND_CARRY = int(GateKind.BOUND), int(GateKind.BOUND_CARRY)


class Aarch64:
    """Hooks and state of an aarch64 engine."""

    registers = (*range(199, 228), 1, 2, 4, 260)
    flags = 3
    bases = {"tpidr_el0": 262, "tpidrro_el0": 263}  # noqa: RUF012 - constant
    simd = 104
    load_byte = bytes.fromhex("00004039")  # ldrb w0, [x0]

    def __init__(self, cpu: UnicornCpu) -> None:
        self.cpu = cpu
        self._hook: int | None = None
        self._doors = Doors()
        self._bound: dict[int, int] = {}  # pc behind a BOUND exit -> register of the site index
        self._exits: dict[
            int, tuple[int | None, int]
        ] = {}  # pc behind a svc -> (kind or None, immediate or register)
        self._carry: int | None = None  # half word that is the C flag
        self._monitor: int | None = None  # word that is the address of the exclusive monitor

    def gate_code(self) -> tuple[bytes, dict[int, int]]:
        """Exits are in the stubs."""
        return b"", {}

    def exit_word(self, kind: int) -> int:
        """`svc #(EXIT + kind)`."""
        return 0xD400_0001 | (EXIT + kind) << 5

    def placed(self, areas: list[tuple[int, int]]) -> None:
        """What was learnt may be elsewhere now."""
        self.forget()

    def forget(self) -> None:
        """Guest code may have changed: learn the exits again."""
        self._bound.clear()
        self._exits.clear()

    def install(self, doors: Doors) -> None:
        """Hook interrupts for these doors."""
        self._doors = doors
        cpu, regs, engine = self.cpu, self.cpu.live, self.cpu.engine
        sites, bound, other = doors.sites, self._bound, self._other

        def interrupt(_uc: int, number: int) -> None:
            pc = regs[PC]
            register = bound.get(pc) if number == SVC else None
            if register is None:
                other(number, pc)
                return
            try:
                sites[regs[register]](cpu.context)
            except BaseException as error:  # noqa: BLE001 - kept and re-raised from resume
                cpu.raised(error, chosen(sites, regs[register]))

        if self._hook is not None:
            engine.unhook(self._hook)
        self._hook = engine.hook(HOOK_INTR, INTR_HOOK(interrupt))

    def _learn(self, pc: int) -> tuple[int | None, int]:
        """(kind, register of the index) of the exit before `pc`, or (None, immediate) of a trap."""
        space = self.cpu.space
        try:
            word = int.from_bytes(space.peek(pc - 4, 4), "little")
            before = int.from_bytes(space.peek(pc - 8, 4), "little")
        except Errno:  # a trap at the very start of a mapping
            before = 0
        immediate = word >> 5 & 0xFFFF
        kind = immediate - EXIT
        if not 0 <= kind < len(GateKind):
            found: tuple[int | None, int] = (None, immediate)
        else:
            register = 16 if kind == GateKind.IMPORT or before & 31 == 16 else 8
            found = (kind, register)
            if kind == _BOUND:
                self._bound[pc] = register
        self._exits[pc] = found
        return found

    def _other(self, number: int, pc: int) -> None:
        """Everything but a bound exit that is known already."""
        cpu, regs, doors = self.cpu, self.cpu.live, self._doors
        if number != SVC:
            if number == SMC:
                pc = regs[PC] = pc - 4
            cpu.faulted(_CAUSES.get(number, FaultKind.SOFTWARE), pc, number)
            return
        kind, detail = self._exits.get(pc) or self._learn(pc)
        if kind is None:
            self._trap(pc, detail)
            return
        again: Handler
        if kind in (_BOUND, _BOUND_CARRY, GateKind.IMPORT):
            handlers = doors.imports if kind == GateKind.IMPORT else doors.sites
            again = chosen(handlers, regs[detail])
        elif kind == GateKind.RETURN:
            assert doors.returned is not None, "a return gate without a door"
            again = doors.returned
        else:
            serve, site = doors.table, pc - 4
            assert serve is not None, "a table exit without a table"
            value = regs[8]

            def again(context: object) -> int:
                return serve(context, value, site)

        if again is invented:
            cpu.faulted(FaultKind.ILLEGAL, pc)
            return
        try:
            carry = again(cpu.context)
        except BaseException as error:  # noqa: BLE001 - kept and re-raised from resume
            cpu.raised(error, again)
            return
        if kind == _BOUND_CARRY:
            regs[detail] = carry
        elif kind == GateKind.TABLE_CARRY:
            self._set_carry(carry)

    def _trap(self, pc: int, immediate: int) -> None:
        """A trap nobody translated. `pc` is behind it."""
        cpu, serve = self.cpu, self._doors.trap
        if serve is None:
            cpu.faulted(FaultKind.ILLEGAL, pc - 4)
            return
        try:
            carry = serve(cpu.context, pc - 4, immediate)
            if self._doors.trap_carry:
                self._set_carry(carry)
        except BaseException as error:  # noqa: BLE001 - kept and re-raised from resume
            cpu.raised(error, lambda context: serve(context, pc - 4, immediate))

    def _set_carry(self, carry: int) -> None:
        if self._carry is not None:
            self.cpu.state.halves[self._carry] = carry
            return
        engine = self.cpu.engine
        engine.write(self.flags, engine.read(self.flags) & ~CARRY | (CARRY if carry else 0))

    def after_fault(self) -> None:
        """The engine keeps nothing of a served exception."""

    def loaded(self, context: RegisterState) -> None:
        """Nothing beyond the engine's state."""

    def unloading(self) -> None:
        """Clear the exclusive monitor: a store-exclusive must not succeed across a switch."""
        if self._monitor is not None:
            self.cpu.state.words[self._monitor] = (1 << 64) - 1

    def complete(self, context: RegisterState, carry: int) -> None:
        """Finish a crossing whose handler left: the run stands right behind the `svc`."""
        regs = context.regs
        pc = regs[PC]
        kind, detail = self._exits.get(pc) or self._learn(pc)
        if kind == _BOUND_CARRY:
            regs[detail] = carry
        elif kind == GateKind.TABLE_CARRY or (kind is None and self._doors.trap_carry):
            self.cpu.load(context)
            self._set_carry(carry)
        if kind == GateKind.IMPORT:
            regs[PC] = regs[30]
        elif kind is not None:  # number register and C are put back by the stub's own last instructions
            self.cpu.step_out(context)

    # calibration

    def calibrate(self, state: State) -> None:
        """Find the C flag and the exclusive monitor."""
        engine = self.cpu.engine
        found = state.changed(
            lambda: engine.write(self.flags, 0), lambda: engine.write(self.flags, CARRY), 0, 1
        )
        if len(found) == 1:
            (self._carry,) = found
        engine.write(self.flags, 0)
        start = engine.starter()

        def exclusive(at: int) -> None:  # ldxr w0, [x1]; the run ends after two instructions
            candidates: set[int] | None = None
            for address in (at + 0x800, at + 0xC00):
                state.regs[1] = address
                start(at, 2)
                hits = {i for i, word in enumerate(state.words) if word == address and i > PC}
                candidates = hits if candidates is None else candidates & hits
            if candidates is not None and len(candidates) == 1:
                (self._monitor,) = candidates

        self.cpu.scratch(bytes.fromhex("207c5f88 1f2003d5 1f2003d5"), exclusive)
        for index in range(len(state.regs)):
            state.regs[index] = 0
