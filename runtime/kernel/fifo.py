"""Named pipes: opening one end waits until the other is open.

The host's own pipes carry the data. Because the guest's processes are one process of the host, which may never
wait, both ends are opened without waiting and who waits for whom is kept here. A writer also looks for a reader
among the host's processes, now and then; a reader sees data or an end of them.
"""

from __future__ import annotations

import os
import select
from functools import cache
from weakref import WeakSet

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import FileType, Open, Stat
from aot.record import dataclass, field
from runtime.kernel.context import Context
from runtime.kernel.leave import Block
from runtime.kernel.node import File
from runtime.kernel.schemes.hostfile import HostStream
from runtime.kernel.schemes.memfifo import MemFifoFile

RETRY_NS = 20_000_000


@dataclass(slots=True)
class Ends:
    """The open ends of one named pipe and how many there ever were."""

    readers: WeakSet[File] = field(default_factory=WeakSet)
    writers: WeakSet[File] = field(default_factory=WeakSet)
    joined: int = 0


@dataclass(slots=True, eq=False)
class Pending:
    """An end that is open and whose open() has not come back."""

    file: HostStream
    seen: int


def meet(ctx: Context, file: File) -> None:
    """Wait until a named pipe just opened has both ends. Raises Block, Errno.

    Preconditions: `file` is not yet a descriptor; it is kept in `ctx.wait` while the call waits.
    """
    if not isinstance(file, HostStream) or file.stat().mode >> 12 != FileType.FIFO:
        return
    if _nameless(file):  # by /proc/self/fd: both its ends are open already
        return
    ends = _ends_of(ctx, file)
    mine, theirs = (ends.writers, ends.readers) if file.can_write else (ends.readers, ends.writers)
    mine.add(file)
    ends.joined += 1
    if file.can_read and file.can_write:
        ends.readers.add(file)
    elif not file.flags & Open.NONBLOCK and not theirs:
        _wait(ctx, Pending(file, ends.joined), ends)


def _nameless(file: HostStream) -> bool:
    """Whether `file` is an end of a pipe that was made without a name."""
    return not isinstance(file, MemFifoFile) and os.fstat(file.fd).st_dev == _device_of_pipes()


@cache
def _device_of_pipes() -> int:
    ends = os.pipe2(os.O_CLOEXEC)
    try:
        return os.fstat(ends[0]).st_dev
    finally:
        for end in ends:
            os.close(end)


def resumed(ctx: Context) -> File | None:
    """The file of an open() that waited and is made again; None when this is a first call. Raises Block, Errno."""
    pending = ctx.wait
    if not isinstance(pending, Pending):
        return None
    ctx.wait = None
    file = pending.file
    ends = _ends_of(ctx, file)
    theirs = ends.readers if file.can_write else ends.writers
    if not theirs and ends.joined == pending.seen and not _stirs(file):
        _wait(ctx, pending, ends)
    return file


def wait_for_reader(ctx: Context, found: Stat) -> None:
    """A writer found nobody who reads: make the call again when that may have changed. Raises Block.

    Comes back when what was found is no named pipe: a socket refuses to be opened in the same way.
    """
    if found.mode >> 12 != FileType.FIFO:
        return
    ends = _ends(ctx, found.dev, found.ino)
    seen = ends.joined
    deadline = ctx.process.kernel.clocks.monotonic_ns() + RETRY_NS
    raise Block(ready=lambda: ends.joined != seen, deadline_ns=deadline, restarts=True)


def _ends_of(ctx: Context, file: HostStream) -> Ends:
    found = os.fstat(file.fd)
    return _ends(ctx, found.st_dev, found.st_ino)


def _ends(ctx: Context, dev: int, ino: int) -> Ends:
    found: Ends = ctx.process.kernel.fifos.setdefault((dev, ino), Ends())
    return found


def _shared(file: HostStream) -> bool:
    """Whether processes of the host can open the pipe. One in memory would say at once that its writers are gone."""
    return not isinstance(file, MemFifoFile)


def _stirs(file: HostStream) -> bool:
    """Whether a process of the host wrote to what `file` reads, or came and went."""
    if not _shared(file):
        return False
    poll = select.poll()
    poll.register(file.fd, select.POLLIN)
    return bool(file.can_read and poll.poll(0))


def _wait(ctx: Context, pending: Pending, ends: Ends) -> None:
    file = pending.file
    ctx.wait = pending
    theirs = ends.readers if file.can_write else ends.writers
    try:
        raise Block(
            ready=lambda: bool(theirs) or ends.joined != pending.seen,
            fds=((file.fd, select.POLLIN),) if file.can_read and _shared(file) else (),
            cancel=lambda: give_up(ctx),
            restarts=True,
        )
    except Errno:
        give_up(ctx)
        raise


def give_up(ctx: Context) -> None:
    """Close the end of an open() that will not come back."""
    pending, ctx.wait = ctx.wait, None
    if isinstance(pending, Pending):
        pending.file.close()


def is_no_reader(error: Errno, flags: Open) -> bool:
    """Whether an open() failed because a named pipe has no reader, and may wait for one."""
    return error.code is E.NXIO and not flags & Open.NONBLOCK and bool(flags & Open.WRITE)
