"""kqueue(2) of the BSDs over the kernel's descriptor sets: the read, write and user filters.

From: sys/sys/event.h and sys/kern/kern_event.c of FreeBSD, sys/kern/kern_event.c of NetBSD and OpenBSD.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from aot.personality.abi.call import Call, Status, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import ADDRESS, FD, S32
from aot.personality.abi.layout import Layout
from aot.personality.abi.neutral import EpollEvent, Open, Time
from aot.personality.abi.op import Op
from aot.personality.bsd.layouts import TIMESPEC
from aot.record import dataclass, field

Ops = Mapping[Op, Any]
STATE = "kqueues"  # key of a process's data: descriptor -> Queue
EV_ADD, EV_DELETE, EV_ENABLE, EV_DISABLE = 0x1, 0x2, 0x4, 0x8
EV_ONESHOT, EV_CLEAR, EV_ERROR, EV_EOF = 0x10, 0x20, 0x4000, 0x8000
NOTE_TRIGGER = 0x0100_0000
IN, OUT, ERR, HUP, ONESHOT, EDGE = 1, 4, 8, 16, 1 << 30, 1 << 31
ADD, DELETE, MODIFY = 1, 2, 3
STATUS: Status = partial("the read, write and user filters; no counts of bytes")


@dataclass(slots=True)
class Queue:
    """One queue: the notes of each watched descriptor by filter, and the counters behind user events."""

    notes: dict[int, dict[int, SimpleNamespace]] = field(default_factory=dict)
    users: dict[int, int] = field(default_factory=dict)  # ident -> descriptor of its counter


@dataclass(slots=True)
class _Found:
    """Where a set puts what is ready."""

    events: list[EpollEvent] = field(default_factory=list)

    def add(self, event: EpollEvent) -> bool:
        self.events.append(event)
        return True


class Kqueue:
    """The calls, for one system's struct kevent and numbers of filters."""

    def __init__(self, layout: Layout, read: int, write: int, user: int, errors: Mapping[E, int]) -> None:
        self._layout, self._read, self._write, self._user = layout, read, write, user
        self._errors = errors

    def row(self, name: str, numbers: Mapping[str, int | None]) -> Call:
        """The row of kevent under one of its names."""
        return call(name, numbers, None, STATUS,
                    sig(fd=FD, changelist=ADDRESS, nchanges=S32, eventlist=ADDRESS, nevents=S32,
                        timeout=ADDRESS), via=self.kevent)  # fmt: skip

    def kevent(
        self, ctx: Any, ops: Ops, fd: int, changelist: int, nchanges: int, eventlist: int, nevents: int,
        timeout: int,
    ) -> int:  # fmt: skip
        """Make the changes, then wait for events if there is room for any."""
        queue = _queue(ctx, ops, fd)
        size = self._layout.size
        done = 0
        for i in range(nchanges if ctx.wait is None else 0):
            note = SimpleNamespace(**self._layout.decode(ctx.mem.read(changelist + i * size, size)))
            try:
                self._change(ctx, ops, fd, queue, note)
            except Errno as e:
                if done >= nevents:
                    raise
                note.flags, note.data = EV_ERROR, self._errors[e.code]
                ctx.mem.write(eventlist + done * size, self._layout.encode(note))
                done += 1
        if done or nevents <= 0:
            return done
        return self._wait(ctx, ops, fd, queue, eventlist, nevents, _time(ctx, timeout))

    def _wait(
        self, ctx: Any, ops: Ops, fd: int, queue: Queue, eventlist: int, nevents: int, timeout: Time | None
    ) -> int:
        found = _Found()
        most = max(nevents // 2, 1)  # a descriptor may be ready for both filters
        ops[Op.EPOLL_WAIT](ctx, fd=fd, events=found, count=most, timeout=timeout, mask=None)
        ready = [note for event in found.events for note in self._ready(ctx, ops, queue, event)]
        for i, note in enumerate(ready[:nevents]):
            at = eventlist + i * self._layout.size
            ctx.mem.write(at, self._layout.encode(note))
        return min(len(ready), nevents)

    def _ready(self, ctx: Any, ops: Ops, queue: Queue, event: EpollEvent) -> list[SimpleNamespace]:
        notes = queue.notes.get(event.data, {})
        out = []
        for kind, note in list(notes.items()):
            wanted = OUT if kind == self._write else IN
            if not event.events & (wanted | ERR | HUP):
                continue
            gone = EV_EOF if event.events & HUP and kind != self._user else 0
            fields = vars(note) | {"flags": note.flags | gone, "data": 1 if kind == self._read else 0}
            out.append(SimpleNamespace(**fields))
            if kind == self._user and note.flags & EV_CLEAR:
                ops[Op.READ](ctx, fd=event.data, buf=(memoryview(bytearray(8)),))
            if note.flags & EV_ONESHOT:
                del notes[kind]
        return out

    def _change(self, ctx: Any, ops: Ops, fd: int, queue: Queue, note: SimpleNamespace) -> None:
        if note.filter == self._user:
            self._user_event(ctx, ops, fd, queue, note)
            return
        if note.filter not in (self._read, self._write):
            raise Errno(E.INVAL)
        notes = queue.notes.setdefault(note.ident, {})
        if note.flags & EV_ADD:
            notes[note.filter] = _kept(note)
        elif notes.pop(note.filter, None) is None:
            raise Errno(E.NOENT)
        elif note.flags & EV_ENABLE:
            notes[note.filter] = _kept(note)
        self._watch(ctx, ops, fd, note.ident, notes)

    def _watch(self, ctx: Any, ops: Ops, fd: int, target: int, notes: dict[int, SimpleNamespace]) -> None:
        events = 0
        for kind, note in notes.items():
            if not note.flags & EV_DISABLE:
                events |= (OUT if kind == self._write else IN) | (EDGE if note.flags & EV_CLEAR else 0)
                events |= ONESHOT if note.flags & EV_ONESHOT else 0
        event = EpollEvent(events, target)
        actions = (MODIFY, ADD) if events else (DELETE,)
        for action in actions:
            try:
                ops[Op.EPOLL_CTL](ctx, fd=fd, action=action, target=target, event=event)
            except Errno as e:
                if e.code is not E.NOENT:
                    raise
            else:
                return

    def _user_event(self, ctx: Any, ops: Ops, fd: int, queue: Queue, note: SimpleNamespace) -> None:
        if note.flags & EV_ADD and note.ident not in queue.users:
            counter = queue.users[note.ident] = ops[Op.EVENTFD](
                ctx, count=0, flags=Open.NONBLOCK | Open.CLOEXEC
            )
            queue.notes[counter] = {self._user: _kept(note)}
            event = EpollEvent(IN, counter)
            ops[Op.EPOLL_CTL](ctx, fd=fd, action=ADD, target=counter, event=event)
        counter = queue.users.get(note.ident, -1)
        if counter < 0:
            raise Errno(E.NOENT)
        if note.flags & EV_DELETE:
            del queue.users[note.ident], queue.notes[counter]
            ops[Op.CLOSE](ctx, fd=counter)
        elif note.fflags & NOTE_TRIGGER:
            one = (memoryview(bytearray(b"\1" + bytes(7))),)
            ops[Op.WRITE](ctx, fd=counter, buf=one)


def kqueue(ctx: Any, ops: Ops) -> int:
    """A new queue."""
    fd: int = ops[Op.EPOLL_CREATE](ctx, flags=Open(0))
    ctx.process.data.setdefault(STATE, {})[fd] = Queue()
    return fd


def _queue(ctx: Any, ops: Ops, fd: int) -> Queue:
    ops[Op.FCNTL_GETFD](ctx, fd=fd)  # a closed descriptor is no queue
    found: Queue | None = ctx.process.data.get(STATE, {}).get(fd)
    if found is None:
        raise Errno(E.BADF)
    return found


def _kept(note: SimpleNamespace) -> SimpleNamespace:
    flags = note.flags & (EV_CLEAR | EV_ONESHOT | EV_DISABLE)
    return SimpleNamespace(
        ident=note.ident, filter=note.filter, flags=flags, fflags=0, data=0, udata=note.udata
    )


def _time(ctx: Any, timeout: int) -> Time | None:
    if not timeout:
        return None
    words = TIMESPEC.decode(ctx.mem.read(timeout, TIMESPEC.size))
    return Time(words["sec"], words["nsec"])
