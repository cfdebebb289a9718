"""Ops on watches: being told of what happens to files."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import CWD, Open
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.node import S_IFDIR, S_IFMT
from runtime.kernel.ops_path import place_of
from runtime.kernel.optable import op
from runtime.kernel.schemes.inotify import WatchFile

# include/uapi/linux/inotify.h
EVENTS, ONLYDIR, DONT_FOLLOW, MASK_CREATE, MASK_ADD = (
    0xFFF,
    0x0100_0000,
    0x0200_0000,
    0x1000_0000,
    0x2000_0000,
)


@op(Op.INOTIFY_CREATE)
def inotify_create(ctx: Context, flags: Open) -> int:
    """A set of watches."""
    file = WatchFile(flags)
    try:
        return ctx.process.files.add(file, cloexec=bool(flags & Open.CLOEXEC))
    except Errno:
        file.close()
        raise


def _watches(ctx: Context, fd: int) -> WatchFile:
    file = ctx.process.files.get(fd)
    if not isinstance(file, WatchFile):
        raise Errno(E.INVAL)
    return file


@op(Op.INOTIFY_ADD)
def inotify_add(ctx: Context, fd: int, path: bytes, mask: int) -> int:
    """Watch what a path names for events (IN_* of Linux); the number of the watch."""
    file = ctx.process.files.get(fd)
    if not mask & EVENTS or (mask & MASK_CREATE and mask & MASK_ADD):
        raise Errno(E.INVAL)
    if not isinstance(file, WatchFile):
        raise Errno(E.INVAL)
    place = place_of(ctx, CWD, path, follow=not mask & DONT_FOLLOW)
    if mask & ONLYDIR and place.stat().mode & S_IFMT != S_IFDIR:
        raise Errno(E.NOTDIR)
    node = place.node()
    node.access(4)
    return file.watch(node, mask & ~(ONLYDIR | DONT_FOLLOW))


@op(Op.INOTIFY_REMOVE)
def inotify_remove(ctx: Context, fd: int, watch: int) -> None:
    """Stop watching."""
    _watches(ctx, fd).forget(watch)
