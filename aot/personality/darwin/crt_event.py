"""kqueue as far as a program's own wake-ups need it. From: bsd/sys/event.h of XNU."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, To
from aot.personality.abi.neutral import Clock, Open, Time
from aot.personality.abi.op import Op
from aot.personality.bsd import kinds as bk
from aot.personality.darwin.crt import Ops, c, keep
from aot.personality.darwin.fails import SYSTEM_CALL
from aot.personality.darwin.kinds import RAW
from aot.personality.darwin.state import state
from aot.record import dataclass, field

KEVENT = struct.Struct("<QhHIqQ")  # ident, filter, flags, fflags, data, udata
FILTER_USER = -10
ADD, DELETE, ONESHOT, CLEAR, ERROR = 0x1, 0x2, 0x10, 0x20, 0x4000
TRIGGER = 0x0100_0000
ALL = 0xFFFF_FFFF


@dataclass(slots=True)
class Queue:
    """A kqueue: its user events, and the word that waiters wait on."""

    word: int
    users: dict[int, tuple[int, int]] = field(default_factory=dict)  # ident -> (flags, udata)
    fired: list[int] = field(default_factory=list)


def _queues(ctx: Any) -> dict[int, Queue]:
    found: dict[int, Queue] = state(ctx).parts.setdefault("kqueues", {})
    return found


def create(ctx: Any, ops: Ops) -> int:
    """Kqueue: a descriptor of its own."""
    ends = ops[Op.PIPE](ctx, flags=Open.CLOEXEC)
    ops[Op.CLOSE](ctx, fd=ends.write)
    _queues(ctx)[ends.read] = Queue(keep(ctx, bytes(16)))
    return int(ends.read)


def _change(ctx: Any, ops: Ops, queue: Queue, raw: bytes) -> None:
    ident, kind, flags, fflags, _, udata = KEVENT.unpack(raw)
    if kind != FILTER_USER:
        return  # descriptors are read and written without waiting for them
    if flags & DELETE:
        queue.users.pop(ident, None)
    elif flags & ADD:
        queue.users[ident] = (flags, udata)
    if fflags & TRIGGER and ident in queue.users and ident not in queue.fired:
        queue.fired.append(ident)
        count = int.from_bytes(ctx.mem.read(queue.word, 4), "little") + 1
        ctx.mem.write(queue.word, (count & ALL).to_bytes(4, "little"))
        ops[Op.UNPARK](ctx, address=queue.word, count=0x7FFF_FFFF, mask=ALL)


def _answer(ctx: Any, queue: Queue, events: int, room: int) -> int:
    taken, queue.fired = queue.fired[:room], queue.fired[room:]
    for index, ident in enumerate(taken):
        flags, udata = queue.users.get(ident, (CLEAR, 0))
        raw = KEVENT.pack(ident, FILTER_USER, flags & ~ADD, 0, 0, udata)
        ctx.mem.write(events + KEVENT.size * index, raw)
    return len(taken)


def kevent(
    ctx: Any, ops: Ops, fd: int, changes: int, count: int, events: int, room: int, timeout: Time | None
) -> int:
    """Kevent: apply the changes, then wait for a user event or the time."""
    queue = _queues(ctx).get(fd)
    if queue is None:
        raise Errno(E.BADF)
    if ctx.wait is None:
        for index in range(count):
            _change(ctx, ops, queue, ctx.mem.read(changes + KEVENT.size * index, KEVENT.size))
        if room <= 0:
            return 0
    while ctx.wait is not None or not queue.fired:
        if timeout is not None and timeout.ns == 0 and ctx.wait is None:
            return 0
        now = int.from_bytes(ctx.mem.read(queue.word, 4), "little")
        try:
            ops[Op.PARK](ctx, address=queue.word, expected=now, size=4, mask=ALL, timeout=timeout,
                         absolute=False, clock=int(Clock.MONOTONIC))  # fmt: skip
        except Errno as e:
            if e.code is not E.TIMEDOUT:
                raise
            return 0
    return _answer(ctx, queue, events, room)


# fmt: off
CALLS: tuple[Call, ...] = (
    c("kqueue", {}, create, "user events only", fail=SYSTEM_CALL),
    c("kevent", {"kq": To("fd", S32), "changelist": To("changes", RAW), "nchanges": To("count", S32),
        "eventlist": To("events", RAW), "nevents": To("room", S32), "timeout": To("timeout", bk.TIME_IN_OPT)}, kevent,
        "user events only", fail=SYSTEM_CALL),
)
# fmt: on
