"""Ops on event descriptors: counters, timers, sets to wait on, signals that are read."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Sink
from aot.personality.abi.neutral import Clock, EpollEvent, Itimer, Open, Time
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.leave import Block
from runtime.kernel.node import POLLERR, POLLHUP, POLLIN
from runtime.kernel.ops_signal import waiting_with
from runtime.kernel.ops_time import deadline_of
from runtime.kernel.optable import op
from runtime.kernel.schemes.events import EXCLUSIVE, EpollFile, TimerFile, make_eventfd

_BILLION = 1_000_000_000
ADD, DELETE, MODIFY = 1, 2, 3


def _cloexec(flags: Open) -> bool:
    return bool(flags & Open.CLOEXEC)


@op(Op.EVENTFD)
def eventfd(ctx: Context, count: int, flags: Open) -> int:
    """A counter that writes add to and reads take."""
    return ctx.process.files.add(make_eventfd(count, flags), cloexec=_cloexec(flags))


@op(Op.TIMERFD_CREATE)
def timerfd_create(ctx: Context, clock: Clock, flags: Open) -> int:
    """A timer that is read."""
    return ctx.process.files.add(TimerFile(ctx.process, clock, flags), cloexec=_cloexec(flags))


def _timer(ctx: Context, fd: int) -> TimerFile:
    file = ctx.process.files.get(fd)
    if not isinstance(file, TimerFile):
        raise Errno(E.INVAL)
    return file


@op(Op.TIMERFD_SETTIME)
def timerfd_settime(ctx: Context, fd: int, absolute: bool, value: Itimer) -> Itimer:
    """Arm or disarm a timer; what was left of it."""
    if any(not 0 <= t.nsec < _BILLION or t.sec < 0 for t in (value.interval, value.value)):
        raise Errno(E.INVAL)
    return _timer(ctx, fd).set(value, absolute=absolute)


@op(Op.TIMERFD_GETTIME)
def timerfd_gettime(ctx: Context, fd: int) -> Itimer:
    """Period and time left."""
    return _timer(ctx, fd).left()


@op(Op.EPOLL_CREATE)
def epoll_create(ctx: Context, flags: Open) -> int:
    """A set of descriptors to wait on."""
    return ctx.process.files.add(EpollFile(), cloexec=_cloexec(flags))


def _set(ctx: Context, fd: int) -> EpollFile:
    file = ctx.process.files.get(fd)
    if not isinstance(file, EpollFile):
        raise Errno(E.INVAL)
    file.forget_closed(ctx.process)
    return file


@op(Op.EPOLL_CTL)
def epoll_ctl(ctx: Context, fd: int, action: int, target: int, event: EpollEvent | None) -> None:
    """Add, change or remove a descriptor of a set."""
    file = ctx.process.files.get(target)
    group = _set(ctx, fd)
    if file is group or action not in (ADD, DELETE, MODIFY):
        raise Errno(E.INVAL)
    if action == DELETE:
        group.remove(target, file)
        return
    if event is None:
        raise Errno(E.FAULT)
    event = EpollEvent((event.events & ~EXCLUSIVE) | POLLERR | POLLHUP, event.data)
    (group.add if action == ADD else group.change)(target, file, event)


@op(Op.EPOLL_WAIT)
def epoll_wait(
    ctx: Context, fd: int, events: Sink, count: int, timeout: Time | None, mask: int | None
) -> int:
    """Wait until something in a set is ready; how many events were stored."""
    if count <= 0:
        raise Errno(E.INVAL)
    if timeout is not None and not 0 <= timeout.nsec < _BILLION:
        raise Errno(E.INVAL)
    group = _set(ctx, fd)
    with waiting_with(ctx, mask):
        found = group.collect(count)
        until = deadline_of(ctx, timeout)
        expired = until is not None and ctx.process.kernel.clocks.monotonic_ns() >= until
        if not found and not expired:
            due = [at for at in (until, group.due_ns()) if at is not None]
            wait = ((group.host.fileno(), POLLIN),)
            raise Block(fds=wait, deadline_ns=min(due, default=None), ready=group.stirred)
        ctx.wait = None
    for event in found:
        events.add(event)
    return len(found)
