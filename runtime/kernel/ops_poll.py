"""Waiting for descriptors."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Slots
from aot.personality.abi.neutral import PollFd, Time
from aot.personality.abi.op import Op
from aot.record import replace
from runtime.kernel.context import Context
from runtime.kernel.leave import Block
from runtime.kernel.node import POLLERR, POLLHUP, POLLNVAL
from runtime.kernel.ops_time import deadline_of
from runtime.kernel.optable import op

_ALWAYS = POLLERR | POLLHUP | POLLNVAL


@op(Op.POLL)
def poll(ctx: Context, fds: Slots, timeout: Time | None, sigmask: int | None) -> int:
    """Wait until one of the descriptors is ready; how many are. The mask is not applied while waiting."""
    if timeout is not None and not 0 <= timeout.nsec < 1_000_000_000:
        raise Errno(E.INVAL)
    found = [readiness(ctx, item) for item in fds.items]
    count = sum(1 for events in found if events)
    until = deadline_of(ctx, timeout)
    expired = until is not None and ctx.process.kernel.clocks.monotonic_ns() >= until
    if not count and not expired:
        raise Block(fds=host_fds(ctx, fds.items), deadline_ns=until)
    ctx.wait = None
    for i, (item, events) in enumerate(zip(list(fds.items), found, strict=True)):
        fds.put(i, replace(item, revents=events))
    return count


def readiness(ctx: Context, item: PollFd) -> int:
    """What one entry is ready for now."""
    if item.fd < 0:
        return 0
    file = ctx.process.files.open.get(item.fd)
    return POLLNVAL if file is None else file.ready(item.events) & (item.events | _ALWAYS)


def host_fds(ctx: Context, items: list[PollFd]) -> tuple[tuple[int, int], ...]:
    """Host descriptors whose readiness may end the wait."""
    files = ctx.process.files.open
    pairs = ((files.get(item.fd), item.events) for item in items if item.fd >= 0)
    return tuple((f.host_fd, events) for f, events in pairs if f is not None and f.host_fd is not None)
