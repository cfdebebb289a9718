"""Waiting on user addresses: one mechanism under futex, WaitOnAddress, ulock, _umtx_op and lwp_park."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import TYPE_CHECKING

from aot.record import dataclass, field

if TYPE_CHECKING:
    from runtime.kernel.context import Context

ALL = 0xFFFF_FFFF
"""Wake mask that fits every waiter."""

Key = tuple[Hashable, int]
"""(the address space, or what is mapped shared; address or offset in it): see AddressSpace.name_of."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One waiter in a queue. `woken` says that a wake-up took it out."""

    key: Key
    mask: int
    ctx: Context | None = None
    woken: bool = False


@dataclass(slots=True)
class ParkSpace:
    """All waiters of a run. Ops run one at a time, so checking a value and queueing is one step.

    Contexts whose wait is over are `told`, in the order of their wake-ups; the scheduler goes on with them. `places`
    is what guest code may know of the waiters: a byte for every lowest byte of an address, 0 where nobody waits at any
    such address (offsets in shared memory end as the addresses do). It is `fuller` while guest code may not run before
    it is shown the table again.
    """

    told: deque[Context] = field(default_factory=deque)
    places: bytearray = field(default_factory=lambda: bytearray(int(at % 4 != 0) for at in range(256)))
    fuller: bool = False
    _queues: dict[Key, deque[Ticket]] = field(default_factory=dict)
    _counts: list[int] = field(default_factory=lambda: [0] * 256)  # of queues by lowest byte

    def enqueue(self, key: Key, mask: int = ALL, ctx: Context | None = None) -> Ticket:
        """Wait at `key`; the ticket is woken later or cancelled by its owner."""
        ticket = Ticket(key, mask, ctx)
        self._join(key, ticket)
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Stop waiting (timeout, signal)."""
        queue = self._queues.get(ticket.key)
        if queue is not None and ticket in queue:
            queue.remove(ticket)
            self._drop_if_empty(ticket.key)

    def wake(self, key: Key, count: int, mask: int = ALL) -> int:
        """Wake up to `count` waiters whose mask fits, oldest first; how many were."""
        queue = self._queues.get(key)
        if queue is None:
            return 0
        woken = [t for t in queue if t.mask & mask][: max(count, 0)]
        for ticket in woken:
            ticket.woken = True
            queue.remove(ticket)
            if ticket.ctx is not None:
                self.told.append(ticket.ctx)
        self._drop_if_empty(key)
        return len(woken)

    def requeue(self, key: Key, target: Key, count: int) -> int:
        """Move up to `count` waiters to another key without waking them."""
        queue = self._queues.get(key)
        moved = list(queue)[: max(count, 0)] if queue else []
        for ticket in moved:
            assert queue is not None
            queue.remove(ticket)
            ticket.key = target
            self._join(target, ticket)
        self._drop_if_empty(key)
        return len(moved)

    def drain(self, space: Hashable, start: int = 0, end: int = 1 << 64) -> int:
        """Wake everything waiting in a range of an address space that goes away (unmap, exit)."""
        gone = [k for k in self._queues if k[0] == space and start <= k[1] < end]
        return sum(self.wake(k, len(self._queues[k])) for k in gone)

    def waiting(self) -> int:
        """How many waiters there are."""
        return sum(len(q) for q in self._queues.values())

    def _join(self, key: Key, ticket: Ticket) -> None:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            self._count(key, 1)
        queue.append(ticket)

    def _drop_if_empty(self, key: Key) -> None:
        if key in self._queues and not self._queues[key]:
            del self._queues[key]
            self._count(key, -1)

    def _count(self, key: Key, change: int) -> None:
        place = key[1] & 0xFF
        self._counts[place] += change
        if place % 4 == 0:
            self.places[place] = int(self._counts[place] > 0)
            self.fuller |= change > 0
