"""The x86_64 half of the Unicorn backend: gates, traps, exceptions, flags.

Gates leave through `syscall`, not `out`: the engine's hook for it takes an address range, so every gate kind
has a C callback of its own that is told nothing and need not ask which gate it is; no guest register is
touched and the run can be stopped exactly behind it. A `syscall` elsewhere is
an untranslated trap; after it rcx is the next address and r11 0x246 (lost registers under every system's
gate, so computing the flags for r11 would buy nothing).

Guest code runs at CPL 3, which the engine allows once its cached mode word is told: hlt, cli, wrmsr,
mov cr and their like are then exact general-protection faults instead of running silently. `in` and `out`
are not checked by the engine; hooks turn them into faults too, with the registers of the instruction but
with whatever the rest of its block did to memory. cli and sti follow the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aot.manifest import GateKind
from aot.personality.abi.compile import KEEP_CARRY
from aot.personality.abi.errors import Errno
from runtime.cpu.api import NOWHERE, Doors, FaultKind, Handler, RegisterState
from runtime.cpu.routines import TRAP
from runtime.cpu.unicorn_doors import chosen
from runtime.cpu.unicorn_engine import (
    HOOK_INSN,
    HOOK_INTR,
    IN_HOOK,
    INS_IN,
    INS_OUT,
    INS_SYSCALL,
    INTR_HOOK,
    OUT_HOOK,
    SYSCALL_HOOK,
)
from runtime.cpu.unicorn_state import State

if TYPE_CHECKING:
    from runtime.cpu.unicorn_cpu import UnicornCpu

RAX, RCX, RSP, R11, RIP = 0, 1, 4, 11, 16  # indices of the register array
FLAGS_AFTER = 0x246
CC_SRC, CC_OP, HFLAGS = 19, 42, 44  # words and halves behind the array, verified in calibrate
CC_OP_EFLAGS = 1
CPL3 = 3
LAST = (1 << 64) - 1
GENERAL_PROTECTION = 13

_PLAIN = bytes.fromhex("0f05 ffe1")  # syscall; jmp rcx
# syscall; xchg rcx, r11; jrcxz ok; stc; jmp r11; ok: clc; jmp r11 - only CF changes
_CARRY = bytes.fromhex("0f05 4987cb e304 f9 41ffe3 f8 41ffe3")
_IMPORT = bytes.fromhex("0f05 c3")  # syscall; ret
_RETURN = bytes.fromhex("0f05 0f0b")  # syscall; ud2
_GATES = {
    GateKind.BOUND: _PLAIN,
    GateKind.BOUND_CARRY: _CARRY,
    GateKind.TABLE: _PLAIN,
    GateKind.TABLE_CARRY: _CARRY,
    GateKind.IMPORT: _IMPORT,
    GateKind.RETURN: _RETURN,
}
SLOT = 16  # bytes of a gate
_ENTRIES: dict[int | None, str] = {GateKind.BOUND: "bound", GateKind.TABLE: "table", TRAP: "trap"}

_VECTORS = {
    0: FaultKind.DIVIDE,
    1: FaultKind.BREAKPOINT,
    3: FaultKind.BREAKPOINT,
    6: FaultKind.ILLEGAL,
    8: FaultKind.PRIVILEGED,
    11: FaultKind.PRIVILEGED,
    13: FaultKind.PRIVILEGED,
    16: FaultKind.FPU,
    17: FaultKind.ALIGNMENT,
    19: FaultKind.FPU,
}


class X86:
    """Hooks and state of an x86_64 engine."""

    registers = (35, 38, 40, 37, 44, 36, 43, 39, 106, 107, 108, 109, 110, 111, 112, 113, 41)
    flags = 25
    bases = {"fs": 250, "gs": 251}  # noqa: RUF012 - constant
    simd = 122
    load_byte = bytes.fromhex("8a00")  # mov al, [rax]

    def __init__(self, cpu: UnicornCpu) -> None:
        self.cpu = cpu
        self.gates: int | None = None  # where the gate code is
        self._hooks: list[int] = []
        self._old_exception: int | None = None
        self._direct_carry = False
        self._unprivileged = False  # guest code runs at CPL 3
        self._doors = Doors()
        self._contexts: list[Callable[[Any], None]] = []

    # gates

    def gate_code(self) -> tuple[bytes, dict[int, int]]:
        """All gates, one every SLOT bytes."""
        code = b"".join(_GATES[kind].ljust(SLOT, b"\xcc") for kind in GateKind)
        return code, {int(kind): kind * SLOT for kind in GateKind}

    def exit_words(self) -> Mapping[int, int]:
        """Stubs leave through gates."""
        return {}

    def placed(self, areas: list[tuple[int, int]]) -> None:
        """Look which area begins with the gates, and hook them."""
        code, _ = self.gate_code()
        space = self.cpu.space
        self.gates = next(
            (lo for lo, hi in areas if hi - lo >= len(code) and space.peek(lo, len(code)) == code), None
        )
        self.install(self._doors)

    # hooks

    def install(self, doors: Doors) -> None:
        """Hook gates and everything else for these doors."""
        self._doors = doors
        engine = self.cpu.engine
        for handle in self._hooks:
            engine.unhook(handle)
        self._hooks = [engine.hook(HOOK_INTR, INTR_HOOK(self.cpu.guarded(self._interrupt)))]
        for number, prototype in ((INS_IN, IN_HOOK), (INS_OUT, OUT_HOOK)):
            callback = prototype(self.cpu.guarded(self._port))
            self._hooks.append(engine.hook(HOOK_INSN, callback, instruction=number))
        routines = self.cpu.routines
        ready = routines is not None and routines.use(doors.routines)
        outside = [(0, LAST)]
        if self.gates is not None:
            end = self.gates + SLOT * len(GateKind)
            outside = [(0, self.gates - 1), (end, LAST)]
            for kind, function in self._functions(doors).items():
                at = self.gates + kind * SLOT
                self._syscall(function, (at, at + SLOT - 1), kind if ready else None)
        trap = self._trap(doors)
        for span in outside:
            self._syscall(trap, span, TRAP if ready else None)

    def _syscall(self, function: Callable[[], None], within: tuple[int, int], kind: int | None) -> None:
        """Hook `syscall` in a range. With a kind, machine code looks first whether it has the answer."""
        callback: Any = SYSCALL_HOOK(self.cpu.guarded(function))
        user, routines = None, self.cpu.routines
        if kind in _ENTRIES and routines is not None:
            callback, user = routines.entry(_ENTRIES[kind], kind, callback), routines.address
        self._hooks.append(
            self.cpu.engine.hook(HOOK_INSN, callback, user=user, within=within, instruction=INS_SYSCALL)
        )

    def _functions(self, doors: Doors) -> dict[GateKind, Callable[[], None]]:
        """The callback of each gate. `cpu.context` is read anew: contexts change, hooks stay."""
        cpu, regs = self.cpu, self.cpu.live
        sites, imports, raised = doors.sites, doors.imports, self.cpu.raised

        def bound() -> None:
            try:
                sites[regs[R11]](cpu.context)
            except BaseException as error:  # noqa: BLE001 - kept and re-raised from resume
                raised(error, chosen(sites, regs[R11]))

        def bound_carry() -> None:
            try:
                regs[R11] = sites[regs[R11]](cpu.context)
            except BaseException as error:  # noqa: BLE001
                raised(error, chosen(sites, regs[R11]))

        def table(number: int, where: int) -> Handler:
            serve = doors.table
            assert serve is not None, "a table gate without a table"
            return lambda context: serve(context, number, where)

        def by_table() -> None:
            number, where = regs[RAX], regs[R11]
            try:
                doors.table(cpu.context, number, where)  # type: ignore[misc]
            except BaseException as error:  # noqa: BLE001
                raised(error, table(number, where))

        def by_table_carry() -> None:
            number, where = regs[RAX], regs[R11]
            try:
                carry = doors.table(cpu.context, number, where)  # type: ignore[misc]
                regs[R11] = cpu.engine.read(self.flags) & 1 if carry == KEEP_CARRY else carry
            except BaseException as error:  # noqa: BLE001
                raised(error, table(number, where))

        def imported() -> None:
            try:
                imports[regs[R11]](cpu.context)
            except BaseException as error:  # noqa: BLE001
                raised(error, chosen(imports, regs[R11]))

        def returned() -> None:
            try:
                doors.returned(cpu.context)  # type: ignore[misc]
            except BaseException as error:  # noqa: BLE001
                raised(error, doors.returned)  # type: ignore[arg-type]

        return {
            GateKind.BOUND: bound,
            GateKind.BOUND_CARRY: bound_carry,
            GateKind.TABLE: by_table,
            GateKind.TABLE_CARRY: by_table_carry,
            GateKind.IMPORT: imported,
            GateKind.RETURN: returned,
        }

    def _trap(self, doors: Doors) -> Callable[[], None]:
        cpu, regs, find = self.cpu, self.cpu.live, doors.in_place.get

        def trap() -> None:
            pc: int = regs[RIP]
            regs[RCX], regs[R11] = pc + 2, FLAGS_AFTER
            serve = doors.trap
            if serve is None:
                cpu.faulted(FaultKind.ILLEGAL, pc)
                return
            number, bound = find(pc, NOWHERE)
            here = number == regs[RAX]
            try:
                carry = bound(cpu.context) if here else serve(cpu.context, pc, 0)
                if doors.trap_carry:
                    self._set_carry(carry)
            except BaseException as error:  # noqa: BLE001
                cpu.raised(error, bound if here else lambda context: serve(context, pc, 0))

        return trap

    def _port(self, *_arguments: int) -> int:
        """`in` or `out`: privileged."""
        self.cpu.faulted(FaultKind.PRIVILEGED, self.cpu.live[RIP], GENERAL_PROTECTION, late=True)
        return 0

    def _interrupt(self, _uc: int, vector: int) -> None:
        cpu = self.cpu
        pc: int = cpu.live[RIP]
        doors = self._doors
        serve = doors.trap
        if vector in doors.interrupts and serve is not None:
            try:
                carry = serve(cpu.context, pc - 2, vector)
                if doors.trap_carry:
                    self._set_carry(carry)
            except BaseException as error:  # noqa: BLE001
                cpu.raised(error, lambda context: serve(context, pc - 2, vector))
            return
        kind = _VECTORS.get(vector, FaultKind.SOFTWARE)
        cpu.faulted(kind, pc, vector)

    # flags and what a fault leaves

    def _set_carry(self, carry: int) -> None:
        """CF alone. The engine keeps flags lazily; once they are plain the word itself is written."""
        state, engine = self.cpu.state, self.cpu.engine
        if carry == KEEP_CARRY:
            return
        if state is not None and self._direct_carry and state.halves[CC_OP] == CC_OP_EFLAGS:
            word = state.words[CC_SRC]
            if word & 1 != carry:
                state.words[CC_SRC] = word ^ 1
        else:
            engine.write(self.flags, engine.read(self.flags) & ~1 | carry)

    def after_fault(self) -> None:
        """The engine never learns that an exception was served, and would make the next a double fault."""
        if self.cpu.state is not None and self._old_exception is not None:
            self.cpu.state.halves[self._old_exception] = 0xFFFF_FFFF

    def forget(self, address: int, size: int) -> None:
        """Nothing here depends on the bytes of guest code."""

    def loaded(self, context: RegisterState) -> None:
        """Nothing beyond the engine's state."""

    def unloading(self) -> None:
        """Nothing beyond the engine's state."""

    def complete(self, context: RegisterState, carry: int) -> None:
        """Finish a crossing whose handler left: the run stands right behind the gate's `syscall`."""
        cpu, regs = self.cpu, context.regs
        offset = regs[RIP] - 2 - self.gates if self.gates is not None else -1
        kind = GateKind(offset // SLOT) if 0 <= offset < SLOT * len(GateKind) else None
        sets_carry = kind in (GateKind.BOUND_CARRY, GateKind.TABLE_CARRY)
        if kind is GateKind.IMPORT:
            sp = regs[RSP]
            try:
                regs[RIP], regs[RSP] = cpu.space.load_u64(sp), sp + 8 & LAST
            except Errno:
                return  # the gate's own `ret` is next, and faults as it should
        elif kind is not None:
            regs[RIP] = regs[RCX]
        elif self._doors.trap_carry:
            sets_carry = True
        if sets_carry and carry != KEEP_CARRY:
            cpu.load(context)
            flags = cpu.engine.read(self.flags)  # outside a run the lazy flags have been folded into rflags
            cpu.engine.write(self.flags, flags & ~1 | carry)

    def crossed(self, context: RegisterState, *, handling: bool) -> tuple[int | None, int]:
        """See api.Cpu. While a trap is handled the engine still stands at it."""
        at: int = context.regs[RIP] - (0 if handling else 2)
        inside = self.gates is not None and 0 <= at - self.gates < SLOT * len(GateKind)
        if not inside:
            return None, at
        assert self.gates is not None
        imported = (at - self.gates) // SLOT in (GateKind.IMPORT, GateKind.RETURN)
        return None if imported else int(context.regs[R11]), at

    # calibration

    def facts(self) -> tuple[int | None, bool, bool]:
        """What calibration found, for another engine of the same library."""
        return self._old_exception, self._direct_carry, self._unprivileged

    def as_known(self, state: State, facts: tuple[int | None, bool, bool]) -> None:
        """Calibrated as an engine with these facts."""
        self._old_exception, self._direct_carry, self._unprivileged = facts
        self.cpu.engine.write(self.flags, 2)
        if self._unprivileged:
            state.halves[HFLAGS] |= CPL3

    def calibrate(self, state: State) -> None:
        """Verify the words behind the array, find the exception in flight, enter CPL 3."""
        engine, space = self.cpu.engine, self.cpu
        engine.write(self.flags, 0x8D7)
        self._direct_carry = state.words[CC_SRC] == 0x8D5 and state.halves[CC_OP] == CC_OP_EFLAGS
        engine.write(self.flags, 2)
        vectors: list[int] = []

        def note(_uc: int, vector: int) -> None:
            vectors.append(vector)
            engine.stop()

        hook = engine.hook(HOOK_INTR, INTR_HOOK(note))
        start = engine.starter()

        def nothing() -> None:
            return

        def divide(at: int) -> None:
            found = state.changed(nothing, lambda: start(at, 0), 0xFFFF_FFFF, 0)
            mode = state.halves[HFLAGS]
            state.halves[HFLAGS] = mode | CPL3
            # a general protection behind a divide error that is still in flight counts as a double fault
            found &= state.changed(nothing, lambda: start(at + 8, 0), 0, 8)
            if len(found) == 1:
                (self._old_exception,) = found
                self.after_fault()
                vectors.clear()
                start(at + 8, 0)
                self.after_fault()
            if vectors != [GENERAL_PROTECTION] or state.regs[RIP] != at + 8:
                # stay at CPL 0: privileged instructions run silently, as this engine does by itself
                state.halves[HFLAGS] = mode
            else:
                self._unprivileged = True

        space.scratch(bytes.fromhex("31c9 f7f1 0f0b 9090 f4 0f0b"), divide)
        engine.unhook(hook)
        for index in range(len(state.regs)):
            state.regs[index] = 0
        engine.write(self.flags, 2)
