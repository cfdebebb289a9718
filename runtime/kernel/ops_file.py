"""Ops on open files: transfers, positions, facts, lengths."""

from __future__ import annotations

import os

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers, Sink
from aot.personality.abi.neutral import Listed, Open, Stat, StatFs, Whence
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from aot.record import dataclass
from runtime.kernel.context import Context
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.leave import Block
from runtime.kernel.node import POLLIN, POLLOUT, File, total
from runtime.kernel.ops_limit import check_size, cut
from runtime.kernel.optable import op
from runtime.kernel.signals import send

HIPRI, DSYNC, SYNC, NOWAIT, APPEND = 1, 2, 4, 8, 16
READ_FLAGS, WRITE_FLAGS = HIPRI | NOWAIT, HIPRI | DSYNC | SYNC | NOWAIT | APPEND
"""RWF_* of Linux (include/uapi/linux/fs.h)."""


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
    return file.read_by(ctx, buf) if file.asks else file.read(buf)


@op(Op.WRITE)
def write(ctx: Context, fd: int, buf: Buffers) -> int:
    """Write at the file position (at the end when opened for appending)."""
    file = ctx.process.files.get(fd)
    if not file.can_write:
        raise Errno(E.BADF)
    if ctx.process.files.largest is not None:
        buf = cut(ctx, file, buf, None)
    return write_to(ctx, file, buf)


def write_to(ctx: Context, file: File, buf: Buffers) -> int:
    """Write for a context: whoever writes to a pipe that nobody reads is told by a signal as well."""
    if file.asks:
        return file.write_by(ctx, buf)
    if not file.fills:
        return write_some(ctx, file, buf)
    done = ctx.wait.done if isinstance(ctx.wait, Written) else 0
    try:
        done += write_some(ctx, file, _behind(buf, done) if done else buf)
        if done < total(buf) and not file.flags & Open.NONBLOCK:
            assert file.host_fd is not None
            ctx.wait = Written(done)
            raise Block(fds=((file.host_fd, POLLOUT),))
    except Errno:
        if not done:
            raise
    except Block as wait:
        wait.restarts = wait.restarts and not done  # what was written once is not written again
        raise
    ctx.wait = None
    return done


@dataclass(frozen=True, slots=True)
class Written:
    """In `Context.wait`: how much of a write went out; it goes on until all has, or a signal comes."""

    done: int


def _behind(buf: Buffers, done: int) -> Buffers:
    """The pieces without their first `done` bytes."""
    left: list[memoryview] = []
    for piece in buf:
        skipped = min(done, len(piece))
        done -= skipped
        if skipped < len(piece):
            left.append(piece[skipped:])
    return tuple(left)


def write_some(ctx: Context, file: File, buf: Buffers) -> int:
    """Write what there is room for, without waiting for more: what the kernel itself moves."""
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
    file = for_writing(ctx, fd)
    return file.write_at(cut(ctx, file, buf, offset), offset)


@op(Op.PREAD_WITH)
def pread_with(ctx: Context, fd: int, buf: Buffers, offset: int, flags: int) -> int:
    """Read at `offset` (-1: at the position) with RWF_* bits of Linux."""
    file = for_reading(ctx, fd)
    _check_transfer(offset, flags, READ_FLAGS)
    if flags & NOWAIT and not file.ready(POLLIN):
        raise Errno(E.AGAIN)
    if offset < 0:
        return file.read_by(ctx, buf) if file.asks else file.read(buf)
    return file.read_at(buf, offset)


@op(Op.PWRITE_WITH)
def pwrite_with(ctx: Context, fd: int, buf: Buffers, offset: int, flags: int) -> int:
    """Write at `offset` (-1: at the position) with RWF_* bits of Linux: APPEND writes at the end."""
    file = for_writing(ctx, fd)
    _check_transfer(offset, flags, WRITE_FLAGS)
    if flags & NOWAIT and not file.ready(POLLOUT):
        raise Errno(E.AGAIN)
    if flags & APPEND and file.seekable:
        end = file.stat().size
        done = file.write_at(cut(ctx, file, buf, end), end)
        if offset < 0:
            file.seek(end + done, Whence.SET)
    elif offset < 0:
        done = write_to(ctx, file, cut(ctx, file, buf, None))
    else:
        done = file.write_at(cut(ctx, file, buf, offset), offset)
    if flags & (DSYNC | SYNC) and file.seekable and file.host_fd is not None:
        os.fsync(file.host_fd)
    return done


def _check_transfer(offset: int, flags: int, known: int) -> None:
    if offset < -1:
        raise Errno(E.INVAL)
    if flags & ~known:
        raise Errno(E.OPNOTSUPP)


@op(Op.SEEK)
def seek(ctx: Context, fd: int, offset: int, whence: Whence) -> int:
    """Move the position; the new one."""
    file = ctx.process.files.get(fd)
    if file.flags & Open.PATH:
        raise Errno(E.BADF)
    return file.seek(offset, whence)


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
    if file.flags & Open.PATH:
        raise Errno(E.BADF)
    if not isinstance(file, DirectoryFile):
        raise Errno(E.NOTDIR)
    return file.list(sink)


@op(Op.FTRUNCATE)
def ftruncate(ctx: Context, fd: int, length: int) -> None:
    """Cut or extend an open file."""
    if length < 0:
        raise Errno(E.INVAL)
    file = ctx.process.files.get(fd)
    if file.flags & Open.PATH:
        raise Errno(E.BADF)
    if not file.can_write:
        raise Errno(E.INVAL)
    check_size(ctx, file, length)
    file.truncate(length)
    ctx.mem.arena.files_were_cut()


@op(Op.FIONREAD)
def fionread(ctx: Context, fd: int) -> int:
    """Bytes that can be read now."""
    return ctx.process.files.get(fd).available()
