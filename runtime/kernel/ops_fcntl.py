"""Ops of fcntl and ioctl on any descriptor: status flags, who is told of readiness, pipe sizes, seals, hints."""

from __future__ import annotations

import array
import fcntl
import os
import struct

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_files import Owner
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.host import failure
from runtime.kernel.kin import group_of
from runtime.kernel.node import File
from runtime.kernel.optable import op
from runtime.kernel.schemes.hostfile import HostFile, HostStream

STATUS_FLAGS = (
    Open.READ | Open.WRITE | Open.APPEND | Open.NONBLOCK | Open.SYNC | Open.PATH | Open.DATA_SYNC | Open.DIRECT
    | Open.NOATIME | Open.ASYNC | Open.LARGE | Open.DIRECTORY | Open.NOFOLLOW
)  # fmt: skip
CHANGEABLE = Open.APPEND | Open.NONBLOCK | Open.DIRECT | Open.NOATIME | Open.ASYNC
_HOST_BITS = ((Open.APPEND, os.O_APPEND), (Open.DIRECT, os.O_DIRECT), (Open.NOATIME, os.O_NOATIME))
SIGNALS = 64
# include/uapi/linux/fcntl.h, include/uapi/linux/fs.h
SETPIPE_SZ, GETPIPE_SZ, ADD_SEALS, GET_SEALS = 1031, 1032, 1033, 1034
GET_RW_HINT, SET_RW_HINT = 1035, 1036
GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
CONTEXT, PROCESS, GROUP = 0, 1, 2


@op(Op.FCNTL_GETFL)
def fcntl_getfl(ctx: Context, fd: int) -> Open:
    """How the file is open."""
    return ctx.process.files.get(fd).flags & STATUS_FLAGS


@op(Op.FCNTL_SETFL)
def fcntl_setfl(ctx: Context, fd: int, flags: Open) -> None:
    """Change appending, non-blocking and the like; other flags are ignored as kernels do."""
    file = ctx.process.files.get(fd)
    if file.flags & Open.PATH:
        raise Errno(E.BADF)
    _change(file, file.flags & ~CHANGEABLE | flags & CHANGEABLE)


def _change(file: File, flags: Open) -> None:
    """Set the status flags of an open file, on the host as well where the host acts on them."""
    changed = file.flags ^ flags
    if isinstance(file, HostFile) and not isinstance(file, HostStream):
        bits = wanted = fcntl.fcntl(file.fd, fcntl.F_GETFL)
        for neutral, bit in _HOST_BITS:
            if changed & neutral:
                wanted = wanted | bit if flags & neutral else wanted & ~bit
        if wanted != bits:
            _host(file, fcntl.F_SETFL, wanted)
    file.flags = flags


@op(Op.SET_NONBLOCK)
def set_nonblock(ctx: Context, fd: int, on: int) -> None:
    """Whether transfers may wait."""
    file = ctx.process.files.get(fd)
    _change(file, file.flags | Open.NONBLOCK if on else file.flags & ~Open.NONBLOCK)


@op(Op.SET_ASYNC)
def set_async(ctx: Context, fd: int, on: int) -> None:
    """Whether a signal tells of readiness."""
    file = ctx.process.files.get(fd)
    _change(file, file.flags | Open.ASYNC if on else file.flags & ~Open.ASYNC)


@op(Op.FD_SETOWNER)
def fd_setowner(ctx: Context, fd: int, owner: Owner) -> None:
    """Who is told by a signal: a context, a process or a group; id 0 is nobody. Raises SRCH."""
    file = ctx.process.files.get(fd)
    processes = ctx.process.kernel.processes
    if owner.kind not in (CONTEXT, PROCESS, GROUP):
        raise Errno(E.INVAL)
    known = (
        {group_of(p) for p in processes.values()}
        if owner.kind == GROUP
        else {c.tid for p in processes.values() for c in p.contexts} | set(processes)
    )
    if owner.id and owner.id not in known:
        raise Errno(E.SRCH)
    file.owner = owner if owner.id else Owner(PROCESS, 0)


@op(Op.FD_GETOWNER)
def fd_getowner(ctx: Context, fd: int) -> Owner:
    """Who is told by a signal; id 0: nobody."""
    return ctx.process.files.get(fd).owner


