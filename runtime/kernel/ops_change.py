"""Ops that change what paths name: making, removing, renaming, linking, modes, owners, times, lengths."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import CWD, UTIME_NOW, UTIME_OMIT, At, Clock, Open, Times, time_ns
from aot.personality.abi.op import Op
from aot.record import replace
from runtime.kernel.context import Context
from runtime.kernel.namespace import Place
from runtime.kernel.node import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Directory, File, Jump
from runtime.kernel.ops_limit import check_size
from runtime.kernel.ops_path import PERMISSIONS, base_of, changed_node, check_fd, node_of_fd, place_of
from runtime.kernel.optable import op


def _writable(place: Place) -> Place:
    place.check_writable()
    return place


def _named(ctx: Context, dirfd: int, path: bytes, dot: E, dots: E, top: E) -> Place:
    """Where the last name of a path is: a link there is not followed, slashes behind it are noted alone.

    A path without such a name ends in an error: `dot` for one that ends in ., `dots` in .., `top` for the root.
    """
    bare = path.rstrip(b"/")
    last = bare.rpartition(b"/")[2]
    if last in (b"", b".", b".."):
        ctx.process.names.directory(base_of(ctx, dirfd, path), path)
        raise Errno({b"": top, b".": dot, b"..": dots}[last])
    place = place_of(ctx, dirfd, bare, follow=False)
    return place if len(bare) == len(path) else replace(place, slash=True)


def _new_place(ctx: Context, dirfd: int, path: bytes, *, directory: bool = False) -> Place:
    """Where a path that must not exist yet leads; with a slash behind it, to a directory alone."""
    place = _named(ctx, dirfd, path, E.EXIST, E.EXIST, E.EXIST)
    if place.name == b".":  # a mount
        raise Errno(E.EXIST)
    if place.spot.mount.read_only:
        place.stat_or_rofs()
    if place.slash and not directory:
        place.spot.node.stat_at(place.name)
        raise Errno(E.EXIST)
    return place


@op(Op.MKDIRAT)
def mkdirat(ctx: Context, dirfd: int, path: bytes, mode: int) -> None:
    """Make a directory."""
    place = _new_place(ctx, dirfd, path, directory=True)
    place.spot.node.mkdir(place.name, mode & ~ctx.process.umask & 0o1777)


@op(Op.MKNODAT)
def mknodat(ctx: Context, dirfd: int, path: bytes, mode: int, dev: int) -> None:
    """Make a regular file or FIFO."""
    place = _new_place(ctx, dirfd, path)
    place.spot.node.mknod(place.name, mode & S_IFMT | mode & ~ctx.process.umask & PERMISSIONS, dev)


@op(Op.UNLINKAT)
def unlinkat(ctx: Context, dirfd: int, path: bytes, flags: At) -> None:
    """Remove a name; with REMOVEDIR an empty directory."""
    if flags & At.REMOVEDIR:
        place = _named(ctx, dirfd, path, E.INVAL, E.NOTEMPTY, E.BUSY)
        if place.name == b".":
            raise Errno(E.BUSY)
        _writable(place).spot.node.unlink(place.name, directory=True)
        return
    place = _named(ctx, dirfd, path, E.ISDIR, E.ISDIR, E.ISDIR)
    if place.name == b".":
        raise Errno(E.ISDIR)
    if place.slash:
        kind = place.spot.node.stat_at(place.name).mode & S_IFMT
        raise Errno(E.ISDIR if kind == S_IFDIR else E.NOTDIR)
    _writable(place).spot.node.unlink(place.name, directory=False)


@op(Op.RENAMEAT)
def renameat(
    ctx: Context, olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes, replace: bool = True
) -> None:
    """Give a file another name, atomically."""
    old, new = _two_names(ctx, olddirfd, oldpath, newdirfd, newpath, E.BUSY if replace else E.EXIST)
    if (old.slash or new.slash) and old.spot.node.stat_at(old.name).mode & S_IFMT != S_IFDIR:
        raise Errno(E.NOTDIR)
    if new.slash:
        _directory_or_free(new)
    _writable(old).spot.node.rename(old.name, new.spot.node, new.name, replace=replace)


@op(Op.EXCHANGE)
def exchange(ctx: Context, olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes) -> None:
    """Let two names change places, atomically."""
    old, new = _two_names(ctx, olddirfd, oldpath, newdirfd, newpath, E.BUSY)
    for place in (old, new):
        kind = place.spot.node.stat_at(place.name).mode & S_IFMT
        if place.slash and kind != S_IFDIR:
            raise Errno(E.NOTDIR)
    _writable(old).spot.node.exchange(old.name, new.spot.node, new.name)


def _two_names(
    ctx: Context, olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes, taken: E
) -> tuple[Place, Place]:
    """Two names on one mount. Raises BUSY for what has no name, or `taken` where that is the new one."""
    old = _named(ctx, olddirfd, oldpath, E.BUSY, E.BUSY, E.BUSY)
    new = _named(ctx, newdirfd, newpath, taken, taken, taken)
    if b"." in (old.name, new.name):
        raise Errno(E.BUSY)
    if old.spot.mount is not new.spot.mount:
        raise Errno(E.XDEV)
    return old, new


def _directory_or_free(place: Place) -> None:
    """Raises NOTDIR for a name that is taken by something else than a directory."""
    try:
        kind = place.spot.node.stat_at(place.name).mode & S_IFMT
    except Errno as error:
        if error.code is not E.NOENT:
            raise
        return
    if kind != S_IFDIR:
        raise Errno(E.NOTDIR)


@op(Op.LINKAT)
def linkat(ctx: Context, olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes, flags: At) -> None:
    """Give a file a second name."""
    if not oldpath and flags & At.EMPTY_PATH:
        _link_file(ctx.process.files.get(olddirfd), _new_place(ctx, newdirfd, newpath))
        return
    old = place_of(ctx, olddirfd, oldpath, follow=bool(flags & At.FOLLOW))
    if old.slash:
        old.stat()
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
