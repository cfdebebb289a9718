"""Ops on POSIX message queues."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock, Open, Resource, Time
from aot.personality.abi.neutral_memory import Letter, QueueShape
from aot.personality.abi.op import Op
from aot.record import dataclass, replace
from runtime.kernel.context import Context
from runtime.kernel.ipc import Ipc, ipc_of
from runtime.kernel.leave import Block
from runtime.kernel.ops_process import limit_of
from runtime.kernel.optable import op
from runtime.kernel.schemes.mqueue import Queue, QueueFile

NAME_MAX = 255
MOST_QUEUES = 256
HIGHEST = 32768  # priorities are below
NO_WAIT = 0o4000
USUAL, HARD = (
    QueueShape(0, 10, 8192),
    QueueShape(0, 65536, 1 << 24),
)  # most of whom, and of a privileged caller
_BILLION = 1_000_000_000


@dataclass(slots=True)
class Waits:
    """In `Context.wait`: a call that waits until a time on the monotonic clock."""

    until_ns: int | None


@op(Op.MQ_OPEN)
def mq_open(ctx: Context, name: bytes, flags: Open, mode: int, shape: QueueShape | None) -> int:
    """Open a queue by name, made when it may be; a descriptor."""
    ipc, creds = ipc_of(ctx.process.kernel), ctx.process.creds
    _check_name(name)
    queue: Queue | None = ipc.queues.get(name)
    if queue is None:
        if not flags & Open.CREATE:
            raise Errno(E.NOENT)
        queue = Queue(_shape(ctx, shape), mode & ~ctx.process.umask & 0o777, creds.euid, creds.egid)
        if len(ipc.queues) >= MOST_QUEUES and creds.euid:
            raise Errno(E.NOSPC)
        _afford(ctx, ipc, queue)
        file = QueueFile(queue, flags)
        fd = ctx.process.files.add(file, cloexec=bool(flags & Open.CLOEXEC))
        ipc.queues[name] = queue
        ipc.made = [other for other in ipc.made if other.charge] + [queue]
        return fd
    if flags & Open.CREATE and flags & Open.EXCLUSIVE:
        raise Errno(E.EXIST)
    wanted = (4 if flags & Open.READ else 0) | (2 if flags & Open.WRITE else 0)
    granted = queue.mode >> (6 if creds.euid == queue.uid else 3 if creds.egid == queue.gid else 0)
    if creds.euid and wanted & ~granted:
        raise Errno(E.ACCES)
    return ctx.process.files.add(QueueFile(queue, flags), cloexec=bool(flags & Open.CLOEXEC))


def _afford(ctx: Context, ipc: Ipc, queue: Queue) -> None:
    """Raises MFILE for a queue that, full, would pass what its owner may have in queues."""
    most = limit_of(ctx.process, Resource.MSGQUEUE)
    if (
        most is not None
        and queue.charge + sum(other.charge for other in ipc.made if other.uid == queue.uid) > most
    ):
        raise Errno(E.MFILE)


def _check_name(name: bytes) -> None:
    if len(name) > NAME_MAX:
        raise Errno(E.NAMETOOLONG)
    if not name or name in (b".", b".."):
        raise Errno(E.NOENT if not name else E.ACCES)
    if b"/" in name:
        raise Errno(E.ACCES)


def _shape(ctx: Context, shape: QueueShape | None) -> QueueShape:
    if shape is None:
        return USUAL
    most = HARD if not ctx.process.creds.euid else USUAL
    if not 0 < shape.most <= most.most or not 0 < shape.size <= most.size:
        raise Errno(E.INVAL)
    return replace(shape, flags=0, count=0)


@op(Op.MQ_UNLINK)
def mq_unlink(ctx: Context, name: bytes) -> None:
    """Take a queue's name away; it lives on while it is open."""
    ipc: Ipc = ipc_of(ctx.process.kernel)
    queue: Queue | None = ipc.queues.get(name)
    if queue is None:
        raise Errno(E.NAMETOOLONG if len(name) > NAME_MAX else E.NOENT)
    if ctx.process.creds.euid not in (0, queue.uid):
        raise Errno(E.ACCES)
    del ipc.queues[name]
    queue.named = False


