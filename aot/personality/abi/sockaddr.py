"""Socket addresses in memory: one format a system, between its bytes and neutral names."""

from __future__ import annotations

import struct

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_socket import (
    Family,
    ForeignName,
    InetName,
    NetlinkName,
    SocketName,
    UnixName,
)
from aot.record import dataclass

STORAGE = 128
"""sizeof(struct sockaddr_storage), everywhere."""
PATH_MAX = 108


@dataclass(frozen=True, slots=True)
class AddressFormat:
    """How a system writes socket addresses: its family numbers, and whether a length byte comes first.

    `sized` is the form of the BSDs: {u8 length, u8 family}; the others have {u16 family}.
    """

    inet6: int
    netlink: int | None = None
    sized: bool = False
    path: int = PATH_MAX  # bytes of sun_path

    def families(self) -> dict[int, Family]:
        """Family number -> family."""
        found = {0: Family.UNSPEC, 1: Family.UNIX, 2: Family.INET, self.inet6: Family.INET6}
        return found if self.netlink is None else found | {self.netlink: Family.NETLINK}

    def decode(self, raw: bytes) -> SocketName:
        """The name in `raw`. Raises INVAL when it is too short for its family."""
        if len(raw) < 2 or len(raw) > STORAGE:
            raise Errno(E.INVAL)
        family = self.families().get(raw[1] if self.sized else raw[0] | raw[1] << 8, Family.OTHER)
        if family is Family.UNIX:
            return self._unix(raw)
        if family is Family.INET:
            if len(raw) < 16:
                raise Errno(E.INVAL)
            return InetName(raw[4:8], int.from_bytes(raw[2:4], "big"))
        if family is Family.INET6:
            if len(raw) < 24:
                raise Errno(E.INVAL)
            port, flow = int.from_bytes(raw[2:4], "big"), int.from_bytes(raw[4:8], "big")
            scope = int.from_bytes(raw[24:28], "little")
            return InetName(raw[8:24], port, flow, scope)
        if family is Family.NETLINK:
            if len(raw) < 12:
                raise Errno(E.INVAL)
            return NetlinkName(*struct.unpack_from("<II", raw, 4))
        return ForeignName(family)

    def _unix(self, raw: bytes) -> UnixName:
        path = raw[2:]
        if len(path) > self.path:
            raise Errno(E.INVAL)
        if path[:1] == b"\0" and not self.sized:
            return UnixName(path)
        return UnixName(path.partition(b"\0")[0])

    def encode(self, name: SocketName) -> bytes:
        """The bytes of a name."""
        match name:
            case UnixName():
                raw, family = name.path, 1
                if raw and raw[:1] != b"\0":
                    raw += b"\0"
            case InetName() if len(name.host) == 4:
                raw, family = struct.pack(">H4s8x", name.port, name.host), 2
            case InetName():
                raw = struct.pack(">HI16s", name.port, name.flow & 0xFFFF_FFFF, name.host)
                raw, family = raw + (name.scope & 0xFFFF_FFFF).to_bytes(4, "little"), self.inet6
            case NetlinkName():
                raw, family = struct.pack("<2xII", name.port, name.groups), self.netlink or 0
            case ForeignName():
                raw, family = b"", 0
        if self.sized:
            return bytes((len(raw) + 2, family)) + raw
        return family.to_bytes(2, "little") + raw
