"""Streams of a POSIX C runtime: buffering, and how a call that had to wait goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import FileType, Whence
from aot.personality.abi.op import Op
from aot.record import dataclass, field

Ops = Mapping[Op, Any]
CHUNK = 4096
LARGEST = 1 << 20  # bytes written at once
NONE, LINE, FULL = "none", "line", "full"


@dataclass(slots=True)
class Stream:
    """A FILE. `pending` waits to be written; `raw` was read and is not yet consumed."""

    fd: int
    append: bool = False
    buffered: str | None = None  # NONE, LINE, FULL; None: decided by what the descriptor is
    pending: bytearray = field(default_factory=bytearray)
    raw: bytearray = field(default_factory=bytearray)
    eof: bool = False
    error: bool = False
    resuming: bool = False  # the text of this call is in `pending` already, its write had to wait


def buffering(ctx: Any, ops: Ops, stream: Stream) -> str:
    """When a stream writes: terminals at line ends, everything else when its buffer is full."""
    if stream.buffered is None:
        try:
            terminal = ops[Op.FSTAT](ctx, fd=stream.fd).mode >> 12 == FileType.CHAR
        except Errno:
            terminal = False
        stream.buffered = LINE if terminal else FULL
    return stream.buffered


def flush(ctx: Any, ops: Ops, stream: Stream) -> None:
    """Write out what is pending. What could not be written is dropped and reported."""
    while stream.pending:
        data = memoryview(bytes(stream.pending[:LARGEST]))
        try:
            count = ops[Op.WRITE](ctx, fd=stream.fd, buf=(data,))
        except Errno:
            stream.pending.clear()
            stream.error = True
            raise
        del stream.pending[:count]


def write(ctx: Any, ops: Ops, stream: Stream, data: bytes) -> None:
    """Append to a stream. A call that had to wait is made again: its data is already pending then."""
    if stream.raw:
        _forget_input(ctx, ops, stream)
    if len(stream.pending) >= CHUNK and not stream.resuming:
        flush(ctx, ops, stream)
    if not stream.resuming:
        stream.pending += data
        stream.resuming = True
    how = buffering(ctx, ops, stream)
    if how == NONE or (how == LINE and b"\n" in data) or len(stream.pending) >= LARGEST:
        try:
            flush(ctx, ops, stream)
        except Errno:
            stream.resuming = False
            raise
    stream.resuming = False


def _forget_input(ctx: Any, ops: Ops, stream: Stream) -> None:
    """Put the descriptor where the reader is before writing."""
    if ops[Op.FSTAT](ctx, fd=stream.fd).mode >> 12 == FileType.REGULAR:
        ops[Op.SEEK](ctx, fd=stream.fd, offset=-len(stream.raw), whence=Whence.CUR)
    stream.raw.clear()


def fill(ctx: Any, ops: Ops, stream: Stream) -> bool:
    """Read more; False at the end."""
    flush(ctx, ops, stream)
    chunk = bytearray(CHUNK)
    count = ops[Op.READ](ctx, fd=stream.fd, buf=(memoryview(chunk),))
    stream.raw += chunk[:count]
    return bool(count)


def take(stream: Stream, count: int) -> bytes:
    """Consume bytes that were read."""
    out = bytes(stream.raw[:count])
    del stream.raw[:count]
    return out


def read(ctx: Any, ops: Ops, stream: Stream, count: int) -> bytes:
    """Up to `count` bytes; fewer only at the end."""
    while len(stream.raw) < count and fill(ctx, ops, stream):
        pass
    out = take(stream, count)
    stream.eof |= len(out) < count
    return out


def read_line(ctx: Any, ops: Ops, stream: Stream, most: int, end: bytes = b"\n") -> bytes:
    """A line with its end, at most `most` bytes; empty at the end of the file."""
    while True:
        found = stream.raw.find(end, 0, most)
        if found >= 0:
            return take(stream, found + 1)
        if len(stream.raw) >= most:
            return take(stream, most)
        if not fill(ctx, ops, stream):
            stream.eof = True
            return take(stream, most)


def tell(ctx: Any, ops: Ops, stream: Stream) -> int:
    """Position as the program sees it."""
    whence = Whence.END if stream.pending and stream.append else Whence.CUR
    at: int = ops[Op.SEEK](ctx, fd=stream.fd, offset=0, whence=whence)
    return at - len(stream.raw) + len(stream.pending)


def seek(ctx: Any, ops: Ops, stream: Stream, offset: int, whence: int) -> None:
    """Move, dropping what was read ahead."""
    flush(ctx, ops, stream)
    if whence not in (Whence.SET, Whence.CUR, Whence.END):
        raise Errno(E.INVAL)
    if whence == Whence.CUR:
        offset -= len(stream.raw)
    ops[Op.SEEK](ctx, fd=stream.fd, offset=offset, whence=Whence(whence))
    stream.raw.clear()
    stream.eof = False
