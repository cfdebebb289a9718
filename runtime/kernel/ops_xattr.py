"""Ops on extended attributes. The host keeps those of its files; what it is not asked to keep is refused."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import At, Open
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.node import Node, total
from runtime.kernel.ops_path import changed_node, check_fd, node_of
from runtime.kernel.optable import op

NAME_MAX, VALUE_MAX = 255, 65536  # include/uapi/linux/limits.h
CREATE, REPLACE = 1, 2
OWN = b"user."
READABLE = (b"user.", b"security.", b"system.posix_acl_access", b"system.posix_acl_default")
"""What may be looked at; the program's own names may be changed as well."""
S_IFREG, S_IFDIR = 8, 4


def _check_name(name: bytes) -> None:
    if not 0 < len(name) <= NAME_MAX:
        raise Errno(E.RANGE)


def _find(ctx: Context, dirfd: int, path: bytes, flags: At) -> Node:
    if not path and flags & At.EMPTY_PATH and ctx.process.files.get(dirfd).flags & Open.PATH:
        raise Errno(E.BADF)
    return node_of(ctx, dirfd, path, flags)


def _check_change(node: Node, name: bytes) -> None:
    """Whether an attribute may be changed: own names of files and directories. Raises PERM, OPNOTSUPP."""
    if name.startswith(b"trusted.") or name.startswith(b"security."):
        raise Errno(E.PERM)
    if not name.startswith(OWN):
        raise Errno(E.OPNOTSUPP)
    if node.stat().mode >> 12 not in (S_IFREG, S_IFDIR):
        raise Errno(E.PERM)


@op(Op.GETXATTR)
def getxattr(ctx: Context, dirfd: int, path: bytes, flags: At, name: bytes) -> bytes:
    """The value of an attribute. Raises NODATA, OPNOTSUPP, RANGE for a name of no length or too long."""
    _check_name(name)
    node = _find(ctx, dirfd, path, flags)
    if not name.startswith(READABLE):
        raise Errno(E.NODATA if name.startswith(b"trusted.") else E.OPNOTSUPP)
    if name.startswith(OWN) and node.stat().mode >> 12 not in (S_IFREG, S_IFDIR):
        raise Errno(E.NODATA)
    return node.get_attribute(name)


@op(Op.LISTXATTR)
def listxattr(ctx: Context, dirfd: int, path: bytes, flags: At) -> bytes:
    """The names, each with a NUL behind it."""
    node = _find(ctx, dirfd, path, flags)
    return b"".join(name + b"\0" for name in node.attributes() if name.startswith(READABLE))


@op(Op.SETXATTR)
def setxattr(ctx: Context, dirfd: int, path: bytes, flags: At, name: bytes, value: Buffers, how: int) -> None:
    """Set an attribute: CREATE 1 wants none there (EXIST), REPLACE 2 one (NODATA)."""
    if how & ~(CREATE | REPLACE):
        raise Errno(E.INVAL)
    _check_name(name)
    if total(value) > VALUE_MAX:
        raise Errno(E.TOOBIG)
    node = _changing(ctx, dirfd, path, flags)
    _check_change(node, name)
    node.set_attribute(name, b"".join(bytes(piece) for piece in value), how)


@op(Op.REMOVEXATTR)
def removexattr(ctx: Context, dirfd: int, path: bytes, flags: At, name: bytes) -> None:
    """Remove an attribute. Raises NODATA."""
    _check_name(name)
    node = _changing(ctx, dirfd, path, flags)
    _check_change(node, name)
    node.remove_attribute(name)


def _changing(ctx: Context, dirfd: int, path: bytes, flags: At) -> Node:
    if not path and flags & At.EMPTY_PATH:
        node = _find(ctx, dirfd, path, flags)
        check_fd(ctx, dirfd)
        return node
    return changed_node(ctx, dirfd, path, flags)
