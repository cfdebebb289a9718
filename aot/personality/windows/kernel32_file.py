"""kernel32: files, directories, the console. From: fileapi.h, consoleapi.h, winbase.h of mingw-w64."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import partial as bind
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, LENGTH, S64, U32, InBytes, Kind, OutBytes, To, Unused
from aot.personality.abi.neutral import CWD, UTIME_OMIT, Stat, Time, Times, Whence
from aot.personality.abi.op import Op
from aot.personality.windows import directory, fails, files, paths
from aot.personality.windows import layouts as la
from aot.personality.windows.files import Ops
from aot.personality.windows.kinds import HANDLE, RAW, ULONG
from aot.personality.windows.layouts import PARAMETERS, PEB
from aot.personality.windows.state import (
    OpenFile,
    fd_of,
    is_file,
    opened_file,
    parameter,
    peb,
    set_last_error,
    state,
)
from aot.personality.windows.text import from_wide, to_host, wide, widez
from aot.personality.windows.win32 import (
    current_directory,
    encode,
    function,
    guest_path,
    put_text,
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
            wrote = files.write_file(
                ctx, ops, fd, (view[at:],), None if offset is None else offset + count
            )
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


def _located(ctx: Any, ops: Ops, name: int, *, wide: bool) -> tuple[bytes, Stat]:
    path, stat = files.locate(ctx, ops, guest_path(ctx, text_at(ctx, name, wide=wide)))
    if stat is None:
        raise Errno(E.NOENT)
    return path, stat


def _is_directory(stat: Stat) -> bool:
    return stat.mode & files.FORMAT == files.DIR_MODE


def delete_file(ctx: Any, ops: Ops, name: int, *, wide: bool) -> int:
    """DeleteFile."""
    path, stat = _located(ctx, ops, name, wide=wide)
    if _is_directory(stat):
        raise Errno(E.ACCES)
    files.remove(ctx, ops, path, directory=False)
    return 1


def create_directory(ctx: Any, ops: Ops, name: int, *, wide: bool) -> int:
    """CreateDirectory."""
    path, stat = files.locate(ctx, ops, guest_path(ctx, text_at(ctx, name, wide=wide)))
    if stat is not None:
        raise Errno(E.EXIST)
    ops[Op.MKDIRAT](ctx, dirfd=CWD, path=path, mode=0o777)
    return 1


def remove_directory(ctx: Any, ops: Ops, name: int, *, wide: bool) -> int:
    """RemoveDirectory."""
    path, stat = _located(ctx, ops, name, wide=wide)
    if not _is_directory(stat):
        raise Errno(E.NOTDIR)
    files.remove(ctx, ops, path, directory=True)
    return 1


def move_file(ctx: Any, ops: Ops, old: int, new: int, flags: int, *, wide: bool) -> int:
    """MoveFileEx."""
    path, _ = _located(ctx, ops, old, wide=wide)
    target = guest_path(ctx, text_at(ctx, new, wide=wide))
    files.rename(ctx, ops, path, target, replace=bool(flags & 1))
    return 1


def move_plain(ctx: Any, ops: Ops, old: int, new: int, *, wide: bool) -> int:
    """MoveFile: an existing target stays."""
    return move_file(ctx, ops, old, new, 0, wide=wide)


def get_attributes(ctx: Any, ops: Ops, name: int, *, wide: bool) -> int:
    """GetFileAttributes."""
    return files.attributes_of(_located(ctx, ops, name, wide=wide)[1])


def set_attributes(ctx: Any, ops: Ops, name: int, wanted: int, *, wide: bool) -> int:
    """SetFileAttributes: only read-only means something here."""
    path, stat = _located(ctx, ops, name, wide=wide)
    mode = stat.mode & 0o7777
    new = mode & ~0o222 if wanted & files.READONLY else mode | 0o200
    if new != mode:
        ops[Op.FCHMODAT](ctx, dirfd=CWD, path=path, mode=new, flags=files.PLAIN)
    return 1


def _attribute_data(fact: files.Facts) -> bytes:
    return struct.pack(
        "<IQQQII", fact.attributes, fact.created, fact.accessed, fact.written, fact.size >> 32,
        fact.size & 0xFFFF_FFFF,
    )  # fmt: skip


def attributes_ex(ctx: Any, ops: Ops, name: int, level: int, out: int, *, wide: bool) -> int:
    """GetFileAttributesEx."""
    if level:
        raise Errno(E.INVAL)
    ctx.mem.write(out, _attribute_data(files.facts(_located(ctx, ops, name, wide=wide)[1])))
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


# -- the console -------------------------------------------------------------------------------------


def _tty(ctx: Any, ops: Ops, fd: int) -> None:
    try:
        ops[Op.TTY_GETSIZE](ctx, fd=fd)
    except Errno:
        raise Errno(E.BADF) from None


def console_mode(ctx: Any, ops: Ops, fd: int, mode: int) -> int:
    """GetConsoleMode: fails for what is no console."""
    _tty(ctx, ops, fd)
    ctx.mem.write(mode, struct.pack("<I", 0x1F7 if fd == 0 else 7))
    return 1


def set_console_mode(ctx: Any, ops: Ops, fd: int, mode: int) -> int:
    """SetConsoleMode: accepted, nothing changes."""
    _tty(ctx, ops, fd)
    return 1


def write_console(
    ctx: Any, ops: Ops, fd: int, address: int, count: int, done: int, *, wide: bool
) -> int:
    """WriteConsole: text as UTF-8."""
    raw = ctx.mem.read(address, count * (2 if wide else 1)) if count else b""
    data = memoryview(to_host(from_wide(raw)) if wide else raw)
    while data:
        data = data[ops[Op.WRITE](ctx, fd=fd, buf=(data,)) :]
    if done:
        ctx.mem.write(done, struct.pack("<I", count))
    return 1


def read_console(ctx: Any, ops: Ops, fd: int, address: int, count: int, done: int) -> int:
    """ReadConsoleW: a line, as far as it fits."""
    raw = bytearray(max(1, count // 2))
    got = ops[Op.READ](ctx, fd=fd, buf=(memoryview(raw),))
    text = wide(bytes(raw[:got]).decode("utf-8", "surrogateescape").replace("\n", "\r\n"))
    ctx.mem.write(address, text[: 2 * count])
    ctx.mem.write(done, struct.pack("<I", min(count, len(text) // 2)))
    return 1


# -- directories -------------------------------------------------------------------------------------


def get_cwd(ctx: Any, ops: Ops, room: int, out: int, *, wide: bool) -> int:
    """GetCurrentDirectory."""
    path = current_directory(ctx)
    return put_text(ctx, out, room, path if len(path) == 3 else path.rstrip("\\"), wide=wide)


def set_cwd(ctx: Any, ops: Ops, name: int, *, wide: bool) -> int:
    """SetCurrentDirectory: the kernel's and the one in the parameters."""
    path, stat = _located(ctx, ops, name, wide=wide)
    if not _is_directory(stat):
        raise Errno(E.NOTDIR)
    ops[Op.CHDIR](ctx, path=path)
    block = ctx.mem.load_u64(peb(ctx) + PEB["ProcessParameters"]) + PARAMETERS["CurrentDirectory"]
    text = paths.from_guest(path)
    raw = widez(text if text.endswith("\\") else text + "\\")
    ctx.mem.write(parameter(ctx, "CurrentDirectory") and ctx.mem.load_u64(block + 8), raw[:0x208])
    ctx.mem.write(block, struct.pack("<H", min(len(raw) - 2, 0x206)))
    return 1


