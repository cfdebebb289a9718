"""The Unicorn backend: one engine running the contexts of one address space, one at a time.

While a context is loaded its `regs` are the engine's own register array, so a crossing costs a callback and
nothing else. A context stays loaded until another one runs: going back into the same one is free. Hooks are
raw C callbacks; whatever a handler raises is kept and comes out of `resume`, because a callback cannot raise
through the engine. What differs by architecture is in unicorn_x86_64.py and unicorn_aarch64.py.

TLB misses go to the native walker first (walker.py); what it declines reaches `_miss`, the page-fault
handler. A kick sets a flag that machine code in front of every block outside stubs and gates looks at
(poll.py), so it is exact, never lost, and never shows a PC that is not the guest's.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aot.image.model import Arch
from aot.personality.abi.leave import Leave
from runtime.cpu.api import (
    REGS,
    Doors,
    EventKind,
    Exit,
    Fault,
    FaultKind,
    Handler,
    Kick,
    Left,
    RangeEvent,
    RegisterState,
)
from runtime.cpu.poll import StopPoll
from runtime.cpu.routines import Routines
from runtime.cpu.unicorn_aarch64 import Aarch64
from runtime.cpu.unicorn_doors import invented
from runtime.cpu.unicorn_engine import (
    BLOCK_HOOK,
    ERR_EXCEPTION,
    FILL_HOOK,
    HOOK_BLOCK,
    HOOK_TLB_FILL,
    Engine,
)
from runtime.cpu.unicorn_interpose import only_between_blocks
from runtime.cpu.unicorn_rest import Rest
from runtime.cpu.unicorn_sse import quicker_sse
from runtime.cpu.unicorn_state import RegisterCopy, State, engine_word, find, find_fault_word
from runtime.cpu.unicorn_x86_64 import X86
from runtime.cpu.walker import Walker

if TYPE_CHECKING:
    from runtime.kernel.memory import AddressSpace

_ENTRY = struct.Struct("<Qi")  # uc_tlb_entry
CODE_PAGES = 16  # larger code changes drop everything translated
FETCH, EXECUTE_ONLY = 2, 4  # a kind of access; the engine's rights of such a page
SPURIOUS = 16  # runs that may end for no reason we know
ACCESS = (FaultKind.READ, FaultKind.WRITE, FaultKind.FETCH)

# x87 control word and mxcsr as every x86-64 system starts a program; the engine's own are zero
FPU_START = {Arch.X86_64: ((246, 0x37F, 2), (249, 0x1F80, 4)), Arch.AARCH64: ()}

# what calibration found of an engine: facts of the half, index of the word of a fault's address
_KNOWN: dict[Arch, tuple[Any, int | None]] = {}


class UnicornCpu(Rest):
    """Implements api.Cpu."""

    def __init__(self, arch: Arch, space: AddressSpace) -> None:
        self.arch, self.space = arch, space
        self.engine = Engine(arch)
        only_between_blocks(self.engine.lib._handle, arch)
        if arch is Arch.X86_64:
            quicker_sse(self.engine.lib._handle)
        self.half: X86 | Aarch64 = X86(self) if arch is Arch.X86_64 else Aarch64(self)
        self.areas: list[tuple[int, int]] = []
        self.context: Any = None  # the loaded one
        self.error: BaseException | None = None
        self.left: Left | None = None
        self.fault: Fault | None = None
        self._before: bytes | None = None
        self._doors = Doors()
        self._missed = (0, 0, 0)
        self.engine.map_physical(space.arena.size, space.arena.base)
        self._install_poll()
        self._install_fill()
        self._start = self.engine.starter()
        self.state: State | None = find(self.engine, self.half.registers)
        self.routines: Routines | None = None
        self._fault_word: memoryview | None = None
        if self.state is None:
            self.copied = RegisterCopy(self.engine, self.half.registers)
            self.live = self.copied.regs
            self._start = self.copied.around(self._start)
        else:
            self._adopt(self.state)
        for register, value, size in FPU_START[arch]:
            self.engine.write(register, value, size)
        self._pristine = self.engine.save()
        self.half.install(self._doors)
        space.listeners.append(self.changed)

    def _adopt(self, state: State) -> None:
        """Work on the engine's own registers; what else is hidden in it was found in an earlier engine, or is now."""
        space, self.live = self.space, state.regs
        self.routines = Routines(
            self.arch, state.address, space.arena.base, space.readable.address, space.writable.address
        )
        known = _KNOWN.get(self.arch)
        if known is None:
            self.half.calibrate(state)
            _KNOWN[self.arch] = known = self.half.facts(), find_fault_word(self)
        else:
            self.half.as_known(state, known[0])
        self._fault_word = engine_word(self.engine, known[1]) if known[1] is not None else None

    # doors

    @property
    def doors(self) -> Doors:
        """Where crossings go. Assigning it binds the hooks anew."""
        return self._doors

    @doors.setter
    def doors(self, doors: Doors) -> None:
        self._doors = doors
        self.half.install(doors)
        if self.context is not None:
            self._tell(self.context)

    def _tell(self, context: RegisterState) -> None:
        """Let the routines know whose calls they answer."""
        if self.routines is not None and self._doors.facts is not None:
            self.routines.runs(*self._doors.facts(context))

    @property
    def answers(self) -> bool:
        """Whether machine code answers calls on this host."""
        return self.routines is not None and bool(self.routines.entries)

    def _recall(self, context: Any) -> None:
        """Calls that routines answered are among a context's recent ones, too."""
        if self.routines is not None and self.routines.block.made:
            self.routines.fold(context.calls)

    def gate_code(self) -> tuple[bytes, dict[int, int]]:
        """See api.Cpu."""
        return self.half.gate_code()

    def exit_words(self) -> Mapping[int, int]:
        """See api.Cpu."""
        return self.half.exit_words()

    def set_areas(self, ranges: Sequence[tuple[int, int]]) -> None:
        """See api.Cpu. On x86_64 a range that begins with the gate code is where the gates are."""
        self.areas = list(ranges)
        self.half.placed(self.areas)
        self._poll.skip(self.areas)

    def add_area(self, start: int, end: int) -> None:
        """See api.Cpu."""
        self.areas.append((start, end))
        self._poll.skip(self.areas)

    def drop_area(self, start: int, end: int) -> None:
        """See api.Cpu."""
        self.areas.remove((start, end))
        self._poll.skip(self.areas)

    def _inside(self, pc: int) -> bool:
        return any(lo <= pc < hi for lo, hi in self.areas)

    # what hooks call

    def raised(self, error: BaseException, again: Handler) -> None:
        """A handler raised: end the run and let `resume` tell."""
        if isinstance(error, Leave):
            self.left = Left(error, again)
        elif again is invented:
            self.faulted(FaultKind.ILLEGAL, self.live[-1])
        else:
            self.error = error
        self.engine.stop()

    def guarded(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """A callback that works on the registers; they are fetched and put back where they are a copy."""
        return hook if self.state is not None else self.copied.within(hook)

    def faulted(self, kind: FaultKind, pc: int, code: int = 0, *, late: bool = False) -> None:
        """The guest caused an exception that is no memory fault.

        `late`: the engine goes on to the end of the block; the registers are put back afterwards.
        """
        self.fault = Fault(kind, pc, code=code)
        self._before = bytes(self.live) if late else None
        self.engine.stop()

    # memory

    def _install_fill(self) -> None:
        space = self.space
        walker = Walker(self.arch, space.arena.base, space.table.root, self._poll.crowded_at)
        self._walker = walker
        if walker.address is not None:
            self.engine.hook(HOOK_TLB_FILL, walker.address, user=walker.table)
        self.engine.hook(HOOK_TLB_FILL, FILL_HOOK(self._miss))

    def _install_poll(self) -> None:
        poll = self._poll = StopPoll(self.engine.stop_address)
        if poll.address is not None:
            self.engine.hook(HOOK_BLOCK, poll.address, user=poll.words)
            return

        def look(_uc: int, address: int, _size: int) -> None:
            if poll.wanted and not self._inside(address):
                self.engine.stop()

        self.engine.hook(HOOK_BLOCK, BLOCK_HOOK(look))

    def _miss(self, _uc: int, address: int, access: int, entry: int) -> bool:
        """The walker declined: fault the page in and answer, or leave the guest with its fault."""
        space, access = self.space, access - 16
        try:
            served = (self._doors.page_fault or space.fault)(address, access)
        except BaseException as error:  # noqa: BLE001 - kept and re-raised from resume
            self.error = error
            served = False
        if not served:
            self._missed = (address & space.mask, access, space.fault_code)
            return False
        second = space.fetched.frames.get(address & space.mask & -4096) if access == FETCH else None
        if second is not None:
            ctypes.memmove(entry, _ENTRY.pack(second.pa, EXECUTE_ONLY), 12)
            return True
        pte = space.table.get(address & space.mask)
        prot = space.table.format.prot(pte)
        rights = (prot >> 2 & 1) | (prot & 2) | (prot & 1) << 2  # ELF's order to the engine's
        ctypes.memmove(entry, _ENTRY.pack(pte & 0x0000_FFFF_FFFF_F000, rights), 12)
        return True

    def changed(self, event: RangeEvent) -> None:
        """See api.Cpu."""
        match event.kind:
            case EventKind.MAP:
                return
            case EventKind.CODE:
                self.half.forget(event.address, event.size)
                if event.size > CODE_PAGES << 12:
                    self.engine.flush_code()
                    return
                at, end = event.address, event.address + event.size
                while at < end:
                    stop = min(end, (at | 4095) + 1)
                    self.engine.drop_code(at, stop)
                    at = stop
            case EventKind.PROTECT | EventKind.UNMAP:
                self.half.forget(event.address, event.size)
                self.engine.flush_tlb()

    # contexts

    def new_regs(self) -> memoryview:
        """See api.Cpu."""
        return memoryview(bytearray(8 * len(REGS[self.arch]))).cast("Q")

    def load(self, context: RegisterState) -> None:
        """Make the engine hold `context`'s state; the one it held gets its own copy."""
        if context is self.context:
            return
        self.unload()
        self.engine.restore(self._pristine if context.fpu is None else context.fpu)
        self.live[:] = context.regs
        context.regs = self.live  # where they are a copy, a run begins by writing it back
        self.context = context
        self.half.loaded(context)
        self._tell(context)

    def unload(self) -> None:
        """Give the loaded context its state back."""
        old = self.context
        if old is None:
            return
        self.half.unloading()
        self._recall(old)
        old.fpu = self.engine.save()
        old.regs = self.new_regs()
        old.regs[:] = self.live
        self.context = None

    # running

    def resume(self, context: RegisterState) -> Exit:
        """See api.Cpu."""
        if context is self.context:
            self._tell(context)  # a kick may be about them
        else:
            self.load(context)
        pc, live = len(self.live) - 1, self.live
        for _ in range(SPURIOUS):
            status = self._start(live[pc], 0)
            found = self._outcome(status)
            while found is None and self._poll.crowded():
                self._walker.again()
                self.engine.flush_tlb()
                found = self._outcome(self._start(live[pc], 0))
            if found is not None:
                return found
            if self._poll.wanted:
                self._poll.clear()
                return Kick()
        return Fault(FaultKind.PRIVILEGED, live[pc])  # the engine halts: wfi, or hlt where CPL 3 is refused

    def _outcome(self, status: int) -> Exit | None:
        if self.error is not None:
            error, self.error, self.left, self.fault = self.error, None, None, None
            raise error
        if self.left is not None:
            left, self.left = self.left, None
            self._recall(self.context)
            return left
        if status:
            self._recall(self.context)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            self._recall(self.context)
            if self._before is not None:
                self.live[:] = memoryview(self._before).cast("Q")
            self.half.after_fault()
            return fault
        if not status:
            return None
        pc = self.live[-1]
        if status == ERR_EXCEPTION or 6 <= status <= 8 or 12 <= status <= 14:
            address, access, code = self._missed
            if self._fault_word is not None:
                address = self._fault_word[0] & self.space.mask
            return Fault(ACCESS[access], pc, address, code)
        self.half.after_fault()
        return Fault(FaultKind.ILLEGAL, pc, code=status)

    def step_out(self, context: RegisterState) -> None:
        """Finish the stub whose crossing was completed, so that the PC is one the guest knows."""
        if self._inside(context.regs[-1]):
            self.load(context)
            asked = self._poll.wanted
            self._poll.ask()
            self._start(self.live[-1], 0)
            if not asked:
                self._poll.clear()

    def kick(self) -> None:
        """See api.Cpu."""
        self._poll.ask()

    def complete(self, context: RegisterState, carry: int) -> None:
        """See api.Cpu."""
        self.half.complete(context, carry)

    def restart(self, context: RegisterState, pc: int) -> None:
        """See api.Cpu."""
        context.regs[-1] = pc

    def crossed(self, context: RegisterState, *, handling: bool = False) -> tuple[int | None, int]:
        """See api.Cpu."""
        return self.half.crossed(context, handling=handling)

    def duplicate(self, context: RegisterState, child: RegisterState) -> None:
        """See api.Cpu."""
        if context is self.context:
            self.unload()
        child.regs[:] = context.regs
        child.fpu = context.fpu

    def scratch(self, code: bytes, run: Callable[[int], object]) -> None:
        """Calibration: `run(address)` with `code` at a guest address that vanishes again."""
        at = self.space.map(None, 4096, 5, name="[calibration]")
        self.space.poke(at, code)
        run(at)
        self.space.unmap(at, 4096)
        self.engine.flush_code()
        self.engine.flush_tlb()

    def close(self) -> None:
        """Free the engine."""
        self.unload()
        if self.routines is not None:
            self.routines.leave()
        self.space.listeners.remove(self.changed)
        self.live = memoryview(b"")
        self.engine.close()
