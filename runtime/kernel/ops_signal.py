"""Ops on signals."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import MaskHow, SigAction, SigStack, Time
from aot.personality.abi.op import Op
from aot.personality.abi.signals import LAST
from runtime.kernel.context import Context
from runtime.kernel.leave import Block
from runtime.kernel.ops_time import deadline_of
from runtime.kernel.optable import op
from runtime.kernel.signals import UNBLOCKABLE, check, send, unblocked

SS_ONSTACK, SS_DISABLE = 1, 2
"""Neutral flags of an alternate stack."""
MIN_STACK = 2048


@op(Op.SIGACTION)
def sigaction(ctx: Context, signal: int, action: SigAction | None) -> SigAction:
    """Change what a signal does; what it did before."""
    if not 1 <= signal <= LAST or (action is not None and 1 << (signal - 1) & UNBLOCKABLE):
        raise Errno(E.INVAL)
    old = ctx.process.actions.get(signal, SigAction())
    if action is not None:
        ctx.process.actions[signal] = action
    return old


@op(Op.SIGPROCMASK)
def sigprocmask(ctx: Context, how: MaskHow, mask: int | None) -> int:
    """Change the mask of the calling context; the old one."""
    old = ctx.sigmask
    if mask is not None:
        new = {MaskHow.BLOCK: old | mask, MaskHow.UNBLOCK: old & ~mask, MaskHow.SET: mask}[how]
        ctx.sigmask = new & ~UNBLOCKABLE
        unblocked(ctx)
    return old


@op(Op.SIGALTSTACK)
def sigaltstack(ctx: Context, stack: SigStack | None) -> SigStack:
    """Change the alternate stack; the old one."""
    old = ctx.altstack
    if not old.size:
        old = SigStack(0, 0, SS_DISABLE)
    if stack is not None:
        if stack.flags & ~SS_DISABLE & 0x7FFF_FFFF:
            raise Errno(E.INVAL)
        if stack.flags & SS_DISABLE:
            ctx.altstack = SigStack(0, 0, SS_DISABLE)
        elif stack.size < MIN_STACK:
            raise Errno(E.NOMEM)
        else:
            ctx.altstack = stack
    return old


@op(Op.SIGPENDING)
def sigpending(ctx: Context) -> int:
    """Signals that arrived but are blocked."""
    return ctx.pending & ctx.sigmask


@op(Op.SIGSUSPEND)
def sigsuspend(ctx: Context, mask: int) -> None:
    """Wait with another mask until a handled signal arrives."""
    state = ctx.wait
    if state is None:
        ctx.wait = state = ctx.sigmask
        ctx.sigmask = mask & ~UNBLOCKABLE
        unblocked(ctx)
    if ctx.pending & ~ctx.sigmask:
        ctx.sigmask, ctx.wait = state, None
        raise Errno(E.INTR)
    raise Block(ready=lambda: bool(ctx.pending & ~ctx.sigmask))


@op(Op.SIGTIMEDWAIT)
def sigtimedwait(ctx: Context, mask: int, timeout: Time | None) -> int:
    """Take one pending signal of `mask`, waiting for it up to `timeout`."""
    if timeout is not None and not 0 <= timeout.nsec < 1_000_000_000:
        raise Errno(E.INVAL)
    found = ctx.pending & mask
    if found:
        ctx.pending &= ~(found & -found)
        ctx.wait = None
        return (found & -found).bit_length()
    until = deadline_of(ctx, timeout)
    if until is not None and ctx.process.kernel.clocks.monotonic_ns() >= until:
        ctx.wait = None
        raise Errno(E.AGAIN)
    raise Block(deadline_ns=until, ready=lambda: bool(ctx.pending & mask))


@op(Op.KILL)
def kill(ctx: Context, pid: int, signal: int) -> None:
    """Send a signal to a process; one process a run, so to itself or to nobody."""
    check(signal)
    if pid not in (ctx.process.pid, 0, -1, -ctx.process.pid):
        raise Errno(E.SRCH)
    target = ctx
    bit = 1 << (signal - 1) if signal else 0
    for other in ctx.process.contexts:
        if not other.sigmask & bit:
            target = other
            break
    send(ctx if not ctx.sigmask & bit else target, signal)


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
            send(other, signal)
            return
    raise Errno(E.SRCH)
