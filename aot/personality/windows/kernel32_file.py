"""kernel32: open files. From: fileapi.h, winbase.h of mingw-w64."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, S64, U32, InBytes, Kind, Length, OutBytes, To, Unused
from aot.personality.abi.neutral import UTIME_OMIT, Time, Times, Whence
from aot.personality.abi.op import Op
from aot.personality.windows import fails, files
from aot.personality.windows.files import Ops
from aot.personality.windows.kinds import (
    HANDLE,
    OUT_LONG_OPT,
    OUT_WORD,
    OUT_WORD_OPT,
    POINTER,
    RAW,
    Place,
)
from aot.personality.windows.state import (
    fd_of,
    is_file,
    set_last_error,
    state,
)
from aot.personality.windows.win32 import (
    both,
    guest_path,
    k32,
    refuse,
    text_at,
)

DISPOSITIONS = {1: 2, 2: 5, 3: 1, 4: 3, 5: 4}  # CREATE_NEW ... TRUNCATE_EXISTING as NT says it
BACKUP_SEMANTICS, DELETE_ON_CLOSE, OPEN_REPARSE = 0x0200_0000, 0x0400_0000, 0x0020_0000
ALREADY_EXISTS, FILE_EXISTS, BAD_PARAMETER, NO_MORE_FILES, FILE_NOT_FOUND = 183, 80, 87, 18, 2
INVALID = (1 << 64) - 1


def create_file(
    ctx: Any, ops: Ops, name: int, access: int, disposition: int, flags: int, *, wide: bool
) -> int:
    """CreateFile: a handle; the last error tells whether the file was there."""
    path = guest_path(ctx, text_at(ctx, name, wide=wide))
    if disposition not in DISPOSITIONS:
        return refuse(ctx, BAD_PARAMETER, INVALID)
    options = 0 if flags & BACKUP_SEMANTICS else files.OPTION_NO_DIRECTORY
    options |= files.OPTION_DELETE if flags & DELETE_ON_CLOSE else 0
    options |= files.OPTION_REPARSE if flags & OPEN_REPARSE else 0
    try:
        opened = files.open_file(ctx, ops, path, access | 0x80, DISPOSITIONS[disposition], options)
    except Errno as e:
        if e.code is E.EXIST and disposition == 1:
            return refuse(ctx, FILE_EXISTS, INVALID)
        raise
    existed = disposition in (2, 4) and opened.information != files.CREATED
    set_last_error(ctx, ALREADY_EXISTS if existed else 0)
    return opened.handle


def _count(ctx: Any, done: int, overlapped: int, count: int) -> int:
    if done:
        ctx.mem.write(done, struct.pack("<I", count))
    if overlapped:
        ctx.mem.write(overlapped, struct.pack("<QQ", 0, count))
    return 1


def _offset(ctx: Any, overlapped: int) -> int | None:
    return int(struct.unpack("<Q", ctx.mem.read(overlapped + 16, 8))[0]) if overlapped else None


def read_file(ctx: Any, ops: Ops, fd: int, buf: Any, done: int, overlapped: int) -> int:
    """ReadFile: the end of a file is a success of 0 bytes."""
    try:
        count = files.read_file(ctx, ops, fd, buf, _offset(ctx, overlapped))
    except Errno as e:
        if e.code is not E.EOF or overlapped:
            raise
        count = 0
    return _count(ctx, done, overlapped, count)


def write_file(ctx: Any, ops: Ops, fd: int, buf: Any, done: int, overlapped: int) -> int:
    """WriteFile: everything is written."""
    count = 0
    for view in buf:
        at = 0
        while at < len(view):
            offset = _offset(ctx, overlapped)
            wrote = files.write_file(ctx, ops, fd, (view[at:],), None if offset is None else offset + count)
            at, count = at + wrote, count + wrote
    if not buf:
        files.mode_of(ctx, ops, fd)
    return _count(ctx, done, overlapped, count)


def close_handle(ctx: Any, ops: Ops, handle: int) -> int:
    """CloseHandle."""
    if is_file(handle):
        files.close_file(ctx, ops, fd_of(handle))
    elif state(ctx).objects.pop(handle, None) is None and handle < INVALID - 5:
        raise Errno(E.BADF)
    return 1


def file_type(ctx: Any, ops: Ops, fd: int) -> int:
    """GetFileType."""
    mode = files.mode_of(ctx, ops, fd)
    set_last_error(ctx, 0)
    return {files.CHAR_MODE: 2, files.FIFO_MODE: 3, files.SOCKET_MODE: 3}.get(mode, 1)


def set_pointer_ex(ctx: Any, ops: Ops, fd: int, distance: int, new: int, method: int) -> int:
    """SetFilePointerEx."""
    at = _seek(ctx, ops, fd, distance, method)
    if new:
        ctx.mem.write(new, struct.pack("<q", at))
    return 1


def set_pointer(ctx: Any, ops: Ops, fd: int, low: int, high: int, method: int) -> int:
    """SetFilePointer: the low half of the new position, the high half through a pointer."""
    distance = ((low & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000
    if high:
        distance = low & 0xFFFF_FFFF | struct.unpack("<i", ctx.mem.read(high, 4))[0] << 32
    at = _seek(ctx, ops, fd, distance, method)
    if high:
        ctx.mem.write(high, struct.pack("<i", at >> 32))
    set_last_error(ctx, 0)
    return at & 0xFFFF_FFFF


def _seek(ctx: Any, ops: Ops, fd: int, distance: int, method: int) -> int:
    if method > 2:
        raise Errno(E.INVAL)
    at: int = ops[Op.SEEK](ctx, fd=fd, offset=distance, whence=Whence(method))
    return at


def file_size_ex(ctx: Any, ops: Ops, fd: int, size: int) -> int:
    """GetFileSizeEx."""
    ctx.mem.write(size, struct.pack("<q", ops[Op.FSTAT](ctx, fd=fd).size))
    return 1


def file_size(ctx: Any, ops: Ops, fd: int, high: int) -> int:
    """GetFileSize."""
    size: int = ops[Op.FSTAT](ctx, fd=fd).size
    if high:
        ctx.mem.write(high, struct.pack("<I", size >> 32))
    set_last_error(ctx, 0)
    return size & 0xFFFF_FFFF


def set_end(ctx: Any, ops: Ops, fd: int) -> int:
    """SetEndOfFile: at the current position."""
    at = ops[Op.SEEK](ctx, fd=fd, offset=0, whence=Whence.CUR)
    ops[Op.FTRUNCATE](ctx, fd=fd, length=at)
    return 1


def flush(ctx: Any, ops: Ops, fd: int) -> int:
    """FlushFileBuffers."""
    if files.mode_of(ctx, ops, fd) not in (files.CHAR_MODE, files.FIFO_MODE, files.SOCKET_MODE):
        ops[Op.FSYNC](ctx, fd=fd, data_only=False)
    return 1


def by_handle(ctx: Any, ops: Ops, fd: int, out: int) -> int:
    """GetFileInformationByHandle."""
    fact = files.facts(ops[Op.FSTAT](ctx, fd=fd))
    raw = struct.pack("<IQQQI", fact.attributes, fact.created, fact.accessed, fact.written, fact.volume)
    raw += struct.pack("<III", fact.size >> 32, fact.size & 0xFFFF_FFFF, fact.links)
    ctx.mem.write(out, raw + struct.pack("<II", fact.index >> 32, fact.index & 0xFFFF_FFFF))
    return 1


def set_times(ctx: Any, ops: Ops, fd: int, created: int, accessed: int, written: int) -> int:
    """SetFileTime."""

    def time(address: int) -> Time:
        value = struct.unpack("<Q", ctx.mem.read(address, 8))[0] if address else 0
        return files.from_filetime(value) if value else Time(0, UTIME_OMIT)

    times = Times(time(accessed), time(written))
    ops[Op.UTIMENSAT](ctx, dirfd=fd, path=None, times=times, flags=files.PLAIN)
    return 1


OVERLAPPED = Place(32, optional=True)
FD = {"hFile": To("fd", HANDLE)}
NAME = {"lpFileName": To("name", POINTER)}
IO_TAIL: dict[str, Kind] = {"lpDone": To("done", OUT_LONG_OPT), "lpOverlapped": To("overlapped", OVERLAPPED)}
CREATE: dict[str, Kind] = {
    **NAME, "dwDesiredAccess": To("access", HEX32), "dwShareMode": Unused("everything is shared"),
    "lpSecurityAttributes": Unused("not inherited"), "dwCreationDisposition": To("disposition", U32),
    "dwFlagsAndAttributes": To("flags", HEX32), "hTemplateFile": Unused("no extended attributes"),
}  # fmt: skip
BOTH = (("W", True), ("A", False))

# fmt: off
CALLS: tuple[Call, ...] = (
    *both("CreateFile", CREATE, create_file, fails.INVALID_HANDLE),
    k32("ReadFile", {**FD, "lpBuffer": To("buf", OutBytes("nBytes")), "nBytes": Length(32), **IO_TAIL},
        read_file),
    k32("WriteFile", {**FD, "lpBuffer": To("buf", InBytes("nBytes")), "nBytes": Length(32), **IO_TAIL},
        write_file),
    k32("CloseHandle", {"hObject": To("handle", RAW)}, close_handle),
    k32("GetFileType", FD, file_type),
    k32("SetFilePointerEx", {**FD, "liDistanceToMove": To("distance", S64),
        "lpNewFilePointer": To("new", OUT_WORD_OPT), "dwMoveMethod": To("method", U32)}, set_pointer_ex),
    k32("SetFilePointer", {**FD, "lDistanceToMove": To("low", U32),
        "lpDistanceToMoveHigh": To("high", OUT_LONG_OPT), "dwMoveMethod": To("method", U32)}, set_pointer,
        fails.DWORD_MAX),
    k32("GetFileSizeEx", {**FD, "lpFileSize": To("size", OUT_WORD)}, file_size_ex),
    k32("GetFileSize", {**FD, "lpFileSizeHigh": To("high", OUT_LONG_OPT)}, file_size, fails.DWORD_MAX),
    k32("SetEndOfFile", FD, set_end),
    k32("FlushFileBuffers", FD, flush),
    k32("GetFileInformationByHandle", {**FD, "lpInfo": To("out", POINTER)}, by_handle),
    k32("SetFileTime", {**FD, "lpCreation": To("created", POINTER), "lpAccess": To("accessed", POINTER),
        "lpWrite": To("written", POINTER)}, set_times),
)
# fmt: on
