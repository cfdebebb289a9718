"""Takes contexts to signal handlers and back: when a signal arrives at a PC the guest knows.

What a frame looks like is the personality's (abi/frame.py); which signal, under which mask and on which stack
is decided here. PCs go through the map of the image: a frame never shows an address inside a stub, and a PC
the guest chose continues where the machine has its instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aot.image.model import Arch, Prot
from aot.pcmap import Shown
from aot.personality.abi.errors import Errno
from aot.personality.abi.frame import (
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SA_RESTORER,
    SS_AUTODISARM,
    SS_DISABLE,
    Delivery,
    Machine,
    SigInfo,
    SignalFrames,
    on_stack,
)
from aot.personality.abi.neutral import SigAction, SigStack
from aot.personality.abi.signals import Signal
from aot.record import dataclass
from runtime.cpu.api import REG_INDEX
from runtime.kernel.context import Context
from runtime.kernel.leave import Block, Killed
from runtime.kernel.restartable import place_after
from runtime.kernel.signals import (
    DEFAULT,
    IGNORE,
    UNBLOCKABLE,
    bit_of,
    handler_of,
    next_handled,
    set_mask,
)

M64 = (1 << 64) - 1
NUMBER = {Arch.X86_64: "rax", Arch.AARCH64: "x8"}


class Pcs(Protocol):
    """Both directions between the guest's PCs and those in stubs; see aot.pcmap.PcMap."""

    def shown(self, pc: int) -> Shown | None: ...
    def again(self, index: int | None, pc: int) -> Shown: ...
    def machine(self, pc: int) -> int: ...


TRAMPOLINE = "sigreturn"
"""Where a process has the code handlers return to, among its data: exec forgets it with the memory."""


