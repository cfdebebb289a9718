"""Ops that open files by path: flags, umask, what openat2 forbids, files without a name."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_files import Resolve
from aot.personality.abi.op import Op
from runtime.kernel import fifo
from runtime.kernel.context import Context
from runtime.kernel.node import CLOEXEC, TMPFILE, TRUNCATE, File
from runtime.kernel.ops_path import PERMISSIONS, base_of
from runtime.kernel.optable import op
from runtime.kernel.schemes.hostfile import HostStream
from runtime.kernel.walk import FREE


@op(Op.OPENAT)
def openat(ctx: Context, dirfd: int, path: bytes, flags: Open, mode: int) -> int:
    """Open a file; the lowest free descriptor."""
    return _open(ctx, dirfd, path, flags, mode, FREE)


@op(Op.OPENAT2)
def openat2(ctx: Context, dirfd: int, path: bytes, flags: Open, mode: int, resolve: Resolve) -> int:
    """Open a file on a way that is restricted: XDEV where it would leave, LOOP where it meets a link."""
    if resolve & Resolve.BENEATH and resolve & Resolve.IN_ROOT:
        raise Errno(E.INVAL)
    if resolve & Resolve.CACHED:
        raise Errno(E.AGAIN)  # nothing is kept that would answer without looking
    return _open(ctx, dirfd, path, flags, mode, resolve)


def _open(ctx: Context, dirfd: int, path: bytes, flags: Open, mode: int, rules: Resolve) -> int:
    file = None if ctx.wait is None else fifo.resumed(ctx)
    if file is None:
        file = _opened(ctx, dirfd, path, flags, mode, rules)
    try:
        return ctx.process.files.add(file, cloexec=int(flags) & CLOEXEC != 0)
    except Errno:
        file.close()
        raise


def _opened(ctx: Context, dirfd: int, path: bytes, flags: Open, mode: int, rules: Resolve) -> File:
    """A fresh open file; a named pipe may have to wait for its other end."""
    process = ctx.process
    names, mode = process.names, mode & ~process.umask & PERMISSIONS
    base = base_of(ctx, dirfd, path) if not rules & Resolve.IN_ROOT else base_of(ctx, dirfd, b".")
    if int(flags) & TMPFILE:
        return names.open_unnamed(base, path, flags, mode, rules)
    try:
        file = names.open(base, path, flags, mode, rules)
    except Errno as error:
        if fifo.is_no_reader(error, flags):
            fifo.wait_for_reader(ctx, names.find(base, path, follow=True, rules=rules).stat())
        raise
    if int(flags) & TRUNCATE:
        ctx.mem.arena.files_were_cut()
    if not flags & Open.PATH:
        file.flags |= Open.LARGE
        if isinstance(file, HostStream):
            fifo.meet(ctx, file)
    return file
