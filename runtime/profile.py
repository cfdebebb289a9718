"""What calls cost inside the kernel: wraps doors and handlers of one run, keeps counts and times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from aot.personality.abi.call import Call
from aot.personality.abi.compile import Door, Handler
from aot.record import dataclass, field
from runtime.cpu.api import Doors, Leave
from runtime.kernel.context import Context
from runtime.kernel.leave import Block

BOUND, TABLE, IMPORT, DYNAMIC = "bound", "table", "import", "dynamic"
KEPT = 20_000  # times of one call that are kept for the median
PROBES = 2_000


@dataclass(slots=True)
class Line:
    """One call through one class of door."""

    call: str
    cls: str
    count: int = 0
    left: int = 0  # times the handler left the engine: exits, waits, calls of guest code
    times: list[int] = field(default_factory=list)
    waited: int = 0  # spent by attempts that had to wait; part of the time of the call they become

    def done(self, spent: int) -> None:
        """One call is complete."""
        spent += self.waited
        self.waited = 0
        self.count += 1
        if len(self.times) < KEPT:
            self.times.append(spent)

    def mean_ns(self) -> float:
        """Of the first calls but the slowest two in a hundred, which other programs of the machine made slow."""
        kept = sorted(self.times)[: max(len(self.times) - len(self.times) // 50, 1)]
        return statistics.fmean(kept) if kept else 0.0

    def median_ns(self) -> float:
        """Of the first calls."""
        return statistics.median(self.times) if self.times else 0.0


class Profile:
    """Give one to RunOptions.profile; `lines` is filled while the guest runs."""

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self.lines: dict[tuple[str, str], Line] = {}
        self._clock = clock
        self._cls = IMPORT  # of the crossing in progress; imports resolved at run time pass no watched door

    def wrap(self, handler: Handler, row: Call, door: Door) -> Handler:
        """`handler` with its time taken; use as Dispatcher's wrap."""
        clock, own = self._clock, dict[str, Line]()

        def profiled(ctx: Context) -> int:
            cls, self._cls = self._cls, IMPORT
            line = own.get(cls)
            if line is None:
                line = own[cls] = self.lines.setdefault((row.name, cls), Line(row.name, cls))
            begin = clock()
            try:
                carry = handler(ctx)
            except Block:
                line.waited += clock() - begin
                line.left += 1
                raise  # made again, and counted, when the wait is over
            except Leave:
                line.done(clock() - begin)
                line.left += 1
                raise
            line.done(clock() - begin)
            return carry

        return profiled

    def watch(self, doors: Doors) -> None:
        """Note at every door which class of crossing enters."""
        table, trap = doors.table, doors.trap
        assert table is not None and trap is not None

        def enter_table(ctx: Context, number: int, where: int) -> int:
            self._cls = TABLE
            return table(ctx, number, where)

        def enter_trap(ctx: Context, pc: int, immediate: int) -> int:
            self._cls = DYNAMIC
            return trap(ctx, pc, immediate)

        self.watch_sites(doors, 0)
        doors.imports[:] = [self.through(IMPORT, handler) for handler in list(doors.imports)]
        doors.table, doors.trap = enter_table, enter_trap

    def watch_sites(self, doors: Doors, first: int) -> None:
        """The same for sites from `first` on."""
        doors.sites[first:] = [self.through(BOUND, handler) for handler in doors.sites[first:]]

    def through(self, cls: str, handler: Handler) -> Handler:
        """`handler`, entered through a door of this class."""

        def enter(ctx: Context) -> int:
            self._cls = cls
            return handler(ctx)

        return enter


def overhead_ns(row: Call, door: Door) -> float:
    """What the two readings of the clock add to every time taken, with a handler that does nothing."""
    profile = Profile()
    probe = profile.wrap(lambda ctx: 0, row, door)
    for _ in range(PROBES):
        probe(None)
    (line,) = profile.lines.values()
    return line.median_ns()
