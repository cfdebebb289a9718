"""When waits end: by what they wait for, by time, or by a signal."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from runtime.cpu.api import Handler, Leave
from runtime.kernel.context import Context
from runtime.kernel.deliver import Deliverer
from runtime.kernel.ends import End, finish
from runtime.kernel.kin import stops
from runtime.kernel.leave import Block, Killed, Stopped
from runtime.kernel.signals import KILL, claim
from runtime.kernel.timers import next_timer_ns
from runtime.kernel.waiting import Waiting

if TYPE_CHECKING:
    from runtime.kernel.sched import Scheduler

IDLE_MS = 1000  # longest single wait on the host; a kick or signal ends it earlier


def wake(sched: Scheduler, *, idle: bool) -> None:
    """Go on with every context whose wait is over; `idle`: sleep until there is one."""
    waits, kernel = sched.waiting, sched.process.kernel
    look(sched)
    now = kernel.clocks.monotonic_ns()
    over = _told(sched) or waits.due(now)
    if idle and not sched.ready and not over and not sched.end:
        _sleep(sched, now)
        sched.events()
        look(sched)
        if sched.end is not None:
            return
        over = _told(sched) + waits.due(kernel.clocks.monotonic_ns())
    if waits.watches():
        over = [*over, *(w for w in waits.reached() if w not in over)]
    for item in over:
        if sched.end is None and waits.items.get(item.ctx) is item:
            waits.drop(item.ctx)
            _again(sched, item.ctx, item.again)


def _told(sched: Scheduler) -> list[Waiting]:
    """Waits that somebody said are over."""
    told, waits = sched.process.kernel.park.told, sched.waiting
    found: list[Waiting] = []
    stopped: list[Context] = []
    while told:
        ctx = told.popleft()
        item = waits.items.get(ctx)
        if ctx.process.stopped:
            stopped.append(ctx)
        elif item is not None and item.block.told:
            found.append(item)
    told.extend(stopped)
    return found


def look(sched: Scheduler) -> None:
    """Contexts that were sent a signal look at it, in their waits if need be."""
    alerted = sched.process.kernel.alerted
    while alerted and sched.end is None:
        ctx = alerted.pop(0)
        if ctx.alert and ctx.process.status is None and not _kept_still(ctx):
            item = sched.waiting.items.get(ctx)
            if item is not None:
                _interrupt(sched, item)


def _kept_still(ctx: Context) -> bool:
    return bool(ctx.process.stopped) and not (ctx.pending | ctx.process.pending) & KILL


def _interrupt(sched: Scheduler, item: Waiting) -> None:
    """A context that waits has a signal: it acts, or ends the wait."""
    ctx = item.ctx
    pending = ctx.pending | ctx.process.pending
    if pending & ctx.awaited or not (item.block.interruptible or pending & KILL):
        return
    if item.block.told and item.block.ready is not None and item.block.ready():
        return  # it was woken before the signal came: the call is over, the handler runs behind it
    try:
        signal = claim(ctx)
    except Killed as cause:
        finish(sched, ctx.process, End(signal=cause.signal, ctx=ctx))
        return
    except Stopped as cause:
        stops(ctx.process, cause.signal)
        sched.process.kernel.alerted.append(ctx)
        return
    if signal is not None and (ctx.process.signals or sched.signals).frames is not None:
        sched.waiting.drop(ctx)
        ctx.alert = True
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
    ctx.process.kernel.current = ctx
    sched.show(ctx)
    try:
        carry = again(ctx)
    except Leave as cause:
        sched.leave(ctx, cause, again)
        return
    ctx.cpu.complete(ctx, carry)
    sched.ready.append(ctx)


def _sleep(sched: Scheduler, now: int) -> None:
    kernel = sched.process.kernel
    times = [t for t in (sched.waiting.nearest_ns(), next_timer_ns(kernel)) if t is not None]
    nearest = min(times, default=None)
    poll = sched.waiting.poll()
    if sched.bell is not None:
        poll.register(sched.bell, select.POLLIN)
    if nearest is not None and kernel.deterministic:
        if not poll.poll(0):
            kernel.clocks.advance_to(nearest)
        return
    left = IDLE_MS if nearest is None else min(IDLE_MS, max(0, -(-(nearest - now) // 1_000_000)))
    poll.poll(left)
