"""Queues of messages with a key. From: ipc/msg.c, msgop(2), msgctl(2)."""

from __future__ import annotations

from typing import cast

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_memory import IpcKind, Letter
from aot.personality.abi.op import Op
from aot.record import dataclass, field
from runtime.kernel.context import Context
from runtime.kernel.ipc import ALTER, NOWAIT, READ, Named, Table, check_allowed, get, ipc_of, seconds
from runtime.kernel.leave import Block
from runtime.kernel.optable import op

CUT, EXCEPT, COPY = 0o10000, 0o20000, 0o40000
LARGEST, MOST_BYTES = 8192, 16384  # of a message, of a queue
LIMITS = {
    "pool": 32000 * MOST_BYTES // 1024, "map": MOST_BYTES, "largest": LARGEST, "room": MOST_BYTES, "queues": 32000,
    "piece": 16, "headers": MOST_BYTES, "pieces": 0xFFFF,
}  # fmt: skip


@dataclass(slots=True, eq=False)
class MessageQueue(Named):
    """One queue."""

    letters: list[Letter] = field(default_factory=list)
    room: int = MOST_BYTES
    sent: int = 0
    received: int = 0
    sender: int = 0
    receiver: int = 0

    @property
    def used(self) -> int:
        return sum(len(letter.text or b"") for letter in self.letters)

    @property
    def count(self) -> int:
        return len(self.letters)

    def takes(self, size: int) -> bool:
        """Whether a message of `size` bytes fits now."""
        return self.used + size <= self.room and self.count < self.room


@dataclass(slots=True)
class Waits:
    """In `Context.wait`: a call that waits for a queue."""

    queue: MessageQueue


def usage(table: Table) -> dict[str, int]:
    """How much there is: queues, messages, bytes."""
    queues = [cast(MessageQueue, item) for item in table.items.values()]
    return {"pool": len(queues), "map": sum(q.count for q in queues), "headers": sum(q.used for q in queues)}


@op(Op.MSG_GET)
def msg_get(ctx: Context, key: int, flags: int) -> int:
    """The queue of a key, made when it may be; its identifier."""
    return get(ctx, IpcKind.MSG, key, flags, MessageQueue, lambda _found: True)


def _queue(ctx: Context, number: int) -> MessageQueue:
    state = ctx.wait
    if isinstance(state, Waits):
        ctx.wait = None
        if state.queue.removed:
            raise Errno(E.IDRM)
        return state.queue
    found = ipc_of(ctx.process.kernel).tables[IpcKind.MSG].get(number)
    assert isinstance(found, MessageQueue)
    return found


@op(Op.MSG_SEND)
def msg_send(ctx: Context, id: int, letter: Letter, flags: int) -> None:
    """Put a message at the end of a queue; wait for room unless flags say otherwise."""
    if letter.text is None or letter.kind < 1 or id < 0:
        raise Errno(E.INVAL)
    queue, size = _queue(ctx, id), len(letter.text)
    check_allowed(ctx, queue, ALTER)
    if not queue.takes(size):
        if flags & NOWAIT:
            raise Errno(E.AGAIN)
        block = Block(ready=lambda: queue.removed or queue.takes(size))
        ctx.wait = Waits(queue)
        raise block
    queue.letters.append(letter)
    queue.sender, queue.sent = ctx.process.pid, seconds(ctx)


@op(Op.MSG_RECEIVE)
def msg_receive(ctx: Context, id: int, size: int, kind: int, flags: int) -> Letter:
    """Take the first message of a kind: any (0), this one, or the lowest up to -kind."""
    if size >> 63 or id < 0:
        raise Errno(E.INVAL)
    if flags & COPY and (flags & EXCEPT or not flags & NOWAIT):
        raise Errno(E.INVAL)
    queue = _queue(ctx, id)
    check_allowed(ctx, queue, READ)
    letter = queue.letters[kind] if flags & COPY and 0 <= kind < queue.count else None
    if not flags & COPY:
        letter = _choose(queue, kind, other=bool(flags & EXCEPT))
    if letter is None:
        if flags & NOWAIT:
            raise Errno(E.NOMSG)
        block = Block(
            ready=lambda: queue.removed or _choose(queue, kind, other=bool(flags & EXCEPT)) is not None
        )
        ctx.wait = Waits(queue)
        raise block
    text = letter.text or b""
    if len(text) > size and not flags & CUT:
        raise Errno(E.TOOBIG)
    if not flags & COPY:
        queue.letters.remove(letter)
        queue.receiver, queue.received = ctx.process.pid, seconds(ctx)
    return Letter(letter.kind, text[:size])


def _choose(queue: MessageQueue, kind: int, *, other: bool) -> Letter | None:
    if kind < 0:
        low = [letter for letter in queue.letters if letter.kind <= -kind]
        return min(low, key=lambda letter: letter.kind, default=None)
    for letter in queue.letters:
        if not kind or (letter.kind == kind) != other:
            return letter
    return None
