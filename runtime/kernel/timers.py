"""Timers of the kernel: what happens at an instant without anybody making a call."""

from __future__ import annotations

from collections.abc import Callable

from aot.personality.abi.neutral import Itimer, time_ns
from aot.record import dataclass
from runtime.kernel.context import Kernel, Process


@dataclass(slots=True, eq=False)
class Timer:
    """One timer; `fire(n)` is called with the number of expiries since the last.

    It runs on the monotonic clock, or on the processor time that `clock` tells. It ends with its `owner`, and with
    the owner's program unless it is `kept`.
    """

    kernel: Kernel
    fire: Callable[[int], None]
    due_ns: int | None = None
    period_ns: int = 0
    clock: Callable[[], int] | None = None
    owner: Process | None = None
    kept: bool = False

    def now(self) -> int:
        """The time on its clock."""
        return self.clock() if self.clock is not None else self.kernel.clocks.monotonic_ns()

    def set(self, due_ns: int | None, period_ns: int = 0) -> None:
        """Arm it, or disarm it with None."""
        self.due_ns, self.period_ns = due_ns, period_ns
        timers = self.kernel.timers
        if self in timers:
            timers.remove(self)
        if due_ns is not None:
            timers.append(self)
            if self.kernel.timer_set is not None:
                self.kernel.timer_set()

    def run(self, now: int) -> None:
        """Fire when it is time."""
        if self.due_ns is None or now < self.due_ns:
            return
        count = 1
        if self.period_ns:
            count += (now - self.due_ns) // self.period_ns
            self.set(self.due_ns + count * self.period_ns, self.period_ns)
        else:
            self.set(None)
        self.fire(count)

    def left(self, now: int) -> Itimer:
        """Period and time to the next expiry; one that is over but has not fired yet has a moment left."""
        value = 0 if self.due_ns is None else max(self.due_ns - now, 1)
        return Itimer(time_ns(self.period_ns), time_ns(value))

    def ask(self) -> Itimer:
        """The same for now; nothing for one that is not armed."""
        if self.due_ns is None:
            return Itimer(time_ns(0), time_ns(0))
        return self.left(self.now())

    def arm(self, value: Itimer, *, absolute_ns: int | None = None) -> Itimer:
        """Set it to go off after `value.value`, or at `absolute_ns` of its clock; what was left of it."""
        old = self.ask()
        if not value.value.ns:
            self.set(None)
        else:
            at = self.now() + value.value.ns if absolute_ns is None else absolute_ns
            self.set(at, value.interval.ns)
        return old


def run_timers(kernel: Kernel) -> None:
    """Fire what is due."""
    now = kernel.clocks.monotonic_ns()
    for timer in list(kernel.timers):
        timer.run(now if timer.clock is None else timer.clock())


def next_timer_ns(kernel: Kernel) -> int | None:
    """When the next timer is due. Those of processor time need somebody to run."""
    return min((t.due_ns for t in kernel.timers if t.due_ns is not None and t.clock is None), default=None)


def forget_timers(process: Process, *, ended: bool) -> None:
    """A process ended, or runs another program."""
    for timer in [t for t in process.kernel.timers if t.owner is process and (ended or not t.kept)]:
        timer.set(None)
