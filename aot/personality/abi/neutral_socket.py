"""Neutral values of sockets: families, names, messages, options, independent of any ABI."""

from __future__ import annotations

from enum import IntEnum, IntFlag, auto
from typing import NamedTuple

from aot.personality.abi.neutral_flags import Open


class Family(IntEnum):
    """Address families this kernel has a word for."""

    UNSPEC = 0
    UNIX = 1
    INET = 2
    INET6 = 3
    NETLINK = 4
    PACKET = 5
    OTHER = 6  # what no kernel of ours serves


class SocketKind(IntEnum):
    """What a socket carries."""

    STREAM = 1
    DGRAM = 2
    RAW = 3
    RDM = 4
    SEQPACKET = 5
    OTHER = 6


class Made(NamedTuple):
    """What a new socket is made to be."""

    kind: SocketKind
    flags: Open


class Msg(IntFlag):
    """How a message is sent or received, and what happened to it."""

    OOB = auto()
    PEEK = auto()
    DONTROUTE = auto()
    CTRUNC = auto()
    TRUNC = auto()
    DONTWAIT = auto()
    EOR = auto()
    WAITALL = auto()
    CONFIRM = auto()
    ERRQUEUE = auto()
    NOSIGNAL = auto()
    MORE = auto()
    CMSG_CLOEXEC = auto()
    WAITFORONE = auto()
    FASTOPEN = auto()


class Shut(IntEnum):
    """Which directions are shut down."""

    READ = 0
    WRITE = 1
    BOTH = 2


class UnixName(NamedTuple):
    """A path, an abstract name (the first byte is NUL), or nothing."""

    path: bytes = b""


class InetName(NamedTuple):
    """An internet address (4 or 16 bytes, network order) and a port."""

    host: bytes
    port: int
    flow: int = 0
    scope: int = 0


class NetlinkName(NamedTuple):
    """A port of the kernel's own message bus."""

    port: int = 0
    groups: int = 0


class ForeignName(NamedTuple):
    """An address of a family that the socket it is given to does not have."""

    family: Family


SocketName = UnixName | InetName | NetlinkName | ForeignName


class Rights(NamedTuple):
    """Descriptors in a message."""

    fds: tuple[int, ...]


class Sender(NamedTuple):
    """Who sent a message."""

    pid: int
    uid: int
    gid: int


class PacketInfo(NamedTuple):
    """Where a datagram arrived: the address it was sent to, and the interface."""

    host: bytes
    interface: int


class Extra(IntEnum):
    """Facts of a datagram that receivers may ask for."""

    TTL = 1
    TOS = 2
    HOPLIMIT = 3
    TCLASS = 4


class Fact(NamedTuple):
    """One of them."""

    extra: Extra
    value: int


class Interface(NamedTuple):
    """A network interface. `flags` has the bits every system agrees on: UP 1, LOOPBACK 8, RUNNING 0x40."""

    number: int
    name: bytes
    flags: int
    mtu: int
    host: bytes = b""
    mask: bytes = b""


Control = Rights | Sender | PacketInfo | Fact
