"""Timers of the kernel: what happens at an instant without anybody making a call."""

from __future__ import annotations

from collections.abc import Callable

from aot.personality.abi.neutral import Itimer, time_ns
from aot.record import dataclass
from runtime.kernel.context import Kernel


@dataclass(slots=True, eq=False)
class Timer:
    """One timer on the monotonic clock; `fire(n)` is called with the number of expiries since the last."""

    kernel: Kernel
    fire: Callable[[int], None]
    due_ns: int | None = None
    period_ns: int = 0

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


def run_timers(kernel: Kernel) -> None:
    """Fire what is due. May raise what a signal raises (Killed)."""
    now = kernel.clocks.monotonic_ns()
    for timer in list(kernel.timers):
        timer.run(now)


def next_timer_ns(kernel: Kernel) -> int | None:
    """When the next timer is due."""
    return min((t.due_ns for t in kernel.timers if t.due_ns is not None), default=None)
