"""Files as NT sees them, over the kernel's file ops: opening, finding names in any case, attributes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import CWD, At, FileType, Open, Stat, Time, Whence
from aot.personality.abi.op import Op
from aot.personality.windows.kinds import Attributes
from aot.personality.windows.paths import STDIN, STDOUT, to_guest
from aot.personality.windows.state import OpenFile, fd_of, handle_of, state
from aot.record import dataclass

Ops = Mapping[Op, Any]
PLAIN = At(0)
EPOCH = 116_444_736_000_000_000
DIRECTORY, NORMAL, ARCHIVE, READONLY = 0x10, 0x80, 0x20, 0x01
REPARSE_POINT, DEVICE = 0x400, 0x40
WRITE_BITS, FORMAT, DIR_MODE, LINK_MODE = 0o222, 0o170000, 0o040000, 0o120000
CHAR_MODE, FIFO_MODE, SOCKET_MODE = 0o020000, 0o010000, 0o140000

READ_ACCESS = 0x8000_0000 | 0x1000_0000 | 0x0200_0000 | 0x01 | 0x20
WRITE_DATA = 0x4000_0000 | 0x1000_0000 | 0x02
APPEND_DATA = 0x04
OPTION_DIRECTORY, OPTION_NO_DIRECTORY, OPTION_DELETE, OPTION_REPARSE = 0x01, 0x40, 0x1000, 0x20_0000


class Disposition(IntEnum):
    """CreateDisposition of NtCreateFile."""

    SUPERSEDE = 0
    OPEN = 1
    CREATE = 2
    OPEN_IF = 3
    OVERWRITE = 4
    OVERWRITE_IF = 5


SUPERSEDED, OPENED, CREATED, OVERWRITTEN = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening a file answers."""

    handle: int
    information: int


@dataclass(frozen=True, slots=True)
class Facts:
    """A file's times (FILETIME), sizes and attributes."""

    created: int
    accessed: int
    written: int
    changed: int
    allocated: int
    size: int
    attributes: int
    links: int = 1
    directory: int = 0
    deleting: int = 0
    index: int = 0
    volume: int = 0


def filetime(time: Time) -> int:
    """100 ns since 1601."""
    return time.sec * 10_000_000 + time.nsec // 100 + EPOCH


def from_filetime(value: int) -> Time:
    """A FILETIME as a neutral time."""
    sec, rest = divmod(value - EPOCH, 10_000_000)
    return Time(sec, rest * 100)


def attributes_of(stat: Stat) -> int:
    """FILE_ATTRIBUTE_* of a file."""
    kind = stat.mode & FORMAT
    out = READONLY if not stat.mode & WRITE_BITS else 0
    if kind == DIR_MODE:
        return out | DIRECTORY
    if kind == LINK_MODE:
        return out | REPARSE_POINT | ARCHIVE
    return out | ARCHIVE


def facts(stat: Stat) -> Facts:
    """What the information classes say about a file."""
    directory = stat.mode & FORMAT == DIR_MODE
    oldest = min(stat.mtime, stat.ctime, key=lambda t: t.ns)
    born = stat.btime if stat.btime.ns else oldest
    return Facts(
        created=filetime(born),
        accessed=filetime(stat.atime),
        written=filetime(stat.mtime),
        changed=filetime(stat.ctime),
        allocated=0 if directory else stat.blocks * 512,
        size=0 if directory else stat.size,
        attributes=attributes_of(stat),
        links=stat.nlink,
        directory=int(directory),
        index=stat.ino,
        volume=stat.dev & 0xFFFF_FFFF,
    )


class Names:
    """A sink for directory entries: keeps them all."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.used = 0

    def add(self, value: Any) -> bool:
        self.items.append(value)
        self.used += 1
        return True


def listing(ctx: Any, ops: Ops, fd: int) -> list[Any]:
    """All entries of an open directory."""
    ops[Op.SEEK](ctx, fd=fd, offset=0, whence=Whence.SET)
    out: list[Any] = []
    while True:
        sink = Names()
        ops[Op.GETDENTS](ctx, fd=fd, sink=sink)
        if not sink.items:
            return out
        out += sink.items


def exists(ctx: Any, ops: Ops, path: bytes, flags: At = PLAIN) -> Stat | None:
    """The file's Stat, None when there is no such name."""
    try:
        stat: Stat = ops[Op.STATAT](ctx, dirfd=CWD, path=path, flags=flags)
    except Errno as e:
        if e.code in (E.NOENT, E.NOTDIR):
            return None
        raise
    return stat


