"""Ops on signals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SI_TKILL, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, SigInfo, on_stack
from aot.personality.abi.neutral import MaskHow, SigAction, SigStack, Time
from aot.personality.abi.op import Op
from aot.personality.abi.signals import LAST, Signal
from aot.record import replace
from runtime.kernel.context import Context, Process
from runtime.kernel.kin import find_context, find_process, group_of, is_outside, session_of
from runtime.kernel.leave import Block, SigReturn
from runtime.kernel.ops_time import deadline_of
from runtime.kernel.optable import op
from runtime.kernel.signals import (
    DEFAULT,
    IGNORE,
    UNBLOCKABLE,
    Action,
    check,
    default_action,
    ignored_now,
    send,
    send_process,
    sent_by,
    set_mask,
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
        set_mask(ctx, new)
    return old


@op(Op.SIGALTSTACK)
def sigaltstack(ctx: Context, stack: SigStack | None) -> SigStack:
    """Change the alternate stack; the old one. Raises PERM while the context runs on it."""
    old, busy = ctx.altstack, on_stack(ctx.altstack, ctx.regs[SP[ctx.arch]])
    if not old.size:
        old = SigStack(0, 0, SS_DISABLE)
    elif busy:
        old = SigStack(old.address, old.size, SS_ONSTACK)
    else:
        old = SigStack(old.address, old.size, old.flags & SS_AUTODISARM)
    if stack is not None:
        if busy:
            raise Errno(E.PERM)
        mode = stack.flags & 0x7FFF_FFFF
        if mode not in (0, SS_DISABLE, SS_ONSTACK):
            raise Errno(E.INVAL)
        if stack.flags & SS_DISABLE:
            ctx.altstack = SigStack(0, 0, SS_DISABLE)
        elif stack.size < MIN_STACK[ctx.arch]:
            raise Errno(E.NOMEM)
        else:
            ctx.altstack = SigStack(stack.address, stack.size, stack.flags & SS_AUTODISARM)
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
    """A wait under another signal mask: put back when the call ends, by the handler's return if there is one."""
    if mask is None:
        yield
        return
    if ctx.kept_mask is None:
        ctx.kept_mask = ctx.sigmask
        set_mask(ctx, mask & ~UNBLOCKABLE)
    try:
        yield
    except Errno as error:
        if error.code is not E.INTR or not ctx.alert:
            _put_back(ctx)
        raise
    _put_back(ctx)


def _put_back(ctx: Context) -> None:
    if ctx.kept_mask is not None:
        mask, ctx.kept_mask = ctx.kept_mask, None
        set_mask(ctx, mask)


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


def may_send(ctx: Context, target: Process, signal: int) -> bool:
    """Whether a process may send a signal to another one."""
    own, other = ctx.process.creds, target.creds
    if target is ctx.process or own.euid == 0 or {own.uid, own.euid} & {other.uid, other.suid}:
        return True
    return signal == Signal.CONT and session_of(target) == session_of(ctx.process)


def _send_to(ctx: Context, targets: list[Process], signal: int, info: SigInfo) -> None:
    """Send to every target, to the own process last, for it may end. Raises SRCH, PERM where none is left."""
    if not targets:
        raise Errno(E.SRCH)
    allowed = [p for p in targets if may_send(ctx, p, signal)]
    if not allowed:
        raise Errno(E.PERM)
    for process in sorted(allowed, key=lambda p: p is ctx.process):
        if signal:
            send_process(process, signal, info, own=process is ctx.process)


@op(Op.KILL)
def kill(ctx: Context, pid: int, signal: int) -> None:
    """Send a signal to a process of the run, a group (0: the own, -n: group n), or everybody else (-1)."""
    check(signal)
    own = ctx.process
    everybody = [*own.kernel.processes.values()]
    if pid == -1:
        targets = [p for p in everybody if p is not own]
    elif pid <= 0:
        targets = [p for p in everybody if group_of(p) == (-pid or group_of(own))]
    else:
        found = own if pid == own.pid else find_process(own.kernel, pid)
        if found is None and is_outside(own.kernel, pid):
            if signal:
                raise Errno(E.PERM)  # whoever started the run is asked for, and not reached
            return
        targets = [] if found is None else [found]
    _send_to(ctx, targets, signal, sent_by(ctx, signal))


def _context(ctx: Context, tid: int, pid: int | None) -> Context:
    """A context by id, of process `pid` if that is given. Raises INVAL, SRCH."""
    if tid <= 0 or (pid is not None and pid <= 0):
        raise Errno(E.INVAL)
    found = ctx if tid == ctx.tid else find_context(ctx.process.kernel, tid)
    if found is None or pid not in (None, found.process.pid):
        raise Errno(E.SRCH)
    return found


@op(Op.TKILL)
def tkill(ctx: Context, tid: int, signal: int, pid: int | None = None) -> None:
    """Send a signal to one context."""
    check(signal)
    other = _context(ctx, tid, pid)
    if not may_send(ctx, other.process, signal):
        raise Errno(E.PERM)
    if signal:
        send(other, signal, sent_by(ctx, signal, SI_TKILL), own=other.process is ctx.process)


@op(Op.SIGQUEUE)
def sigqueue(ctx: Context, pid: int, signal: int, info: SigInfo, tid: int | None = None) -> None:
    """Send a signal with a word of data. The sender may not claim to be the kernel, but to itself."""
    check(signal)
    info = replace(info, signal=signal)
    if (info.code >= 0 or info.code == SI_TKILL) and pid != ctx.process.pid:
        raise Errno(E.PERM)
    other = None if tid is None else _context(ctx, tid, pid)
    target = other.process if other is not None else find_process(ctx.process.kernel, pid)
    if target is None:
        raise Errno(E.SRCH)
    if not may_send(ctx, target, signal):
        raise Errno(E.PERM)
    own = target is ctx.process
    kept = (
        send_process(target, signal, info, own=own) if other is None else send(other, signal, info, own=own)
    )
    if not kept:
        raise Errno(E.AGAIN)
