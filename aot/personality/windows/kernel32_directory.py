"""kernel32: names in the file system: directories, attributes, searches. From: fileapi.h of mingw-w64."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, U32, To, Unused
from aot.personality.abi.neutral import CWD, Stat
from aot.personality.abi.op import Op
from aot.personality.windows import directory, fails, files, paths
from aot.personality.windows.files import Ops
from aot.personality.windows.kernel32_file import (
    FILE_NOT_FOUND,
    INVALID,
    NAME,
    NO_MORE_FILES,
)
from aot.personality.windows.kinds import OUT_WORD_OPT, POINTER, RAW, ULONG
from aot.personality.windows.layouts import PARAMETERS, PEB
from aot.personality.windows.state import (
    OpenFile,
    fd_of,
    opened_file,
    peb,
    state,
)
from aot.personality.windows.text import from_wide, widez
from aot.personality.windows.win32 import (
    both,
    current_directory,
    encode,
    guest_path,
    k32,
    put_text,
    refuse,
    text_at,
)


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


def get_cwd(ctx: Any, ops: Ops, room: int, out: int, *, wide: bool) -> int:
    """GetCurrentDirectory."""
    path = current_directory(ctx)
    return put_text(ctx, out, room, path if len(path) == 3 else path.rstrip("\\"), wide=wide)


def set_cwd(ctx: Any, ops: Ops, name: int, *, wide: bool) -> int:
    """SetCurrentDirectory."""
    change_directory(ctx, ops, text_at(ctx, name, wide=wide))
    return 1


def change_directory(ctx: Any, ops: Ops, name: str) -> None:
    """Move the kernel's current directory and the one in the parameters."""
    path, stat = files.locate(ctx, ops, guest_path(ctx, name))
    if stat is None:
        raise Errno(E.NOENT)
    if not _is_directory(stat):
        raise Errno(E.NOTDIR)
    ops[Op.CHDIR](ctx, path=path)
    block = ctx.mem.load_u64(peb(ctx) + PEB["ProcessParameters"]) + PARAMETERS["CurrentDirectory"]
    text = paths.from_guest(path)
    raw = widez(text if text.endswith("\\") else text + "\\")
    ctx.mem.write(ctx.mem.load_u64(block + 8), raw[:0x208])
    ctx.mem.write(block, struct.pack("<H", min(len(raw) - 2, 0x206)))


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
    data = struct.pack("<IQQQ", attributes, created, accessed, written)
    data += struct.pack("<IIII", size >> 32, size & 0xFFFF_FFFF, 0, 0)
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


# fmt: off
CALLS: tuple[Call, ...] = (
    *both("DeleteFile", NAME, delete_file),
    *both("CreateDirectory", {**NAME, "lpSecurityAttributes": Unused("not inherited")}, create_directory),
    *both("RemoveDirectory", NAME, remove_directory),
    *both("MoveFileEx", {"lpOld": To("old", POINTER), "lpNew": To("new", POINTER),
        "dwFlags": To("flags", HEX32)}, move_file),
    *both("MoveFile", {"lpOld": To("old", POINTER), "lpNew": To("new", POINTER)}, move_plain),
    *both("GetFileAttributes", NAME, get_attributes, fails.DWORD_MAX),
    *both("SetFileAttributes", {**NAME, "dwFileAttributes": To("wanted", HEX32)}, set_attributes),
    *both("GetFileAttributesEx", {**NAME, "fInfoLevelId": To("level", U32), "lpInfo": To("out", POINTER)},
        attributes_ex),
    *both("GetCurrentDirectory", {"nBufferLength": To("room", ULONG), "lpBuffer": To("out", POINTER)},
        get_cwd),
    *both("SetCurrentDirectory", {"lpPathName": To("name", POINTER)}, set_cwd),
    *both("GetFullPathName", {**NAME, "nBufferLength": To("room", ULONG), "lpBuffer": To("out", POINTER),
        "lpFilePart": To("part", OUT_WORD_OPT)}, full_path_name),
    *both("GetTempPath", {"nBufferLength": To("room", ULONG), "lpBuffer": To("out", POINTER)}, temp_path),
    *both("FindFirstFile", {**NAME, "lpFindFileData": To("out", POINTER)}, find_first,
        fails.INVALID_HANDLE),
    *both("FindFirstFileEx", {**NAME, "fInfoLevelId": Unused("short names are never filled in"),
        "lpFindFileData": To("out", POINTER), "fSearchOp": Unused("all kinds"),
        "lpFilter": Unused("reserved"), "dwFlags": Unused("hints")}, find_first_ex, fails.INVALID_HANDLE),
    *both("FindNextFile", {"hFindFile": To("handle", RAW), "lpFindFileData": To("out", POINTER)},
        find_next),
    k32("FindClose", {"hFindFile": To("handle", RAW)}, find_close),
)
# fmt: on
