"""When waits end: by what they wait for, by time, or by a signal."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from runtime.cpu.api import Handler, Leave
from runtime.kernel.context import Context
from runtime.kernel.deliver import Deliverer
from runtime.kernel.ends import End, finish
from runtime.kernel.leave import Block, Killed
from runtime.kernel.signals import handled_next
from runtime.kernel.timers import next_timer_ns
from runtime.kernel.waiting import Waiting, due, fd_ready, poll_of, ready_fds

if TYPE_CHECKING:
    from runtime.kernel.sched import Scheduler

IDLE_MS = 1000  # longest single wait on the host; a kick or signal ends it earlier


def wake(sched: Scheduler, *, idle: bool) -> None:
    """Go on with every context whose wait is over; `idle`: sleep until there is one."""
    _interrupt(sched)
    now = sched.process.kernel.clocks.monotonic_ns()
    if idle and not sched.ready and not any(due(w, now) for w in sched.waiting):
        _sleep(sched, now)
        sched.events()
        if sched.end is not None:
            return
        _interrupt(sched)
        now = sched.process.kernel.clocks.monotonic_ns()
    fds = ready_fds(sched.waiting)
    for item in [w for w in sched.waiting if due(w, now) or fd_ready(w, fds)]:
        sched.waiting.remove(item)
        _again(sched, item.ctx, item.again)


def _interrupt(sched: Scheduler) -> None:
    """End the waits of contexts that have a signal to handle."""
    for item in [w for w in sched.waiting if w.block.interruptible]:
        ctx = item.ctx
        if not (ctx.pending | ctx.process.pending) & ~ctx.sigmask:
            continue
        try:
            signal = handled_next(ctx)
        except Killed as cause:
            finish(sched, ctx.process, End(signal=cause.signal, ctx=ctx))
            return
        if signal is not None and (ctx.process.signals or sched.signals).frames is not None:
            sched.waiting.remove(item)
            _end_wait(sched, item, signal)


def _end_wait(sched: Scheduler, item: Waiting, signal: int) -> None:
    """A signal ends a wait: the call is made again after the handler, or fails now."""
    ctx = item.ctx
    ctx.awaited = 0
    signals: Deliverer = ctx.process.signals or sched.signals
    if signals.restarts(ctx, signal, item.block):
        if item.block.cancel is not None:
            item.block.cancel()
        ctx.wait = None
        signals.restart(ctx)
        sched.ready.append(ctx)
        return
    Block.interrupting = True
    try:
        _again(sched, ctx, item.again)
    finally:
        Block.interrupting = False
    ctx.wait = None


def _again(sched: Scheduler, ctx: Context, again: Handler) -> None:
    try:
        carry = again(ctx)
    except Leave as cause:
        sched.leave(ctx, cause, again)
        return
    ctx.cpu.complete(ctx, carry)
    sched.ready.append(ctx)


def _sleep(sched: Scheduler, now: int) -> None:
    deadlines = [w.block.deadline_ns for w in sched.waiting if w.block.deadline_ns is not None]
    timer = next_timer_ns(sched.process.kernel)
    nearest = min(deadlines if timer is None else [*deadlines, timer], default=None)
    poll = poll_of(sched.waiting)
    if sched.bell is not None:
        poll.register(sched.bell, select.POLLIN)
    if nearest is not None and sched.process.kernel.deterministic:
        if not poll.poll(0):
            sched.process.kernel.clocks.advance_to(nearest)
        return
    left = IDLE_MS if nearest is None else min(IDLE_MS, max(0, -(-(nearest - now) // 1_000_000)))
    poll.poll(left)
