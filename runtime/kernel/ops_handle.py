"""Ops on numbers that stand for files. A number is a place and an inode: it leads nowhere a path would not."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import CWD, At, Open
from aot.personality.abi.neutral_files import Handle
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.ops_path import place_of
from runtime.kernel.optable import op
from runtime.kernel.places import Place

MOST = 4096


@op(Op.FILE_HANDLE)
def file_handle(ctx: Context, dirfd: int, path: bytes, flags: At) -> Handle:
    """A number for a file on a mount of the tree. Raises OPNOTSUPP for a file that has no place."""
    place = _place(ctx, dirfd, path, flags)
    if place.jump is not None:
        raise Errno(E.OPNOTSUPP)
    st, known = place.stat(), ctx.process.kernel.handles
    for number, (_, dev, ino) in enumerate(known):
        if (dev, ino) == (st.dev, st.ino):
            known[number] = (place, dev, ino)
            return Handle(number, place.spot.mount.number)
    if len(known) >= MOST:
        raise Errno(E.OPNOTSUPP)
    known.append((place, st.dev, st.ino))
    return Handle(len(known) - 1, place.spot.mount.number)


def _place(ctx: Context, dirfd: int, path: bytes, flags: At) -> Place:
    if path or not flags & At.EMPTY_PATH:
        return place_of(ctx, dirfd, path, follow=not flags & At.NOFOLLOW)
    if dirfd == CWD:
        return Place(ctx.process.names.cwd, b".")
    place = ctx.process.files.get(dirfd).place
    if place is None:
        raise Errno(E.OPNOTSUPP)
    return place


@op(Op.OPEN_HANDLE)
def open_handle(ctx: Context, fd: int, number: int, flags: Open) -> int:
    """Open the file a number stands for. Raises PERM for anybody but the superuser, STALE when it is gone."""
    process = ctx.process
    if fd != CWD:
        process.files.get(fd)
    if process.creds.euid:
        raise Errno(E.PERM)
    if number >= len(process.kernel.handles):
        raise Errno(E.STALE)
    place, dev, ino = process.kernel.handles[number]
    try:
        st = place.stat()
    except Errno:
        raise Errno(E.STALE) from None
    if (st.dev, st.ino) != (dev, ino):
        raise Errno(E.STALE)
    file = process.names.open_place(place, flags & ~(Open.CREATE | Open.EXCLUSIVE))
    try:
        return process.files.add(file, cloexec=bool(flags & Open.CLOEXEC))
    except Errno:
        file.close()
        raise
