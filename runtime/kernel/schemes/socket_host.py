"""Internet sockets of the host, for runs with --net host: non-blocking there, so that waiting is the scheduler's."""

from __future__ import annotations

import array
import fcntl
import socket as host_socket
import struct
import termios
from typing import TYPE_CHECKING, Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import (
    Family,
    ForeignName,
    InetName,
    Interface,
    Msg,
    Shut,
    SocketKind,
    SocketName,
)
from aot.personality.abi.neutral_sockopt import SockOpt
from aot.personality.native.errors import ERRORS
from runtime.kernel.host import failure, ready
from runtime.kernel.net import Net
from runtime.kernel.node import POLLIN, POLLOUT
from runtime.kernel.parcels import Outgoing, Received
from runtime.kernel.schemes.hostfile import PIECES
from runtime.kernel.schemes.socket import RDHUP, WOULD_WAIT, Socket

if TYPE_CHECKING:
    from runtime.kernel.context import Context
    from runtime.kernel.files import FileTable

FAMILY = {Family.INET: host_socket.AF_INET, Family.INET6: host_socket.AF_INET6}
KIND = {SocketKind.STREAM: host_socket.SOCK_STREAM, SocketKind.DGRAM: host_socket.SOCK_DGRAM}
HOW = {Shut.READ: host_socket.SHUT_RD, Shut.WRITE: host_socket.SHUT_WR, Shut.BOTH: host_socket.SHUT_RDWR}
FLAGS = (
    (Msg.OOB, host_socket.MSG_OOB), (Msg.PEEK, host_socket.MSG_PEEK), (Msg.TRUNC, host_socket.MSG_TRUNC),
    (Msg.EOR, host_socket.MSG_EOR), (Msg.CTRUNC, host_socket.MSG_CTRUNC),
)  # fmt: skip
SOL, IP, IP6, TCP = (
    host_socket.SOL_SOCKET, host_socket.IPPROTO_IP, host_socket.IPPROTO_IPV6, host_socket.IPPROTO_TCP
)  # fmt: skip
# what the host keeps for us: the level and Python's name of an option
OPTIONS: dict[SockOpt, tuple[int, int]] = {
    option: (level, getattr(host_socket, name))
    for level, names in (
        (SOL, ("SO_DEBUG", "SO_REUSEADDR", "SO_DONTROUTE", "SO_BROADCAST", "SO_SNDBUF", "SO_RCVBUF", "SO_KEEPALIVE",
               "SO_OOBINLINE", "SO_PRIORITY", "SO_REUSEPORT", "SO_RCVLOWAT", "SO_ACCEPTCONN", "SO_MARK",
               "SO_INCOMING_CPU")),
        (TCP, ("TCP_NODELAY", "TCP_MAXSEG", "TCP_CORK", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT",
               "TCP_SYNCNT", "TCP_LINGER2", "TCP_DEFER_ACCEPT", "TCP_WINDOW_CLAMP", "TCP_QUICKACK",
               "TCP_USER_TIMEOUT", "TCP_FASTOPEN", "TCP_NOTSENT_LOWAT")),
        (IP, ("IP_TOS", "IP_TTL", "IP_MULTICAST_TTL", "IP_MULTICAST_LOOP")),
        (IP6, ("IPV6_V6ONLY", "IPV6_UNICAST_HOPS", "IPV6_MULTICAST_HOPS", "IPV6_MULTICAST_LOOP", "IPV6_TCLASS")),
    )
    for name in names
    if hasattr(host_socket, name)
    and (option := SockOpt[name.removeprefix("SO_")])
}  # fmt: skip
_FLAG_CACHE: dict[int, int] = {}


def make_host(
    table: FileTable, net: Net, family: Family, kind: SocketKind, protocol: int, flags: Open
) -> HostSocket:
    """A socket of the host. Raises what the host refuses it with."""
    try:
        made = host_socket.socket(FAMILY[family], KIND[kind], protocol)
    except OSError as error:
        raise failure(error) from None
    return HostSocket(table, net, family, kind, flags, made)


