"""Ops on signals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SI_TKILL, SS_DISABLE, SS_ONSTACK, SigInfo, on_stack
from aot.personality.abi.neutral import MaskHow, SigAction, SigStack, Time
from aot.personality.abi.op import Op
from aot.personality.abi.signals import LAST
from aot.record import replace
from runtime.kernel.context import Context
from runtime.kernel.leave import Block, SigReturn
from runtime.kernel.ops_process import group_of
from runtime.kernel.ops_time import deadline_of
from runtime.kernel.optable import op
from runtime.kernel.signals import (
    DEFAULT,
    IGNORE,
    UNBLOCKABLE,
    Action,
    check,
    default_action,
    handled_next,
    ignored_now,
    mask_changed,
    send,
    send_process,
    sent_by,
    take,
)

MIN_STACK = {Arch.X86_64: 2048, Arch.AARCH64: 5120}
SP = {Arch.X86_64: 4, Arch.AARCH64: 31}


@op(Op.SIGACTION)
def sigaction(ctx: Context, signal: int, action: SigAction | None) -> SigAction:
    """Change what a signal does; what it did before."""
    if not 1 <= signal <= LAST or (action is not None and 1 << (signal - 1) & UNBLOCKABLE):
        raise Errno(E.INVAL)
    old = ctx.process.actions.get(signal, SigAction())
    if action is not None:
        ctx.process.actions[signal] = action
        ignored = action.handler == DEFAULT and default_action(signal) is Action.NOTHING
        if action.handler == IGNORE or ignored:
            ignored_now(ctx.process, signal)
    return old


@op(Op.SIGPROCMASK)
def sigprocmask(ctx: Context, how: MaskHow, mask: int | None) -> int:
    """Change the mask of the calling context; the old one."""
    old = ctx.sigmask
    if mask is not None:
        new = {MaskHow.BLOCK: old | mask, MaskHow.UNBLOCK: old & ~mask, MaskHow.SET: mask}[how]
        ctx.sigmask = new & ~UNBLOCKABLE
        mask_changed(ctx)
    return old


@op(Op.SIGALTSTACK)
def sigaltstack(ctx: Context, stack: SigStack | None) -> SigStack:
    """Change the alternate stack; the old one. Raises PERM while the context runs on it."""
    old, busy = ctx.altstack, on_stack(ctx.altstack, ctx.regs[SP[ctx.arch]])
    if not old.size:
        old = SigStack(0, 0, SS_DISABLE)
    elif busy:
        old = SigStack(old.address, old.size, SS_ONSTACK)
    if stack is not None:
        if busy:
            raise Errno(E.PERM)
        if stack.flags & ~(SS_DISABLE | SS_ONSTACK) & 0x7FFF_FFFF:
            raise Errno(E.INVAL)
        if stack.flags & SS_DISABLE:
            ctx.altstack = SigStack(0, 0, SS_DISABLE)
        elif stack.size < MIN_STACK[ctx.arch]:
            raise Errno(E.NOMEM)
        else:
            ctx.altstack = SigStack(stack.address, stack.size, 0)
    return old


@op(Op.SIGPENDING)
def sigpending(ctx: Context) -> int:
    """Signals that arrived but are blocked."""
    return (ctx.pending | ctx.process.pending) & ctx.sigmask


@op(Op.SIGRETURN)
def sigreturn(ctx: Context) -> None:
    """Go on as the signal frame on the stack says."""
    raise SigReturn


@contextmanager
def waiting_with(ctx: Context, mask: int | None) -> Iterator[None]:
    """A wait under another signal mask: put back when the call ends, by the handler's return if there is one.

    Raises INTR when a signal that the mask lets through is there already.
    """
    if mask is None:
        yield
        return
    if ctx.kept_mask is None:
        ctx.kept_mask = ctx.sigmask
        ctx.sigmask = mask & ~UNBLOCKABLE
    try:
        if handled_next(ctx) is not None:
            ctx.cpu.kick()
            raise Errno(E.INTR)
        yield
    except Errno as error:
        if error.code is not E.INTR:
            _put_back(ctx)
        raise
    _put_back(ctx)


def _put_back(ctx: Context) -> None:
    if ctx.kept_mask is not None:
        ctx.sigmask, ctx.kept_mask = ctx.kept_mask, None


@op(Op.SIGSUSPEND)
def sigsuspend(ctx: Context, mask: int) -> None:
    """Wait with another mask until a handled signal arrives."""
    with waiting_with(ctx, mask):
        raise Block


@op(Op.PAUSE)
def pause(ctx: Context) -> None:
    """Wait until a handled signal arrives."""
    raise Block


@op(Op.SIGTIMEDWAIT)
def sigtimedwait(ctx: Context, mask: int, timeout: Time | None) -> SigInfo:
    """Take one pending signal of `mask`, waiting for it up to `timeout`."""
    if timeout is not None and not 0 <= timeout.nsec < 1_000_000_000:
        raise Errno(E.INVAL)
    mask &= ~UNBLOCKABLE
    ctx.awaited = 0
    found = take(ctx, mask)
    if found is not None:
        ctx.wait = None
        return found
    until = deadline_of(ctx, timeout)
    if until is not None and ctx.process.kernel.clocks.monotonic_ns() >= until:
        ctx.wait = None
        raise Errno(E.AGAIN)

    def ready() -> bool:
        return bool((ctx.pending | ctx.process.pending) & mask)

    wait = Block(deadline_ns=until, ready=ready)
    ctx.awaited = mask
    raise wait


@op(Op.KILL)
def kill(ctx: Context, pid: int, signal: int) -> None:
    """Send a signal to a process of the run, or to all of them."""
    check(signal)
    own = ctx.process
    everybody = {own.pid: own} | own.kernel.processes
    targets = [everybody[pid]] if pid in everybody else []
    if pid == 0 or pid < -1:
        wanted = -pid or group_of(own)
        targets = [p for p in everybody.values() if group_of(p) == wanted]
    if pid == -1:
        targets = [p for p in everybody.values() if p is not own] or [own]
    if not targets:
        raise Errno(E.SRCH)
    for process in [*(p for p in targets if p is not own), *(p for p in targets if p is own)]:
        if signal and process.status is None:
            send_process(process, signal, sent_by(ctx, signal), own=process is own)


@op(Op.TKILL)
def tkill(ctx: Context, tid: int, signal: int, pid: int | None = None) -> None:
    """Send a signal to one context."""
    check(signal)
    if tid <= 0 or (pid is not None and pid <= 0):
        raise Errno(E.INVAL)
    if pid is not None and pid != ctx.process.pid:
        raise Errno(E.SRCH)
    for other in (ctx, *ctx.process.contexts):
        if other.tid == tid:
            send(other, signal, sent_by(ctx, signal, SI_TKILL) if signal else None)
            return
    raise Errno(E.SRCH)


@op(Op.SIGQUEUE)
def sigqueue(ctx: Context, pid: int, signal: int, info: SigInfo, tid: int | None = None) -> None:
    """Send a signal with a word of data. The sender may not claim to be the kernel."""
    check(signal)
    info = replace(info, signal=signal)
    if pid != ctx.process.pid:
        raise Errno(E.SRCH)
    if not signal:
        return
    if info.code >= 0 or info.code == SI_TKILL:
        raise Errno(E.PERM)
    if tid is None:
        send_process(ctx.process, signal, info, own=True)
        return
    for other in (ctx, *ctx.process.contexts):
        if other.tid == tid:
            send(other, signal, info)
            return
    raise Errno(E.SRCH)
