"""Ops on a process's own timers: the three interval timers, and those it makes."""

from __future__ import annotations

from collections.abc import Callable

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SI_TIMER, SigInfo
from aot.personality.abi.neutral import Itimer, Time
from aot.personality.abi.neutral_process import AnyClock, Notice, TimerEvent
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from aot.record import dataclass, replace
from runtime.kernel.context import Context, Process
from runtime.kernel.kin import find_context
from runtime.kernel.ops_time import cpu_clock, now_of
from runtime.kernel.optable import op
from runtime.kernel.signals import check, send, send_process
from runtime.kernel.timers import Timer
from runtime.kernel.usage import passed_ns

_BILLION = 1_000_000_000
REAL, VIRTUAL, PROFILE = 0, 1, 2
SENDS = (Signal.ALRM, Signal.VTALRM, Signal.PROF)
MOST_TIMERS = 1024
OVERRUN_MAX = 0x7FFF_FFFF


def _check(value: Itimer) -> None:
    if any(not 0 <= t.nsec < _BILLION or t.sec < 0 for t in (value.interval, value.value)):
        raise Errno(E.INVAL)


def _interval(ctx: Context, which: int) -> Timer:
    """One of the interval timers. Those of processor time look each time somebody else could run."""
    process = ctx.process
    timers: dict[int, Timer] = process.data.setdefault("itimers", {})
    if which not in timers:
        clock: Callable[[], int] | None = None if which == REAL else lambda: passed_ns(process)

        def fire(count: int) -> None:
            send_process(process, SENDS[which])

        timers[which] = Timer(process.kernel, fire, clock=clock, owner=process, kept=True)
    return timers[which]


@op(Op.ALARM)
def alarm(ctx: Context, seconds: int) -> int:
    """Set the real-time timer in seconds; what was left of it, rounded to seconds but never down to none."""
    old = setitimer(ctx, REAL, Itimer(Time(0, 0), Time(seconds, 0))).value
    return max(old.sec + (old.nsec >= _BILLION // 2), int(old.ns > 0))


@op(Op.SETITIMER)
def setitimer(ctx: Context, timer: int, value: Itimer) -> Itimer:
    """Set an interval timer: of real time, of processor time, of processor time for profiles; the old one."""
    if timer > PROFILE:
        raise Errno(E.INVAL)
    _check(value)
    return _interval(ctx, timer).arm(value)


@op(Op.GETITIMER)
def getitimer(ctx: Context, timer: int) -> Itimer:
    """An interval timer."""
    if timer > PROFILE:
        raise Errno(E.INVAL)
    return _interval(ctx, timer).ask()


@dataclass(slots=True, eq=False)
class Made:
    """A timer the process made: what it does, on which clock, and how often it expired unheard.

    While its signal is pending, expiries only count; the number goes with the signal when it is taken.
    """

    id: int
    process: Process
    clock: AnyClock
    event: TimerEvent
    timer: Timer
    pending: bool = False
    missed: int = 0
    overrun: int = 0

    def fire(self, count: int) -> None:
        """It expired `count` times."""
        if self.event.notice is Notice.NONE:
            return
        if self.pending:
            self.missed += count
            return
        self.missed = count - 1
        info = SigInfo(self.event.signal, SI_TIMER, value=self.event.value, timer=self.id, late=self.taken)
        if self.event.notice is Notice.CONTEXT:
            target = find_context(self.process.kernel, self.event.tid)
            self.pending = target is not None and send(target, info.signal, info, own=False)
        else:
            self.pending = send_process(self.process, info.signal, info)

    def taken(self, info: SigInfo) -> SigInfo:
        """Its signal arrives."""
        self.pending, self.overrun = False, min(self.missed, OVERRUN_MAX)
        return replace(info, overrun=self.overrun)


def _made(ctx: Context) -> dict[int, Made]:
    made: dict[int, Made] = ctx.process.data.setdefault("timers", {})
    return made


def _timer(ctx: Context, id: int) -> Made:
    try:
        return _made(ctx)[id]
    except KeyError:
        raise Errno(E.INVAL) from None


@op(Op.TIMER_CREATE)
def timer_create(ctx: Context, clock: AnyClock, event: TimerEvent | None) -> int:
    """Make a timer, not armed; its id. Without `event` it sends ALRM with its id."""
    made, process = _made(ctx), ctx.process
    if len(made) >= MOST_TIMERS:
        raise Errno(E.AGAIN)
    number = next(n for n in range(len(made) + 1) if n not in made)
    event = event or TimerEvent(Notice.SIGNAL, Signal.ALRM, number, 0)
    if event.notice is not Notice.NONE:
        check(event.signal)
        if not event.signal:
            raise Errno(E.INVAL)
    if event.notice is Notice.CONTEXT and all(c.tid != event.tid for c in process.contexts):
        raise Errno(E.INVAL)
    timer = Timer(process.kernel, lambda count: None, clock=cpu_clock(ctx, clock), owner=process)
    made[number] = Made(number, process, clock, event, timer)
    timer.fire = made[number].fire
    return number


@op(Op.TIMER_SETTIME)
def timer_settime(ctx: Context, timer: int, absolute: bool, value: Itimer) -> Itimer:
    """Arm or disarm a timer; what was left of it."""
    made = _timer(ctx, timer)
    _check(value)
    at = None
    if absolute and value.value.ns:
        at = made.timer.now() + value.value.ns - now_of(ctx, made.clock)
    made.missed, made.pending = 0, False
    return made.timer.arm(value, absolute_ns=at)


@op(Op.TIMER_GETTIME)
def timer_gettime(ctx: Context, timer: int) -> Itimer:
    """Period and time left."""
    return _timer(ctx, timer).timer.ask()


@op(Op.TIMER_OVERRUN)
def timer_overrun(ctx: Context, timer: int) -> int:
    """How often it had expired again when its last signal was taken."""
    return _timer(ctx, timer).overrun


@op(Op.TIMER_DELETE)
def timer_delete(ctx: Context, timer: int) -> None:
    """Forget a timer."""
    _timer(ctx, timer).timer.set(None)
    del _made(ctx)[timer]
