"""Characters, lines and blocks of streams in the C runtime. From: stdio.h of mingw-w64 (UCRT)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, U32, Int, To
from aot.personality.windows import crt_stream as streams
from aot.personality.windows import fails
from aot.personality.windows.crt import FILE_SIZE, TEXT, TEXT_OPT, UNBUFFERED, c, crt
from aot.personality.windows.files import Ops
from aot.personality.windows.kinds import POINTER, RAW

EOF = 0xFFFF_FFFF


def file_of(ctx: Any, ops: Ops, index: int) -> int:
    """__acrt_iob_func: stdin, stdout, stderr."""
    return crt(ctx).base + FILE_SIZE * index


def put_line(ctx: Any, ops: Ops, text: bytes) -> int:
    """Puts."""
    streams.write(ctx, ops, streams.stream_at(ctx, file_of(ctx, ops, 1)), text + b"\n")
    return 0


def put_text(ctx: Any, ops: Ops, text: bytes, stream: int) -> int:
    """Fputs."""
    streams.write(ctx, ops, streams.stream_at(ctx, stream), text)
    return 0


def put_char(ctx: Any, ops: Ops, char: int, stream: int) -> int:
    """Fputc, putc."""
    streams.write(ctx, ops, streams.stream_at(ctx, stream), bytes((char & 0xFF,)))
    return char & 0xFF


def put_char_out(ctx: Any, ops: Ops, char: int) -> int:
    """Putchar."""
    return put_char(ctx, ops, char, file_of(ctx, ops, 1))


def write_block(ctx: Any, ops: Ops, data: int, size: int, count: int, stream: int) -> int:
    """Fwrite."""
    if size and count:
        streams.write(ctx, ops, streams.stream_at(ctx, stream), ctx.mem.read(data, size * count))
    return count if size else 0


def read_block(ctx: Any, ops: Ops, data: int, size: int, count: int, stream: int) -> int:
    """Fread."""
    if not size or not count:
        return 0
    ctx.mem.probe(data, size * count, True)
    raw = streams.read(ctx, ops, streams.stream_at(ctx, stream), size * count)
    ctx.mem.write(data, raw)
    return len(raw) // size


def get_line(ctx: Any, ops: Ops, data: int, size: int, stream: int) -> int:
    """Fgets."""
    if size <= 0:
        raise Errno(E.INVAL)
    ctx.mem.probe(data, size, True)
    raw = streams.read_line(ctx, ops, streams.stream_at(ctx, stream), size - 1)
    if not raw and size > 1:
        return 0
    ctx.mem.write(data, raw + b"\0")
    return data


def get_char(ctx: Any, ops: Ops, stream: int) -> int:
    """Fgetc, getc."""
    raw = streams.read(ctx, ops, streams.stream_at(ctx, stream), 1)
    return raw[0] if raw else EOF


def get_char_in(ctx: Any, ops: Ops) -> int:
    """Getchar."""
    return get_char(ctx, ops, file_of(ctx, ops, 0))


def unget(ctx: Any, ops: Ops, char: int, stream: int) -> int:
    """Ungetc."""
    if char & EOF == EOF:
        return EOF
    found = streams.stream_at(ctx, stream)
    found.raw[:0] = bytes((char & 0xFF,))
    found.eof = False
    return char & 0xFF


def flag(name: str) -> Callable[..., int]:
    """Feof and ferror."""

    def test(ctx: Any, ops: Ops, stream: int) -> int:
        return int(getattr(streams.stream_at(ctx, stream), name))

    return test


def clear(ctx: Any, ops: Ops, stream: int) -> int:
    """Clearerr."""
    found = streams.stream_at(ctx, stream)
    found.eof = found.error = False
    return 0


def set_buffer(ctx: Any, ops: Ops, stream: int, buffer: int, mode: int) -> int:
    """Setvbuf: only whether there is a buffer matters."""
    if mode not in (0, 0x40, UNBUFFERED):
        raise Errno(E.INVAL)
    streams.stream_at(ctx, stream).unbuffered = mode == UNBUFFERED
    return 0


def set_simple_buffer(ctx: Any, ops: Ops, stream: int, buffer: int) -> int:
    """Setbuf."""
    streams.stream_at(ctx, stream).unbuffered = buffer == 0
    return 0


def print_error(ctx: Any, ops: Ops, text: bytes | None) -> int:
    """Perror."""
    from aot.personality.windows.crt_runtime import ERRORS  # noqa: PLC0415 - it needs the streams first

    number = struct.unpack("<i", ctx.mem.read(crt(ctx).cell("errno"), 4))[0]
    line = (text + b": " if text else b"") + ERRORS.get(number, "Unknown error").encode() + b"\n"
    streams.write(ctx, ops, streams.stream_at(ctx, file_of(ctx, ops, 2)), line)
    return 0


S = {"stream": To("stream", POINTER)}
DATA = {"data": To("data", POINTER)}
BLOCK = {**DATA, "size": To("size", RAW), "count": To("count", RAW), **S}
CHAR = {"char": To("char", S32)}
BYTE = Int(8, signed=False)

# fmt: off
CALLS: tuple[Call, ...] = (
    c("__acrt_iob_func", {"index": To("index", U32)}, file_of),
    c("puts", {"text": To("text", TEXT)}, put_line, fail=fails.EOF),
    c("fputs", {"text": To("text", TEXT), **S}, put_text, fail=fails.EOF),
    c("fputc", {**CHAR, **S}, put_char, fail=fails.EOF, also=("putc",)),
    c("putchar", CHAR, put_char_out, fail=fails.EOF),
    c("fwrite", BLOCK, write_block, fail=fails.NULL_ERRNO),
    c("fread", BLOCK, read_block, fail=fails.NULL_ERRNO),
    c("fgets", {**DATA, "size": To("size", S32), **S}, get_line, fail=fails.NULL_ERRNO),
    c("fgetc", S, get_char, fail=fails.EOF, also=("getc",)),
    c("getchar", {}, get_char_in, fail=fails.EOF),
    c("ungetc", {**CHAR, **S}, unget, fail=fails.EOF),
    c("feof", S, flag("eof")),
    c("ferror", S, flag("error")),
    c("clearerr", S, clear, ret=NOTHING),
    c("setvbuf", {**S, "buffer": To("buffer", POINTER), "mode": To("mode", S32)}, set_buffer),
    c("setbuf", {**S, "buffer": To("buffer", POINTER)}, set_simple_buffer, ret=NOTHING),
    c("perror", {"text": To("text", TEXT_OPT)}, print_error, ret=NOTHING),
    c("_lock_file", S, flag("error"), ret=NOTHING, also=("_unlock_file",)),
)
# fmt: on
