"""Ops that reach for the disk: flushing, allocating, and hints about what comes next."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import FileType, Open
from aot.personality.abi.neutral_files import Allocate
from aot.personality.abi.op import Op
from runtime.kernel import hostcalls
from runtime.kernel.context import Context
from runtime.kernel.host import failure
from runtime.kernel.node import File
from runtime.kernel.ops_limit import check_size
from runtime.kernel.optable import op

SYNC_FLAGS = 7  # WAIT_BEFORE, WRITE, WAIT_AFTER
READAHEAD = -1
"""`advice` of what is read from the disk at once."""
WILLNEED = 3
_BITS = ((Allocate.KEEP_SIZE, 1), (Allocate.PUNCH_HOLE, 2), (Allocate.COLLAPSE, 8), (Allocate.ZERO, 16),
         (Allocate.INSERT, 32), (Allocate.UNSHARE, 64))  # fmt: skip


def _asked(what: Callable[..., Any], *args: Any) -> None:
    """A call of the host."""
    try:
        what(*args)
    except OSError as error:
        raise failure(error) from None


def _usable(ctx: Context, fd: int) -> File:
    """An open file that is more than a name. Raises BADF."""
    file = ctx.process.files.get(fd)
    if file.flags & Open.PATH:
        raise Errno(E.BADF)
    return file


@op(Op.FSYNC)
def fsync(ctx: Context, fd: int, data_only: bool) -> None:
    """Flush an open file or directory to the disk. Raises INVAL for what has none."""
    file = _usable(ctx, fd)
    host = file.lock_fd()
    if host is not None:
        _asked(os.fdatasync if data_only else os.fsync, host)
    elif file.stat().mode >> 12 not in (FileType.REGULAR, FileType.DIR) or not file.seekable:
        raise Errno(E.INVAL)


@op(Op.SYNCFS)
def syncfs(ctx: Context, fd: int) -> None:
    """Flush the file system an open file is on."""
    host = _usable(ctx, fd).lock_fd()
    if host is not None:
        _asked(hostcalls.syncfs, host)


@op(Op.SYNC)
def sync(ctx: Context) -> None:
    """Flush every file system of the host."""
    os.sync()


@op(Op.SYNC_RANGE)
def sync_range(ctx: Context, fd: int, offset: int, length: int, flags: int) -> None:
    """Write a range out, without the promises of fsync."""
    file = _usable(ctx, fd)
    if flags & ~SYNC_FLAGS or offset < 0 or length < 0 or offset + length >= 1 << 63:
        raise Errno(E.INVAL)
    host = file.lock_fd()
    if host is not None:
        _asked(hostcalls.sync_file_range, host, offset, length, flags)
    elif file.stat().mode >> 12 not in (FileType.REGULAR, FileType.DIR):
        raise Errno(E.SPIPE)


@op(Op.FADVISE)
def fadvise(ctx: Context, fd: int, offset: int, length: int, advice: int) -> None:
    """Say how a range will be used: POSIX_FADV_* of Linux, or READAHEAD."""
    file = _usable(ctx, fd)
    kind = file.stat().mode >> 12
    if advice == READAHEAD:
        if not file.can_read:
            raise Errno(E.BADF)
        if kind not in (FileType.REGULAR, FileType.BLOCK):
            raise Errno(E.INVAL)
        advice = WILLNEED
    if kind == FileType.FIFO:
        raise Errno(E.SPIPE)
    if not 0 <= advice <= 5 or length < 0:
        raise Errno(E.INVAL)
    if file.host_fd is not None and kind == FileType.REGULAR:
        _asked(os.posix_fadvise, file.host_fd, max(offset, 0), length, advice)


@op(Op.FALLOCATE)
def fallocate(ctx: Context, fd: int, offset: int, length: int, mode: Allocate) -> None:
    """Make a range of a file writable, or take it out, or zero it. What the host's disk cannot do is refused."""
    file = _usable(ctx, fd)
    if offset < 0 or length <= 0:
        raise Errno(E.INVAL)
    if not file.can_write:
        raise Errno(E.BADF)
    kind = file.stat().mode >> 12
    if kind != FileType.REGULAR:
        raise Errno(E.SPIPE if kind == FileType.FIFO else E.NODEV)
    if offset + length >= 1 << 63:
        raise Errno(E.FBIG)
    if not mode & (Allocate.KEEP_SIZE | Allocate.PUNCH_HOLE | Allocate.COLLAPSE):
        check_size(ctx, file, offset + length)
    if not mode & (Allocate.PUNCH_HOLE | Allocate.COLLAPSE):
        file.make_room(length)
    if file.host_fd is None:
        raise Errno(E.OPNOTSUPP)
    _asked(hostcalls.fallocate, file.host_fd, sum(bit for flag, bit in _BITS if mode & flag), offset, length)
