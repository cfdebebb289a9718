"""Waiting for descriptors."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Slots
from aot.personality.abi.neutral import PollFd, Time
from aot.personality.abi.op import Op
from aot.record import replace
from runtime.kernel.context import Context
from runtime.kernel.leave import Block
from runtime.kernel.node import POLLERR, POLLHUP, POLLNVAL, File
from runtime.kernel.ops_signal import waiting_with
from runtime.kernel.ops_time import deadline_of
from runtime.kernel.optable import op

_ALWAYS = POLLERR | POLLHUP | POLLNVAL


@op(Op.POLL)
def poll(ctx: Context, fds: Slots, timeout: Time | None, sigmask: int | None) -> int:
    """Wait until one of the descriptors is ready, under `sigmask` if there is one; how many are."""
    if timeout is not None and (not 0 <= timeout.nsec < 1_000_000_000 or timeout.sec < 0):
        raise Errno(E.INVAL)
    with waiting_with(ctx, sigmask):
        return _poll(ctx, fds, timeout)


def _poll(ctx: Context, fds: Slots, timeout: Time | None) -> int:
    files = ctx.process.files.open
    found = [readiness(ctx, item) for item in fds.items]
    count = sum(1 for events in found if events)
    until = deadline_of(ctx, timeout)
    expired = until is not None and ctx.process.kernel.clocks.monotonic_ns() >= until
    if not count and not expired:
        raise wait_for([(f, i.events) for i in fds.items if (f := files.get(i.fd))], until)
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


def wait_for(files: list[tuple[File, int]], until: int | None) -> Block:
    """A wait that ends when one of the files may be ready for its events, or at `until`."""
    fds = tuple((f.host_fd, events) for f, events in files if f.host_fd is not None)
    quiet = [(f, events) for f, events in files if f.host_fd is None]
    due = [at for f, _ in quiet if (at := f.due_ns()) is not None]
    if until is not None:
        due.append(until)

    sets = [f for f, _ in files if f.host_fd is not None and f.gathers]

    def ready() -> bool:
        return any(f.ready(events) for f, events in quiet) or any(f.stirred() for f in sets)

    return Block(fds=fds, deadline_ns=min(due, default=None), ready=ready if quiet or sets else None)
