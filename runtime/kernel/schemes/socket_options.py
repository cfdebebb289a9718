"""Socket options: what this kernel keeps, what it answers, what it only remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_socket import InetName, Shut, SocketKind
from aot.personality.abi.neutral_sockopt import SockOpt
from aot.personality.native.errors import ERRORS

if TYPE_CHECKING:
    from runtime.kernel.context import Context
    from runtime.kernel.schemes.socket import Socket

O = SockOpt  # noqa: E741  # the tables below are nothing but options
FORCED, MAX_BUFFER, MIN_SEND, MIN_RECEIVE = 2, 212_992, 4608, 2304
ESTABLISHED, LISTEN, CLOSED = 1, 10, 7
READ_ONLY = frozenset(
    {O.TYPE, O.ERROR, O.ACCEPTCONN, O.PROTOCOL, O.DOMAIN, O.PEERCRED, O.TCP_INFO, O.IP_MTU, O.IPV6_MTU}
)
BOOLEANS = frozenset({
    O.DEBUG, O.REUSEADDR, O.REUSEPORT, O.KEEPALIVE, O.BROADCAST, O.OOBINLINE, O.DONTROUTE, O.PASSCRED,
    O.TIMESTAMP, O.ZEROCOPY, O.TCP_NODELAY, O.TCP_CORK, O.TCP_QUICKACK, O.IP_RECVERR, O.IP_RECVTTL, O.IP_RECVTOS,
    O.IP_PKTINFO, O.IP_MULTICAST_LOOP, O.IP_FREEBIND, O.IP_BIND_ADDRESS_NO_PORT, O.IP_TRANSPARENT,
    O.IPV6_V6ONLY, O.IPV6_RECVPKTINFO, O.IPV6_RECVTCLASS, O.IPV6_RECVHOPLIMIT, O.IPV6_RECVERR, O.IPV6_DONTFRAG,
    O.IPV6_MULTICAST_LOOP, O.TCP_FASTOPEN_CONNECT,
})  # fmt: skip
DEFAULTS: dict[SockOpt, int] = {
    O.RCVLOWAT: 1, O.SNDLOWAT: 1, O.PEEK_OFF: -1, O.INCOMING_CPU: 0, O.TCP_MAXSEG: 32741, O.TCP_KEEPIDLE: 7200,
    O.TCP_KEEPINTVL: 75, O.TCP_KEEPCNT: 9, O.TCP_SYNCNT: 6, O.TCP_LINGER2: 60, O.TCP_WINDOW_CLAMP: 0,
    O.TCP_QUICKACK: 1, O.IP_TTL: 64, O.IP_MTU_DISCOVER: 1, O.IP_MULTICAST_TTL: 1, O.IP_MULTICAST_LOOP: 1,
    O.IP_MTU: 65536, O.IPV6_UNICAST_HOPS: 64, O.IPV6_MULTICAST_HOPS: 1, O.IPV6_MULTICAST_LOOP: 1,
    O.IPV6_MTU_DISCOVER: 1, O.IPV6_MTU: 65536,
}  # fmt: skip
RANGES: dict[SockOpt, tuple[int, int]] = {
    O.TCP_MAXSEG: (88, 32767), O.TCP_KEEPIDLE: (1, 32767), O.TCP_KEEPINTVL: (1, 32767), O.TCP_KEEPCNT: (1, 127),
    O.TCP_SYNCNT: (1, 127), O.IP_TTL: (1, 255), O.IP_MULTICAST_TTL: (-1, 255), O.IP_MTU_DISCOVER: (0, 5),
    O.IPV6_UNICAST_HOPS: (-1, 255), O.IPV6_MULTICAST_HOPS: (-1, 255), O.IPV6_MTU_DISCOVER: (0, 5),
    O.TCP_USER_TIMEOUT: (0, 0x7FFF_FFFF), O.IPV6_TCLASS: (-1, 255), O.PRIORITY: (0, 6),
}  # fmt: skip
PRIVILEGED = frozenset({O.MARK, O.DEBUG})
FIRST_TCP, FIRST_IP, FIRST_IP6, FIRST_UDP, LAST = (
    O.TCP_NODELAY,
    O.IP_TOS,
    O.IPV6_V6ONLY,
    O.UDP_CORK,
    O.UDPLITE_RECEIVE,
)


def _check_level(sock: Socket, option: SockOpt) -> None:
    """Options of a protocol that the socket does not speak are refused."""
    if option < FIRST_TCP:
        return
    wide = len(sock.any_host) == 16
    if not sock.internet:
        raise Errno(E.OPNOTSUPP)
    if option < FIRST_IP:
        fits = sock.kind is SocketKind.STREAM
    elif option < FIRST_IP6:
        fits = True
    elif option < FIRST_UDP:
        fits = wide
    else:
        fits = sock.kind is SocketKind.DGRAM
    if not fits:
        raise Errno(E.NOPROTOOPT)


def get(sock: Socket, option: SockOpt) -> tuple[int, ...]:
    """The value of an option."""
    host = sock.host_option(option)
    if host is not None:
        return host
    _check_level(sock, option)
    return value_of(sock, option)


def value_of(sock: Socket, option: SockOpt) -> tuple[int, ...]:
    """The value of an option of a socket inside the run."""
    match option:
        case O.TYPE:
            return (int(sock.kind),)
        case O.DOMAIN:
            return (int(sock.family),)
        case O.PROTOCOL:
            return (sock.protocol,)
        case O.ERROR:
            error = sock.take_error()
            return (0 if error is None else ERRORS[error],)
        case O.ACCEPTCONN:
            return (int(sock.listening),)
        case O.SNDBUF:
            return (sock.sndbuf,)
        case O.RCVBUF:
            return (sock.rcvbuf,)
        case O.RCVTIMEO:
            return (sock.timeouts[Shut.READ],)
        case O.SNDTIMEO:
            return (sock.timeouts[Shut.WRITE],)
        case O.LINGER:
            return sock.linger
        case _ if option in _ATTRIBUTES:
            return (int(getattr(sock, _ATTRIBUTES[option])),)
        case O.PEERCRED:
            return tuple(sock.peer_creds)
        case O.TCP_INFO:
            return (_tcp_state(sock),)
        case O.IP_MTU if sock.remote is None:
            raise Errno(E.NOTCONN)
    return sock.options.get(option, (DEFAULTS.get(option, 0),))


_ATTRIBUTES = {
    O.REUSEADDR: "reuseaddr", O.REUSEPORT: "reuseport", O.PASSCRED: "passcred", O.IPV6_V6ONLY: "v6only",
    O.IP_PKTINFO: "packet_info", O.IPV6_RECVPKTINFO: "packet_info",
}  # fmt: skip


def _tcp_state(sock: Socket) -> int:
    if sock.listening:
        return LISTEN
    return ESTABLISHED if sock.remote is not None and not sock.read_shut else CLOSED


def set_to(ctx: Context, sock: Socket, option: SockOpt, value: tuple[int, ...]) -> None:
    """Change an option. Raises INVAL, NOPROTOOPT, PERM."""
    if sock.set_host_option(option, value):
        return
    _check_level(sock, option)
    if option in READ_ONLY or not value:
        raise Errno(E.NOPROTOOPT if option in READ_ONLY else E.INVAL)
    if option in PRIVILEGED and ctx.process.creds.euid and value[0]:
        raise Errno(E.PERM if option is O.MARK else E.ACCES)
    first = value[0]
    low, high = RANGES.get(option, (first, first))
    if not low <= first <= high:
        raise Errno(E.PERM if option is O.PRIORITY else E.INVAL)
    change(sock, option, value)


def change(sock: Socket, option: SockOpt, value: tuple[int, ...]) -> None:
    """Change an option of a socket inside the run."""
    first = value[0]
    match option:
        case O.SNDBUF:
            sock.sndbuf = max(2 * min(max(first, 0) if first >= 0 else MAX_BUFFER, MAX_BUFFER), MIN_SEND)
        case O.RCVBUF:
            sock.rcvbuf = max(2 * min(max(first, 0) if first >= 0 else MAX_BUFFER, MAX_BUFFER), MIN_RECEIVE)
        case O.RCVTIMEO | O.SNDTIMEO:
            sock.timeouts[Shut.READ if option is O.RCVTIMEO else Shut.WRITE] = max(first, 0)
        case O.LINGER:
            sock.linger = (int(bool(first)), value[1] if len(value) > 1 else 0)
        case O.PASSCRED if sock.internet:
            raise Errno(E.OPNOTSUPP)
        case O.IPV6_V6ONLY if isinstance(sock.local, InetName):
            raise Errno(E.INVAL)
        case _ if option in _ATTRIBUTES:
            setattr(sock, _ATTRIBUTES[option], bool(first))
        case O.IP_ADD_MEMBERSHIP:
            raise Errno(E.NODEV)
        case O.OOBINLINE | O.RCVLOWAT:
            sock.options[option] = (int(bool(first)) if option is O.OOBINLINE else max(first, 1),)
        case _:
            sock.options[option] = (int(bool(first)),) if option in BOOLEANS else value