def full_path_name(ctx: Any, ops: Ops, name: int, room: int, out: int, part: int, *, wide: bool) -> int:
    """GetFullPathName."""
    full = paths.full_path(text_at(ctx, name, wide=wide), current_directory(ctx))
    count = put_text(ctx, out, room, full, wide=wide)
    if part and out and count < room:
        leaf = full.rpartition("\\")[0]
        at = out + len(encode(leaf + "\\", wide=wide)) if not full.endswith("\\") else 0
        ctx.mem.write(part, struct.pack("<Q", at))
    return count


def temp_path(ctx: Any, ops: Ops, room: int, out: int, *, wide: bool) -> int:
    """GetTempPath."""
    return put_text(ctx, out, room, "C:\\tmp\\", wide=wide)


class Found:
    """A search in progress: the directory's descriptor and its scan."""

    def __init__(self, fd: int, opened: OpenFile) -> None:
        self.fd, self.opened = fd, opened


def _find_data(ctx: Any, ops: Ops, found: Found, out: int, *, wide: bool) -> bool:
    entries = found.opened.entries or []
    if found.opened.position >= len(entries):
        return False
    entry = entries[found.opened.position]
    found.opened.position += 1
    raw = directory.record(ctx, ops, found.fd, entry, directory.DIRECTORY)
    created, accessed, written, _, size, _, attributes, length = struct.unpack_from("<6qII", raw, 8)
    name = encode(from_wide(raw[64 : 64 + length]), wide=wide)
    unit = 2 if wide else 1
    data = struct.pack("<IQQQIIII", attributes, created, accessed, written, size >> 32, size & 0xFFFF_FFFF, 0, 0)
    ctx.mem.write(out, data + name[: 259 * unit].ljust(260 * unit, b"\0") + bytes(14 * unit))
    return True


