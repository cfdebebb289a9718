"""Ops on clocks."""

from __future__ import annotations

from collections.abc import Callable

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import StructCell
from aot.personality.abi.neutral import Clock, Time, time_ns
from aot.personality.abi.neutral_process import AnyClock, ClockState, CpuClock
from aot.personality.abi.op import Op
from runtime.kernel.context import Context, Process
from runtime.kernel.kin import find_context
from runtime.kernel.leave import Block
from runtime.kernel.optable import op
from runtime.kernel.usage import passed_ns

_BILLION = 1_000_000_000


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


def _measured(ctx: Context, clock: CpuClock) -> Process | Context:
    """Whose processor time a clock tells. Raises INVAL for somebody who is not there."""
    if clock.context:
        found = ctx if clock.id in (0, ctx.tid) else find_context(ctx.process.kernel, clock.id)
        if found is None or found.process is not ctx.process:
            raise Errno(E.INVAL)
        return found
    process = ctx.process if clock.id == 0 else ctx.process.kernel.processes.get(clock.id)
    if process is None:
        raise Errno(E.INVAL)
    return process


_OWN = {Clock.PROCESS: CpuClock(0, False), Clock.THREAD: CpuClock(0, True)}


def cpu_clock(ctx: Context, clock: AnyClock) -> Callable[[], int] | None:
    """What tells a clock of processor time, in ns; None for clocks that run by themselves."""
    measured = clock if isinstance(clock, CpuClock) else _OWN.get(clock)
    if measured is None:
        return None
    whose = _measured(ctx, measured)
    return lambda: passed_ns(whose)


def now_of(ctx: Context, clock: AnyClock) -> int:
    """The time on a clock, ns; in a deterministic run this look moves all of them."""
    kernel = ctx.process.kernel
    if isinstance(clock, Clock) and (kernel.deterministic or clock not in _OWN):
        return kernel.clocks.now_ns(clock)
    tell = cpu_clock(ctx, clock)
    assert tell is not None
    return tell()


@op(Op.CLOCK_GETTIME)
def clock_gettime(ctx: Context, clock: AnyClock) -> Time:
    """The time on a clock."""
    kernel = ctx.process.kernel
    if kernel.timers and kernel.deterministic:
        ctx.cpu.kick()  # this look moves the clock, perhaps to where a timer is due
    return Time(*divmod(now_of(ctx, clock), _BILLION))


@op(Op.CLOCK_GETRES)
def clock_getres(ctx: Context, clock: AnyClock) -> Time:
    """The granularity of a clock."""
    if isinstance(clock, CpuClock):
        _measured(ctx, clock)
    return time_ns(1)


@op(Op.CLOCK_SETTIME)
def clock_settime(ctx: Context, clock: AnyClock, time: Time) -> None:
    """Clocks are the host's: nobody sets them."""
    if not 0 <= time.nsec < _BILLION:
        raise Errno(E.INVAL)
    raise Errno(E.PERM if clock is Clock.REALTIME else E.INVAL)


@op(Op.ADJTIME)
def adjtime(ctx: Context, state: StructCell, clock: AnyClock = Clock.REALTIME) -> None:
    """How the clock is kept right: nobody does. Raises PERM for changes."""
    if clock is not Clock.REALTIME:
        raise Errno(E.OPNOTSUPP)
    if state.value.modes:
        raise Errno(E.PERM)
    state.put(ClockState(time=Time(*divmod(now_of(ctx, clock), _BILLION))))


@op(Op.NANOSLEEP)
def nanosleep(ctx: Context, clock: AnyClock, time: Time, absolute: bool) -> None:
    """Sleep for a time, or until one. `Context.wait` is the end of a sleep that a signal interrupts."""
    if not 0 <= time.nsec < _BILLION or time.sec < 0:
        raise Errno(E.INVAL)
    if isinstance(clock, CpuClock) or clock in _OWN:
        _sleep_on(ctx, clock, time.ns, absolute=absolute)
        return
    until = deadline_of(ctx, time, clock, absolute=absolute)
    assert until is not None
    if ctx.process.kernel.clocks.monotonic_ns() >= until:
        ctx.wait = None
        return
    raise Block(deadline_ns=until)


def _sleep_on(ctx: Context, clock: AnyClock, wanted: int, *, absolute: bool) -> None:
    """Sleep until others have used processor time. A context cannot wait for its own."""
    if clock is Clock.THREAD:
        raise Errno(E.OPNOTSUPP)
    tell = cpu_clock(ctx, clock)
    assert tell is not None
    if ctx.wait is None:
        ctx.wait = wanted if absolute else tell() + wanted
    until: int = ctx.wait
    if tell() >= until:
        ctx.wait = None
        return
    raise Block(ready=lambda: tell() >= until)
