"""Event descriptors: counters, timers, pending signals, and sets of descriptors to wait on."""

from __future__ import annotations

import os
import select

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Clock, EpollEvent, Itimer, Open, Stat, Time
from aot.record import dataclass
from runtime.kernel.context import Process
from runtime.kernel.host import failure, ready
from runtime.kernel.leave import Block
from runtime.kernel.node import POLLIN, File, Node, fill, total
from runtime.kernel.schemes.hostfile import HostStream, StreamNode
from runtime.kernel.timers import Timer

ONESHOT, EDGE, EXCLUSIVE = 1 << 30, 1 << 31, 1 << 28
NESTED = 5
"""How many sets may lie in each other; From: fs/eventpoll.c (EP_MAX_NESTS)."""
CONDITIONS = 0xFFFF
_EMPTY = Time(0, 0)


class EventNode(Node):
    """What has no place in any directory and no bytes at rest."""

    def stat(self) -> Stat:
        return Stat(0, 1, 0o600, 1, 0, 0, 0, 0, 4096, 0, _EMPTY, _EMPTY, _EMPTY)


def make_eventfd(count: int, flags: Open) -> HostStream:
    """A counter: the host's own, in non-blocking mode."""
    bits = os.EFD_CLOEXEC | os.EFD_NONBLOCK | (os.EFD_SEMAPHORE if flags & Open.SEMAPHORE else 0)
    try:
        fd = os.eventfd(count, bits)
    except OSError as error:
        raise failure(error) from None
    file = HostStream(StreamNode(fd), Open.READ | Open.WRITE | flags & Open.NONBLOCK, fd, polite=False)
    file.name = b"anon_inode:[eventfd]"
    file.fills = False  # a number is taken whole or not at all
    return file


class QuietFile(File):
    """An event file that no descriptor of the host stands for. `edges` counts what made it ready."""

    def __init__(self, flags: Open) -> None:
        super().__init__(EventNode(), Open.READ | flags & Open.NONBLOCK)
        self.edges = 0

    def wait(self) -> None:
        """It is not ready. Raises AGAIN or leaves to wait."""
        if self.flags & Open.NONBLOCK:
            raise Errno(E.AGAIN)
        raise Block(deadline_ns=self.due_ns(), ready=lambda: bool(self.ready(POLLIN)), restarts=True)


class TimerFile(QuietFile):
    """A timer that is read: how often it expired since the last look."""

    def __init__(self, process: Process, clock: Clock, flags: Open) -> None:
        super().__init__(flags)
        self.kernel, self.clock, self.count = process.kernel, clock, 0
        self.timer = Timer(process.kernel, self._fire)
        self.name = b"anon_inode:[timerfd]"

    def _fire(self, count: int) -> None:
        self.count += count
        self.edges += 1

    def set(self, value: Itimer, *, absolute: bool) -> Itimer:
        """Arm or disarm it; what was left."""
        old, clocks = self.left(), self.kernel.clocks
        self.count = 0
        if not value.value.ns:
            self.timer.set(None)
            return old
        wait = value.value.ns - clocks.now_ns(self.clock) if absolute else value.value.ns
        self.timer.set(clocks.monotonic_ns() + max(wait, 0), value.interval.ns)
        return old

    def left(self) -> Itimer:
        """Period, and time to the next expiry."""
        if self.timer.due_ns is None:
            return Itimer(Time(*divmod(self.timer.period_ns, 1_000_000_000)), _EMPTY)
        return self.timer.left(self.kernel.clocks.monotonic_ns())

    def due_ns(self) -> int | None:
        return self.timer.due_ns

    def ready(self, events: int) -> int:
        self.timer.run(self.kernel.clocks.monotonic_ns())
        return events & POLLIN if self.count else 0

    def read(self, buf: Buffers) -> int:
        if total(buf) < 8:
            raise Errno(E.INVAL)
        if not self.ready(POLLIN):
            self.wait()
        count, self.count = self.count, 0
        return fill(buf, count.to_bytes(8, "little"))

    def close(self) -> None:
        self.timer.set(None)


@dataclass(slots=True, eq=False)
class Watched:
    """One descriptor of an epoll set."""

    fd: int
    file: File
    event: EpollEvent
    seen: int = -1  # QuietFile.edges when it was last reported


