"""What travels through sockets inside the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral_socket import Fact, Msg, Sender, SocketName
from aot.record import dataclass
from runtime.kernel.node import File

if TYPE_CHECKING:
    from runtime.kernel.context import Context

NO_FLAGS = Msg(0)


@dataclass(slots=True)
class Parcel:
    """What travels beside the bytes of a message: open files."""

    files: tuple[File, ...] = ()


@dataclass(slots=True, eq=False)
class Chunk:
    """Bytes in a queue, with what travels beside them."""

    data: bytearray
    parcel: Parcel | None = None
    sender: Sender | None = None
    name: SocketName | None = None
    target: bytes = b""  # the internet address it was sent to
    facts: tuple[int, int] = (0, 0)  # hops it may still go, traffic class
    eor: bool = False


@dataclass(slots=True, eq=False)
class Outgoing:
    """What a send wants to put beside its bytes."""

    files: tuple[File, ...] = ()
    sender: Sender | None = None
    name: SocketName | None = None
    facts: tuple[Fact, ...] = ()
    eor: bool = False
    oob: bool = False


@dataclass(slots=True, eq=False)
class Received:
    """What a receive found. `count` bytes were stored, `size` is what the message had."""

    count: int
    size: int
    name: SocketName | None = None
    flags: Msg = NO_FLAGS
    parcel: Parcel | None = None
    sender: Sender | None = None
    target: bytes = b""
    facts: tuple[int, int] = (0, 0)
    more: bool = True  # a receive that wants everything may go on


def creds_of(ctx: Context) -> Sender:
    """Who calls."""
    creds = ctx.process.creds
    return Sender(ctx.process.pid, creds.euid, creds.egid)


def store(buf: Buffers, start: int, data: bytearray | bytes) -> int:
    """Copy `data` into the pieces behind `start` bytes; how much fitted."""
    done, size = 0, len(data)
    view = memoryview(data)
    for piece in buf:
        room = len(piece)
        if start >= room:
            start -= room
            continue
        count = min(room - start, size - done)
        piece[start : start + count] = view[done : done + count]
        done += count
        start = 0
        if done >= size:
            break
    view.release()
    return done


def gather(buf: Buffers, start: int, limit: int) -> bytearray:
    """Up to `limit` bytes of the pieces behind `start` bytes."""
    out = bytearray()
    for piece in buf:
        if start >= len(piece):
            start -= len(piece)
            continue
        out += piece[start : start + limit - len(out)]
        start = 0
        if len(out) >= limit:
            break
    return out
