"""The information classes of a file and its volume: one row a class, selected by number."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import ZERO, Call, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import To, Unused
from aot.personality.abi.neutral import UTIME_OMIT, Stat, Time, Times, Whence
from aot.personality.abi.op import Op
from aot.personality.windows import files
from aot.personality.windows import layouts as la
from aot.personality.windows.kinds import HANDLE, POINTER, ULONG, Attributes, Iosb
from aot.personality.windows.paths import from_guest, to_guest
from aot.personality.windows.state import opened_file
from aot.personality.windows.text import from_wide, wide

# -- NtQueryInformationFile: selected by class ------------------------------------------------------


def _facts(ctx: Any, ops: files.Ops, fd: int) -> files.Facts:
    return files.facts(ops[Op.FSTAT](ctx, fd=fd))


def _query(name: str, size: int, build: Any, *, variable: bool = False) -> Call:
    """A class of NtQueryInformationFile: `build` makes the bytes, `size` is the least length."""

    def via(ctx: Any, ops: files.Ops, fd: int, iosb: int, buffer: int, length: int) -> int:
        if length < size:
            raise Errno(E.BAD_LENGTH)
        ctx.mem.probe(iosb, 16, True)
        raw = build(ctx, ops, fd)
        status = 0
        if len(raw) > length:
            if not variable:
                raise Errno(E.BAD_LENGTH)
            raw, status = raw[:length], 0x8000_0005
        ctx.mem.write(buffer, raw)
        ctx.mem.write(iosb, struct.pack("<QQ", status, len(raw)))
        return status

    args = sig(
        FileHandle=To("fd", HANDLE), IoStatusBlock=To("iosb", POINTER), FileInformation=To("buffer", POINTER),
        Length=To("length", ULONG), FileInformationClass=Unused("selects the row"),
    )  # fmt: skip
    return call(name, None, None, partial("no extended attributes"), args, via=via)


def _name(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    name = wide(from_guest(opened_file(ctx, fd).path)[2:])
    return struct.pack("<I", len(name)) + name


def _position(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    return struct.pack("<q", ops[Op.SEEK](ctx, fd=fd, offset=0, whence=Whence.CUR))


def _all(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    fact = _facts(ctx, ops, fd)
    head = la.FILE_BASIC.encode(fact) + la.FILE_STANDARD.encode(fact)
    position = 0
    if not fact.directory and files.mode_of(ctx, ops, fd) not in (files.FIFO_MODE, files.CHAR_MODE):
        position = ops[Op.SEEK](ctx, fd=fd, offset=0, whence=Whence.CUR)
    head += struct.pack("<QIIqII", fact.index, 0, 0x12_019F, position, 0x20, 0)
    return head + _name(ctx, ops, fd)


def _network(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    return la.FILE_NETWORK_OPEN.encode(_facts(ctx, ops, fd))


def _tag(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    return la.FILE_ATTRIBUTE_TAG.encode(_facts(ctx, ops, fd))


QUERY_FILE = {
    4: _query("FileBasicInformation", 40, lambda c, o, fd: la.FILE_BASIC.encode(_facts(c, o, fd))),
    5: _query("FileStandardInformation", 24, lambda c, o, fd: la.FILE_STANDARD.encode(_facts(c, o, fd))),
    6: _query("FileInternalInformation", 8, lambda c, o, fd: struct.pack("<Q", _facts(c, o, fd).index)),
    7: _query("FileEaInformation", 4, lambda c, o, fd: bytes(4)),
    8: _query("FileAccessInformation", 4, lambda c, o, fd: struct.pack("<I", 0x12_019F)),
    9: _query("FileNameInformation", 8, _name, variable=True),
    14: _query("FilePositionInformation", 8, _position),
    16: _query("FileModeInformation", 4, lambda c, o, fd: struct.pack("<I", 0x20)),
    17: _query("FileAlignmentInformation", 4, lambda c, o, fd: bytes(4)),
    18: _query("FileAllInformation", 104, _all, variable=True),
    34: _query("FileNetworkOpenInformation", 56, _network),
    35: _query("FileAttributeTagInformation", 8, _tag),
    48: _query("FileNormalizedNameInformation", 8, _name, variable=True),
    55: _query("FileIsRemoteDeviceInformation", 1, lambda c, o, fd: bytes(1)),
}  # fmt: skip


# -- NtSetInformationFile ---------------------------------------------------------------------------


def _set_times(ctx: Any, ops: files.Ops, fd: int, raw: bytes) -> None:
    _, accessed, written, _, attributes = struct.unpack("<qqqqI", raw[:36])

    def time(value: int) -> Time:
        return files.from_filetime(value) if value > 0 else Time(0, UTIME_OMIT)

    if accessed > 0 or written > 0:
        ops[Op.UTIMENSAT](ctx, dirfd=fd, path=None, times=Times(time(accessed), time(written)), flags=0)
    if attributes:
        mode = ops[Op.FSTAT](ctx, fd=fd).mode & 0o7777
        wanted = mode & ~0o222 if attributes & files.READONLY else mode | 0o200
        if wanted != mode:
            ops[Op.FCHMOD](ctx, fd=fd, mode=wanted)


def _set_rename(ctx: Any, ops: files.Ops, fd: int, raw: bytes) -> None:
    replace, root, size = struct.unpack("<B7xQI", raw[:20])
    name = from_wide(raw[20 : 20 + size])
    opened = opened_file(ctx, fd)
    if root:
        new = files.path_of(ctx, Attributes(root, name, 0))
    elif "\\" not in name:
        new = opened.path.rpartition(b"/")[0] + to_guest("\\??\\C:\\" + name)
    else:
        new = to_guest(name)
    files.rename(ctx, ops, opened.path, new, replace=bool(replace & 1))
    opened.path = new


def _set_delete(ctx: Any, ops: files.Ops, fd: int, raw: bytes) -> None:
    opened = opened_file(ctx, fd)
    stat: Stat = ops[Op.FSTAT](ctx, fd=fd)
    opened.directory = stat.mode & files.FORMAT == files.DIR_MODE
    if raw[0] & 1 and opened.directory and len(files.listing(ctx, ops, fd)) > 2:
        raise Errno(E.NOTEMPTY)
    opened.delete = bool(raw[0] & 1)


def _set_delete_now(ctx: Any, ops: files.Ops, fd: int, raw: bytes) -> None:
    """FileDispositionInformationEx: POSIX semantics delete the name at once."""
    _set_delete(ctx, ops, fd, raw)
    opened = opened_file(ctx, fd)
    if raw[0] & 3 == 3:
        files.remove(ctx, ops, opened.path, directory=opened.directory)
        opened.delete = False


def _set_position(ctx: Any, ops: files.Ops, fd: int, raw: bytes) -> None:
    (offset,) = struct.unpack("<q", raw[:8])
    if offset < 0:
        raise Errno(E.INVAL)
    ops[Op.SEEK](ctx, fd=fd, offset=offset, whence=Whence.SET)


def _set_end(ctx: Any, ops: files.Ops, fd: int, raw: bytes) -> None:
    (size,) = struct.unpack("<q", raw[:8])
    if size < 0:
        raise Errno(E.INVAL)
    ops[Op.FTRUNCATE](ctx, fd=fd, length=size)


def _set_nothing(ctx: Any, ops: files.Ops, fd: int, raw: bytes) -> None:
    """A hint that changes nothing here."""


def _set(name: str, size: int, apply: Any) -> Call:
    def via(ctx: Any, ops: files.Ops, fd: int, buffer: int, length: int) -> int:
        if length < size:
            raise Errno(E.BAD_LENGTH)
        raw = ctx.mem.read(buffer, min(length, 0x1_0000))
        apply(ctx, ops, fd, raw)
        return 0

    args = sig(
        FileHandle=To("fd", HANDLE), IoStatusBlock=Iosb(), FileInformation=To("buffer", POINTER),
        Length=To("length", ULONG), FileInformationClass=Unused("selects the row"),
    )  # fmt: skip
    return call(name, None, None, partial("no creation times"), args, ZERO, via=via)


SET_FILE = {
    4: _set("FileBasicInformation", 36, _set_times),
    10: _set("FileRenameInformation", 20, _set_rename),
    13: _set("FileDispositionInformation", 1, _set_delete),
    14: _set("FilePositionInformation", 8, _set_position),
    16: _set("FileModeInformation", 4, _set_nothing),
    19: _set("FileAllocationInformation", 8, _set_nothing),
    20: _set("FileEndOfFileInformation", 8, _set_end),
    41: _set("FileIoCompletionNotificationInformation", 4, _set_nothing),
    64: _set("FileDispositionInformationEx", 4, _set_delete_now),
    65: _set("FileRenameInformationEx", 20, _set_rename),
}  # fmt: skip


# -- volumes and attributes by name -----------------------------------------------------------------


def _device(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    return struct.pack("<II", files.device_type(files.mode_of(ctx, ops, fd)), 0x20)


def _fs_attribute(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    name = wide("NTFS")
    return struct.pack("<III", 0x3E_706F & ~0x10_0000, 255, len(name)) + name


def _fs_size(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    stat = ops[Op.FSTATFS](ctx, fd=fd)
    return struct.pack("<qqII", stat.blocks, stat.bavail, max(1, stat.bsize // 512), 512)


def _fs_full_size(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    stat = ops[Op.FSTATFS](ctx, fd=fd)
    return struct.pack("<qqqII", stat.blocks, stat.bavail, stat.bfree, max(1, stat.bsize // 512), 512)


def _fs_volume(ctx: Any, ops: files.Ops, fd: int) -> bytes:
    serial = ops[Op.FSTAT](ctx, fd=fd).dev & 0xFFFF_FFFF
    return struct.pack("<qIIB1x", 0, serial, 0, 1)


QUERY_VOLUME = {
    1: _query("FileFsVolumeInformation", 18, _fs_volume),
    3: _query("FileFsSizeInformation", 24, _fs_size),
    4: _query("FileFsDeviceInformation", 8, _device),
    5: _query("FileFsAttributeInformation", 16, _fs_attribute, variable=True),
    7: _query("FileFsFullSizeInformation", 32, _fs_full_size),
}
