"""The network of a run: which names and ports are bound, and what is in flight between sockets."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_socket import InetName, Interface, SocketKind
from aot.record import dataclass, field
from runtime.kernel.node import File
from runtime.kernel.parcels import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runtime.kernel.files import FileTable
    from runtime.kernel.schemes.socket import Socket


class NetMode(Enum):
    """How much network a run has."""

    NONE = "none"  # sockets by path and name only
    LOOPBACK = "loopback"  # and internet sockets that reach each other inside the run
    HOST = "host"  # internet sockets of the host


FIRST_PORT, LAST_PORT = 32768, 60999
"""Ports given to sockets that ask for none; From: net/ipv4/tcp_ipv4.c (ip_local_port_range)."""
RESERVED_PORTS = 1024
IN_FLIGHT = 4096
"""Most descriptors inside undelivered messages of a run (more is TOOMANYREFS)."""
LOOPBACK = Interface(1, b"lo", 0x49, 65536, b"\x7f\0\0\1", b"\xff\0\0\0")
MAPPED = bytes(10) + b"\xff\xff"
ANY4, ANY6, LOOP4, LOOP6 = bytes(4), bytes(16), b"\x7f\0\0\1", bytes(15) + b"\1"


def plain(host: bytes) -> bytes:
    """An address without the IPv6 form of an IPv4 one."""
    return host[12:] if host[:12] == MAPPED else host


def is_any(host: bytes) -> bool:
    """Whether an address means every one of this machine."""
    return not any(plain(host))


def is_local(host: bytes) -> bool:
    """Whether an address is this machine's: 127.0.0.0/8, ::1."""
    host = plain(host)
    return host[0] == 127 if len(host) == 4 else host == LOOP6


