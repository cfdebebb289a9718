"""stdio rows of the C runtime. From: stdio.h, corecrt_wstdio.h of mingw-w64 (UCRT)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, S64, U32, Int, To, Unused
from aot.personality.abi.neutral import CWD, Open
from aot.personality.abi.op import Op
from aot.personality.windows import crt_stream as streams
from aot.personality.windows import fails, files, printf
from aot.personality.windows.crt import FILE_SIZE, TEXT, TEXT_OPT, UNBUFFERED, Stream, c, crt, keep
from aot.personality.windows.crt_scan import scan
from aot.personality.windows.files import Ops
from aot.personality.windows.heap import heap
from aot.personality.windows.kinds import RAW, WIDE, wide_at
from aot.personality.windows.state import handle_of
from aot.personality.windows.text import from_host, to_host, wide
from aot.personality.windows.win32 import guest_path

EOF = 0xFFFF_FFFF
NULL_TERMINATE, STANDARD = 1, 2  # options of the vsprintf family


def file_of(ctx: Any, ops: Ops, index: int) -> int:
    """__acrt_iob_func: stdin, stdout, stderr."""
    return crt(ctx).base + FILE_SIZE * index


# -- formatted output --------------------------------------------------------------------------------


def bounded(ctx: Any, address: int, most: int | None) -> str:
    """A narrow string, at most `most` bytes and not read beyond them."""
    if most is None:
        return from_host(ctx.mem.cstr(address, 1 << 26))
    out = bytearray()
    while len(out) < most:
        room = min(most - len(out), 4096 - (address + len(out)) % 4096)
        chunk = ctx.mem.read(address + len(out), room)
        end = chunk.find(0)
        if end >= 0:
            out += chunk[:end]
            break
        out += chunk
    return from_host(bytes(out))


def bounded_wide(ctx: Any, address: int, most: int | None) -> str:
    """A wide string, at most `most` characters."""
    if most is None:
        return wide_at(address, ctx.mem, 1 << 24)
    out = ""
    while len(out) < most:
        char = ctx.mem.read(address + 2 * len(out), 2)
        if char == b"\0\0":
            break
        out += char.decode("utf-16-le", "surrogatepass")
    return out


def source(ctx: Any, arguments: int) -> printf.Source:
    """Values from a va_list: 8-byte slots in a row."""
    at = arguments

    def word() -> int:
        nonlocal at
        value: int = ctx.mem.load_u64(at)
        at += 8
        return value

    def count(address: int, size: int, total: int) -> None:
        ctx.mem.write(address, total.to_bytes(size, "little"))

    return printf.Source(
        word,
        lambda address, most: bounded(ctx, address, most),
        lambda address, most: bounded_wide(ctx, address, most),
        count,
    )


def v_print(ctx: Any, ops: Ops, options: int, stream: int, template: bytes, arguments: int) -> int:
    """__stdio_common_vfprintf."""
    text = printf.render(from_host(template), source(ctx, arguments), options=options)
    raw = to_host(text)
    streams.write(ctx, ops, streams.stream_at(ctx, stream), raw)
    return len(raw)


def v_print_wide(ctx: Any, ops: Ops, options: int, stream: int, template: str, arguments: int) -> int:
    """__stdio_common_vfwprintf: UTF-8 comes out."""
    text = printf.render(template, source(ctx, arguments), wide=True, options=options)
    streams.write(ctx, ops, streams.stream_at(ctx, stream), to_host(text))
    return len(text)


def v_string(
    ctx: Any, ops: Ops, options: int, out: int, room: int, template: bytes, arguments: int
) -> int:
    """__stdio_common_vsprintf: what is answered when it does not fit depends on the options."""
    raw = to_host(printf.render(from_host(template), source(ctx, arguments), options=options))
    return _fit(ctx, options, out, room, raw, 1)


def v_string_wide(
    ctx: Any, ops: Ops, options: int, out: int, room: int, template: str, arguments: int
) -> int:
    """__stdio_common_vswprintf."""
    raw = wide(printf.render(template, source(ctx, arguments), wide=True, options=options))
    return _fit(ctx, options, out, room, raw, 2)


def _fit(ctx: Any, options: int, out: int, room: int, raw: bytes, unit: int) -> int:
    count = len(raw) // unit
    if not out or not room:
        return count if options & STANDARD or not out else EOF
    if count < room:
        ctx.mem.write(out, raw + bytes(unit))
        return count
    if options & STANDARD or options & NULL_TERMINATE:
        ctx.mem.write(out, raw[: (room - 1) * unit] + bytes(unit))
        return count if options & STANDARD else EOF
    ctx.mem.write(out, raw[: room * unit])
    return count if count == room else EOF


def v_string_s(
    ctx: Any, ops: Ops, options: int, out: int, room: int, template: bytes, arguments: int
) -> int:
    """__stdio_common_vsprintf_s: too little room is an error."""
    raw = to_host(printf.render(from_host(template), source(ctx, arguments), options=options))
    if len(raw) >= room:
        ctx.mem.write(out, b"\0")
        raise Errno(E.RANGE)
    ctx.mem.write(out, raw + b"\0")
    return len(raw)


def v_string_ns(
    ctx: Any, ops: Ops, options: int, out: int, room: int, most: int, template: bytes, arguments: int
) -> int:
    """__stdio_common_vsnprintf_s: at most `most` characters."""
    raw = to_host(printf.render(from_host(template), source(ctx, arguments), options=options))
    keep_bytes = min(len(raw), most, room - 1)
    ctx.mem.write(out, raw[:keep_bytes] + b"\0")
    return len(raw) if keep_bytes == len(raw) else EOF


def v_scan(ctx: Any, ops: Ops, options: int, text: int, count: int, template: bytes, arguments: int) -> int:
    """__stdio_common_vsscanf."""
    raw = bounded(ctx, text, None if count >= 1 << 31 else count)
    return scan(ctx, raw, from_host(template), arguments)[0] & 0xFFFF_FFFF


# -- characters and blocks ---------------------------------------------------------------------------


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


# -- opening, closing, moving ------------------------------------------------------------------------


def open_flags(mode: str) -> tuple[Open, bool]:
    """(neutral flags, text mode) of an fopen mode."""
    letter, more = mode[:1], mode[1:].partition(",")[0]
    if letter not in ("r", "w", "a"):
        raise Errno(E.INVAL)
    flags = {"r": Open(0), "w": Open.CREATE | Open.TRUNCATE, "a": Open.CREATE | Open.APPEND}[letter]
    if "+" in more:
        flags |= Open.READ | Open.WRITE
    else:
        flags |= Open.READ if letter == "r" else Open.WRITE
    if "x" in more:
        flags |= Open.EXCLUSIVE
    return flags, "b" not in more


def open_stream(ctx: Any, ops: Ops, name: str, mode: str) -> int:
    """A FILE for a path. Raises Errno."""
    flags, text = open_flags(mode)
    path, stat = files.locate(ctx, ops, guest_path(ctx, name))
    if stat is None and not flags & Open.CREATE:
        raise Errno(E.NOENT)
    if stat is not None and stat.mode & files.FORMAT == files.DIR_MODE:
        raise Errno(E.ACCES)
    fd = ops[Op.OPENAT](ctx, dirfd=CWD, path=path, flags=flags, mode=0o666)
    address = keep(ctx, bytes(FILE_SIZE))
    crt(ctx).streams[address] = Stream(fd, text, bool(flags & Open.APPEND), path=path)
    return address


def open_narrow(ctx: Any, ops: Ops, name: bytes, mode: bytes) -> int:
    """Fopen."""
    return open_stream(ctx, ops, from_host(name), from_host(mode))


def open_wide(ctx: Any, ops: Ops, name: str, mode: str) -> int:
    """_wfopen."""
    return open_stream(ctx, ops, name, mode)


def open_s(ctx: Any, ops: Ops, out: int, name: bytes, mode: bytes) -> int:
    """fopen_s: 0 or an errno."""
    ctx.mem.write(out, struct.pack("<Q", open_narrow(ctx, ops, name, mode)))
    return 0


def close_stream(ctx: Any, ops: Ops, stream: int) -> int:
    """Fclose."""
    found = streams.stream_at(ctx, stream)
    streams.flush(ctx, ops, found)
    ops[Op.CLOSE](ctx, fd=found.fd)
    del crt(ctx).streams[stream]
    heap(ctx).free(ctx.mem, stream)
    if found.delete:
        files.remove(ctx, ops, found.path, directory=False)
    return 0


def flush_stream(ctx: Any, ops: Ops, stream: int) -> int:
    """Fflush; null means every stream."""
    if not stream:
        streams.flush_all(ctx, ops)
    else:
        streams.flush(ctx, ops, streams.stream_at(ctx, stream))
    return 0


def flush_every(ctx: Any, ops: Ops) -> int:
    """_flushall."""
    return streams.flush_all(ctx, ops)


def seek_stream(ctx: Any, ops: Ops, stream: int, offset: int, whence: int) -> int:
    """Fseek and _fseeki64."""
    streams.seek(ctx, ops, streams.stream_at(ctx, stream), offset, whence)
    return 0


def tell_stream(ctx: Any, ops: Ops, stream: int) -> int:
    """Ftell and _ftelli64."""
    return streams.tell(ctx, ops, streams.stream_at(ctx, stream))


def rewind(ctx: Any, ops: Ops, stream: int) -> int:
    """Rewind."""
    found = streams.stream_at(ctx, stream)
    streams.seek(ctx, ops, found, 0, 0)
    found.error = False
    return 0


def get_position(ctx: Any, ops: Ops, stream: int, out: int) -> int:
    """Fgetpos."""
    ctx.mem.write(out, struct.pack("<q", tell_stream(ctx, ops, stream)))
    return 0


def set_position(ctx: Any, ops: Ops, stream: int, where: int) -> int:
    """Fsetpos."""
    (offset,) = struct.unpack("<q", ctx.mem.read(where, 8))
    return seek_stream(ctx, ops, stream, offset, 0)


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


def number_of(ctx: Any, ops: Ops, stream: int) -> int:
    """_fileno."""
    return streams.stream_at(ctx, stream).fd


def remove_name(ctx: Any, ops: Ops, name: bytes) -> int:
    """Remove, _unlink."""
    path, stat = files.locate(ctx, ops, guest_path(ctx, from_host(name)))
    if stat is None:
        raise Errno(E.NOENT)
    if stat.mode & files.FORMAT == files.DIR_MODE:
        raise Errno(E.ACCES)
    files.remove(ctx, ops, path, directory=False)
    return 0


def rename(ctx: Any, ops: Ops, old: bytes, new: bytes) -> int:
    """Rename: an existing target is an error."""
    path, stat = files.locate(ctx, ops, guest_path(ctx, from_host(old)))
    if stat is None:
        raise Errno(E.NOENT)
    files.rename(ctx, ops, path, guest_path(ctx, from_host(new)), replace=False)
    return 0


def print_error(ctx: Any, ops: Ops, text: bytes | None) -> int:
    """Perror."""
    from aot.personality.windows.crt_runtime import ERRORS  # noqa: PLC0415 - it needs the streams first

    number = struct.unpack("<i", ctx.mem.read(crt(ctx).cell("errno"), 4))[0]
    line = (text + b": " if text else b"") + ERRORS.get(number, "Unknown error").encode() + b"\n"
    streams.write(ctx, ops, streams.stream_at(ctx, file_of(ctx, ops, 2)), line)
    return 0


# -- descriptors -------------------------------------------------------------------------------------


def write_fd(ctx: Any, ops: Ops, fd: int, data: int, count: int) -> int:
    """_write: text mode as the stream of that descriptor has it."""
    raw = ctx.mem.read(data, count)
    known = next((s for s in crt(ctx).streams.values() if s.fd == fd), None)
    stream = known or Stream(fd, text=False)
    streams.flush(ctx, ops, stream)
    before = stream.unbuffered
    stream.unbuffered = True
    streams.write(ctx, ops, stream, raw)
    stream.unbuffered = before
    return count


def read_fd(ctx: Any, ops: Ops, fd: int, data: int, count: int) -> int:
    """_read."""
    got: int = ops[Op.READ](ctx, fd=fd, buf=ctx.mem.buffers(data, count, True) if count else ())
    return got


def set_mode(ctx: Any, ops: Ops, fd: int, mode: int) -> int:
    """_setmode: 0x4000 text, 0x8000 binary."""
    for stream in crt(ctx).streams.values():
        if stream.fd == fd:
            before, stream.text = stream.text, mode != 0x8000
            return 0x4000 if before else 0x8000
    raise Errno(E.BADF)


def is_console(ctx: Any, ops: Ops, fd: int) -> int:
    """_isatty: any character device."""
    return 0x40 if files.mode_of(ctx, ops, fd) == files.CHAR_MODE else 0


def os_handle(ctx: Any, ops: Ops, fd: int) -> int:
    """_get_osfhandle."""
    files.mode_of(ctx, ops, fd)
    return handle_of(fd)


def close_fd(ctx: Any, ops: Ops, fd: int) -> int:
    """_close."""
    ops[Op.CLOSE](ctx, fd=fd)
    return 0


S = {"stream": To("stream", RAW)}
FD = {"fd": To("fd", S32)}
DATA = {"data": To("data", RAW)}
BLOCK = {**DATA, "size": To("size", RAW), "count": To("count", RAW), **S}
OPTIONS = {"options": To("options", RAW)}
TAIL = {"locale": Unused("the C locale"), "arguments": To("arguments", RAW)}
FORMAT = {"template": To("template", TEXT)}
WFORMAT = {"template": To("template", WIDE)}
BUFFER = {"out": To("out", RAW), "room": To("room", RAW)}
CHAR = {"char": To("char", S32)}
NAME = {"name": To("name", TEXT)}
BYTE = Int(8, signed=False)

# fmt: off
CALLS: tuple[Call, ...] = (
    c("__acrt_iob_func", {"index": To("index", U32)}, file_of),
    c("__stdio_common_vfprintf", {**OPTIONS, **S, **FORMAT, **TAIL}, v_print),
    c("__stdio_common_vfprintf_s", {**OPTIONS, **S, **FORMAT, **TAIL}, v_print),
    c("__stdio_common_vfwprintf", {**OPTIONS, **S, **WFORMAT, **TAIL}, v_print_wide),
    c("__stdio_common_vsprintf", {**OPTIONS, **BUFFER, **FORMAT, **TAIL}, v_string),
    c("__stdio_common_vswprintf", {**OPTIONS, **BUFFER, **WFORMAT, **TAIL}, v_string_wide),
    c("__stdio_common_vsprintf_s", {**OPTIONS, **BUFFER, **FORMAT, **TAIL}, v_string_s),
    c("__stdio_common_vsnprintf_s", {**OPTIONS, **BUFFER, "most": To("most", RAW), **FORMAT, **TAIL}, v_string_ns),
    c("__stdio_common_vsscanf", {**OPTIONS, "text": To("text", RAW), "count": To("count", RAW), **FORMAT, **TAIL},
      v_scan),
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
    c("fopen", {**NAME, "mode": To("mode", TEXT)}, open_narrow, fail=fails.NULL_ERRNO),
    c("_wfopen", {"name": To("name", WIDE), "mode": To("mode", WIDE)}, open_wide, fail=fails.NULL_ERRNO),
    c("fopen_s", {"out": To("out", RAW), **NAME, "mode": To("mode", TEXT)}, open_s, fail=fails.ERRNO),
    c("fclose", S, close_stream, fail=fails.EOF),
    c("fflush", S, flush_stream, fail=fails.EOF),
    c("_flushall", {}, flush_every),
    c("fseek", {**S, "offset": To("offset", S32), "whence": To("whence", S32)}, seek_stream),
    c("_fseeki64", {**S, "offset": To("offset", S64), "whence": To("whence", S32)}, seek_stream),
    c("ftell", S, tell_stream, also=("_ftelli64",)),
    c("rewind", S, rewind, ret=NOTHING),
    c("fgetpos", {**S, "out": To("out", RAW)}, get_position),
    c("fsetpos", {**S, "where": To("where", RAW)}, set_position),
    c("feof", S, flag("eof")),
    c("ferror", S, flag("error")),
    c("clearerr", S, clear, ret=NOTHING),
    c("setvbuf", {**S, "buffer": To("buffer", RAW), "mode": To("mode", S32)}, set_buffer),
    c("setbuf", {**S, "buffer": To("buffer", RAW)}, set_simple_buffer, ret=NOTHING),
    c("_fileno", S, number_of, also=("fileno",)),
    c("remove", NAME, remove_name, also=("_unlink", "unlink")),
    c("rename", {"old": To("old", TEXT), "new": To("new", TEXT)}, rename),
    c("perror", {"text": To("text", TEXT_OPT)}, print_error, ret=NOTHING),
    c("_write", {**FD, **DATA, "count": To("count", U32)}, write_fd, also=("write",)),
    c("_read", {**FD, **DATA, "count": To("count", U32)}, read_fd, also=("read",)),
    c("_close", FD, close_fd, also=("close",)),
    c("_setmode", {**FD, "mode": To("mode", S32)}, set_mode),
    c("_isatty", FD, is_console, also=("isatty",)),
    c("_get_osfhandle", FD, os_handle),
    c("_lock_file", S, flag("error"), ret=NOTHING, also=("_unlock_file",)),
)
# fmt: on
