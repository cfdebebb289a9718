"""Contexts whose call could not finish, and when their waits may be over."""

from __future__ import annotations

import select

from aot.record import dataclass
from runtime.cpu.api import Handler
from runtime.kernel.context import Context
from runtime.kernel.leave import Block


@dataclass(slots=True, eq=False)
class Waiting:
    """A context whose call could not finish."""

    ctx: Context
    block: Block
    again: Handler


def due(w: Waiting, now: int) -> bool:
    """Whether the wait is over by its deadline or its condition."""
    block = w.block
    if block.deadline_ns is not None and now >= block.deadline_ns:
        return True
    return block.ready is not None and block.ready()


def ready_fds(waiting: list[Waiting]) -> set[int]:
    """Host descriptors somebody waits for that are ready now."""
    return {fd for fd, _ in poll_of(waiting).poll(0)}


def poll_of(waiting: list[Waiting]) -> select.poll:
    """One poll over every host descriptor that is waited for."""
    wanted: dict[int, int] = {}
    for w in waiting:
        for fd, events in w.block.fds:
            wanted[fd] = wanted.get(fd, 0) | events
    poll = select.poll()
    for fd, events in wanted.items():
        poll.register(fd, events)
    return poll


def fd_ready(w: Waiting, fds: set[int]) -> bool:
    """Whether one of its descriptors is among the ready ones."""
    return any(fd in fds for fd, _ in w.block.fds)