def find_first(ctx: Any, ops: Ops, name: int, out: int, *, wide: bool) -> int:
    """FindFirstFile."""
    ctx.mem.probe(out, 592 if wide else 320, True)
    full = paths.full_path(text_at(ctx, name, wide=wide), current_directory(ctx))
    parent, _, pattern = full.rpartition("\\")
    path = paths.to_guest(paths.nt_path(parent + "\\" if parent.endswith(":") else parent))
    opened = files.open_file(ctx, ops, path, 0x8000_0000, files.Disposition.OPEN, files.OPTION_DIRECTORY)
    fd = fd_of(opened.handle)
    found = Found(fd, opened_file(ctx, fd))
    try:
        directory.scan(ctx, ops, fd, found.opened, pattern, restart=True)
    except Errno:
        files.close_file(ctx, ops, fd)
        return refuse(ctx, FILE_NOT_FOUND, INVALID)
    _find_data(ctx, ops, found, out, wide=wide)
    return state(ctx).add(found)


def find_first_ex(ctx: Any, ops: Ops, name: int, out: int, *, wide: bool) -> int:
    """FindFirstFileEx: as FindFirstFile."""
    return find_first(ctx, ops, name, out, wide=wide)


def find_next(ctx: Any, ops: Ops, handle: int, out: int, *, wide: bool) -> int:
    """FindNextFile."""
    found: Found = state(ctx).find(handle, Found)
    return 1 if _find_data(ctx, ops, found, out, wide=wide) else refuse(ctx, NO_MORE_FILES)


def find_close(ctx: Any, ops: Ops, handle: int) -> int:
    """FindClose."""
    found: Found = state(ctx).find(handle, Found)
    del state(ctx).objects[handle]
    files.close_file(ctx, ops, found.fd)
    return 1


FD = {"hFile": To("fd", HANDLE)}
NAME = {"lpFileName": To("name", RAW)}
IO_TAIL: dict[str, Kind] = {"lpDone": To("done", RAW), "lpOverlapped": To("overlapped", RAW)}
CREATE: dict[str, Kind] = {
    **NAME, "dwDesiredAccess": To("access", HEX32), "dwShareMode": Unused("everything is shared"),
    "lpSecurityAttributes": Unused("not inherited"), "dwCreationDisposition": To("disposition", U32),
    "dwFlagsAndAttributes": To("flags", HEX32), "hTemplateFile": Unused("no extended attributes"),
}  # fmt: skip
BOTH = (("W", True), ("A", False))


def both(name: str, args: Mapping[str, Kind], via: Any, fail: Any = fails.FALSE) -> tuple[Call, Call]:
    """The wide and the narrow form of a function."""
    forms = [function("kernel32", name + s, args, bind(via, wide=w), fail=fail) for s, w in BOTH]
    return forms[0], forms[1]


def k32(name: str, args: Mapping[str, Kind], via: Any, fail: Any = fails.FALSE) -> Call:
    """A kernel32 function."""
    return function("kernel32", name, args, via, fail=fail)