def _same_name(ctx: Any, ops: Ops, directory: bytes, name: bytes) -> bytes | None:
    """The entry of `directory` that equals `name` but for case."""
    wanted = name.decode("utf-8", "surrogateescape").upper()
    fd = ops[Op.OPENAT](ctx, dirfd=CWD, path=directory, flags=Open.READ | Open.DIRECTORY, mode=0)
    try:
        for entry in listing(ctx, ops, fd):
            if entry.name.decode("utf-8", "surrogateescape").upper() == wanted:
                found: bytes = entry.name
                return found
    finally:
        ops[Op.CLOSE](ctx, fd=fd)
    return None


def locate(ctx: Any, ops: Ops, path: bytes, flags: At = PLAIN) -> tuple[bytes, Stat | None]:
    """The path as the file system spells it, and the file's Stat, None when only its last name is new.

    Names match exactly first, then in any case. Raises NOT_FOUND_PATH when a directory is missing.
    """
    found = exists(ctx, ops, path, flags)
    if found is not None:
        return path, found
    parts = [p for p in path.split(b"/") if p]
    at = b""
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        stat = exists(ctx, ops, at + b"/" + part, flags if last else At(0))
        if stat is None:
            spelled = _same_name(ctx, ops, at or b"/", part)
            if spelled is None:
                if last:
                    return at + b"/" + part, None
                raise Errno(E.NOT_FOUND_PATH)
            at += b"/" + spelled
            stat = exists(ctx, ops, at, flags if last else At(0))
        else:
            at += b"/" + part
        if not last and (stat is None or stat.mode & FORMAT != DIR_MODE):
            raise Errno(E.NOT_FOUND_PATH)
    return at, exists(ctx, ops, at, flags)


def path_of(ctx: Any, attributes: Attributes | None) -> bytes:
    """The guest path an OBJECT_ATTRIBUTES names, relative to its root handle if it has one."""
    if attributes is None:
        raise Errno(E.INVAL)
    name = attributes.name or ""
    if not attributes.root:
        return to_guest(name)
    opened = state(ctx).files.get(fd_of(attributes.root))
    if opened is None:
        raise Errno(E.BADF)
    if not name:
        return opened.path
    if name.startswith("\\"):
        raise Errno(E.BAD_NAME)
    base = opened.path.rstrip(b"/")
    return base + to_guest("\\??\\C:\\" + name)


def _open_flags(access: int) -> Open:
    read, write = access & READ_ACCESS, access & WRITE_DATA
    flags = Open(0)
    if write or access & APPEND_DATA:
        flags |= Open.WRITE
        if not write:
            flags |= Open.APPEND
    if read or not flags:
        flags |= Open.READ
    return flags


def _console(ctx: Any, ops: Ops, path: bytes) -> Opened:
    fd = ops[Op.DUP](ctx, fd=0 if path == STDIN else 1, lowest=0, cloexec=False)
    state(ctx).files[fd] = OpenFile(path)
    return Opened(handle_of(fd), OPENED)


def open_file(ctx: Any, ops: Ops, path: bytes, access: int, disposition: int, options: int) -> Opened:
    """NtCreateFile's core. Raises Errno."""
    if disposition > Disposition.OVERWRITE_IF:
        raise Errno(E.INVAL)
    if path in (STDIN, STDOUT):
        return _console(ctx, ops, path)
    at = At.NOFOLLOW if options & OPTION_REPARSE else At(0)
    path, stat = locate(ctx, ops, path, at)
    if stat is None and disposition in (Disposition.OPEN, Disposition.OVERWRITE):
        raise Errno(E.NOENT)
    if stat is not None and disposition == Disposition.CREATE:
        raise Errno(E.EXIST)
    is_directory = stat is not None and stat.mode & FORMAT == DIR_MODE
    if stat is not None and options & OPTION_DIRECTORY and not is_directory:
        raise Errno(E.NOTDIR)
    if is_directory and (options & OPTION_NO_DIRECTORY or disposition in (0, 4, 5)):
        raise Errno(E.ISDIR)
    if is_directory or options & OPTION_DIRECTORY:
        if stat is None:
            ops[Op.MKDIRAT](ctx, dirfd=CWD, path=path, mode=0o777)
        flags, is_directory = Open.READ | Open.DIRECTORY, True
    else:
        flags = _open_flags(access)
        if stat is None:
            flags |= Open.CREATE
        elif disposition in (Disposition.SUPERSEDE, Disposition.OVERWRITE, Disposition.OVERWRITE_IF):
            flags |= Open.TRUNCATE | Open.WRITE
    fd = ops[Op.OPENAT](ctx, dirfd=CWD, path=path, flags=flags, mode=0o666)
    opened = OpenFile(path, bool(options & OPTION_DELETE), bool(flags & Open.APPEND), is_directory)
    state(ctx).files[fd] = opened
    return Opened(handle_of(fd), _information(stat, disposition))