@dataclass(slots=True)
class Deliverer:
    """Signal delivery for the contexts of one image."""

    frames: SignalFrames | None  # None: the personality has no handlers
    pcs: Callable[[Context], Pcs]  # the map of the addresses of a context's images

    def deliver(self, ctx: Context) -> None:
        """Enter the handlers of everything that is deliverable. Raises Killed."""
        while info := next_handled(ctx):
            if self.frames is not None:
                self.enter(ctx, info)

    def fault(self, ctx: Context, info: SigInfo) -> bool:
        """Enter the handler of a signal an instruction caused; False when the process has to end."""
        handler = handler_of(ctx.process, info.signal)
        if self.frames is None or handler in (DEFAULT, IGNORE) or ctx.sigmask & bit_of(info.signal):
            return False
        try:
            self.enter(ctx, info)
        except Killed:
            return False
        return True

    def enter(self, ctx: Context, info: SigInfo) -> None:
        """Put a frame on the stack and the context at the handler. Raises Killed where no frame fits."""
        frames, process = self.frames, ctx.process
        assert frames is not None, "a handler without frames"
        action = process.actions[info.signal]
        self._show(ctx)
        if ctx.restartable is not None:
            ctx.regs[-1] = place_after(ctx, ctx.regs[-1])
        mask = ctx.sigmask if ctx.kept_mask is None else ctx.kept_mask
        state = Machine(tuple(ctx.regs), ctx.cpu.get_flags(ctx), ctx.cpu.get_fp(ctx))
        entered = frames.enter(
            Delivery(
                arch=ctx.arch.value,
                info=info,
                action=action,
                mask=mask,
                stack=ctx.altstack,
                state=state,
                trampoline=self._trampoline(ctx, action),
            )
        )
        try:
            ctx.mem.write(entered.address, entered.data)
        except Errno:
            raise Killed(Signal.SEGV) from None
        self._set(ctx, entered.regs, entered.flags)
        ctx.kept_mask = None
        if ctx.altstack.flags & SS_AUTODISARM:
            ctx.altstack = SigStack()
        more = action.mask & ~UNBLOCKABLE
        if not action.flags & SA_NODEFER:
            more |= bit_of(info.signal)
        set_mask(ctx, ctx.sigmask | more)
        if action.flags & SA_RESETHAND:
            process.actions[info.signal] = SigAction()

    def left_sequence(self, ctx: Context) -> None:
        """Others ran: leave a restartable sequence. Raises Killed for one whose description makes no sense."""
        pcs = self.pcs(ctx)
        shown = pcs.shown(ctx.regs[-1])
        if shown is None:  # inside a call
            return
        target = place_after(ctx, shown.pc)
        if target != shown.pc:
            ctx.regs[-1] = pcs.machine(target)

    def leave(self, ctx: Context) -> None:
        """A handler's return: the frame is the new state. Raises Killed for a frame that cannot be read."""
        if self.frames is None:
            raise Killed(Signal.SEGV)
        try:
            back = self.frames.leave(ctx.regs, ctx.cpu.get_flags(ctx), ctx.mem.read)
        except Errno:
            raise Killed(Signal.SEGV) from None
        self._set(ctx, back.regs, back.flags)
        if back.fp is not None:
            ctx.cpu.set_fp(ctx, back.fp)
        set_mask(ctx, back.mask)
        sp = ctx.regs[REG_INDEX[ctx.arch]["rsp" if ctx.arch is Arch.X86_64 else "sp"]]
        if back.stack is not None and not on_stack(ctx.altstack, sp):
            kept = back.stack.flags & (SS_DISABLE | SS_AUTODISARM)
            ctx.altstack = SigStack(back.stack.address, back.stack.size, kept)

    def restart(self, ctx: Context) -> None:
        """After Left: the context stands at its call again, as if it had not been made."""
        pcs = self.pcs(ctx)
        shown = pcs.again(*ctx.cpu.crossed(ctx))
        if shown.number is not None:
            ctx.regs[REG_INDEX[ctx.arch][NUMBER[ctx.arch]]] = shown.number
        ctx.regs[-1] = pcs.machine(shown.pc)

    def restarts(self, ctx: Context, signal: int, block: Block) -> bool:
        """Whether a signal's handler leaves the call to be made again."""
        action = ctx.process.actions.get(signal)
        return block.always or (block.restarts and action is not None and bool(action.flags & SA_RESTART))

    def _set(self, ctx: Context, regs: tuple[int, ...], flags: int) -> None:
        for index, word in enumerate(regs):
            ctx.regs[index] = word & M64
        ctx.cpu.set_flags(ctx, flags)
        ctx.regs[-1] = self.pcs(ctx).machine(regs[-1] & M64)

    def _show(self, ctx: Context) -> None:
        """Give the context a PC of the guest's own."""
        pcs = self.pcs(ctx)
        shown = pcs.shown(ctx.regs[-1])
        if shown is None:
            ctx.cpu.step_out(ctx)
            shown = pcs.shown(ctx.regs[-1])
        if shown is None:
            return
        at = REG_INDEX[ctx.arch][NUMBER[ctx.arch]]
        ctx.regs[at] = (ctx.regs[at] + shown.more) & M64 if shown.number is None else shown.number
        ctx.regs[-1] = shown.pc

    def _trampoline(self, ctx: Context, action: SigAction) -> int:
        """Address of the code a handler returns to when its action names none."""
        assert self.frames is not None
        if action.flags & SA_RESTORER or not self.frames.trampoline:
            return 0
        address: int = ctx.process.data.get(TRAMPOLINE, 0)  # a fork's copy of the memory has it too
        if not address:
            try:
                address = ctx.mem.map(None, 4096, Prot.R | Prot.X, name="[sigreturn]")
            except Errno:  # the guest has mapped everything: returning from the handler will fault
                return 0
            ctx.process.data[TRAMPOLINE] = address
            ctx.mem.poke(address, self.frames.trampoline)
            if ctx.mem.watcher is not None:
                ctx.mem.watcher.own_code(address, len(self.frames.trampoline))
        return address
