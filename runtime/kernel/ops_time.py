"""Ops on clocks and timers."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock, Itimer, Time, time_ns
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context
from runtime.kernel.leave import Block
from runtime.kernel.optable import op
from runtime.kernel.signals import send_process
from runtime.kernel.timers import Timer

_BILLION = 1_000_000_000
NO_TIMER = Itimer(Time(0, 0), Time(0, 0))


def deadline_of(
    ctx: Context, timeout: Time | None, clock: Clock = Clock.MONOTONIC, *, absolute: bool = False
) -> int | None:
    """Monotonic end of a wait; computed when the call is first made and kept in `ctx.wait`.

    The op sets `ctx.wait` back to None when it finishes.
    """
    if timeout is None:
        return None
    if ctx.wait is None:
        clocks = ctx.process.kernel.clocks
        now = clocks.monotonic_ns()
        left = timeout.ns - clocks.now_ns(clock) if absolute else timeout.ns
        ctx.wait = now + max(left, 0)
    until: int = ctx.wait
    return until


@op(Op.CLOCK_GETTIME)
def clock_gettime(ctx: Context, clock: Clock) -> Time:
    """The time on a clock."""
    kernel = ctx.process.kernel
    if kernel.timers and kernel.deterministic:
        ctx.cpu.kick()  # this look moves the clock, perhaps to where a timer is due
    return Time(*divmod(kernel.clocks.now_ns(clock), _BILLION))


@op(Op.CLOCK_GETRES)
def clock_getres(ctx: Context, clock: Clock) -> Time:
    """The granularity of a clock."""
    return time_ns(ctx.process.kernel.clocks.resolution_ns(clock))


@op(Op.CLOCK_SETTIME)
def clock_settime(ctx: Context, clock: Clock, time: Time) -> None:
    """Clocks are the host's: nobody sets them."""
    raise Errno(E.PERM)


@op(Op.NANOSLEEP)
def nanosleep(ctx: Context, clock: Clock, time: Time, absolute: bool) -> None:
    """Sleep for a time, or until one. `Context.wait` is the end of a sleep that a signal interrupts."""
    if not 0 <= time.nsec < _BILLION or time.sec < 0:
        raise Errno(E.INVAL)
    until = deadline_of(ctx, time, clock, absolute=absolute)
    assert until is not None
    if ctx.process.kernel.clocks.monotonic_ns() >= until:
        ctx.wait = None
        return
    raise Block(deadline_ns=until)


def _timers(ctx: Context) -> dict[int, Itimer]:
    """The timers of processor time: kept, not run."""
    timers: dict[int, Itimer] = ctx.process.data.setdefault("itimers", {})
    return timers


def _real(ctx: Context) -> Timer:
    """The process's timer of real time: it sends ALRM."""
    process = ctx.process
    timer: Timer | None = process.data.get("itimer")
    if timer is None:

        def fire(count: int) -> None:
            send_process(process, Signal.ALRM)

        timer = process.data["itimer"] = Timer(process.kernel, fire)
    return timer


@op(Op.ALARM)
def alarm(ctx: Context, seconds: int) -> int:
    """Set the real-time timer in seconds; what was left of it, rounded to seconds but never down to none."""
    old = setitimer(ctx, 0, Itimer(Time(0, 0), Time(seconds, 0))).value
    return max(old.sec + (old.nsec >= _BILLION // 2), int(old.ns > 0))


@op(Op.SETITIMER)
def setitimer(ctx: Context, timer: int, value: Itimer) -> Itimer:
    """Set an interval timer; the old one. Timers of processor time are kept, but do not fire."""
    if timer > 2 or any(not 0 <= t.nsec < _BILLION or t.sec < 0 for t in (value.interval, value.value)):
        raise Errno(E.INVAL)
    if timer:
        old = _timers(ctx).get(timer, NO_TIMER)
        _timers(ctx)[timer] = value
        return old
    real, now = _real(ctx), ctx.process.kernel.clocks.monotonic_ns()
    old = real.left(now) if real.due_ns is not None else NO_TIMER
    real.set(now + value.value.ns if value.value.ns else None, value.interval.ns)
    return old


@op(Op.GETITIMER)
def getitimer(ctx: Context, timer: int) -> Itimer:
    """An interval timer."""
    if timer > 2:
        raise Errno(E.INVAL)
    if timer:
        return _timers(ctx).get(timer, NO_TIMER)
    real = _real(ctx)
    return NO_TIMER if real.due_ns is None else real.left(ctx.process.kernel.clocks.monotonic_ns())