def _information(stat: Stat | None, disposition: int) -> int:
    if stat is None:
        return CREATED
    if disposition == Disposition.SUPERSEDE:
        return SUPERSEDED
    return OVERWRITTEN if disposition in (Disposition.OVERWRITE, Disposition.OVERWRITE_IF) else OPENED


def remove(ctx: Any, ops: Ops, path: bytes, *, directory: bool) -> None:
    """Delete a name."""
    ops[Op.UNLINKAT](ctx, dirfd=CWD, path=path, flags=At.REMOVEDIR if directory else At(0))


def close_file(ctx: Any, ops: Ops, fd: int) -> None:
    """Close a descriptor, and delete the file when that was asked for."""
    ops[Op.CLOSE](ctx, fd=fd)
    opened = state(ctx).files.pop(fd, None)
    if opened is not None and opened.delete:
        remove(ctx, ops, opened.path, directory=opened.directory)


def mode_of(ctx: Any, ops: Ops, fd: int) -> int:
    """S_IFMT bits of an open file."""
    stat: Stat = ops[Op.FSTAT](ctx, fd=fd)
    return stat.mode & FORMAT


AT_POSITION, AT_END = -2, -1


def read_file(ctx: Any, ops: Ops, fd: int, buf: Any, offset: int | None) -> int:
    """NtReadFile's core: bytes read. Raises EOF at the end of a file, PIPE at that of a pipe."""
    if offset is None or offset == AT_POSITION:
        count: int = ops[Op.READ](ctx, fd=fd, buf=buf)
    else:
        mode = mode_of(ctx, ops, fd)
        if mode in (CHAR_MODE, FIFO_MODE, SOCKET_MODE):
            count = ops[Op.READ](ctx, fd=fd, buf=buf)
        else:
            count = ops[Op.PREAD](ctx, fd=fd, buf=buf, offset=offset)
            ops[Op.SEEK](ctx, fd=fd, offset=offset + count, whence=Whence.SET)
    if count == 0 and any(len(view) for view in buf):
        mode = mode_of(ctx, ops, fd)
        if mode != CHAR_MODE:
            raise Errno(E.PIPE if mode in (FIFO_MODE, SOCKET_MODE) else E.EOF)
    return count


def write_file(ctx: Any, ops: Ops, fd: int, buf: Any, offset: int | None) -> int:
    """NtWriteFile's core: bytes written."""
    opened = state(ctx).files.get(fd)
    plain = offset is None or offset == AT_POSITION or (opened is not None and opened.append)
    if not plain and mode_of(ctx, ops, fd) in (CHAR_MODE, FIFO_MODE, SOCKET_MODE):
        plain = True
    if plain:
        count: int = ops[Op.WRITE](ctx, fd=fd, buf=buf)
        return count
    assert offset is not None
    if offset == AT_END:
        offset = ops[Op.SEEK](ctx, fd=fd, offset=0, whence=Whence.END)
    count = ops[Op.PWRITE](ctx, fd=fd, buf=buf, offset=offset)
    ops[Op.SEEK](ctx, fd=fd, offset=offset + count, whence=Whence.SET)
    return count


def rename(ctx: Any, ops: Ops, old: bytes, new: bytes, *, replace: bool) -> None:
    """Move a name; an existing target is only replaced when asked."""
    target, stat = locate(ctx, ops, new)
    if stat is not None and not replace and target.upper() != old.upper():
        raise Errno(E.EXIST)
    ops[Op.RENAMEAT](ctx, olddirfd=CWD, oldpath=old, newdirfd=CWD, newpath=target, replace=True)


def device_type(mode: int) -> int:
    """FILE_DEVICE_* of FileFsDeviceInformation."""
    return {CHAR_MODE: 0x50, FIFO_MODE: 0x11, SOCKET_MODE: 0x11}.get(mode, 7)


def entry_attributes(kind: FileType) -> int:
    """Attributes that a directory entry alone tells."""
    return DIRECTORY if kind == FileType.DIR else ARCHIVE


def unpack(ctx: Any, address: int, code: str) -> tuple[Any, ...]:
    """A little-endian struct of guest memory."""
    return struct.unpack("<" + code, ctx.mem.read(address, struct.calcsize("<" + code)))