# fmt: off
CALLS: tuple[Call, ...] = (
    *both("CreateFile", CREATE, create_file, fails.INVALID_HANDLE),
    k32("ReadFile", {**FD, "lpBuffer": To("buf", OutBytes("nBytes")), "nBytes": LENGTH, **IO_TAIL}, read_file),
    k32("WriteFile", {**FD, "lpBuffer": To("buf", InBytes("nBytes")), "nBytes": LENGTH, **IO_TAIL}, write_file),
    k32("CloseHandle", {"hObject": To("handle", RAW)}, close_handle),
    k32("GetFileType", FD, file_type),
    k32("SetFilePointerEx", {**FD, "liDistanceToMove": To("distance", S64), "lpNewFilePointer": To("new", RAW),
        "dwMoveMethod": To("method", U32)}, set_pointer_ex),
    k32("SetFilePointer", {**FD, "lDistanceToMove": To("low", U32), "lpDistanceToMoveHigh": To("high", RAW),
        "dwMoveMethod": To("method", U32)}, set_pointer, fails.DWORD_MAX),
    k32("GetFileSizeEx", {**FD, "lpFileSize": To("size", RAW)}, file_size_ex),
    k32("GetFileSize", {**FD, "lpFileSizeHigh": To("high", RAW)}, file_size, fails.DWORD_MAX),
    k32("SetEndOfFile", FD, set_end),
    k32("FlushFileBuffers", FD, flush),
    *both("DeleteFile", NAME, delete_file),
    *both("CreateDirectory", {**NAME, "lpSecurityAttributes": Unused("not inherited")}, create_directory),
    *both("RemoveDirectory", NAME, remove_directory),
    *both("MoveFileEx", {"lpOld": To("old", RAW), "lpNew": To("new", RAW), "dwFlags": To("flags", HEX32)}, move_file),
    *both("MoveFile", {"lpOld": To("old", RAW), "lpNew": To("new", RAW)}, move_plain),
    *both("GetFileAttributes", NAME, get_attributes, fails.DWORD_MAX),
    *both("SetFileAttributes", {**NAME, "dwFileAttributes": To("wanted", HEX32)}, set_attributes),
    *both("GetFileAttributesEx", {**NAME, "fInfoLevelId": To("level", U32), "lpInfo": To("out", RAW)}, attributes_ex),
    k32("GetFileInformationByHandle", {**FD, "lpInfo": To("out", RAW)}, by_handle),
    k32("SetFileTime", {**FD, "lpCreation": To("created", RAW), "lpAccess": To("accessed", RAW),
        "lpWrite": To("written", RAW)}, set_times),
    k32("GetConsoleMode", {"hConsole": To("fd", HANDLE), "lpMode": To("mode", RAW)}, console_mode),
    k32("SetConsoleMode", {"hConsole": To("fd", HANDLE), "dwMode": To("mode", HEX32)}, set_console_mode),
    *both("WriteConsole", {"hConsole": To("fd", HANDLE), "lpBuffer": To("address", RAW), "nChars": To("count", ULONG),
        "lpDone": To("done", RAW), "lpReserved": Unused("reserved")}, write_console),
    k32("ReadConsoleW", {"hConsole": To("fd", HANDLE), "lpBuffer": To("address", RAW), "nChars": To("count", ULONG),
        "lpDone": To("done", RAW), "pInputControl": Unused("no control keys")}, read_console),
    *both("GetCurrentDirectory", {"nBufferLength": To("room", ULONG), "lpBuffer": To("out", RAW)}, get_cwd),
    *both("SetCurrentDirectory", {"lpPathName": To("name", RAW)}, set_cwd),
    *both("GetFullPathName", {**NAME, "nBufferLength": To("room", ULONG), "lpBuffer": To("out", RAW),
        "lpFilePart": To("part", RAW)}, full_path_name),
    *both("GetTempPath", {"nBufferLength": To("room", ULONG), "lpBuffer": To("out", RAW)}, temp_path),
    *both("FindFirstFile", {**NAME, "lpFindFileData": To("out", RAW)}, find_first, fails.INVALID_HANDLE),
    *both("FindFirstFileEx", {**NAME, "fInfoLevelId": Unused("short names are never filled in"),
        "lpFindFileData": To("out", RAW), "fSearchOp": Unused("all kinds"), "lpFilter": Unused("reserved"),
        "dwFlags": Unused("hints")}, find_first_ex, fails.INVALID_HANDLE),
    *both("FindNextFile", {"hFindFile": To("handle", RAW), "lpFindFileData": To("out", RAW)}, find_next),
    k32("FindClose", {"hFindFile": To("handle", RAW)}, find_close),
)
# fmt: on
__all__ = ["CALLS", "both", "k32", "la"]
