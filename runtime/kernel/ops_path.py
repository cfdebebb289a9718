"""Ops on paths: opening, looking, making, removing, renaming."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import (
    CWD,
    At,
    FileType,
    Stat,
    StatFs,
)
from aot.personality.abi.neutral_files import Facts
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.namespace import Place, Spot
from runtime.kernel.node import S_IFLNK, S_IFMT, Node
from runtime.kernel.optable import op

PERMISSIONS = 0o7777
_UNCHANGED = (FileType.CHAR, FileType.BLOCK, FileType.FIFO, FileType.SOCKET)
STATX_BASIC, STATX_BTIME, STATX_MOUNT, STATX_ALIGN, STATX_RESERVED = 0x7FF, 0x800, 0x1000, 0x2000, 1 << 31


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
        return node_of_fd(ctx, dirfd)
    place = place_of(ctx, dirfd, path, follow=not flags & At.NOFOLLOW)
    node = place.node()
    if place.slash and node.stat().mode & S_IFMT != 0o040000:
        raise Errno(E.NOTDIR)
    return node


def node_of_fd(ctx: Context, dirfd: int) -> Node:
    """The node of an open file, or of the current directory."""
    return ctx.process.names.cwd.node if dirfd == CWD else ctx.process.files.get(dirfd).node


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


@op(Op.STATX)
def statx(ctx: Context, dirfd: int, path: bytes, flags: At, mask: int) -> Facts:
    """All that is known of a file. `mask` (STATX_* of Linux) says what is wanted beyond the usual."""
    if mask & STATX_RESERVED:
        raise Errno(E.INVAL)
    if not path and flags & At.EMPTY_PATH:
        if dirfd == CWD:
            spot = ctx.process.names.cwd
            return _facts(spot.node, spot.node.stat(), spot.mount.number, mask)
        file = ctx.process.files.get(dirfd)
        mount = file.place.spot.mount.number if file.place is not None else 0
        return _facts(file.node, file.stat(), mount, mask)
    place = place_of(ctx, dirfd, path, follow=False)
    found = place.stat()
    if found.mode & S_IFMT == S_IFLNK and not flags & At.NOFOLLOW:
        place = place_of(ctx, dirfd, path, follow=True)
        found = place.stat()
    return _facts(place.node(), found, place.spot.mount.number, mask)


def _facts(node: Node, stat: Stat, mount: int, mask: int) -> Facts:
    birth = node.birth()
    known = STATX_BASIC | (STATX_BTIME if birth.time.sec else 0)
    return Facts(
        stat, birth, mount, known | mask & (STATX_MOUNT | (STATX_ALIGN if birth.offset_align else 0))
    )


@op(Op.READLINKAT)
def readlinkat(ctx: Context, dirfd: int, path: bytes) -> bytes:
    """The text of a symbolic link."""
    if not path and dirfd != CWD:
        place = ctx.process.files.get(dirfd).place
        if place is None or ctx.process.files.get(dirfd).stat().mode & S_IFMT != S_IFLNK:
            raise Errno(E.NOENT)
    else:
        place = place_of(ctx, dirfd, path, follow=False)
    target = None if place.name == b"." else place.spot.node.readlink(place.name)
    if target is None:
        raise Errno(E.INVAL)
    return target if isinstance(target, bytes) else target.text


@op(Op.FACCESSAT)
def faccessat(ctx: Context, dirfd: int, path: bytes, access: int, flags: At) -> None:
    """Whether a path exists and may be read 4, written 2, executed 1."""
    if access & ~7:
        raise Errno(E.INVAL)
    if not path and flags & At.EMPTY_PATH:
        node, read_only = node_of_fd(ctx, dirfd), dirfd != CWD and ctx.process.files.get(dirfd).read_only
    else:
        place = place_of(ctx, dirfd, path, follow=not flags & At.NOFOLLOW)
        node, read_only = place.node(), place.read_only
        if place.slash:
            place.stat()
    if access:
        if access & 2 and read_only and node.stat().mode >> 12 not in _UNCHANGED:
            raise Errno(E.ROFS)
        node.access(access)


def changed_node(ctx: Context, dirfd: int, path: bytes, flags: At) -> Node:
    """The node whose metadata a path call is about to change."""
    if path:
        place_of(ctx, dirfd, path, follow=not flags & At.NOFOLLOW).check_writable()
    else:
        check_fd(ctx, dirfd)
    return node_of(ctx, dirfd, path, flags)


def check_fd(ctx: Context, fd: int) -> None:
    """Raises ROFS when an open file came from a read-only mount."""
    names = ctx.process.names
    spot = names.cwd if fd == CWD else ctx.process.files.get(fd).spot
    if spot is not None and spot.mount.read_only:
        raise Errno(E.ROFS)
    if spot is None and ctx.process.files.get(fd).read_only:
        raise Errno(E.ROFS)


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
    names = ctx.process.names
    return names.shown(names.cwd.text)


@op(Op.CHROOT)
def chroot(ctx: Context, path: bytes) -> None:
    """Make a directory the root of the process. Raises PERM for anybody but the superuser."""
    names = ctx.process.names
    spot = names.directory(names.cwd, path)
    spot.node.access(1)
    if ctx.process.creds.euid:
        raise Errno(E.PERM)
    names.jail = spot
