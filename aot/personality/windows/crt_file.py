"""Opening, naming and positioning files in the C runtime. From: stdio.h, io.h of mingw-w64 (UCRT)."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, S64, U32, To
from aot.personality.abi.neutral import CWD, Open
from aot.personality.abi.op import Op
from aot.personality.windows import crt_stream as streams
from aot.personality.windows import fails, files
from aot.personality.windows.crt import FILE_SIZE, TEXT, Stream, c, crt, keep
from aot.personality.windows.crt_stdio import DATA, S
from aot.personality.windows.files import Ops
from aot.personality.windows.heap import heap
from aot.personality.windows.kinds import OUT_WORD, POINTER, WIDE
from aot.personality.windows.state import handle_of
from aot.personality.windows.text import from_host
from aot.personality.windows.win32 import guest_path


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


FD = {"fd": To("fd", S32)}
NAME = {"name": To("name", TEXT)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("fopen", {**NAME, "mode": To("mode", TEXT)}, open_narrow, fail=fails.NULL_ERRNO),
    c("_wfopen", {"name": To("name", WIDE), "mode": To("mode", WIDE)}, open_wide, fail=fails.NULL_ERRNO),
    c("fopen_s", {"out": To("out", OUT_WORD), **NAME, "mode": To("mode", TEXT)}, open_s, fail=fails.ERRNO),
    c("fclose", S, close_stream, fail=fails.EOF),
    c("fflush", S, flush_stream, fail=fails.EOF),
    c("_flushall", {}, flush_every),
    c("fseek", {**S, "offset": To("offset", S32), "whence": To("whence", S32)}, seek_stream),
    c("_fseeki64", {**S, "offset": To("offset", S64), "whence": To("whence", S32)}, seek_stream),
    c("ftell", S, tell_stream, also=("_ftelli64",)),
    c("rewind", S, rewind, ret=NOTHING),
    c("fgetpos", {**S, "out": To("out", POINTER)}, get_position),
    c("fsetpos", {**S, "where": To("where", POINTER)}, set_position),
    c("_fileno", S, number_of, also=("fileno",)),
    c("remove", NAME, remove_name, also=("_unlink", "unlink")),
    c("rename", {"old": To("old", TEXT), "new": To("new", TEXT)}, rename),
    c("_write", {**FD, **DATA, "count": To("count", U32)}, write_fd, also=("write",)),
    c("_read", {**FD, **DATA, "count": To("count", U32)}, read_fd, also=("read",)),
    c("_close", FD, close_fd, also=("close",)),
    c("_setmode", {**FD, "mode": To("mode", S32)}, set_mode),
    c("_isatty", FD, is_console, also=("isatty",)),
    c("_get_osfhandle", FD, os_handle),
)
# fmt: on
