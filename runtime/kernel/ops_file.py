"""Ops on open files: transfers, positions, facts, lengths."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers, Cell, Sink
from aot.personality.abi.kinds_base import MAX_IO
from aot.personality.abi.neutral import FileType, Listed, Open, Stat, StatFs, Whence
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.node import File
from runtime.kernel.optable import op
from runtime.kernel.signals import send

CHUNK = 1 << 16


def for_reading(ctx: Context, fd: int) -> File:
    """The file behind a descriptor that may be read. Raises BADF."""
    file = ctx.process.files.get(fd)
    if not file.can_read:
        raise Errno(E.BADF)
    return file


def for_writing(ctx: Context, fd: int) -> File:
    """The file behind a descriptor that may be written. Raises BADF."""
    file = ctx.process.files.get(fd)
    if not file.can_write:
        raise Errno(E.BADF)
    return file


@op(Op.READ)
def read(ctx: Context, fd: int, buf: Buffers) -> int:
    """Read at the file position."""
    file = ctx.process.files.get(fd)
    if not file.can_read:
        raise Errno(E.BADF)
    return file.read(buf)


@op(Op.WRITE)
def write(ctx: Context, fd: int, buf: Buffers) -> int:
    """Write at the file position (at the end when opened for appending)."""
    file = ctx.process.files.get(fd)
    if not file.can_write:
        raise Errno(E.BADF)
    try:
        return file.write(buf)
    except Errno as error:
        if error.code is E.PIPE:
            send(ctx, Signal.PIPE)
        raise


@op(Op.PREAD)
def pread(ctx: Context, fd: int, buf: Buffers, offset: int) -> int:
    """Read at `offset` without moving the position."""
    if offset < 0:
        raise Errno(E.INVAL)
    return for_reading(ctx, fd).read_at(buf, offset)


@op(Op.PWRITE)
def pwrite(ctx: Context, fd: int, buf: Buffers, offset: int) -> int:
    """Write at `offset` without moving the position."""
    if offset < 0:
        raise Errno(E.INVAL)
    return for_writing(ctx, fd).write_at(buf, offset)


@op(Op.SEEK)
def seek(ctx: Context, fd: int, offset: int, whence: Whence) -> int:
    """Move the position; the new one."""
    return ctx.process.files.get(fd).seek(offset, whence)


@op(Op.FSTAT)
def fstat(ctx: Context, fd: int) -> Stat:
    """Facts about an open file."""
    return ctx.process.files.get(fd).stat()


@op(Op.FSTATFS)
def fstatfs(ctx: Context, fd: int) -> StatFs:
    """Facts about the file system of an open file."""
    return ctx.process.files.get(fd).node.statfs()


@op(Op.GETDENTS)
def getdents(ctx: Context, fd: int, sink: Sink) -> Listed:
    """List a directory from its position on."""
    file = ctx.process.files.get(fd)
    if not isinstance(file, DirectoryFile):
        raise Errno(E.NOTDIR)
    return file.list(sink)


@op(Op.FTRUNCATE)
def ftruncate(ctx: Context, fd: int, length: int) -> None:
    """Cut or extend an open file."""
    file = ctx.process.files.get(fd)
    if length < 0 or not file.can_write:
        raise Errno(E.INVAL)
    file.truncate(length)


@op(Op.FALLOCATE)
def fallocate(ctx: Context, fd: int, offset: int, length: int, keep_size: bool) -> None:
    """Make sure a range can be written; extends the file unless `keep_size`."""
    file = for_writing(ctx, fd)
    if offset < 0 or length <= 0:
        raise Errno(E.INVAL)
    if not file.seekable:
        raise Errno(E.SPIPE)
    if offset + length >= 1 << 63:
        raise Errno(E.FBIG)
    if not keep_size and file.stat().size < offset + length:
        file.truncate(offset + length)


@op(Op.FSYNC)
def fsync(ctx: Context, fd: int, data_only: bool) -> None:
    """Flush an open file; the host decides when its disk is written."""
    file = ctx.process.files.get(fd)
    if not file.seekable:
        raise Errno(E.INVAL)


@op(Op.FIONREAD)
def fionread(ctx: Context, fd: int) -> int:
    """Bytes that can be read now."""
    return ctx.process.files.get(fd).available()


def _move(source: File, target: File, start: int | None, count: int) -> int:
    """Copy up to `count` bytes in chunks; from `start` without moving the source's position."""
    moved, scratch = 0, bytearray(min(count, CHUNK))
    while moved < count:
        piece = memoryview(scratch)[: count - moved]
        got = source.read((piece,)) if start is None else source.read_at((piece,), start + moved)
        if not got:
            break
        put = 0
        while put < got:
            put += target.write((piece[put:got],))
        moved += got
    return moved


@op(Op.SENDFILE)
def sendfile(ctx: Context, out_fd: int, in_fd: int, offset: Cell | None, count: int) -> int:
    """Copy from a seekable file to any descriptor; `offset` is used and moved instead of the position."""
    source, target = for_reading(ctx, in_fd), for_writing(ctx, out_fd)
    if not source.seekable:
        raise Errno(E.INVAL)
    start = None if offset is None else offset.value
    if start is not None and start < 0:
        raise Errno(E.INVAL)
    moved = _move(source, target, start, min(count, MAX_IO))
    if offset is not None:
        offset.put(offset.value + moved)
    return moved


@op(Op.COPY_RANGE)
def copy_range(
    ctx: Context, in_fd: int, in_offset: Cell | None, out_fd: int, out_offset: Cell | None, count: int
) -> int:
    """Copy between two regular files."""
    source, target = for_reading(ctx, in_fd), for_writing(ctx, out_fd)
    regular = all(f.stat().mode >> 12 == FileType.REGULAR for f in (source, target))
    if not regular or target.flags & Open.APPEND:
        raise Errno(E.INVAL if regular is False else E.BADF)
    scratch = memoryview(bytearray(min(count, CHUNK)))
    start = None if in_offset is None else in_offset.value
    got = source.read((scratch,)) if start is None else source.read_at((scratch,), start)
    piece = (scratch[:got],)
    put = target.write(piece) if out_offset is None else target.write_at(piece, out_offset.value)
    for cell in (in_offset, out_offset):
        if cell is not None:
            cell.put(cell.value + put)
    return put
