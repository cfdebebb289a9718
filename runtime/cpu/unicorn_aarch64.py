"""The aarch64 half of the Unicorn backend: exit words, traps, exceptions, flags.

Exit word of kind k is `svc #(0x4840 + k)`. One interrupt hook serves everything; it looks the address up in
what it learnt at the first crossing there (the word at an address does not change without a CODE event),
so guest memory is read once per exit, not once per call. A bound stub holds its site index in w8, or in w16
where that is the system's number register: the instruction before the exit tells.

Guest code runs at EL1, as the engine starts it: EL0 would refuse the counter, `dc zva` and cache maintenance
that systems allow their programs. So instructions that only a kernel may execute run silently; system
registers that do not exist are faults.
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
from runtime.cpu.unicorn_engine import HOOK_INTR, INTR_HOOK
from runtime.cpu.unicorn_state import State

if TYPE_CHECKING:
    from runtime.cpu.unicorn_cpu import UnicornCpu

PC = 32
EXIT = 0x4840  # svc immediate of GateKind 0
_EXIT_WORDS = {int(kind): 0xD400_0001 | (EXIT + kind) << 5 for kind in GateKind}
CARRY = 1 << 29  # of nzcv
SVC, SMC = 2, 13
_CAUSES = {1: FaultKind.ILLEGAL, 4: FaultKind.ALIGNMENT, 7: FaultKind.BREAKPOINT, SMC: FaultKind.ILLEGAL}


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
        self._fast: dict[int, Callable[[Any], object]] = {}  # pc behind a svc -> what to call
        self._exits: dict[int, tuple[int | None, int]] = {}  # -> (kind, register) or (None, immediate)
        self._first, self._last = 1 << 64, 0  # addresses the two speak of
        self._carry: int | None = None  # half word that is the C flag
        self._monitor: int | None = None  # word that is the address of the exclusive monitor

    def gate_code(self) -> tuple[bytes, dict[int, int]]:
        """Exits are in the stubs."""
        return b"", {}

    def exit_words(self) -> Mapping[int, int]:
        """`svc #(EXIT + kind)`."""
        return _EXIT_WORDS

    def placed(self, areas: list[tuple[int, int]]) -> None:
        """What was learnt may be elsewhere now."""
        self.forget()

    def forget(self, address: int = 0, size: int = 1 << 64) -> None:
        """Guest code may have changed there: learn the exits again."""
        if address <= self._last and self._first <= address + size:
            self._fast.clear()
            self._exits.clear()
            if self.cpu.routines is not None:
                self.cpu.routines.forget()
            self._first, self._last = 1 << 64, 0

    def install(self, doors: Doors) -> None:
        """Hook interrupts for these doors."""
        self._doors = doors
        self.forget()
        cpu, regs, engine = self.cpu, self.cpu.live, self.cpu.engine
        known, raised, other = self._fast.get, self._raised, self._other

        def interrupt(_uc: int, number: int) -> None:
            pc = regs[PC]
            if number == SVC:
                cross = known(pc)
                if cross is not None:
                    try:
                        cross(cpu.context)
                    except BaseException as error:  # noqa: BLE001 - kept and re-raised from resume
                        raised(error, pc)
                    return
            other(number, pc)

        if self._hook is not None:
            engine.unhook(self._hook)
        callback: Any = INTR_HOOK(cpu.guarded(interrupt))
        routines, user = cpu.routines, None
        if routines is not None and routines.use(doors.routines):
            callback, user = routines.entry("interrupt", None, callback), routines.address
        self._hook = engine.hook(HOOK_INTR, callback, user=user)

    def _learn(self, pc: int) -> tuple[int | None, int]:
        """(kind, register of the index) of the exit before `pc`, or (None, immediate) of a trap."""
        space = self.cpu.space
        try:
            word = int.from_bytes(space.fetched.peek(pc - 4, 4), "little")
        except Errno:  # unmapped by another context while this one waited
            return None, 0
        try:
            before = int.from_bytes(space.fetched.peek(pc - 8, 4), "little")
        except Errno:  # a trap at the very start of a mapping
            before = 0
        immediate = word >> 5 & 0xFFFF
        kind = immediate - EXIT
        if 0 <= kind < len(GateKind):
            found: tuple[int | None, int] = (kind, 16 if kind == GateKind.IMPORT or before & 31 == 16 else 8)
        else:
            found = (None, immediate)
        self._exits[pc] = found
        self._show(pc, *found)
        self._fast[pc] = self._crossing(pc, *found)
        self._first, self._last = min(self._first, pc - 4), max(self._last, pc)
        return found

    def _show(self, pc: int, kind: int | None, register: int) -> None:
        """Let machine code know this exit, when it may answer there."""
        routines = self.cpu.routines
        if routines is None or self._doors.skip or kind not in (None, GateKind.BOUND, GateKind.TABLE):
            return
        routines.learn(pc, TRAP if kind is None else kind, register if kind is not None else 0)

    def _crossing(self, pc: int, kind: int | None, detail: int) -> Callable[[Any], object]:
        """What the hook calls for the exit or trap before `pc`; everything it needs is bound here."""
        doors, regs, set_carry, site = self._doors, self.cpu.live, self._set_carry, pc - 4
        sites, imports = doors.sites, doors.imports

        def bound(context: Any) -> object:
            return sites[regs[detail]](context)

        def bound_carry(context: Any) -> object:
            regs[detail] = sites[regs[detail]](context)
            return None

        def table(context: Any) -> object:
            return doors.table(context, regs[8], site)  # type: ignore[misc]

        def table_carry(context: Any) -> object:
            return set_carry(doors.table(context, regs[8], site))  # type: ignore[misc]

        def imported(context: Any) -> object:
            return imports[regs[detail]](context)

        def returned(context: Any) -> object:
            return doors.returned(context)  # type: ignore[misc]

        if kind is None:
            return self._skipping(pc, self._trapping(site, detail))
        if kind in (GateKind.TABLE, GateKind.TABLE_CARRY):  # stands where the trap stood
            if site in doors.placed:
                return self._skipping(
                    pc, self._placed(doors.placed[site], carry=kind == GateKind.TABLE_CARRY)
                )
            return self._skipping(pc, table if kind == GateKind.TABLE else table_carry)
        return (bound, bound_carry, table, table_carry, imported, returned)[kind]

    def _placed(self, index: int, *, carry: bool) -> Callable[[Any], object]:
        """The crossing of an exit in place whose site is bound."""
        sites, set_carry = self._doors.sites, self._set_carry

        def placed(context: Any) -> object:
            return sites[index](context)

        def placed_carry(context: Any) -> object:
            return set_carry(sites[index](context))

        return placed_carry if carry else placed

    def _skipping(self, pc: int, cross: Callable[[Any], object]) -> Callable[[Any], object]:
        """`cross`, resuming behind the instructions that the guest's kernel steps over."""
        regs, resume = self.cpu.live, pc + self._doors.skip
        if resume == pc:
            return cross

        def skipping(context: Any) -> object:
            regs[PC] = resume
            return cross(context)

        return skipping

    def _trapping(self, site: int, immediate: int) -> Callable[[Any], object]:
        """The crossing of a trap nobody translated."""
        cpu, doors, set_carry = self.cpu, self._doors, self._set_carry
        find, regs, at = doors.in_place.get, cpu.live, doors.number

        def trap(context: Any) -> None:
            serve = doors.trap
            if serve is None:
                cpu.faulted(FaultKind.ILLEGAL, site)
                return
            number, bound = find(site, NOWHERE)
            here = at is not None and number == regs[at]
            carry = bound(context) if here else serve(context, site, immediate)
            if doors.trap_carry:
                set_carry(carry)

        return trap

    def _raised(self, error: BaseException, pc: int) -> None:
        """The crossing before `pc` raised: say what makes it again."""
        doors, site, value = self._doors, pc - 4, self.cpu.live[8]
        kind, detail = self._exits.get(pc) or self._learn(pc)  # the handler may have changed code
        again: Handler
        if kind in (GateKind.TABLE, GateKind.TABLE_CARRY) and site in doors.placed:
            again = doors.sites[doors.placed[site]]
        elif kind in (GateKind.TABLE, GateKind.TABLE_CARRY):
            table = doors.table

            def again(context: Any) -> int:
                return table(context, value, site)  # type: ignore[misc]
        elif kind is None:
            trap, (number, bound) = doors.trap, doors.in_place.get(site, NOWHERE)
            here = doors.number is not None and number == self.cpu.live[doors.number]

            def again(context: Any) -> int:
                return bound(context) if here else trap(context, site, detail)  # type: ignore[misc]
        elif kind == GateKind.RETURN:
            assert doors.returned is not None, "a return gate without a door"
            again = doors.returned
        else:
            handlers = doors.imports if kind == GateKind.IMPORT else doors.sites
            again = chosen(handlers, self.cpu.live[detail])
        self.cpu.raised(error, again)

    def _other(self, number: int, pc: int) -> None:
        """An exit or trap met for the first time, or an exception."""
        cpu = self.cpu
        if number == SVC:
            self._learn(pc)
            try:
                self._fast[pc](cpu.context)
            except BaseException as error:  # noqa: BLE001 - kept and re-raised from resume
                self._raised(error, pc)
            return
        if number == SMC:
            pc = cpu.live[PC] = pc - 4
        cpu.faulted(_CAUSES.get(number, FaultKind.SOFTWARE), pc, number)

    def _set_carry(self, carry: int) -> None:
        if carry == KEEP_CARRY:
            return
        if self.cpu.state is not None and self._carry is not None:
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
        if self.cpu.state is not None and self._monitor is not None:
            self.cpu.state.words[self._monitor] = (1 << 64) - 1

    def complete(self, context: RegisterState, carry: int) -> None:
        """Finish a crossing whose handler left: the run stands right behind the `svc`."""
        regs = context.regs
        pc = regs[PC]
        kind, detail = self._exits.get(pc) or self._learn(pc)
        if kind == GateKind.BOUND_CARRY:
            regs[detail] = carry
        elif kind == GateKind.TABLE_CARRY or (kind is None and self._doors.trap_carry):
            self.cpu.load(context)
            self._set_carry(carry)
        if kind == GateKind.IMPORT:
            regs[PC] = regs[30]
        elif kind is not None:  # number register and C are put back by the stub's own last instructions
            self.cpu.step_out(context)

    def crossed(self, context: RegisterState, *, handling: bool) -> tuple[int | None, int]:
        """See api.Cpu. An exit is behind its instruction as soon as it is handled."""
        return None, int(context.regs[PC]) - 4

    # calibration

    def facts(self) -> tuple[int | None, int | None]:
        """What calibration found, for another engine of the same library."""
        return self._carry, self._monitor

    def as_known(self, state: State, facts: tuple[int | None, int | None]) -> None:
        """Calibrated as an engine with these facts."""
        self._carry, self._monitor = facts
        self.cpu.engine.write(self.flags, 0)

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

        def over(_uc: int, _number: int) -> None:
            engine.stop()

        def exclusive(at: int) -> None:  # ldxr w0, [x1]; svc 0
            candidates: set[int] | None = None
            for address in (at + 0x800, at + 0xC00):
                state.regs[1] = address
                start(at, 0)
                hits = {i for i, word in enumerate(state.words) if word == address and i > PC}
                candidates = hits if candidates is None else candidates & hits
            if candidates is not None and len(candidates) == 1:
                (self._monitor,) = candidates

        hook = engine.hook(HOOK_INTR, INTR_HOOK(over))
        self.cpu.scratch(bytes.fromhex("207c5f88 010000d4"), exclusive)
        engine.unhook(hook)
        for index in range(len(state.regs)):
            state.regs[index] = 0
