"""Ops on descriptors: closing, duplicating, flags, pipes, anonymous files."""

from __future__ import annotations

import fcntl
import os

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Ends, Open
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.host import failure
from runtime.kernel.node import File
from runtime.kernel.optable import op
from runtime.kernel.schemes.hostfile import HostFile, StreamNode
from runtime.kernel.schemes.pipe import make_pipe

MEMFD_NAME = 249
"""Longest name of an anonymous file, bytes."""
SEAL_EXEC = 0x20  # include/uapi/linux/fcntl.h


@op(Op.CLOSE)
def close(ctx: Context, fd: int) -> None:
    """Forget a descriptor."""
    ctx.process.files.close(fd)


@op(Op.CLOSE_RANGE)
def close_range(ctx: Context, first: int, last: int, cloexec: bool) -> None:
    """Forget every descriptor from `first` to `last`, or have exec do it."""
    if first > last:
        raise Errno(E.INVAL)
    files = ctx.process.files
    for fd in sorted(n for n in files.open if first <= n <= last):
        if cloexec:
            files.cloexec.add(fd)
        else:
            files.close(fd)


@op(Op.PIPE)
def pipe(ctx: Context, flags: Open) -> Ends:
    """A pipe: descriptors of its read and write end."""
    ends = make_pipe(flags)
    files, cloexec = ctx.process.files, bool(flags & Open.CLOEXEC)
    try:
        r = files.add(ends[0], cloexec=cloexec)
    except Errno:
        _close_all(ends)
        raise
    try:
        return Ends(r, files.add(ends[1], cloexec=cloexec))
    except Errno:
        files.close(r)
        _close_all(ends[1:])
        raise


def _close_all(files: tuple[File, ...]) -> None:
    for file in files:
        file.close()


@op(Op.DUP)
def dup(ctx: Context, fd: int, lowest: int = 0, cloexec: bool = False) -> int:
    """Another descriptor, from `lowest` on, for the same open file."""
    files = ctx.process.files
    if lowest < 0:
        raise Errno(E.INVAL)
    return files.add(files.get(fd), cloexec=cloexec, lowest=lowest)


@op(Op.DUP_TO)
def dup_to(ctx: Context, fd: int, newfd: int, cloexec: bool = False, distinct: bool = False) -> int:
    """Make `newfd` mean the same open file as `fd`; with `distinct` they must differ."""
    files = ctx.process.files
    file = files.get(fd)
    if fd == newfd:
        if distinct:
            raise Errno(E.INVAL)
        return newfd
    files.put(newfd, file, cloexec=cloexec)
    return newfd


@op(Op.FCNTL_GETFD)
def fcntl_getfd(ctx: Context, fd: int) -> int:
    """1 when the descriptor is closed by exec."""
    ctx.process.files.get(fd)
    return int(fd in ctx.process.files.cloexec)


@op(Op.FCNTL_SETFD)
def fcntl_setfd(ctx: Context, fd: int, cloexec: bool) -> None:
    """Set whether exec closes the descriptor."""
    ctx.process.files.get(fd)
    if cloexec:
        ctx.process.files.cloexec.add(fd)
    else:
        ctx.process.files.cloexec.discard(fd)


@op(Op.MEMFD)
def memfd(ctx: Context, name: bytes, flags: Open) -> int:
    """An anonymous file in memory."""
    if len(name) > MEMFD_NAME:
        raise Errno(E.INVAL)
    bits = os.MFD_CLOEXEC | (os.MFD_ALLOW_SEALING if flags & (Open.SEALABLE | Open.NOEXEC) else 0)
    try:
        fd = os.memfd_create(os.fsdecode(name), bits)
        if flags & Open.NOEXEC:
            os.fchmod(fd, 0o666)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEAL_EXEC)
    except OSError as error:
        raise failure(error) from None
    file = HostFile(StreamNode(fd), Open.READ | Open.WRITE, fd)
    file.name = b"/memfd:" + name + b" (deleted)"
    return ctx.process.files.add(file, cloexec=bool(flags & Open.CLOEXEC))