@op(Op.FD_SETSIGNAL)
def fd_setsignal(ctx: Context, fd: int, signal: int) -> None:
    """Which signal tells; 0 is the usual one."""
    file = ctx.process.files.get(fd)
    if not 0 <= signal <= SIGNALS:
        raise Errno(E.INVAL)
    file.signal = signal


@op(Op.FD_GETSIGNAL)
def fd_getsignal(ctx: Context, fd: int) -> int:
    """Which signal tells."""
    return ctx.process.files.get(fd).signal


def _host(file: File, command: int, argument: int) -> int:
    """fcntl of the host on a file that is the host's."""
    assert file.host_fd is not None
    try:
        return fcntl.fcntl(file.host_fd, command, argument)
    except OSError as error:
        raise failure(error) from None
    except OverflowError:
        raise Errno(E.INVAL) from None


def _pipe(ctx: Context, fd: int) -> File:
    """The pipe behind a descriptor. Raises BADF for another file, as fcntl(2) says."""
    file = ctx.process.files.get(fd)
    if file.host_fd is None or file.stat().mode >> 12 != 1:
        raise Errno(E.BADF)
    return file


@op(Op.PIPE_SETSIZE)
def pipe_setsize(ctx: Context, fd: int, size: int) -> int:
    """Change how much a pipe holds; what it became, bytes."""
    if size > 0x7FFF_FFFF:
        raise Errno(E.INVAL)
    return _host(_pipe(ctx, fd), SETPIPE_SZ, size)


@op(Op.PIPE_GETSIZE)
def pipe_getsize(ctx: Context, fd: int) -> int:
    """How much a pipe holds, bytes."""
    return _host(_pipe(ctx, fd), GETPIPE_SZ, 0)


def _sealable(ctx: Context, fd: int) -> File:
    file = ctx.process.files.get(fd)
    if file.host_fd is None:
        raise Errno(E.INVAL)
    return file


@op(Op.SEALS_ADD)
def seals_add(ctx: Context, fd: int, seals: int) -> int:
    """Forbid changes of an anonymous file for good."""
    file = _sealable(ctx, fd)
    if not file.can_write:
        raise Errno(E.PERM)
    return _host(file, ADD_SEALS, seals)


@op(Op.SEALS_GET)
def seals_get(ctx: Context, fd: int) -> int:
    """Which changes of an anonymous file are forbidden."""
    return _host(_sealable(ctx, fd), GET_SEALS, 0)


@op(Op.RW_HINT_GET)
def rw_hint_get(ctx: Context, fd: int) -> int:
    """How long what is written is expected to live."""
    return int(struct.unpack("=Q", _hint(ctx, fd, GET_RW_HINT, 0))[0])


@op(Op.RW_HINT_SET)
def rw_hint_set(ctx: Context, fd: int, hint: int) -> None:
    """Tell how long what is written is expected to live."""
    _hint(ctx, fd, SET_RW_HINT, hint)


def _hint(ctx: Context, fd: int, command: int, hint: int) -> bytes:
    file = ctx.process.files.get(fd)
    if file.host_fd is None:
        raise Errno(E.INVAL)
    try:
        return fcntl.fcntl(file.host_fd, command, struct.pack("=Q", hint))
    except OSError as error:
        raise failure(error) from None


def _flagged(ctx: Context, fd: int) -> int:
    """Host descriptor of a file that may have inode flags. Raises NOTTY, BADF."""
    file = ctx.process.files.get(fd)
    host = file.lock_fd()
    if host is None or file.flags & Open.PATH:
        raise Errno(E.NOTTY if not file.flags & Open.PATH else E.BADF)
    return host


@op(Op.FLAGS_GET)
def flags_get(ctx: Context, fd: int) -> int:
    """Inode flags (FS_*_FL of Linux)."""
    word = array.array("L", [0])
    try:
        fcntl.ioctl(_flagged(ctx, fd), GETFLAGS, word)
    except OSError as error:
        raise failure(error) from None
    return word[0]


@op(Op.FLAGS_SET)
def flags_set(ctx: Context, fd: int, flags: int) -> None:
    """Change inode flags."""
    file = ctx.process.files.get(fd)
    host = _flagged(ctx, fd)
    if file.read_only:
        raise Errno(E.ROFS)
    try:
        fcntl.ioctl(host, SETFLAGS, array.array("L", [flags]))
    except OSError as error:
        raise failure(error) from None
