"""Ops that change what paths name: making, removing, renaming, linking, modes, owners, times, lengths."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import CWD, UTIME_NOW, UTIME_OMIT, At, Clock, Open, Times, time_ns
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.namespace import Place
from runtime.kernel.node import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Directory, File, Jump
from runtime.kernel.ops_limit import check_size
from runtime.kernel.ops_path import PERMISSIONS, changed_node, check_fd, node_of_fd, place_of
from runtime.kernel.optable import op


def _writable(place: Place) -> Place:
    place.check_writable()
    return place


def _new_place(ctx: Context, dirfd: int, path: bytes) -> Place:
    """Where a path that must not exist yet leads."""
    place = place_of(ctx, dirfd, path, follow=False)
    if place.name == b".":
        raise Errno(E.EXIST)
    if place.spot.mount.read_only:
        place.stat_or_rofs()
    return place


@op(Op.MKDIRAT)
def mkdirat(ctx: Context, dirfd: int, path: bytes, mode: int) -> None:
    """Make a directory."""
    place = _new_place(ctx, dirfd, path)
    place.spot.node.mkdir(place.name, mode & ~ctx.process.umask & 0o1777)


@op(Op.MKNODAT)
def mknodat(ctx: Context, dirfd: int, path: bytes, mode: int, dev: int) -> None:
    """Make a regular file or FIFO."""
    place = _new_place(ctx, dirfd, path)
    place.spot.node.mknod(place.name, mode & S_IFMT | mode & ~ctx.process.umask & PERMISSIONS, dev)


@op(Op.UNLINKAT)
def unlinkat(ctx: Context, dirfd: int, path: bytes, flags: At) -> None:
    """Remove a name; with REMOVEDIR an empty directory."""
    place = place_of(ctx, dirfd, path, follow=False)
    directory = bool(flags & At.REMOVEDIR)
    if place.name == b".":
        is_mount = place.spot.path in ctx.process.names.mounts
        raise Errno((E.BUSY if is_mount else E.INVAL) if directory else E.ISDIR)
    if place.slash and not directory:
        place.stat()
        raise Errno(E.ISDIR)
    _writable(place).spot.node.unlink(place.name, directory=directory)


@op(Op.RENAMEAT)
def renameat(
    ctx: Context, olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes, replace: bool = True
) -> None:
    """Give a file another name, atomically."""
    old = place_of(ctx, olddirfd, oldpath, follow=False)
    new = place_of(ctx, newdirfd, newpath, follow=False)
    if b"." in (old.name, new.name):
        raise Errno(E.BUSY)
    if old.spot.mount is not new.spot.mount:
        raise Errno(E.XDEV)
    if old.slash or new.slash:
        old.stat()
    _writable(old).spot.node.rename(old.name, new.spot.node, new.name, replace=replace)


@op(Op.EXCHANGE)
def exchange(ctx: Context, olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes) -> None:
    """Let two names change places, atomically."""
    old = place_of(ctx, olddirfd, oldpath, follow=False)
    new = place_of(ctx, newdirfd, newpath, follow=False)
    if b"." in (old.name, new.name):
        raise Errno(E.BUSY)
    if old.spot.mount is not new.spot.mount:
        raise Errno(E.XDEV)
    for place in (old, new):
        place.stat()
    _writable(old).spot.node.exchange(old.name, new.spot.node, new.name)


@op(Op.LINKAT)
def linkat(ctx: Context, olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes, flags: At) -> None:
    """Give a file a second name."""
    if not oldpath and flags & At.EMPTY_PATH:
        _link_file(ctx.process.files.get(olddirfd), _new_place(ctx, newdirfd, newpath))
        return
    old = place_of(ctx, olddirfd, oldpath, follow=bool(flags & At.FOLLOW))
    new = _new_place(ctx, newdirfd, newpath)
    if old.jump is not None:
        _link_file(old.jump, new)
        return
    if old.spot.mount is not new.spot.mount:
        raise Errno(E.XDEV)
    if old.name == b".":
        raise Errno(E.PERM)
    new.spot.node.link(new.name, old.spot.node, old.name)


def _link_file(file: File | Jump, new: Place) -> None:
    """Give an open file a name on the mount it came from."""
    if isinstance(file.node, Directory):
        raise Errno(E.PERM)
    place = file.place
    if place is None or place.spot.mount is not new.spot.mount:
        raise Errno(E.XDEV)
    new.spot.node.link_node(new.name, file.node)


@op(Op.SYMLINKAT)
def symlinkat(ctx: Context, target: bytes, dirfd: int, path: bytes) -> None:
    """Make a symbolic link."""
    if not target:
        raise Errno(E.NOENT)
    place = _new_place(ctx, dirfd, path)
    place.spot.node.symlink(place.name, target)


@op(Op.FCHMODAT)
def fchmodat(ctx: Context, dirfd: int, path: bytes, mode: int, flags: At) -> None:
    """Change permission bits."""
    node = changed_node(ctx, dirfd, path, flags)
    if node.stat().mode & S_IFMT == S_IFLNK:
        raise Errno(E.OPNOTSUPP)
    node.set_mode(mode & PERMISSIONS)


@op(Op.FCHMOD)
def fchmod(ctx: Context, fd: int, mode: int) -> None:
    """Change permission bits of an open file."""
    if ctx.process.files.get(fd).flags & Open.PATH:
        raise Errno(E.BADF)
    check_fd(ctx, fd)
    ctx.process.files.get(fd).node.set_mode(mode & PERMISSIONS)


@op(Op.FCHOWNAT)
def fchownat(ctx: Context, dirfd: int, path: bytes, uid: int, gid: int, flags: At) -> None:
    """Change owner and group."""
    changed_node(ctx, dirfd, path, flags).set_owner(uid, gid)


@op(Op.FCHOWN)
def fchown(ctx: Context, fd: int, uid: int, gid: int) -> None:
    """Change owner and group of an open file."""
    if ctx.process.files.get(fd).flags & Open.PATH:
        raise Errno(E.BADF)
    check_fd(ctx, fd)
    ctx.process.files.get(fd).node.set_owner(uid, gid)


@op(Op.UTIMENSAT)
def utimensat(ctx: Context, dirfd: int, path: bytes | None, times: Times | None, flags: At) -> None:
    """Change access and modification times; None is now. Without a path the descriptor is meant."""
    now = time_ns(ctx.process.kernel.clocks.now_ns(Clock.REALTIME))
    chosen = [now, now] if times is None else [times.atime, times.mtime]
    for i, time in enumerate(chosen):
        if time.nsec == UTIME_NOW:
            chosen[i] = now
        elif time.nsec != UTIME_OMIT and not 0 <= time.nsec < 1_000_000_000:
            raise Errno(E.INVAL)
    if all(t.nsec == UTIME_OMIT for t in chosen):
        return
    if path is None:
        if dirfd == CWD:
            raise Errno(E.FAULT)
        check_fd(ctx, dirfd)
        node = node_of_fd(ctx, dirfd)
    else:
        node = changed_node(ctx, dirfd, path, flags)
    node.set_times(Times(*chosen))


@op(Op.TRUNCATE)
def truncate(ctx: Context, path: bytes, length: int) -> None:
    """Cut or extend the file a path names."""
    if length < 0:
        raise Errno(E.INVAL)
    place = _writable(place_of(ctx, CWD, path, follow=True))
    node = place.node()
    kind = node.stat().mode & S_IFMT
    if kind != S_IFREG:
        raise Errno(E.ISDIR if kind == S_IFDIR else E.INVAL)
    if ctx.process.files.largest is not None:
        file = node.open(Open.WRITE)
        try:
            check_size(ctx, file, length)
        finally:
            file.close()
    node.truncate(length)
    ctx.mem.arena.files_were_cut()
