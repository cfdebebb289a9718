"""Streams of the C runtime: buffering, text mode, and how a call that had to wait goes on."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Whence
from aot.personality.abi.op import Op
from aot.personality.windows import files
from aot.personality.windows.crt import CHUNK, Stream, crt
from aot.personality.windows.files import Ops


def stream_at(ctx: Any, address: int) -> Stream:
    """The stream behind a FILE pointer. Raises INVAL for what is none."""
    found = crt(ctx).streams.get(address)
    if found is None:
        ctx.mem.read(address, 8)  # a wild pointer faults
        raise Errno(E.INVAL)
    return found


def is_unbuffered(ctx: Any, ops: Ops, stream: Stream) -> bool:
    """Whether every call writes at once: stderr, consoles, or by setvbuf."""
    if stream.unbuffered is None:
        try:
            stream.unbuffered = files.mode_of(ctx, ops, stream.fd) == files.CHAR_MODE
        except Errno:
            stream.unbuffered = True
    return stream.unbuffered


def flush(ctx: Any, ops: Ops, stream: Stream) -> None:
    """Write out what is pending. What could not be written is dropped and reported, as fflush does."""
    while stream.pending:
        data = memoryview(bytes(stream.pending[: 1 << 20]))
        try:
            count = ops[Op.WRITE](ctx, fd=stream.fd, buf=(data,))
        except Errno:
            stream.pending.clear()
            stream.error = True
            raise
        del stream.pending[:count]


def flush_all(ctx: Any, ops: Ops) -> int:
    """Write out every stream; how many there are."""
    streams = crt(ctx).streams
    for stream in streams.values():
        try:
            flush(ctx, ops, stream)
        except Errno:
            continue
    return len(streams)


def write(ctx: Any, ops: Ops, stream: Stream, data: bytes) -> None:
    """Append to a stream. A call that had to wait is made again: its data is already pending then."""
    if stream.raw:
        _forget_input(ctx, ops, stream)
    if len(stream.pending) >= CHUNK and not stream.resuming:
        flush(ctx, ops, stream)
    if not stream.resuming:
        stream.pending += data.replace(b"\n", b"\r\n") if stream.text else data
        stream.resuming = True
    if is_unbuffered(ctx, ops, stream) or len(stream.pending) >= 1 << 20:
        try:
            flush(ctx, ops, stream)
        except Errno:
            stream.resuming = False
            raise
    stream.resuming = False


def _forget_input(ctx: Any, ops: Ops, stream: Stream) -> None:
    """Put the descriptor where the reader is before writing."""
    if files.mode_of(ctx, ops, stream.fd) not in (files.CHAR_MODE, files.FIFO_MODE, files.SOCKET_MODE):
        ops[Op.SEEK](ctx, fd=stream.fd, offset=-len(stream.raw), whence=Whence.CUR)
    stream.raw.clear()


def fill(ctx: Any, ops: Ops, stream: Stream) -> bool:
    """Read more; False at the end."""
    flush(ctx, ops, stream)
    chunk = bytearray(CHUNK)
    count = ops[Op.READ](ctx, fd=stream.fd, buf=(memoryview(chunk),))
    stream.raw += chunk[:count]
    return bool(count)


def available(stream: Stream, *, ended: bool) -> bytes:
    """What the raw bytes mean now: text without carriage returns before line ends."""
    raw = bytes(stream.raw)
    if not stream.text:
        return raw
    if raw.endswith(b"\r") and not ended:
        raw = raw[:-1]
    return raw.replace(b"\r\n", b"\n")


def take(stream: Stream, count: int) -> bytes:
    """Consume `count` translated bytes."""
    if not stream.text:
        out = bytes(stream.raw[:count])
        del stream.raw[:count]
        return out
    text, at = bytearray(), 0
    while len(text) < count and at < len(stream.raw):
        if stream.raw[at : at + 2] == b"\r\n":
            at += 1
        text.append(stream.raw[at])
        at += 1
    del stream.raw[:at]
    return bytes(text)


def read(ctx: Any, ops: Ops, stream: Stream, count: int) -> bytes:
    """Up to `count` bytes; fewer only at the end."""
    ended = False
    while len(available(stream, ended=ended)) < count and not ended:
        ended = not fill(ctx, ops, stream)
    out = take(stream, count)
    stream.eof |= len(out) < count
    return out


def read_line(ctx: Any, ops: Ops, stream: Stream, most: int) -> bytes:
    """A line with its end, at most `most` bytes; empty at the end of the file."""
    ended = False
    while True:
        found = available(stream, ended=ended)
        end = found.find(b"\n", 0, most)
        if end >= 0:
            return take(stream, end + 1)
        if len(found) >= most or ended:
            stream.eof |= ended and len(found) < most
            return take(stream, min(most, len(found)))
        ended = not fill(ctx, ops, stream)


def tell(ctx: Any, ops: Ops, stream: Stream) -> int:
    """Position as the program sees it."""
    at: int = ops[Op.SEEK](ctx, fd=stream.fd, offset=0, whence=Whence.CUR)
    if stream.pending and stream.append:
        at = ops[Op.SEEK](ctx, fd=stream.fd, offset=0, whence=Whence.END)
    return at - len(stream.raw) + len(stream.pending)


def seek(ctx: Any, ops: Ops, stream: Stream, offset: int, whence: int) -> None:
    """Move, dropping what was read ahead."""
    flush(ctx, ops, stream)
    if whence not in (0, 1, 2):
        raise Errno(E.INVAL)
    if whence == Whence.CUR:
        offset -= len(stream.raw)
    ops[Op.SEEK](ctx, fd=stream.fd, offset=offset, whence=Whence(whence))
    stream.raw.clear()
    stream.eof = False
