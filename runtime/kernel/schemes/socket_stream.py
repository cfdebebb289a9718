"""Connected sockets: how they begin and end, by path and over loopback."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import (
    Family,
    ForeignName,
    InetName,
    Sender,
    Shut,
    SocketKind,
    SocketName,
    UnixName,
)
from runtime.kernel.net import Net
from runtime.kernel.node import POLLERR, POLLHUP
from runtime.kernel.parcels import creds_of
from runtime.kernel.schemes.socket import PRI, RDHUP, READABLE, WRITABLE, Socket
from runtime.kernel.schemes.socket_bytes import ByteSocket, State
from runtime.kernel.schemes.socket_path import find_unix

if TYPE_CHECKING:
    from runtime.kernel.context import Context
    from runtime.kernel.files import FileTable

SOMAXCONN = 4096


class StreamSocket(ByteSocket):
    """How connections begin and end."""

    def __init__(self, table: FileTable, net: Net, family: Family, kind: SocketKind, flags: Open) -> None:
        super().__init__(table, net, family, kind, flags)
        self.backlog = 0
        self.waiting: deque[StreamSocket] = deque()  # ends to be accepted
        self.callers: deque[StreamSocket] = deque()  # connecting, for want of room above
        self.fresh = False  # connected while nobody waited: the next connect says so

    # -- connecting -----------------------------------------------------------------------------------

    def pair(self, other: StreamSocket) -> None:
        """Two new sockets become each other's peer."""
        self.peer, other.peer = other, self
        self.state = other.state = State.CONNECTED
        self.remote, other.remote = self.remote or UnixName(), other.remote or UnixName()

    def listen(self, ctx: Context, backlog: int) -> None:
        if self.state not in (State.NEW, State.LISTENING):
            raise Errno(E.INVAL)
        if self.local is None:
            if not self.tcp:
                raise Errno(E.INVAL)
            self.local = self.net.claim("tcp", InetName(self.any_host, 0), self)
        elif self.tcp and self.state is State.NEW:
            self._sole_listener()
        self.backlog = min(backlog & 0xFFFF_FFFF, SOMAXCONN)
        self.state, self.listening = State.LISTENING, True
        self.peer_creds = creds_of(ctx)
        self.changed()
        self._admit()

    def _sole_listener(self) -> None:
        """Two sockets that share a port with SO_REUSEADDR cannot both listen. Raises ADDRINUSE."""
        assert isinstance(self.local, InetName)
        others = self.net.listeners("tcp", self.local)
        if any(o.listening and not (o.reuseport and self.reuseport) for o in others if o is not self):
            raise Errno(E.ADDRINUSE)

    def connect(self, ctx: Context, name: SocketName) -> bool:
        if isinstance(name, ForeignName) and name.family is Family.UNSPEC and self.tcp:
            self._disconnect()
            return True
        if self.state is State.LISTENING:
            raise Errno(E.ISCONN if self.tcp else E.INVAL)
        if self.state is State.CONNECTED:
            if self.fresh:
                self.fresh = False
                return True
            raise Errno(E.ISCONN)
        if self.state is State.CONNECTING:
            if self.flags & Open.NONBLOCK:
                raise Errno(E.ALREADY)
            return False
        self.fail_pending()
        return self._call(ctx, self._target(ctx, name))

    def _target(self, ctx: Context, name: SocketName) -> StreamSocket | None:
        """The listener behind a name, None when a connection over loopback is refused."""
        if self.tcp:
            place = self.reachable(self.fit(name))
            self.autoport(place)
            self.remote = place
            found = [s for s in self.net.listeners("tcp", place) if s.listening and not s.closed]
            if found and len(found) > 1 and found[0].reuseport:
                found = [found[(self.source.port if self.source else 0) % len(found)]]
            target = found[0] if found else None
        else:
            target = find_unix(ctx, self.net, name, self)
        assert target is None or isinstance(target, StreamSocket)
        return target

    def _call(self, ctx: Context, target: StreamSocket | None) -> bool:
        self.caller = creds_of(ctx)
        nonblocking = bool(self.flags & Open.NONBLOCK)
        if target is None or target.state is not State.LISTENING or target.read_shut:
            return self._refused(nonblocking)
        if len(target.waiting) > target.backlog:
            if nonblocking and not self.tcp:
                raise Errno(E.AGAIN)
            self.state = State.CONNECTING
            target.callers.append(self)
            self.callee = target
        else:
            self._reach(target)
        if self.tcp and nonblocking:
            self.fresh = True
            raise Errno(E.INPROGRESS)
        return self.state is State.CONNECTED

    caller = Sender(0, -1, -1)
    callee: StreamSocket | None = None

    def _refused(self, nonblocking: bool) -> bool:
        if self.tcp:
            self.source = None
            if nonblocking:
                self.error = E.CONNREFUSED
                self.changed()
                raise Errno(E.INPROGRESS)
            self.remote = None
        raise Errno(E.CONNREFUSED)

    def _reach(self, target: StreamSocket) -> None:
        """The connection is there: its other end waits to be accepted."""
        other = StreamSocket(self.table, self.net, target.family, target.kind, Open(0))
        self.pair(other)
        if self.tcp:
            assert isinstance(self.remote, InetName)
            assert self.source is not None
            other.local, other.remote = _as(target, self.remote), _as(target, self.source)
            self.local = self._bound()
        else:
            other.local = self.remote = target.local
            other.remote = self.local or UnixName()
        other.listener = target
        other.sndbuf, other.rcvbuf, other.options = target.sndbuf, target.rcvbuf, dict(target.options)
        other.passcred, other.linger = target.passcred, target.linger
        self.peer_creds, other.peer_creds = target.peer_creds, self.caller
        target.waiting.append(other)
        target.changed()
        self.changed()

    def _bound(self) -> SocketName | None:
        """Connected, an unbound address becomes the one it sends from; the port stays claimed."""
        return self.source

    def _admit(self) -> None:
        """Let callers in while there is room."""
        while self.callers and len(self.waiting) <= self.backlog:
            caller = self.callers.popleft()
            if caller.state is State.CONNECTING and not caller.closed:
                caller._reach(self)

    def accept(self) -> StreamSocket | None:
        if self.state is not State.LISTENING:
            raise Errno(E.INVAL)
        if not self.waiting:
            if self.read_shut:
                raise Errno(E.INVAL)
            return None
        found = self.waiting.popleft()
        found.listener = None
        self._admit()
        return found

    def _disconnect(self) -> None:
        """connect to no family: the connection is reset and the socket is new."""
        if self.state is State.CONNECTED:
            self._leave_peer(reset=True)
        self.state, self.remote, self.listening = State.NEW, None, False
        self.drop_messages()
        self.read_shut = self.write_shut = False

    def settled(self) -> bool:
        return self.state is not State.CONNECTING

    def connected_now(self) -> bool | None:
        if self.state is State.CONNECTING:
            return None
        self.fail_pending()
        return True

    # -- ends -----------------------------------------------------------------------------------------

    def shutdown(self, how: Shut) -> None:
        if self.state is State.LISTENING and self.tcp:
            if how is not Shut.WRITE:
                self._stop_listening()
            return
        if self.state is not State.CONNECTED and self.tcp:
            raise Errno(E.NOTCONN)
        peer = self.peer
        if how is not Shut.READ:
            self.write_shut = True
            if peer is not None:
                peer.read_shut = True
                peer.changed()
        if how is not Shut.WRITE:
            self.read_shut = True
            if peer is not None and not self.tcp:
                peer.write_shut = True
                peer.changed()
        self.changed()

    def _stop_listening(self) -> None:
        self.state, self.listening = State.NEW, False
        self._hang_up_callers()
        self.changed()

    def _hang_up_callers(self) -> None:
        for other in (*self.waiting, *self.callers):
            if other in self.waiting:
                other.close()
            else:
                other.state, other.error = State.NEW, E.CONNREFUSED
                other.changed()
        self.waiting.clear()
        self.callers.clear()

    def _leave_peer(self, *, reset: bool) -> None:
        """Tell the other end that this one is gone."""
        peer, self.peer = self.peer, None
        if peer is None:
            return
        peer.peer = None
        peer.read_shut = True
        if not self.tcp:
            peer.write_shut = True
        if reset:
            peer.error = E.CONNRESET
            peer.reset = True
            peer.write_shut = True
        peer.changed()

    def close(self) -> None:
        if self.closed:
            return
        unread = bool(self.queue) or bool(self.listener)
        hard = self.tcp and self.linger[0] and not self.linger[1]
        self._leave_peer(reset=bool(unread or hard))
        self._hang_up_callers()
        super().close()

    # -- readiness ------------------------------------------------------------------------------------

    def readable(self) -> bool:
        if self.state is State.LISTENING:
            return bool(self.waiting) or self.read_shut
        return super().readable() or (self.state is State.CONNECTED and self.peer is None)

    def writable(self) -> bool:
        if self.state is not State.CONNECTED:
            return self.error is not None or (self.state is State.NEW and not self.listening)
        peer = self.peer
        if peer is None or self.write_shut or self.error is not None:
            return True
        room = self.room_in(peer)
        return room * 4 >= 3 * self.sndbuf if not self.tcp else room * 3 >= self.sndbuf + peer.rcvbuf

    def ready(self, events: int) -> int:
        if self.state is State.LISTENING:
            return READABLE & events if self.readable() else 0
        found = super().ready(events | RDHUP)
        if self.state is State.NEW:
            found |= POLLHUP
            if self.error is not None:
                found |= READABLE | WRITABLE | RDHUP
        if self.oob is not None:
            found |= PRI
        return found & (events | POLLERR | POLLHUP)


def _as(target: Socket, name: InetName) -> InetName:
    """A name as a socket of another family sees it: IPv4 addresses in IPv6 form."""
    if target.family is Family.INET6 and len(name.host) == 4:
        return name._replace(host=bytes(10) + b"\xff\xff" + name.host)
    if target.family is Family.INET and len(name.host) == 16:
        return name._replace(host=name.host[12:])
    return name