class EpollFile(File):
    """A set of descriptors. Those of the host are in an epoll set of the host, which knows about edges."""

    gathers = True

    def __init__(self) -> None:
        super().__init__(EventNode(), Open.READ | Open.WRITE)
        try:
            self.host = select.epoll()
        except OSError as error:
            raise failure(error) from None
        self.host_fd = self.host.fileno()
        self.watched: dict[tuple[int, int], Watched] = {}  # by descriptor and file: closing frees a number
        self.by_host: dict[int, Watched] = {}
        self.name = b"anon_inode:[eventpoll]"

    def _key(self, fd: int, file: File) -> tuple[int, int]:
        return fd, id(file)

    def add(self, fd: int, file: File, event: EpollEvent) -> None:
        """Watch a descriptor. Raises EXIST, PERM for what cannot be waited on."""
        key = self._key(fd, file)
        if key in self.watched:
            raise Errno(E.EXIST)
        if isinstance(file, EpollFile):
            file.check_nesting(self)
        item = Watched(fd, file, event)
        if file.host_fd is not None:
            try:
                self.host.register(file.host_fd, event.events)
            except OSError as error:
                raise failure(error) from None
            self.by_host[file.host_fd] = item
        elif not isinstance(file, QuietFile):
            raise Errno(E.PERM)
        self.watched[key] = item

    def check_nesting(self, outer: EpollFile) -> None:
        """Raises LOOP when `outer` would be in itself, INVAL when sets lie too deep in each other."""
        level = {id(self): self}
        for _ in range(NESTED):
            if id(outer) in level:
                raise Errno(E.LOOP)
            inner = [w.file for s in level.values() for w in s.watched.values()]
            level = {id(f): f for f in inner if isinstance(f, EpollFile)}
            if not level:
                return
        raise Errno(E.INVAL)

    def _find(self, fd: int, file: File) -> Watched:
        try:
            return self.watched[self._key(fd, file)]
        except KeyError:
            raise Errno(E.NOENT) from None

    def change(self, fd: int, file: File, event: EpollEvent) -> None:
        """Watch for something else, and again after a one-shot."""
        item = self._find(fd, file)
        item.event, item.seen = event, -1
        if file.host_fd is not None:
            self.host.modify(file.host_fd, event.events)

    def remove(self, fd: int, file: File) -> None:
        """Stop watching."""
        self._find(fd, file)
        del self.watched[self._key(fd, file)]
        if file.host_fd is not None:
            del self.by_host[file.host_fd]
            self.host.unregister(file.host_fd)

    def forget_closed(self, process: Process) -> None:
        """Closing a file takes it out of every set it is in."""
        users = process.files.users
        for key in [k for k, w in self.watched.items() if not users(w.file)]:
            item = self.watched.pop(key)
            host = item.file.host_fd
            if host is not None and self.by_host.get(host) is item:
                del self.by_host[host]

    def quiet(self) -> list[tuple[File, int]]:
        """Files without a descriptor of the host, and what is wanted of them."""
        return [
            (w.file, w.event.events & CONDITIONS) for w in self.watched.values() if w.file.host_fd is None
        ]

    def collect(self, limit: int) -> list[EpollEvent]:
        """What is ready now, up to `limit`; edges and one-shots are used up."""
        found = []
        for host, events in self.host.poll(0, limit):
            item = self.by_host.get(host)
            if item is not None:
                found.append(EpollEvent(events, item.event.data))
        for item in list(self.watched.values()):
            if len(found) >= limit:
                break
            if item.file.host_fd is None:
                if events := self._quietly(item):
                    found.append(EpollEvent(events, item.event.data))
            elif (
                item.file.stirred()
                and item.event.events & POLLIN
                and EpollEvent(POLLIN, item.event.data) not in found
            ):
                found.append(EpollEvent(POLLIN, item.event.data))
        return found

    def _reports(self, item: Watched) -> int:
        """What a file without a descriptor of the host has to report now."""
        assert isinstance(item.file, QuietFile)
        wanted = item.event.events
        events = item.file.ready(wanted & CONDITIONS)
        return 0 if wanted & EDGE and item.seen == item.file.edges else events

    def _quietly(self, item: Watched) -> int:
        assert isinstance(item.file, QuietFile)
        events = self._reports(item)
        if events:
            item.seen = item.file.edges
            if item.event.events & ONESHOT:
                item.event = EpollEvent(item.event.events & ~CONDITIONS, item.event.data)
        return events

    def stirred(self) -> bool:
        """Whether such a file has something to report; asked while somebody waits, files may be added meanwhile."""
        return any(
            self._reports(w) if w.file.host_fd is None else w.file.stirred()
            for w in list(self.watched.values())
        )

    def due_ns(self) -> int | None:
        return min((at for f, _ in self.quiet() if (at := f.due_ns()) is not None), default=None)

    def ready(self, events: int) -> int:
        there = ready(self.host.fileno(), POLLIN) or self.stirred()
        return events & POLLIN if there else 0

    def close(self) -> None:
        self.host.close()
