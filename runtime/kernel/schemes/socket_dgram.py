"""Sockets that carry datagrams: by path, and over loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import (
    Extra,
    Fact,
    Family,
    ForeignName,
    InetName,
    Msg,
    Shut,
    SocketKind,
    SocketName,
    UnixName,
)
from aot.personality.abi.neutral_sockopt import SockOpt
from runtime.kernel.net import MAPPED, Net
from runtime.kernel.node import total
from runtime.kernel.parcels import Chunk, Outgoing, Received, gather, store
from runtime.kernel.schemes.socket import WOULD_WAIT, Socket
from runtime.kernel.schemes.socket_path import find_unix

if TYPE_CHECKING:
    from runtime.kernel.context import Context
    from runtime.kernel.files import FileTable

UDP = 17
LARGEST = 65507
"""Most bytes of a UDP datagram."""
OVERHEAD = 512
"""What a datagram weighs in a receive buffer beside its bytes."""
QUEUE = 512
"""Most datagrams waiting in a socket with a path; From: net/unix (max_dgram_qlen, as systemd sets it)."""
PEEK = int(Msg.PEEK)
HOPS = 64


class _Sent(NamedTuple):
    """Where a fact of a datagram comes from."""

    option: SockOpt
    extra: Extra


_SENT = {
    Family.INET: (_Sent(SockOpt.IP_TTL, Extra.TTL), _Sent(SockOpt.IP_TOS, Extra.TOS)),
    Family.INET6: (
        _Sent(SockOpt.IPV6_UNICAST_HOPS, Extra.HOPLIMIT),
        _Sent(SockOpt.IPV6_TCLASS, Extra.TCLASS),
    ),
}
_TOLD = {
    Family.INET: ((SockOpt.IP_RECVTTL, Extra.TTL), (SockOpt.IP_RECVTOS, Extra.TOS)),
    Family.INET6: ((SockOpt.IPV6_RECVHOPLIMIT, Extra.HOPLIMIT), (SockOpt.IPV6_RECVTCLASS, Extra.TCLASS)),
}


class DatagramSocket(Socket):
    """A socket without connections. `peer` is the only one it exchanges datagrams with, if there is one."""

    def __init__(self, table: FileTable, net: Net, family: Family, kind: SocketKind, flags: Open) -> None:
        super().__init__(table, net, family, kind, flags)
        self.udp = self.internet
        self.protocol = UDP if self.udp else 0
        self.peer: DatagramSocket | None = None
        self.connected = False
        self.blocked: list[DatagramSocket] = []  # senders to tell that there is room
        self.blocked_on: DatagramSocket | None = None

    @property
    def proto(self) -> str:
        return "udp" if self.protocol == UDP else "udplite"

    def pair(self, other: DatagramSocket) -> None:
        """Two new sockets send to each other."""
        self.peer, other.peer = other, self
        self.connected = other.connected = True
        self.remote = other.remote = UnixName()

    def listen(self, ctx: Context, backlog: int) -> None:
        raise Errno(E.OPNOTSUPP)

    def accept(self) -> Socket | None:
        raise Errno(E.OPNOTSUPP)

    def connect(self, ctx: Context, name: SocketName) -> bool:
        if isinstance(name, ForeignName) and name.family is Family.UNSPEC:
            self.peer, self.remote, self.connected = None, None, False
            return True
        if self.udp:
            place = self.reachable(self.fit(name))
            self.autoport(place)
            self.local, self.remote, self.connected = self.source, place, True
            self.error = None
            return True
        self.calling = ctx
        self.peer = self._unix_target(name)
        self.connected, self.remote = True, self.peer.local or UnixName()
        return True

    def _unix_target(self, name: SocketName) -> DatagramSocket:
        assert self.calling is not None
        found = find_unix(self.calling, self.net, name, self)
        assert isinstance(found, DatagramSocket)
        if found.connected and found.peer is not self:
            raise Errno(E.PERM)
        return found

    def push(self, buf: Buffers, start: int, out: Outgoing) -> int:
        if self.udp:
            return self._push_udp(buf, out)
        if self.write_shut:
            raise Errno(E.PIPE)
        target = self._unix_target(out.name) if out.name is not None else self._connected()
        size = total(buf)
        if size > self.sndbuf - 32:
            raise Errno(E.MSGSIZE)
        if target.read_shut:
            raise Errno(E.PIPE)
        if len(target.queue) >= QUEUE or (target.queue and target.used + size > target.rcvbuf):
            target.blocked.append(self)
            self.blocked_on = target
            return WOULD_WAIT
        parcel = self.net.hold(self.table, out.files) if out.files else None
        target.enqueue(Chunk(gather(buf, 0, size), parcel, out.sender, self.local))
        return size

    def sendable(self) -> bool:
        """Whether the send that had to wait may be made again."""
        target = self.blocked_on
        return target is None or target.closed or self.write_shut or target.roomy()

    def roomy(self) -> bool:
        """Whether another datagram may come."""
        return len(self.queue) < QUEUE and self.used < self.rcvbuf

    def _connected(self) -> DatagramSocket:
        peer = self.peer
        if peer is None:
            if self.connected:  # it was, and the other end is gone
                self.connected, self.remote = False, None
                raise Errno(E.CONNREFUSED)
            raise Errno(E.NOTCONN)
        if peer.closed:
            self.peer, self.connected, self.remote = None, False, None
            raise Errno(E.CONNREFUSED)
        return peer

    def _push_udp(self, buf: Buffers, out: Outgoing) -> int:
        self.fail_pending()
        if self.write_shut:
            raise Errno(E.PIPE)
        size = total(buf)
        if size > LARGEST:
            raise Errno(E.MSGSIZE)
        if self.local is None:
            self.local = self.net.claim(self.proto, InetName(self.any_host, 0), self)
        if out.name is None:
            if not self.connected:
                raise Errno(E.DESTADDRREQ)
            assert isinstance(self.remote, InetName)
            place = self.remote
        else:
            place = self._destination(out.name)
        if not place.port:
            raise Errno(E.INVAL)
        self.autoport(place)
        assert self.source is not None
        target = self._udp_target(place, self.source)
        if target is None:
            if self.connected:
                self.error = E.CONNREFUSED
                self.changed()
            return size
        if target.used + len(target.queue) * OVERHEAD + size <= target.rcvbuf:  # else it is lost
            source = _seen(self.source, target.family)
            facts = self._facts(out)
            target.enqueue(Chunk(gather(buf, 0, size), name=source, target=place.host, facts=facts))
        return size

    def _facts(self, out: Outgoing) -> tuple[int, int]:
        """Hop limit and traffic class of what is sent: of the message, else of the socket."""
        said = {fact.extra: fact.value for fact in out.facts if fact.value >= 0}
        hops, traffic = _SENT[self.family]
        default = self.options.get(hops.option, (HOPS,))[0]
        hop = said.get(hops.extra, default if default >= 0 else HOPS)
        return hop, said.get(traffic.extra, max(self.options.get(traffic.option, (0,))[0], 0))

    def tells_facts(self, got: Received) -> list[Fact]:
        if not self.udp:
            return []
        wanted = _TOLD[self.family]
        return [
            Fact(extra, value)
            for (option, extra), value in zip(wanted, got.facts, strict=True)
            if self.options.get(option, (0,))[0]
        ]

    def _destination(self, name: SocketName) -> InetName:
        if isinstance(name, ForeignName) and name.family is Family.UNSPEC and self.family is Family.INET:
            raise Errno(E.AFNOSUPPORT)
        if isinstance(name, InetName) and len(name.host) == 4 and self.family is Family.INET6:
            name = name._replace(host=MAPPED + name.host)
        return self.reachable(self.fit(name))

    def _udp_target(self, place: InetName, source: InetName) -> DatagramSocket | None:
        """The socket a datagram goes to: one connected to its source before others."""
        open_ones = []
        for found in self.net.listeners(self.proto, place):
            assert isinstance(found, DatagramSocket)
            if not found.connected:
                open_ones.append(found)
            elif isinstance(found.remote, InetName):
                seen = _seen(source, found.family)
                if (found.remote.host, found.remote.port) == (seen.host, seen.port):
                    return found
        if len(open_ones) > 1 and open_ones[0].reuseport:
            return open_ones[source.port % len(open_ones)]
        return open_ones[0] if open_ones else None

    def pull(self, buf: Buffers, start: int, flags: int) -> Received | None:
        if not self.queue:
            self.fail_pending()
            return Received(0, 0, more=False) if self.read_shut else None
        chunk = self.queue[0]
        size = len(chunk.data)
        count = store(buf, 0, chunk.data)
        got = Received(count, size, chunk.name, Msg.TRUNC if count < size else Msg(0), more=False)
        got.parcel, got.sender, got.target, got.facts = chunk.parcel, chunk.sender, chunk.target, chunk.facts
        if not flags & PEEK:
            self.queue.popleft()
            self.used -= size
            self._room_again()
        return got

    def _room_again(self) -> None:
        blocked, self.blocked = self.blocked, []
        for sender in blocked:
            sender.changed()

    def wants_senders(self) -> bool:
        return not self.udp

    def shutdown(self, how: Shut) -> None:
        if self.udp and not self.connected:
            raise Errno(E.NOTCONN)
        if how is not Shut.READ:
            self.write_shut = True
        if how is not Shut.WRITE:
            self.read_shut = True
        self.changed()

    def close(self) -> None:
        if self.closed:
            return
        peer = self.peer
        super().close()
        if peer is not None and peer.peer is self:
            if self.local is None and not self.udp and self.queue:
                peer.error = E.CONNRESET
            peer.changed()

    def writable(self) -> bool:
        peer = self.peer
        return peer is None or peer.closed or peer.roomy()

    def available(self) -> int:
        return len(self.queue[0].data) if self.queue else 0


def _seen(name: InetName, family: Family) -> InetName:
    """An address as a socket of `family` is told it."""
    if family is Family.INET6 and len(name.host) == 4:
        return name._replace(host=MAPPED + name.host)
    if family is Family.INET and len(name.host) == 16:
        return name._replace(host=name.host[12:])
    return name