def _open_queue(ctx: Context, fd: int) -> QueueFile:
    file = ctx.process.files.get(fd)
    if not isinstance(file, QueueFile):
        raise Errno(E.BADF)
    return file


def _until(ctx: Context, timeout: Time | None) -> int | None:
    """The end of a wait on the monotonic clock, of a time on the calendar's."""
    if isinstance(ctx.wait, Waits):
        return ctx.wait.until_ns
    if timeout is None:
        return None
    if not 0 <= timeout.nsec < _BILLION or timeout.sec < 0:
        raise Errno(E.INVAL)
    clocks = ctx.process.kernel.clocks
    return clocks.monotonic_ns() + max(timeout.ns - clocks.now_ns(Clock.REALTIME), 0)


def _wait(ctx: Context, file: QueueFile, until: int | None, events: int) -> None:
    """It is full, or empty. Raises AGAIN, TIMEDOUT, or leaves to wait."""
    if file.flags & Open.NONBLOCK:
        ctx.wait = None
        raise Errno(E.AGAIN)
    if until is not None and ctx.process.kernel.clocks.monotonic_ns() >= until:
        ctx.wait = None
        raise Errno(E.TIMEDOUT)
    block = Block(deadline_ns=until, ready=lambda: bool(file.ready(events)), restarts=True)
    ctx.wait = Waits(until)
    raise block


@op(Op.MQ_SEND)
def mq_send(ctx: Context, fd: int, text: bytes | None, priority: int, timeout: Time | None) -> None:
    """Put a message into a queue; wait for room until `timeout` on the calendar's clock."""
    if priority >= HIGHEST:
        raise Errno(E.INVAL)
    until = _until(ctx, timeout)
    file = _open_queue(ctx, fd)
    if not file.can_write:
        raise Errno(E.BADF)
    queue = file.queue
    if text is None or len(text) > queue.shape.size:
        raise Errno(E.MSGSIZE)
    if len(queue.letters) >= queue.shape.most:
        _wait(ctx, file, until, 4)
    ctx.wait = None
    queue.put(Letter(priority, text), ctx.process)


@op(Op.MQ_RECEIVE)
def mq_receive(ctx: Context, fd: int, size: int, timeout: Time | None) -> Letter:
    """Take the oldest message of the highest priority."""
    until = _until(ctx, timeout)
    file = _open_queue(ctx, fd)
    if not file.can_read:
        raise Errno(E.BADF)
    queue = file.queue
    if size < queue.shape.size:
        raise Errno(E.MSGSIZE)
    again = ctx.wait is not None
    if again:
        queue.waiting -= 1
    if not queue.letters:
        queue.waiting += 1
        try:
            _wait(ctx, file, until, 1)
        except Errno:
            queue.waiting -= 1
            raise
    ctx.wait = None
    return queue.letters.pop(0)


@op(Op.MQ_NOTIFY)
def mq_notify(ctx: Context, fd: int, signal: int | None, value: int) -> None:
    """Be told once, by a signal (0: not at all), of the next message on the empty queue; None: no longer."""
    queue, process = _open_queue(ctx, fd).queue, ctx.process
    if signal is None:
        if queue.told is process:
            queue.told = None
        return
    if queue.told is not None and queue.told.status is None:
        raise Errno(E.BUSY)
    queue.told, queue.signal, queue.value = process, signal, value


@op(Op.MQ_ATTRIBUTES)
def mq_attributes(ctx: Context, fd: int, shape: QueueShape | None) -> QueueShape:
    """What a queue is like; of `shape` only whether to wait is taken over."""
    file = _open_queue(ctx, fd)
    flags = NO_WAIT if file.flags & Open.NONBLOCK else 0
    found = replace(file.queue.shape, flags=flags, count=len(file.queue.letters))
    if shape is not None:
        if shape.flags & ~NO_WAIT:
            raise Errno(E.INVAL)
        kept = Open(file.flags) & ~Open.NONBLOCK
        file.flags = kept | Open.NONBLOCK if shape.flags else kept
    return found
