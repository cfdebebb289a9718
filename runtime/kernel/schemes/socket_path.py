"""Sockets by name: files that stand for them, in memory and on mounts of the host, and abstract names.

A socket of the host is never connected to: the file of one shows in a mount, and connecting to it is refused
as if nobody listened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import FileType, Stat, Time
from aot.personality.abi.neutral_socket import SocketKind, SocketName, UnixName
from runtime.kernel.node import Node

if TYPE_CHECKING:
    from runtime.kernel.context import Context
    from runtime.kernel.net import Net
    from runtime.kernel.schemes.socket import Socket

WRITE_RIGHT = 2
_NEVER = Time(0, 0)


class SocketNode(Node):
    """A socket has facts, and no place in a directory."""

    def __init__(self, ino: int) -> None:
        self.ino = ino

    def stat(self) -> Stat:
        mode = FileType.SOCKET << 12 | 0o777
        return Stat(7, self.ino, mode, 1, 0, 0, 0, 0, 4096, 0, _NEVER, _NEVER, _NEVER)


def _key(node: Node) -> tuple[object, ...]:
    """What tells a file from every other while somebody holds it."""
    st = node.stat()
    return type(node), st.dev, st.ino


def bind_path(ctx: Context, socket: Socket, name: UnixName) -> None:
    """Make the file that stands for a socket. Raises ADDRINUSE when there is one already."""
    process = ctx.process
    names = process.names
    place = names.find(names.cwd, name.path, follow=False)
    try:
        place.check_writable()
        mode = FileType.SOCKET << 12 | (0o777 & ~process.umask)
        place.spot.node.mknod(place.name, mode, 0)
    except Errno as error:
        raise Errno(E.ADDRINUSE if error.code is E.EXIST else error.code) from None
    node = place.node()
    socket.pin, socket.path_key = node, _key(node)
    socket.net.paths[socket.path_key] = socket


def find_unix(ctx: Context, net: Net, name: SocketName, caller: Socket) -> Socket:
    """The socket of the caller's kind behind a name. Raises CONNREFUSED, PROTOTYPE, what looking up a path raises."""
    if not isinstance(name, UnixName):
        raise Errno(E.INVAL)
    if not name.path:
        raise Errno(E.INVAL)
    if name.path[:1] == b"\0":
        found = net.abstract.get((caller.kind, name.path))
    else:
        found = _find_path(ctx, net, name.path)
    if found is None or found.closed:
        raise Errno(E.CONNREFUSED)
    if found.kind is not caller.kind:
        raise Errno(E.PROTOTYPE)
    if found.kind is not SocketKind.DGRAM and not found.listening:
        raise Errno(E.CONNREFUSED)
    return found


def _find_path(ctx: Context, net: Net, path: bytes) -> Socket | None:
    names = ctx.process.names
    node = names.find(names.cwd, path, follow=True).node()
    node.access(WRITE_RIGHT)
    if node.stat().mode >> 12 != FileType.SOCKET:
        raise Errno(E.CONNREFUSED)
    return net.paths.get(_key(node))
