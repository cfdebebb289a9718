"""Ops on paths: opening, looking, making, removing, renaming."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import (
    CWD,
    UTIME_NOW,
    UTIME_OMIT,
    At,
    Clock,
    FileType,
    Open,
    Stat,
    StatFs,
    Times,
    time_ns,
)
from aot.personality.abi.op import Op
from runtime.kernel import fifo
from runtime.kernel.context import Context
from runtime.kernel.namespace import Place, Spot
from runtime.kernel.node import CLOEXEC, S_IFLNK, S_IFMT, TMPFILE, File, Node
from runtime.kernel.optable import op
from runtime.kernel.schemes.hostfile import HostStream

PERMISSIONS = 0o7777


def base_of(ctx: Context, dirfd: int, path: bytes) -> Spot:
    """The directory a relative path starts in. Raises BADF or NOTDIR."""
    names = ctx.process.names
    if dirfd == CWD or path[:1] == b"/":
        return names.cwd
    spot = ctx.process.files.get(dirfd).spot
    if spot is None:
        raise Errno(E.NOTDIR)
    return spot


def place_of(ctx: Context, dirfd: int, path: bytes, *, follow: bool) -> Place:
    """Where a path leads."""
    return ctx.process.names.find(base_of(ctx, dirfd, path), path, follow=follow)


def node_of(ctx: Context, dirfd: int, path: bytes, flags: At) -> Node:
    """The node a path (or with EMPTY_PATH a descriptor) names."""
    if not path and flags & At.EMPTY_PATH:
        return _node_of_fd(ctx, dirfd)
    place = place_of(ctx, dirfd, path, follow=not flags & At.NOFOLLOW)
    node = place.node()
    if place.slash and node.stat().mode & S_IFMT != 0o040000:
        raise Errno(E.NOTDIR)
    return node


def _node_of_fd(ctx: Context, dirfd: int) -> Node:
    return ctx.process.names.cwd.node if dirfd == CWD else ctx.process.files.get(dirfd).node


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


@op(Op.OPENAT)
def openat(ctx: Context, dirfd: int, path: bytes, flags: Open, mode: int) -> int:
    """Open a file; the lowest free descriptor."""
    process = ctx.process
    if int(flags) & TMPFILE:
        raise Errno(E.OPNOTSUPP)
    file = (None if ctx.wait is None else fifo.resumed(ctx)) or _opened(ctx, dirfd, path, flags, mode)
    try:
        return process.files.add(file, cloexec=int(flags) & CLOEXEC != 0)
    except Errno:
        file.close()
        raise


def _opened(ctx: Context, dirfd: int, path: bytes, flags: Open, mode: int) -> File:
    """A fresh open file; a named pipe may have to wait for its other end."""
    process = ctx.process
    try:
        file = process.names.open(base_of(ctx, dirfd, path), path, flags, mode & ~process.umask & PERMISSIONS)
    except Errno as error:
        if fifo.is_no_reader(error, flags):
            fifo.wait_for_reader(ctx, place_of(ctx, dirfd, path, follow=True).stat())
        raise
    if isinstance(file, HostStream):
        fifo.meet(ctx, file)
    return file


@op(Op.STATAT)
def statat(ctx: Context, dirfd: int, path: bytes, flags: At) -> Stat:
    """Facts about the file a path names; with EMPTY_PATH about the descriptor itself."""
    if not path and flags & At.EMPTY_PATH:
        if dirfd == CWD:
            return ctx.process.names.cwd.node.stat()
        return ctx.process.files.get(dirfd).stat()
    found = place_of(ctx, dirfd, path, follow=False).stat()
    if found.mode & S_IFMT == S_IFLNK and not flags & At.NOFOLLOW:
        return place_of(ctx, dirfd, path, follow=True).stat()
    return found


@op(Op.READLINKAT)
def readlinkat(ctx: Context, dirfd: int, path: bytes) -> bytes:
    """The text of a symbolic link."""
    place = place_of(ctx, dirfd, path, follow=False)
    target = None if place.name == b"." else place.spot.node.readlink(place.name)
    if target is None:
        raise Errno(E.INVAL)
    return target if isinstance(target, bytes) else place.spot.node.link_text(place.name)


@op(Op.FACCESSAT)
def faccessat(ctx: Context, dirfd: int, path: bytes, access: int, flags: At) -> None:
    """Whether a path exists and may be read 4, written 2, executed 1."""
    if access & ~7:
        raise Errno(E.INVAL)
    place = place_of(ctx, dirfd, path, follow=not flags & At.NOFOLLOW)
    node = place.node()
    if access:
        node.access(access)
        kind = node.stat().mode >> 12
        if access & 2 and place.spot.mount.read_only and kind != FileType.CHAR:
            raise Errno(E.ROFS)


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


@op(Op.LINKAT)
def linkat(ctx: Context, olddirfd: int, oldpath: bytes, newdirfd: int, newpath: bytes, flags: At) -> None:
    """Give a file a second name."""
    old = place_of(ctx, olddirfd, oldpath, follow=bool(flags & At.FOLLOW))
    new = _new_place(ctx, newdirfd, newpath)
    if old.spot.mount is not new.spot.mount or old.jump is not None:
        raise Errno(E.XDEV)
    if old.name == b".":
        raise Errno(E.PERM)
    new.spot.node.link(new.name, old.spot.node, old.name)


@op(Op.SYMLINKAT)
def symlinkat(ctx: Context, target: bytes, dirfd: int, path: bytes) -> None:
    """Make a symbolic link."""
    if not target:
        raise Errno(E.NOENT)
    place = _new_place(ctx, dirfd, path)
    place.spot.node.symlink(place.name, target)


def _change(ctx: Context, dirfd: int, path: bytes, flags: At) -> Node:
    """The node whose metadata a path call is about to change."""
    if path:
        _writable(place_of(ctx, dirfd, path, follow=not flags & At.NOFOLLOW))
    else:
        _check_fd(ctx, dirfd)
    return node_of(ctx, dirfd, path, flags)


def _check_fd(ctx: Context, fd: int) -> None:
    """Raises ROFS when an open file came from a read-only mount."""
    names = ctx.process.names
    spot = names.cwd if fd == CWD else ctx.process.files.get(fd).spot
    if spot is not None and spot.mount.read_only:
        raise Errno(E.ROFS)
    if spot is None and ctx.process.files.get(fd).read_only:
        raise Errno(E.ROFS)


@op(Op.FCHMODAT)
def fchmodat(ctx: Context, dirfd: int, path: bytes, mode: int, flags: At) -> None:
    """Change permission bits."""
    node = _change(ctx, dirfd, path, flags)
    if node.stat().mode & S_IFMT == S_IFLNK:
        raise Errno(E.OPNOTSUPP)
    node.set_mode(mode & PERMISSIONS)


@op(Op.FCHMOD)
def fchmod(ctx: Context, fd: int, mode: int) -> None:
    """Change permission bits of an open file."""
    _check_fd(ctx, fd)
    ctx.process.files.get(fd).node.set_mode(mode & PERMISSIONS)


@op(Op.FCHOWNAT)
def fchownat(ctx: Context, dirfd: int, path: bytes, uid: int, gid: int, flags: At) -> None:
    """Change owner and group."""
    _change(ctx, dirfd, path, flags).set_owner(uid, gid)


@op(Op.FCHOWN)
def fchown(ctx: Context, fd: int, uid: int, gid: int) -> None:
    """Change owner and group of an open file."""
    _check_fd(ctx, fd)
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
        _check_fd(ctx, dirfd)
        node = _node_of_fd(ctx, dirfd)
    else:
        node = _change(ctx, dirfd, path, flags)
    node.set_times(Times(*chosen))


@op(Op.TRUNCATE)
def truncate(ctx: Context, path: bytes, length: int) -> None:
    """Cut or extend the file a path names."""
    if length < 0:
        raise Errno(E.INVAL)
    place = _writable(place_of(ctx, CWD, path, follow=True))
    node = place.node()
    if node.stat().mode & S_IFMT == 0o040000:
        raise Errno(E.ISDIR)
    node.truncate(length)


@op(Op.STATFS)
def statfs(ctx: Context, path: bytes) -> StatFs:
    """Facts about the file system a path is on."""
    return node_of(ctx, CWD, path, At(0)).statfs()


@op(Op.CHDIR)
def chdir(ctx: Context, path: bytes) -> None:
    """Change the current directory."""
    names = ctx.process.names
    spot = names.directory(names.cwd, path)
    spot.node.access(1)
    names.cwd = spot


@op(Op.FCHDIR)
def fchdir(ctx: Context, fd: int) -> None:
    """Change the current directory to an open one."""
    spot = ctx.process.files.get(fd).spot
    if spot is None:
        raise Errno(E.NOTDIR)
    ctx.process.names.cwd = spot


@op(Op.GETCWD)
def getcwd(ctx: Context) -> bytes:
    """Absolute path of the current directory."""
    return ctx.process.names.cwd.text


@op(Op.SYNC)
def sync(ctx: Context) -> None:
    """Nothing to do: transfers went to the host already."""
