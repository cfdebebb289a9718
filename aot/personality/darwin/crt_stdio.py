"""Streams of libSystem: opening, reading, writing, positioning. From: stdio.h of macOS 14."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, S64, To
from aot.personality.abi.neutral import CWD, At, Open
from aot.personality.abi.op import Op
from aot.personality.darwin.crt import TEXT, TEXT_OPT, Ops, c, crt, keep, standard, stream_at
from aot.personality.darwin.crt_print import STREAM
from aot.personality.darwin.errors import MEANINGS
from aot.personality.darwin.fails import EOF, NULL
from aot.personality.darwin.kinds import RAW
from aot.personality.darwin.start import FILE_SIZE
from aot.personality.darwin.state import errno_at
from aot.personality.libc import stream as streams

END = 0xFFFF_FFFF  # EOF as an int
MODES = (streams.FULL, streams.LINE, streams.NONE)  # _IOFBF, _IOLBF, _IONBF


def _flags(mode: bytes) -> Open:
    letter, more = mode[:1], mode[1:]
    known = {b"r": Open(0), b"w": Open.CREATE | Open.TRUNCATE, b"a": Open.CREATE | Open.APPEND}
    if letter not in known:
        raise Errno(E.INVAL)
    both = Open.READ | Open.WRITE
    flags = known[letter] | (both if b"+" in more else Open.READ if letter == b"r" else Open.WRITE)
    flags |= Open.EXCLUSIVE if b"x" in more else Open(0)
    return flags | (Open.CLOEXEC if b"e" in more else Open(0))


def _new(ctx: Any, fd: int, flags: Open) -> int:
    address = keep(ctx, bytes(FILE_SIZE))
    crt(ctx).streams[address] = streams.Stream(fd, bool(flags & Open.APPEND))
    return address


def open_file(ctx: Any, ops: Ops, path: bytes, mode: bytes) -> int:
    """Fopen."""
    flags = _flags(mode)
    return _new(ctx, ops[Op.OPENAT](ctx, dirfd=CWD, path=path, flags=flags, mode=0o666), flags)


def open_fd(ctx: Any, ops: Ops, fd: int, mode: bytes) -> int:
    """Fdopen."""
    ops[Op.FCNTL_GETFD](ctx, fd=fd)
    return _new(ctx, fd, _flags(mode))


def close_file(ctx: Any, ops: Ops, stream: int) -> int:
    """Fclose."""
    found = stream_at(ctx, stream)
    streams.flush(ctx, ops, found)
    ops[Op.CLOSE](ctx, fd=found.fd)
    del crt(ctx).streams[stream]
    crt(ctx).heap.free(ctx.mem, stream)
    return 0


def flush_all(ctx: Any, ops: Ops) -> None:
    """Write out every stream."""
    for stream in crt(ctx).streams.values():
        try:
            streams.flush(ctx, ops, stream)
        except Errno:
            continue


def flush_file(ctx: Any, ops: Ops, stream: int) -> int:
    """Fflush; null means every stream."""
    if stream:
        streams.flush(ctx, ops, stream_at(ctx, stream))
    else:
        flush_all(ctx, ops)
    return 0


def put_line(ctx: Any, ops: Ops, text: bytes) -> int:
    """Puts."""
    streams.write(ctx, ops, standard(ctx, 1), text + b"\n")
    return 10


def put_text(ctx: Any, ops: Ops, text: bytes, stream: int) -> int:
    """Fputs."""
    streams.write(ctx, ops, stream_at(ctx, stream), text)
    return 0


def put_char(ctx: Any, ops: Ops, char: int, stream: int) -> int:
    """Fputc, putc."""
    streams.write(ctx, ops, stream_at(ctx, stream), bytes((char & 0xFF,)))
    return char & 0xFF


def put_char_out(ctx: Any, ops: Ops, char: int) -> int:
    """Putchar."""
    streams.write(ctx, ops, standard(ctx, 1), bytes((char & 0xFF,)))
    return char & 0xFF


def write_block(ctx: Any, ops: Ops, data: int, size: int, count: int, stream: int) -> int:
    """Fwrite."""
    if size and count:
        streams.write(ctx, ops, stream_at(ctx, stream), ctx.mem.read(data, size * count))
    return count if size else 0


def read_block(ctx: Any, ops: Ops, data: int, size: int, count: int, stream: int) -> int:
    """Fread."""
    if not size or not count:
        return 0
    ctx.mem.probe(data, size * count, True)
    raw = streams.read(ctx, ops, stream_at(ctx, stream), size * count)
    ctx.mem.write(data, raw)
    return len(raw) // size


def get_line(ctx: Any, ops: Ops, data: int, size: int, stream: int) -> int:
    """Fgets."""
    if size <= 0:
        raise Errno(E.INVAL)
    raw = streams.read_line(ctx, ops, stream_at(ctx, stream), size - 1)
    if not raw and size > 1:
        return 0
    ctx.mem.write(data, raw + b"\0")
    return data


def get_char(ctx: Any, ops: Ops, stream: int) -> int:
    """Fgetc, getc."""
    raw = streams.read(ctx, ops, stream_at(ctx, stream), 1)
    return raw[0] if raw else END


def get_char_in(ctx: Any, ops: Ops) -> int:
    """Getchar."""
    raw = streams.read(ctx, ops, standard(ctx, 0), 1)
    return raw[0] if raw else END


def unget(ctx: Any, ops: Ops, char: int, stream: int) -> int:
    """Ungetc."""
    if char & END == END:
        return END
    found = stream_at(ctx, stream)
    found.raw[:0] = bytes((char & 0xFF,))
    found.eof = False
    return char & 0xFF


def flag(name: str) -> Callable[..., int]:
    """Feof and ferror."""

    def test(ctx: Any, ops: Ops, stream: int) -> int:
        return int(getattr(stream_at(ctx, stream), name))

    return test


def clear(ctx: Any, ops: Ops, stream: int) -> int:
    """Clearerr."""
    found = stream_at(ctx, stream)
    found.eof = found.error = False
    return 0


def set_buffer(ctx: Any, ops: Ops, stream: int, buffer: int, mode: int) -> int:
    """Setvbuf: the runtime keeps its own buffer."""
    if mode not in range(len(MODES)):
        raise Errno(E.INVAL)
    stream_at(ctx, stream).buffered = MODES[mode]
    return 0


def set_simple_buffer(ctx: Any, ops: Ops, stream: int, buffer: int) -> int:
    """Setbuf."""
    stream_at(ctx, stream).buffered = streams.FULL if buffer else streams.NONE
    return 0


def seek_file(ctx: Any, ops: Ops, stream: int, offset: int, whence: int) -> int:
    """Fseek, fseeko."""
    streams.seek(ctx, ops, stream_at(ctx, stream), offset, whence)
    return 0


def tell_file(ctx: Any, ops: Ops, stream: int) -> int:
    """Ftell, ftello."""
    return streams.tell(ctx, ops, stream_at(ctx, stream))


def rewind(ctx: Any, ops: Ops, stream: int) -> int:
    """Rewind."""
    found = stream_at(ctx, stream)
    streams.seek(ctx, ops, found, 0, 0)
    found.error = False
    return 0


def number_of(ctx: Any, ops: Ops, stream: int) -> int:
    """Fileno."""
    return stream_at(ctx, stream).fd


def remove_name(ctx: Any, ops: Ops, path: bytes) -> int:
    """Remove: a file or an empty directory."""
    try:
        ops[Op.UNLINKAT](ctx, dirfd=CWD, path=path, flags=At(0))
    except Errno as e:
        if e.code not in (E.PERM, E.ISDIR):
            raise
        ops[Op.UNLINKAT](ctx, dirfd=CWD, path=path, flags=At.REMOVEDIR)
    return 0


def meaning(number: int) -> bytes:
    """What strerror says."""
    return MEANINGS.get(number, f"Unknown error: {number}").encode()


def print_error(ctx: Any, ops: Ops, text: bytes | None) -> int:
    """Perror."""
    number = struct.unpack("<i", ctx.mem.read(errno_at(ctx), 4))[0]
    line = (text + b": " if text else b"") + meaning(number) + b"\n"
    streams.write(ctx, ops, standard(ctx, 2), line)
    return 0


DATA = {"data": To("data", RAW)}
BLOCK = {**DATA, "size": To("size", RAW), "count": To("count", RAW), **STREAM}
CHAR = {"char": To("char", S32)}
TEXT_ARG = {"text": To("text", TEXT)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("fopen", {"path": To("path", TEXT), "mode": To("mode", TEXT)}, open_file, fail=NULL,
        also=("fopen$DARWIN_EXTSN",)),
    c("fdopen", {"fd": S32, "mode": To("mode", TEXT)}, open_fd, fail=NULL, also=("fdopen$DARWIN_EXTSN",)),
    c("fclose", STREAM, close_file, fail=EOF),
    c("fflush", STREAM, flush_file, fail=EOF),
    c("puts", TEXT_ARG, put_line, fail=EOF),
    c("fputs", {**TEXT_ARG, **STREAM}, put_text, fail=EOF),
    c("fputc", {**CHAR, **STREAM}, put_char, fail=EOF, also=("putc",)),
    c("putchar", CHAR, put_char_out, fail=EOF),
    c("fwrite", BLOCK, write_block, fail=NULL),
    c("fread", BLOCK, read_block, fail=NULL),
    c("fgets", {**DATA, "size": To("size", S32), **STREAM}, get_line, fail=NULL),
    c("fgetc", STREAM, get_char, fail=EOF, also=("getc",)),
    c("getchar", {}, get_char_in, fail=EOF),
    c("ungetc", {**CHAR, **STREAM}, unget, fail=EOF),
    c("feof", STREAM, flag("eof")),
    c("ferror", STREAM, flag("error")),
    c("clearerr", STREAM, clear, ret=NOTHING),
    c("setvbuf", {**STREAM, "buffer": To("buffer", RAW), "mode": To("mode", S32)}, set_buffer),
    c("setbuf", {**STREAM, "buffer": To("buffer", RAW)}, set_simple_buffer, ret=NOTHING),
    c("fseek", {**STREAM, "offset": To("offset", S64), "whence": To("whence", S32)}, seek_file, also=("fseeko",)),
    c("ftell", STREAM, tell_file, also=("ftello",)),
    c("rewind", STREAM, rewind, ret=NOTHING),
    c("fileno", STREAM, number_of),
    c("remove", {"path": To("path", TEXT)}, remove_name),
    c("perror", {"text": To("text", TEXT_OPT)}, print_error, ret=NOTHING),
)
# fmt: on
