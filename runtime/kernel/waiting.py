"""Contexts whose call could not finish, and when their waits may be over."""

from __future__ import annotations

import select
from heapq import heappop, heappush
from itertools import count

from aot.record import dataclass
from runtime.cpu.api import Handler
from runtime.kernel.context import Context, Process
from runtime.kernel.leave import Block


@dataclass(slots=True, eq=False)
class Waiting:
    """A context whose call could not finish."""

    ctx: Context
    block: Block
    again: Handler


def _ready(w: Waiting) -> bool:
    """Whether the condition of a wait holds, for the context that waits."""
    w.ctx.process.kernel.current = w.ctx
    return not w.ctx.process.stopped and w.block.ready is not None and w.block.ready()


class Waits:
    """All waits of a run, each under what may end it, so that many waiting contexts cost nothing.

    A wait that is over is returned once; the caller takes it out with `drop`.
    """

    def __init__(self) -> None:
        self.items: dict[Context, Waiting] = {}
        self._polled: dict[Context, Waiting] = {}
        self._fds: dict[Context, Waiting] = {}
        self._times: list[tuple[int, int, Waiting]] = []
        self._count = count()

    def __len__(self) -> int:
        return len(self.items)

    def append(self, item: Waiting) -> None:
        """One more wait."""
        ctx, block = item.ctx, item.block
        self.items[ctx] = item
        if block.ready is not None and not block.told:
            self._polled[ctx] = item
        if block.fds:
            self._fds[ctx] = item
        if block.deadline_ns is not None:
            heappush(self._times, (block.deadline_ns, next(self._count), item))

    def drop(self, ctx: Context) -> Waiting | None:
        """The wait of a context, which is over."""
        self._polled.pop(ctx, None)
        self._fds.pop(ctx, None)
        return self.items.pop(ctx, None)

    def of(self, process: Process) -> list[Waiting]:
        """The waits of one process."""
        return [w for w in self.items.values() if w.ctx.process is process]

    def _live(self, item: Waiting) -> bool:
        return self.items.get(item.ctx) is item

    def due(self, now: int) -> list[Waiting]:
        """Waits over by their deadline or condition. One of a stopped process keeps its turn."""
        times = self._times
        found: list[tuple[int, int, Waiting]] = []
        kept: list[tuple[int, int, Waiting]] = []
        while times and (times[0][0] <= now or not self._live(times[0][2])):
            entry = heappop(times)
            if self._live(entry[2]):
                (kept if entry[2].ctx.process.stopped else found).append(entry)
        for entry in kept:
            heappush(times, entry)
        over = [entry[2] for entry in found]
        over += [w for w in self._polled.values() if w not in over and _ready(w)]
        return over

    def nearest_ns(self) -> int | None:
        """The first deadline of a process that is not stopped."""
        while self._times and not self._live(self._times[0][2]):
            heappop(self._times)
        if not self._times or not self._times[0][2].ctx.process.stopped:
            return self._times[0][0] if self._times else None
        live = (t for t, _, w in self._times if self._live(w) and not w.ctx.process.stopped)
        return min(live, default=None)

    def watches(self) -> bool:
        """Whether somebody waits for a descriptor of the host."""
        return bool(self._fds)

    def poll(self) -> select.poll:
        """One poll over every descriptor of the host that is waited for."""
        wanted: dict[int, int] = {}
        for w in self._fds.values():
            if not w.ctx.process.stopped:
                for fd, events in w.block.fds:
                    wanted[fd] = wanted.get(fd, 0) | events
        poll = select.poll()
        for fd, events in wanted.items():
            poll.register(fd, events)
        return poll

    def reached(self) -> list[Waiting]:
        """Waits for descriptors of which one is ready now."""
        fds = dict(self.poll().poll(0))
        if not fds:
            return []
        return [
            w for w in self._fds.values()
            if not w.ctx.process.stopped and any(fd in fds for fd, _ in w.block.fds)
        ]  # fmt: skip
