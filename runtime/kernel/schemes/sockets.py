"""Makes sockets: which families, kinds and protocols there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import Family, Made, SocketKind
from runtime.kernel.net import Net, NetMode
from runtime.kernel.parcels import creds_of
from runtime.kernel.schemes.socket import Socket
from runtime.kernel.schemes.socket_dgram import DatagramSocket
from runtime.kernel.schemes.socket_stream import StreamSocket

if TYPE_CHECKING:
    from runtime.kernel.context import Context
    from runtime.kernel.files import FileTable

STREAM, DATAGRAM, RAW = SocketKind.STREAM, SocketKind.DGRAM, SocketKind.RAW
TCP, UDP, ICMP, ICMP6, UDPLITE = 6, 17, 1, 58, 136
PF_UNIX = 1  # the protocol that names the only one


def make(table: FileTable, net: Net, family: Family, protocol: int, made: Made) -> Socket:
    """A new socket. Raises AFNOSUPPORT, SOCKTNOSUPPORT, PROTONOSUPPORT, PERM."""
    kind, flags = made
    if kind is SocketKind.OTHER:
        raise Errno(E.INVAL)
    if family is Family.UNIX:
        return _make_unix(table, net, kind, protocol, flags)
    if family is Family.NETLINK:
        from runtime.kernel.schemes.socket_netlink import make_netlink  # noqa: PLC0415 - few programs ask

        return make_netlink(table, net, kind, protocol, flags)
    if family is Family.PACKET:
        raise Errno(E.PERM)
    if family not in (Family.INET, Family.INET6) or net.mode is NetMode.NONE:
        raise Errno(E.AFNOSUPPORT)
    check_inet(kind, protocol, family)
    if net.mode is NetMode.HOST:
        from runtime.kernel.schemes.socket_host import make_host  # noqa: PLC0415 - with --net host

        return make_host(table, net, family, kind, protocol, flags)
    sock = (StreamSocket if kind is STREAM else DatagramSocket)(table, net, family, kind, flags)
    sock.protocol = protocol or sock.protocol
    return sock


def _make_unix(
    table: FileTable, net: Net, kind: SocketKind, protocol: int, flags: Open
) -> StreamSocket | DatagramSocket:
    if protocol not in (0, PF_UNIX):
        raise Errno(E.PROTONOSUPPORT)
    if kind is RAW:
        kind = DATAGRAM  # what Linux and the BSDs make of it
    if kind not in (STREAM, DATAGRAM, SocketKind.SEQPACKET):
        raise Errno(E.SOCKTNOSUPPORT)
    make_one = DatagramSocket if kind is DATAGRAM else StreamSocket
    return make_one(table, net, Family.UNIX, kind, flags)


def make_pair(ctx: Context, net: Net, family: Family, protocol: int, made: Made) -> tuple[Socket, Socket]:
    """Two new sockets that are connected to each other. Raises OPNOTSUPP where there are none such."""
    table = ctx.process.files
    if family in (Family.INET, Family.INET6):
        make(table, net, family, protocol, made).close()
        raise Errno(E.OPNOTSUPP)
    if family is not Family.UNIX:
        raise Errno(E.AFNOSUPPORT)
    one = _make_unix(table, net, made.kind, protocol, made.flags)
    other = _make_unix(table, net, made.kind, protocol, made.flags)
    one.pair(other)  # type: ignore[arg-type]  # both are of one kind
    one.peer_creds = other.peer_creds = creds_of(ctx)
    return one, other


def check_inet(kind: SocketKind, protocol: int, family: Family) -> None:
    """Raises what an internet socket of this kind and protocol is refused with."""
    if not 0 <= protocol < 256:
        raise Errno(E.INVAL if protocol < 0 or protocol > 262 else E.PROTONOSUPPORT)
    if kind is RAW:
        raise Errno(E.PERM if protocol else E.PROTONOSUPPORT)
    if kind is DATAGRAM and protocol == (ICMP if family is Family.INET else ICMP6):
        raise Errno(E.ACCES)
    known = {STREAM: (0, TCP), DATAGRAM: (0, UDP, UDPLITE)}
    if kind not in known:
        raise Errno(E.SOCKTNOSUPPORT)
    if protocol not in known[kind]:
        raise Errno(E.PROTONOSUPPORT)