def host_flags(flags: int) -> int:
    """Message flags as the host has them."""
    found = sum(bit for neutral, bit in FLAGS if flags & neutral)
    return found | host_socket.MSG_NOSIGNAL | host_socket.MSG_DONTWAIT


def host_name(name: SocketName) -> tuple[Any, ...]:
    """A name in the form of Python's sockets. Raises AFNOSUPPORT."""
    if not isinstance(name, InetName):
        raise Errno(E.AFNOSUPPORT)
    if len(name.host) == 4:
        return host_socket.inet_ntop(host_socket.AF_INET, name.host), name.port
    return host_socket.inet_ntop(host_socket.AF_INET6, name.host), name.port, name.flow, name.scope


def neutral_name(name: Any) -> InetName | None:
    """A name from that form, None for none."""
    if not name:
        return None
    if len(name) == 2:
        return InetName(host_socket.inet_pton(host_socket.AF_INET, name[0]), name[1])
    plain = name[0].partition("%")[0]
    return InetName(host_socket.inet_pton(host_socket.AF_INET6, plain), *name[1:])


class HostSocket(Socket):
    """A socket of the host."""

    def __init__(
        self,
        table: FileTable,
        net: Net,
        family: Family,
        kind: SocketKind,
        flags: Open,
        made: host_socket.socket,
    ) -> None:
        super().__init__(table, net, family, kind, flags)
        self.host = made
        self.host.setblocking(False)
        self.host_fd = made.fileno()
        self.stream = self.urgent_bytes = kind is SocketKind.STREAM
        self.protocol = made.proto or (6 if self.stream else 17)

    def host_wait(self, how: Shut) -> dict[str, Any]:
        assert self.host_fd is not None
        return {"fds": ((self.host_fd, POLLIN if how is Shut.READ else POLLOUT),)}

    def readable(self) -> bool:
        return False  # the scheduler asks the host

    def sendable(self) -> bool:
        return False

    def writable(self) -> bool:
        return False

    def settled(self) -> bool:
        return False

    def ready(self, events: int) -> int:
        assert self.host_fd is not None
        return ready(self.host_fd, events & (POLLIN | POLLOUT | RDHUP | 0x3C3))

    def bind(self, ctx: Context, name: SocketName) -> None:
        try:
            self.host.bind(host_name(name))
        except OSError as error:
            raise failure(error) from None

    def listen(self, ctx: Context, backlog: int) -> None:
        try:
            self.host.listen(backlog)
        except OSError as error:
            raise failure(error) from None

    def connect(self, ctx: Context, name: SocketName) -> bool:
        if isinstance(name, ForeignName) and name.family is Family.UNSPEC:
            raise Errno(E.AFNOSUPPORT if self.stream else E.OPNOTSUPP)
        try:
            self.host.connect(host_name(name))
        except BlockingIOError as error:
            if self.flags & Open.NONBLOCK:
                raise failure(error) from None
            return False
        except OSError as error:
            raise failure(error) from None
        return True

    def connected_now(self) -> bool | None:
        assert self.host_fd is not None
        if not ready(self.host_fd, POLLOUT):
            return None
        error = self.host.getsockopt(SOL, host_socket.SO_ERROR)
        if error:
            raise failure(OSError(error, ""))
        return True

    def accept(self) -> HostSocket | None:
        try:
            made, _ = self.host.accept()
        except BlockingIOError:
            return None
        except OSError as error:
            raise failure(error) from None
        found = HostSocket(self.table, self.net, self.family, self.kind, Open(0), made)
        try:
            found.remote = neutral_name(made.getpeername())
        except OSError:  # gone already
            found.remote = None
        return found

    def local_name(self) -> SocketName:
        try:
            return neutral_name(self.host.getsockname()) or self.no_name()
        except OSError as error:
            raise failure(error) from None

    def remote_name(self) -> SocketName:
        try:
            return neutral_name(self.host.getpeername()) or self.no_name()
        except OSError as error:
            raise failure(error) from None

    def push(self, buf: Buffers, start: int, out: Outgoing) -> int:
        pieces = _behind(buf, start)[:PIECES]
        flags = host_flags(int(Msg.OOB) if out.oob else 0)
        try:
            if out.name is not None and not self.stream:
                return self.host.sendmsg(pieces, (), flags, host_name(out.name))
            return self.host.sendmsg(pieces, (), flags)
        except BlockingIOError:
            return WOULD_WAIT
        except OSError as error:
            raise failure(error) from None

    def pull(self, buf: Buffers, start: int, flags: int) -> Received | None:
        pieces = _behind(buf, start)[:PIECES]
        wanted = host_flags(flags & ~int(Msg.OOB))
        try:
            count, _, got, name = self.host.recvmsg_into(pieces or [bytearray(0)], 0, wanted)
        except BlockingIOError:
            return None
        except OSError as error:
            raise failure(error) from None
        room = sum(len(p) for p in pieces)
        state = Msg.TRUNC if got & host_socket.MSG_TRUNC and not self.stream else Msg(0)
        found = Received(min(count, room), count, None if self.stream else neutral_name(name), state)
        found.more = self.stream and not flags & Msg.PEEK
        return found

    def urgent(self, buf: Buffers, flags: int) -> Received:
        try:
            count, *_ = self.host.recvmsg_into(list(buf[:1]), 0, host_flags(flags))
        except OSError as error:
            raise failure(error) from None
        return Received(count, count, flags=Msg.OOB, more=False)

    def shutdown(self, how: Shut) -> None:
        try:
            self.host.shutdown(HOW[how])
        except OSError as error:
            raise failure(error) from None

    def available(self) -> int:
        return self._count(termios.FIONREAD)

    def outgoing(self) -> int:
        return self._count(termios.TIOCOUTQ)

    def at_mark(self) -> bool:
        return bool(self._count(0x8905))

    def _count(self, request: int) -> int:
        count = array.array("i", [0])
        try:
            fcntl.ioctl(self.host, request, count)
        except OSError as error:
            raise failure(error) from None
        return count[0]

    def host_option(self, option: SockOpt) -> tuple[int, ...] | None:
        try:
            if option is SockOpt.ERROR:
                number = self.host.getsockopt(SOL, host_socket.SO_ERROR)
                return (ERRORS[failure(OSError(number, "")).code] if number else 0,)
            if option is SockOpt.LINGER:
                return struct.unpack("ii", self.host.getsockopt(SOL, host_socket.SO_LINGER, 8))
            found = OPTIONS.get(option)
            return None if found is None else (self.host.getsockopt(*found),)
        except OSError as error:
            raise failure(error) from None

    def set_host_option(self, option: SockOpt, value: tuple[int, ...]) -> bool:
        found = OPTIONS.get(option)
        try:
            if option is SockOpt.LINGER and len(value) > 1:
                self.host.setsockopt(SOL, host_socket.SO_LINGER, struct.pack("ii", *value[:2]))
            elif found is None or not value or not -(1 << 31) <= value[0] < 1 << 31:
                return False
            else:
                self.host.setsockopt(*found, value[0])
        except OSError as error:
            raise failure(error) from None
        return True

    def close(self) -> None:
        self.closed = True
        self.host.close()


def _behind(buf: Buffers, start: int) -> list[memoryview]:
    """The pieces behind `start` bytes."""
    out = []
    for piece in buf:
        if start < len(piece):
            out.append(piece[start:])
        start = max(start - len(piece), 0)
    return out


def host_interfaces() -> tuple[Interface, ...]:
    """The host's interfaces, with their first IPv4 address."""
    with host_socket.socket(host_socket.AF_INET, host_socket.SOCK_DGRAM) as asked:

        def ask(request: int, name: str) -> bytes:
            try:
                return fcntl.ioctl(asked, request, name.encode().ljust(40, b"\0"))[16:]
            except OSError:  # it has none
                return bytes(24)

        return tuple(
            Interface(
                index,
                name.encode(),
                int.from_bytes(ask(0x8913, name)[:2], "little"),
                int.from_bytes(ask(0x8921, name)[:4], "little"),
                ask(0x8915, name)[4:8],
                ask(0x891B, name)[4:8],
            )
            for index, name in host_socket.if_nameindex()
        )
