"""Sockets inside the run: what streams and datagrams share. Nothing here reaches a socket of the host.

A message goes from the sender's buffers into the queue of the receiver, so that what natural kernels do with
names, boundaries, descriptors in flight and closed peers is decided here and is the same on every host.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import (
    Fact,
    Family,
    InetName,
    NetlinkName,
    Sender,
    Shut,
    SocketKind,
    SocketName,
    UnixName,
)
from runtime.kernel.leave import Block
from runtime.kernel.net import ANY4, ANY6, LOOP4, LOOP6, RESERVED_PORTS, Net, is_any, is_local
from runtime.kernel.node import POLLERR, POLLHUP, POLLIN, POLLOUT, File, Node
from runtime.kernel.ops_message import read_socket, write_socket
from runtime.kernel.parcels import Chunk, Outgoing, Received
from runtime.kernel.schemes.events import QuietFile
from runtime.kernel.schemes.socket_path import SocketNode, bind_path

if TYPE_CHECKING:
    from aot.personality.abi.neutral_sockopt import SockOpt
    from runtime.kernel.context import Context
    from runtime.kernel.files import FileTable
    from runtime.kernel.parcels import Parcel

DEFAULT_BUFFER = 212_992
"""Bytes of a send or receive buffer; From: net/core/sock.c (sysctl_wmem_default)."""
MAX_BUFFER, MIN_BUFFER = 425_984, 4608
RDHUP, PRI = 0x2000, 2
READABLE, WRITABLE = 0x41, 0x304
"""POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM | POLLWRBAND."""
WOULD_WAIT = -1


class Socket(QuietFile):
    """One socket. `local` and `remote` are its names, None where it has none."""

    stream = False
    whole = False  # carries messages over connections
    urgent_bytes = False  # has out-of-band data
    asks = True  # reads and writes want to know the calling context
    listener: Socket | None = None  # whose queue it waits in to be accepted
    calling: Context | None = None  # who sends: paths are looked up for it

    def __init__(self, table: FileTable, net: Net, family: Family, kind: SocketKind, flags: Open) -> None:
        File.__init__(self, SocketNode(net.ino()), Open.READ | Open.WRITE | flags & Open.NONBLOCK)
        assert isinstance(self.node, SocketNode)
        self.name = b"socket:[%d]" % self.node.ino
        self.table, self.net, self.family, self.kind = table, net, family, kind
        self.protocol = 0
        self.edges = 0
        self.local: SocketName | None = None
        self.remote: SocketName | None = None
        self.queue: deque[Chunk] = deque()
        self.used = 0  # bytes in the queue
        self.error: E | None = None
        self.read_shut = self.write_shut = self.closed = False
        self.listening = False
        self.sndbuf = self.rcvbuf = DEFAULT_BUFFER
        self.reuseaddr = self.reuseport = self.v6only = self.passcred = self.packet_info = False
        self.timeouts = {Shut.READ: 0, Shut.WRITE: 0}  # nanoseconds, 0: none
        self.linger = (0, 0)
        self.options: dict[SockOpt, tuple[int, ...]] = {}
        self.peer_creds = Sender(0, -1, -1)
        self.pin: Node | None = None  # the file a path names, so that its number stays taken
        self.path_key: tuple[object, ...] | None = None

    @property
    def proto(self) -> str:
        """Which table of ports it is in."""
        return "tcp" if self.stream else "udp"

    @property
    def internet(self) -> bool:
        return self.family in (Family.INET, Family.INET6)

    def changed(self) -> None:
        """Something happened that may make it ready."""
        self.edges += 1

    def take_error(self) -> E | None:
        """The pending error, which is gone then."""
        error, self.error = self.error, None
        return error

    def fail_pending(self) -> None:
        """Raise the pending error, if there is one."""
        error = self.take_error()
        if error is not None:
            raise Errno(error)

    # -- names ------------------------------------------------------------------------------------

    def bind(self, ctx: Context, name: SocketName) -> None:
        """Give it a name. Raises ADDRINUSE, ADDRNOTAVAIL, INVAL."""
        if isinstance(name, UnixName) and self.family is Family.UNIX:
            self._bind_unix(ctx, name)
        elif self.internet:
            self._bind_inet(ctx, self.fit(name, bind=True))
        else:
            raise Errno(E.INVAL)

    def _bind_unix(self, ctx: Context, name: UnixName) -> None:
        if self.local is not None:
            raise Errno(E.INVAL)
        if not name.path:
            self.local = UnixName(self.net.autobind(self))
        elif name.path[:1] == b"\0":
            if (self.kind, name.path) in self.net.abstract:
                raise Errno(E.ADDRINUSE)
            self.net.abstract[self.kind, name.path] = self
            self.local = name
        else:
            bind_path(ctx, self, name)
            self.local = name

    def _bind_inet(self, ctx: Context, name: InetName) -> None:
        if self.local is not None and (not isinstance(self.local, InetName) or self.local.port):
            raise Errno(E.INVAL)
        if not (is_any(name.host) or is_local(name.host)):
            raise Errno(E.ADDRNOTAVAIL)
        if 0 < name.port < RESERVED_PORTS and ctx.process.creds.euid:
            raise Errno(E.ACCES)
        self.local = self.net.claim(self.proto, name, self)

    def fit(self, name: SocketName, *, bind: bool = False) -> InetName:
        """An internet name of this socket's own family. Raises AFNOSUPPORT, INVAL."""
        if not isinstance(name, InetName):
            unspecified = getattr(name, "family", None) is Family.UNSPEC
            if bind and unspecified and self.family is Family.INET:  # bind takes AF_UNSPEC with INADDR_ANY
                return InetName(ANY4, 0)
            raise Errno(E.AFNOSUPPORT)
        wide = len(name.host) == 16
        if wide is (self.family is Family.INET6):
            return name
        if wide:
            raise Errno(E.AFNOSUPPORT)
        if bind:
            raise Errno(E.INVAL)
        raise Errno(E.AFNOSUPPORT)

    def autoport(self, target: InetName) -> None:
        """Before it sends, an internet socket has an address and a port."""
        host = LOOP4 if self.family is Family.INET else LOOP6
        if len(target.host) == 16 and target.host[:12] == bytes(10) + b"\xff\xff":
            host = target.host[:12] + LOOP4
        elif self.family is Family.INET and target.host[0] == 127:
            host = LOOP4
        if self.local is None:
            self.local = self.net.claim(self.proto, InetName(self.any_host, 0), self)
        assert isinstance(self.local, InetName)
        self.source = self.local if not is_any(self.local.host) else self.local._replace(host=host)

    source: InetName | None = None

    @property
    def any_host(self) -> bytes:
        return ANY4 if self.family is Family.INET else ANY6

    def reachable(self, name: InetName) -> InetName:
        """What a destination means: any address is this machine's. Raises NETUNREACH for every other machine."""
        if is_any(name.host):
            return name._replace(host=LOOP4 if len(name.host) == 4 else LOOP6)
        if not is_local(name.host):
            raise Errno(E.NETUNREACH)
        if self.v6only and name.host[:12] == bytes(10) + b"\xff\xff":
            raise Errno(E.NETUNREACH)
        return name

    def local_name(self) -> SocketName:
        """What getsockname answers."""
        return self.local if self.local is not None else self.no_name()

    def no_name(self) -> SocketName:
        """The name of a socket without one."""
        if self.family is Family.UNIX:
            return UnixName()
        return NetlinkName() if self.family is Family.NETLINK else InetName(self.any_host, 0)

    def remote_name(self) -> SocketName:
        """What getpeername answers. Raises NOTCONN."""
        if self.remote is None:
            raise Errno(E.NOTCONN)
        return self.remote

    def _unname(self) -> None:
        """Give up the name when the last descriptor is gone."""
        if isinstance(self.local, UnixName):
            if self.net.abstract.get((self.kind, self.local.path)) is self:
                del self.net.abstract[self.kind, self.local.path]
            if self.path_key is not None and self.net.paths.get(self.path_key) is self:
                del self.net.paths[self.path_key]
            self.pin = None
        elif isinstance(self.local, InetName):
            self.net.release(self.proto, self.local.port, self)

    # -- what each kind does in its own way ---------------------------------------------------------

    @abstractmethod
    def connect(self, ctx: Context, name: SocketName) -> bool:
        """Connect; False when it has to wait for that."""

    @abstractmethod
    def listen(self, ctx: Context, backlog: int) -> None:
        """Accept connections from now on."""

    @abstractmethod
    def accept(self) -> Socket | None:
        """The next connection, None while there is none."""

    @abstractmethod
    def push(self, buf: Buffers, start: int, out: Outgoing) -> int:
        """Send what lies behind `start` bytes; how much was taken, WOULD_WAIT when nothing is now."""

    @abstractmethod
    def pull(self, buf: Buffers, start: int, flags: int) -> Received | None:
        """Receive behind `start` bytes; None when there is nothing now."""

    @abstractmethod
    def shutdown(self, how: Shut) -> None:
        """End one or both directions."""

    def urgent(self, buf: Buffers, flags: int) -> Received:
        """The urgent byte."""
        raise Errno(E.OPNOTSUPP)

    def at_mark(self) -> bool:
        """Whether the next byte is where an urgent one was."""
        raise Errno(E.NOTTY)

    def outgoing(self) -> int:
        """Bytes sent and not read."""
        return 0

    def settled(self) -> bool:
        """Whether a connection is made or refused."""
        return True

    def connected_now(self) -> bool | None:
        """After a wait to be connected: True, None for not yet. Raises what it was refused with."""
        return True

    def wants_senders(self) -> bool:
        """Whether messages say who sent them."""
        return False

    def no_sender(self) -> SocketName | None:
        """The name of the sender of a message that has none."""
        return None

    def tells_target(self) -> bool:
        """Whether received messages say where they were sent to."""
        return self.internet and self.packet_info

    def tells_facts(self, got: Received) -> list[Fact]:
        """What received messages say beside that."""
        return []

    def host_wait(self, how: Shut) -> dict[str, Any]:
        """What of the host a wait is for: nothing."""
        return {}

    def host_option(self, option: SockOpt) -> tuple[int, ...] | None:
        """The value of an option that the host keeps: none."""
        return None

    def set_host_option(self, option: SockOpt, value: tuple[int, ...]) -> bool:
        """Whether the host keeps an option, and has it now."""
        return False

    def read_by(self, ctx: Context, buf: Buffers) -> int:
        """What read() does."""
        return read_socket(ctx, self, buf)

    def write_by(self, ctx: Context, buf: Buffers) -> int:
        """What write() does."""
        return write_socket(ctx, self, buf)

    # -- files in messages --------------------------------------------------------------------------

    def enqueue(self, chunk: Chunk) -> None:
        """A message arrives."""
        self.queue.append(chunk)
        self.used += len(chunk.data)
        if chunk.parcel is not None:
            self.net.carriers[id(self)] = self
        self.changed()

    def messages(self) -> Iterator[File]:
        """Files in the messages of the queue."""
        for chunk in self.queue:
            if chunk.parcel is not None:
                yield from chunk.parcel.files

    def drop_messages(self) -> None:
        """Throw the queue away, with the files in it."""
        chunks, self.used = list(self.queue), 0
        self.queue.clear()
        self.net.carriers.pop(id(self), None)
        for chunk in chunks:
            if chunk.parcel is not None:
                self.net.landed(self.table, chunk.parcel)

    def lands(self, parcel: Parcel) -> None:
        """Files of a message are taken out by a receiver, or thrown away."""
        self.net.landed(self.table, parcel)
        if not any(chunk.parcel is not None for chunk in self.queue):
            self.net.carriers.pop(id(self), None)

    def close(self) -> None:
        self.closed = True
        self._unname()
        self.drop_messages()
        self.changed()
        self.net.collect(self.table)

    # -- readiness -----------------------------------------------------------------------------------

    def readable(self) -> bool:
        """Whether a receive would not wait."""
        return bool(self.queue) or self.read_shut or self.error is not None

    @abstractmethod
    def writable(self) -> bool:
        """Whether there is room for a good deal: what polls say."""

    def sendable(self) -> bool:
        """Whether the send that had to wait may be made again."""
        return self.writable()

    def ready(self, events: int) -> int:
        found = 0
        if self.readable():
            found |= READABLE
        if self.writable():
            found |= WRITABLE
        if self.error is not None:
            found |= POLLERR
        if self.read_shut:
            found |= RDHUP
            if self.write_shut:
                found |= POLLHUP
        return found & (events | POLLERR | POLLHUP)

    def available(self) -> int:
        return self.used

    def read(self, buf: Buffers) -> int:
        """For the kernel's own copies (sendfile, splice): takes what is there."""
        got = self.pull(buf, 0, 0)
        if got is None:
            self.wait_for(POLLIN)
            raise AssertionError("wait_for always raises")
        if got.parcel is not None:
            self.lands(got.parcel)
        return got.count

    def write(self, buf: Buffers) -> int:
        """For the kernel's own copies: puts what fits."""
        count = self.push(buf, 0, Outgoing())
        if count == WOULD_WAIT:
            self.wait_for(POLLOUT)
        return count

    def wait_for(self, events: int) -> None:
        """It is not ready. Raises AGAIN or leaves to wait."""
        if self.flags & Open.NONBLOCK:
            raise Errno(E.AGAIN)
        raise Block(ready=lambda: bool(self.ready(events)), restarts=True)
