"""The kernel's message bus, as far as programs ask it which interfaces there are: one, the loopback.

From: include/uapi/linux/{netlink,rtnetlink,if_link,if_addr}.h. Only Linux has this family.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import Family, ForeignName, NetlinkName, SocketKind, SocketName
from aot.personality.native.errors import ERRORS
from runtime.kernel.net import LOOP4, LOOP6, Net
from runtime.kernel.node import total
from runtime.kernel.parcels import Chunk, Outgoing, gather
from runtime.kernel.schemes.socket_dgram import DatagramSocket

if TYPE_CHECKING:
    from runtime.kernel.context import Context
    from runtime.kernel.files import FileTable

ROUTE = 0
ERROR, DONE, MULTI = 2, 3, 2
NEWLINK, GETLINK, NEWADDR, GETADDR, GETROUTE = 16, 18, 20, 22, 26
DUMP = 0x300
HEAD = struct.Struct("<IHHII")
LINK_FLAGS = 0x10049  # UP, LOOPBACK, RUNNING, LOWER_UP
LOOPBACK_TYPE, MTU, QUEUE = 772, 65536, 1000
INET_NUMBER, INET6_NUMBER = 2, 10  # these messages are Linux's own, so are the numbers in them
PERMANENT, HOST_SCOPE = 0x80, 254


def make_netlink(table: FileTable, net: Net, kind: SocketKind, protocol: int, flags: Open) -> NetlinkSocket:
    """A socket of the bus. Raises SOCKTNOSUPPORT, PROTONOSUPPORT."""
    if kind not in (SocketKind.RAW, SocketKind.DGRAM):
        raise Errno(E.SOCKTNOSUPPORT)
    if protocol != ROUTE:
        raise Errno(E.PROTONOSUPPORT)
    return NetlinkSocket(table, net, Family.NETLINK, kind, flags)


class NetlinkSocket(DatagramSocket):
    """One socket of the bus; the kernel is at port 0."""

    def bind(self, ctx: Context, name: SocketName) -> None:
        if not isinstance(name, NetlinkName):
            raise Errno(E.INVAL)
        self.local = NetlinkName(name.port or ctx.process.pid, name.groups)

    def connect(self, ctx: Context, name: SocketName) -> bool:
        if isinstance(name, ForeignName):
            self.remote = None
        elif isinstance(name, NetlinkName):
            self.remote = name
        else:
            raise Errno(E.INVAL)
        return True

    def push(self, buf: Buffers, start: int, out: Outgoing) -> int:
        target = out.name if out.name is not None else NetlinkName()
        if not isinstance(target, NetlinkName):
            raise Errno(E.INVAL)
        if target.port:
            raise Errno(E.CONNREFUSED)
        if self.local is None:
            assert self.calling is not None
            self.local = NetlinkName(self.calling.process.pid)
        raw = bytes(gather(buf, 0, 1 << 16))
        while len(raw) >= HEAD.size:
            size, kind, flags, sequence, _ = HEAD.unpack_from(raw)
            if not HEAD.size <= size <= len(raw):
                break
            self._answer(raw[:size], kind, flags, sequence)
            raw = raw[size + 3 & ~3 :]
        return total(buf)

    def _answer(self, request: bytes, kind: int, flags: int, sequence: int) -> None:
        if kind in (GETLINK, GETADDR, GETROUTE) or (flags & DUMP == DUMP and kind % 4 == GETLINK % 4):
            found = self._found(request, kind)
            if flags & DUMP == DUMP:
                parts = [self._message(answer, MULTI, sequence, body) for answer, body in found]
                parts.append(self._message(DONE, MULTI, sequence, bytes(4)))
                self._reply(b"".join(parts))
                return
            if found and kind == GETLINK:
                self._reply(self._message(*found[0][:1], 0, sequence, found[0][1]))
                return
            self._fail(request, E.NODEV if kind == GETLINK else E.OPNOTSUPP, sequence)
            return
        self._fail(request, E.PERM if kind >= NEWLINK else E.OPNOTSUPP, sequence)

    def _fail(self, request: bytes, error: E, sequence: int) -> None:
        self._reply(
            self._message(ERROR, 0, sequence, struct.pack("<i", -ERRORS[error]) + request[: HEAD.size])
        )

    def _message(self, kind: int, flags: int, sequence: int, body: bytes) -> bytes:
        assert isinstance(self.local, NetlinkName)
        raw = HEAD.pack(HEAD.size + len(body), kind, flags, sequence, self.local.port) + body
        return raw + bytes(-len(raw) % 4)

    def _reply(self, raw: bytes) -> None:
        if len(self.queue) < 1024:
            self.enqueue(Chunk(bytearray(raw), name=NetlinkName()))

    def _found(self, request: bytes, kind: int) -> list[tuple[int, bytes]]:
        """What a request is about: (answer's type, its body)."""
        wanted = request[HEAD.size] if len(request) > HEAD.size else 0
        if kind == GETLINK:
            index = int.from_bytes(request[HEAD.size + 4 : HEAD.size + 8], "little")
            named = b"lo\0" in request[HEAD.size + 16 :] or len(request) <= HEAD.size + 16
            return [(NEWLINK, _link())] if index in (0, 1) and (index or named) else []
        if kind == GETADDR:
            hosts = ((INET_NUMBER, LOOP4, 8), (INET6_NUMBER, LOOP6, 128))
            return [(NEWADDR, _address(*host)) for host in hosts if wanted in (0, host[0])]
        return []

    def writable(self) -> bool:
        return True


def _attribute(kind: int, data: bytes) -> bytes:
    raw = struct.pack("<HH", len(data) + 4, kind) + data
    return raw + bytes(-len(raw) % 4)


def _link() -> bytes:
    head = struct.pack("<BxHiII", 0, LOOPBACK_TYPE, 1, LINK_FLAGS, 0)
    attributes = (
        (3, b"lo\0"), (13, struct.pack("<I", QUEUE)), (16, b"\0"), (17, b"\0"), (4, struct.pack("<I", MTU)),
        (6, b"noqueue\0"), (1, bytes(6)), (2, bytes(6)),
    )  # fmt: skip
    return head + b"".join(_attribute(*a) for a in attributes)


def _address(family: int, host: bytes, prefix: int) -> bytes:
    head = struct.pack("<BBBBI", family, prefix, PERMANENT, HOST_SCOPE, 1)
    attributes = [(1, host), (8, struct.pack("<I", PERMANENT))]
    if family == INET_NUMBER:
        attributes[1:1] = [(2, host), (3, b"lo\0")]
    return head + b"".join(_attribute(*a) for a in attributes)
