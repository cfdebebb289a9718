"""The guest's clocks: the host's, or deterministic ones that only move when they are looked at."""

from __future__ import annotations

from typing import Protocol

from aot.personality.abi.neutral import Clock
from runtime.kernel.host import Host, RealHost

EPOCH_NS = 1_700_000_000_000_000_000
"""Realtime at the start of a deterministic run: 2023-11-14 22:13:20 UTC."""
BOOTED_NS = 1_000_000_000_000
"""Monotonic time at the start of a deterministic run."""
STEP_NS = 1_000
"""How far a deterministic clock moves at each query."""


class Clocks(Protocol):
    """Reads clocks; `advance_to` lets time pass for a run whose clock does not run by itself."""

    def now_ns(self, clock: Clock) -> int: ...
    def monotonic_ns(self) -> int: ...
    def busy_ns(self) -> int: ...
    def resolution_ns(self, clock: Clock) -> int: ...
    def advance_to(self, monotonic_ns: int) -> None: ...


class HostClocks:
    """Clocks that run with the host's."""

    def __init__(self, host: Host | None = None) -> None:
        host = host or RealHost()
        self._read = {
            Clock.REALTIME: host.realtime_ns,
            Clock.MONOTONIC: host.monotonic_ns,
            Clock.PROCESS: host.cpu_ns,
            Clock.THREAD: host.thread_ns,
            Clock.BOOT: host.boot_ns,
        }
        self.monotonic_ns = host.monotonic_ns

    def now_ns(self, clock: Clock) -> int:
        """The time on one clock."""
        return self._read[clock]()

    def resolution_ns(self, clock: Clock) -> int:
        """Granularity of a clock."""
        return 1

    def busy_ns(self) -> int:
        """Time on a processor."""
        return self._read[Clock.PROCESS]()

    def advance_to(self, monotonic_ns: int) -> None:
        """Nothing: the host's time passes by itself."""


class FixedClocks:
    """Deterministic clocks: start at a fixed instant, one step per query."""

    def __init__(self, step_ns: int = STEP_NS) -> None:
        self.step_ns = step_ns
        self.elapsed_ns = 0
        self.slept_ns = 0  # of it

    def now_ns(self, clock: Clock) -> int:
        """The time on one clock; moves all of them one step."""
        self.elapsed_ns += self.step_ns
        if clock in (Clock.PROCESS, Clock.THREAD):
            return self.busy_ns()
        return self._base(clock) + self.elapsed_ns

    def busy_ns(self) -> int:
        """Time that was not slept, without moving it."""
        return self.elapsed_ns - self.slept_ns

    @staticmethod
    def _base(clock: Clock) -> int:
        if clock is Clock.REALTIME:
            return EPOCH_NS
        return BOOTED_NS

    def monotonic_ns(self) -> int:
        """The monotonic time, without moving it (the scheduler's look is not the guest's)."""
        return BOOTED_NS + self.elapsed_ns

    def resolution_ns(self, clock: Clock) -> int:
        """Granularity of a clock."""
        return 1

    def advance_to(self, monotonic_ns: int) -> None:
        """Sleep: jump to an instant that lies ahead."""
        wait = max(monotonic_ns - BOOTED_NS - self.elapsed_ns, 0)
        self.elapsed_ns += wait
        self.slept_ns += wait
