"""Linux socket constants and formats.

From: include/linux/socket.h, include/uapi/linux/{net,in,in6,tcp,un,netlink}.h, include/uapi/asm-generic/socket.h.
"""

from __future__ import annotations

from aot.personality.abi.errors import E
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import Bits, Pick
from aot.personality.abi.kinds_socket import MadeIn, MessageFormat
from aot.personality.abi.layout import S32, U64, F, Layout, pad
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import Extra, Family, Msg, Shut, SocketKind
from aot.personality.abi.sockaddr import AddressFormat

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET = 1, 2, 10, 16, 17
SOL_SOCKET, SOL_IP, SOL_TCP, SOL_UDP, SOL_IPV6, SOL_UDPLITE = 1, 0, 6, 17, 41, 136
ADDRESS = AddressFormat(inet6=AF_INET6, netlink=AF_NETLINK)
FAMILIES = {
    0: Family.UNSPEC, AF_UNIX: Family.UNIX, AF_INET: Family.INET, AF_INET6: Family.INET6,
    AF_NETLINK: Family.NETLINK, AF_PACKET: Family.PACKET,
}  # fmt: skip
KINDS = {
    1: SocketKind.STREAM, 2: SocketKind.DGRAM, 3: SocketKind.RAW, 4: SocketKind.RDM, 5: SocketKind.SEQPACKET,
}  # fmt: skip
SOCK_NONBLOCK, SOCK_CLOEXEC, TYPE_MASK = 0o4000, 0o2000000, 0xF
FLAGS = FlagMap("socket", (
    ("SOCK_NONBLOCK", SOCK_NONBLOCK, Open.NONBLOCK), ("SOCK_CLOEXEC", SOCK_CLOEXEC, Open.CLOEXEC),
), neutral=Open)  # fmt: skip
ACCEPT_FLAGS = Bits(FLAGS)
MADE = MadeIn(KINDS, FLAGS, TYPE_MASK)
FAMILY = Pick(tuple((f"AF_{f.name}", n, f) for n, f in FAMILIES.items()), unknown=E.AFNOSUPPORT)
MSG_MAP = FlagMap("msg", (
    ("MSG_OOB", 1, Msg.OOB), ("MSG_PEEK", 2, Msg.PEEK), ("MSG_DONTROUTE", 4, Msg.DONTROUTE),
    ("MSG_CTRUNC", 8, Msg.CTRUNC), ("MSG_TRUNC", 0x20, Msg.TRUNC), ("MSG_DONTWAIT", 0x40, Msg.DONTWAIT),
    ("MSG_EOR", 0x80, Msg.EOR), ("MSG_WAITALL", 0x100, Msg.WAITALL), ("MSG_CONFIRM", 0x800, Msg.CONFIRM),
    ("MSG_ERRQUEUE", 0x2000, Msg.ERRQUEUE), ("MSG_NOSIGNAL", 0x4000, Msg.NOSIGNAL), ("MSG_MORE", 0x8000, Msg.MORE),
    ("MSG_WAITFORONE", 0x10000, Msg.WAITFORONE), ("MSG_FASTOPEN", 0x20000000, Msg.FASTOPEN),
    ("MSG_CMSG_CLOEXEC", 0x40000000, Msg.CMSG_CLOEXEC),
), lenient=True, neutral=Msg)  # fmt: skip
MSG = Bits(MSG_MAP)
SHUT = Pick((("SHUT_RD", 0, Shut.READ), ("SHUT_WR", 1, Shut.WRITE), ("SHUT_RDWR", 2, Shut.BOTH)))
MSGHDR = Layout("msghdr", 56, (
    F("msg_name", U64, "name"), F("msg_namelen", S32, "name_size"), pad(4), F("msg_iov", U64, "pieces"),
    F("msg_iovlen", U64, "count"), F("msg_control", U64, "control"), F("msg_controllen", U64, "control_size"),
    F("msg_flags", S32, "flags"), pad(4),
))  # fmt: skip
MESSAGE = MessageFormat(
    address=ADDRESS, header=MSGHDR, wide=True, align=8, flags=MSG_MAP, rights=(SOL_SOCKET, 1),
    sender=(SOL_SOCKET, 2), packet4=(SOL_IP, 8), packet6=(SOL_IPV6, 50),
    facts=(
        (Extra.TTL, (SOL_IP, 2), 4), (Extra.TOS, (SOL_IP, 1), 1), (Extra.HOPLIMIT, (SOL_IPV6, 52), 4),
        (Extra.TCLASS, (SOL_IPV6, 67), 4),
    ),
)  # fmt: skip