@dataclass(slots=True)
class Net:
    """All sockets of a run. `files` counts the users of every open file."""

    mode: NetMode = NetMode.LOOPBACK
    abstract: dict[tuple[SocketKind, bytes], Socket] = field(default_factory=dict)
    paths: dict[tuple[object, ...], Socket] = field(default_factory=dict)
    ports: dict[tuple[str, int], list[Socket]] = field(default_factory=dict)
    carriers: dict[int, Socket] = field(default_factory=dict)  # with files in their queue, by id
    flying: dict[int, tuple[File, int]] = field(default_factory=dict)  # by id: how often it is in flight
    in_flight: int = 0
    collect_at: int = 64
    next_port: int = FIRST_PORT
    next_ino: int = 1
    next_name: int = 0
    collecting: bool = False

    def ino(self) -> int:
        """A fresh inode number for a socket."""
        self.next_ino += 1
        return self.next_ino

    # -- names ------------------------------------------------------------------------------------

    def autobind(self, socket: Socket) -> bytes:
        """A fresh abstract name: five hexadecimal digits. Raises NOSPC."""
        for _ in range(1 << 20):
            name = b"\0%05x" % (self.next_name & 0xFFFFF)
            self.next_name += 1
            if (socket.kind, name) not in self.abstract:
                self.abstract[socket.kind, name] = socket
                return name
        raise Errno(E.NOSPC)

    def claim(self, proto: str, name: InetName, socket: Socket) -> InetName:
        """Give an address and port to a socket; port 0 chooses one. Raises ADDRINUSE."""
        if name.port:
            self._check(proto, name, socket)
        else:
            name = name._replace(port=self._free(proto, name, socket))
        self.ports.setdefault((proto, name.port), []).append(socket)
        return name

    def _free(self, proto: str, name: InetName, socket: Socket) -> int:
        for _ in range(LAST_PORT - FIRST_PORT + 1):
            port = self.next_port
            self.next_port = FIRST_PORT if port >= LAST_PORT else port + 1
            if (proto, port) not in self.ports:
                return port
        raise Errno(E.ADDRINUSE)

    def _check(self, proto: str, name: InetName, socket: Socket) -> None:
        for other in self.ports.get((proto, name.port), ()):
            taken = other.local
            assert isinstance(taken, InetName)
            if not _overlap(name.host, socket.v6only, taken.host, other.v6only):
                continue
            if socket.reuseport and other.reuseport:
                continue
            if socket.reuseaddr and other.reuseaddr and not (other.listening or socket.listening):
                continue
            raise Errno(E.ADDRINUSE)

    def release(self, proto: str, port: int, socket: Socket) -> None:
        """Take a socket out of the table of ports."""
        found = self.ports.get((proto, port), [])
        if socket in found:
            found.remove(socket)
        if not found:
            self.ports.pop((proto, port), None)

    def listeners(self, proto: str, name: InetName) -> list[Socket]:
        """Sockets bound to what an address means, the most exact first."""
        host = plain(name.host)
        found: list[tuple[int, Socket]] = []
        for socket in self.ports.get((proto, name.port), ()):
            bound = socket.local
            assert isinstance(bound, InetName)
            mine = plain(bound.host)
            if mine == host:
                found.append((0, socket))
            elif is_any(mine) and len(mine) == len(host):
                found.append((1, socket))
            elif bound.host == ANY6 and not socket.v6only:
                found.append((2, socket))
        return [socket for _, socket in sorted(found, key=lambda f: f[0])]

    # -- files in flight --------------------------------------------------------------------------

    def hold(self, table: FileTable, files: Iterable[File]) -> Parcel:
        """Put files into a message. Raises TOOMANYREFS."""
        files = tuple(files)
        if self.in_flight + len(files) > min(self.collect_at, table.limit):
            self.collect(table)
        if self.in_flight + len(files) > min(IN_FLIGHT, table.limit):
            raise Errno(E.TOOMANYREFS)
        for file in files:
            table.hold(file)
            _, count = self.flying.get(id(file), (file, 0))
            self.flying[id(file)] = file, count + 1
        self.in_flight += len(files)
        return Parcel(files)

    def landed(self, table: FileTable, parcel: Parcel) -> None:
        """The files of a message have arrived or were thrown away; the last user closes them."""
        files, parcel.files = parcel.files, ()
        for file in files:
            _, count = self.flying[id(file)]
            if count == 1:
                del self.flying[id(file)]
            else:
                self.flying[id(file)] = file, count - 1
            self.in_flight -= 1
        for file in files:
            table.release(file)

    def collect(self, table: FileTable) -> None:
        """Throw away messages that nobody can receive any more: sockets that are only in flight to each other."""
        if self.collecting or not self.flying:
            return
        self.collecting = True
        try:
            for socket in self._unreachable(table):
                socket.drop_messages()
        finally:
            self.collecting = False
            self.collect_at = 2 * self.in_flight + 64

    def _unreachable(self, table: FileTable) -> list[Socket]:
        def held(socket: File) -> bool:
            """A process has a descriptor for it (or its listener, when it waits to be accepted)."""
            return table.users(socket) > self.flying.get(id(socket), (socket, 0))[1]

        pending = [c for c in self.carriers.values() if held(c.listener or c)]
        reached = {id(c.listener or c) for c in pending}
        for file, _ in self.flying.values():
            if id(file) not in reached and held(file):
                reached.add(id(file))
        while pending:
            for file in pending.pop().messages():
                if id(file) in reached:
                    continue
                reached.add(id(file))
                pending += [c for c in self.carriers.values() if (c.listener or c) is file]
        return [c for c in self.carriers.values() if id(c.listener or c) not in reached]


def _overlap(one: bytes, one_only6: bool, other: bytes, other_only6: bool) -> bool:
    a, b = plain(one), plain(other)
    if len(a) == len(b):
        return a == b or is_any(a) or is_any(b)
    wide = (one, one_only6) if len(a) == 16 else (other, other_only6)
    return is_any(wide[0]) and not wide[1]
