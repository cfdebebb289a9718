"""Linux socket options: (level, name) -> the neutral option and the form of its value.

From: include/uapi/asm-generic/socket.h, include/uapi/linux/{in,in6,tcp,udp}.h; struct timeval, linger, ucred.
"""

from __future__ import annotations

from enum import Enum

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_sockopt import SockOpt
from aot.personality.linux.errors import ERRORS
from aot.personality.linux.flags_socket import (
    FAMILIES,
    KINDS,
    SOL_IP,
    SOL_IPV6,
    SOL_SOCKET,
    SOL_TCP,
    SOL_UDP,
    SOL_UDPLITE,
)
from aot.personality.native.errors import ERRORS as NATIVE

O = SockOpt  # noqa: E741 - the tables below are nothing but options
USEC, BILLION = 1000, 1_000_000_000
TCP_INFO_SIZE = 104  # up to tcpi_total_retrans, what every kernel has


class Form(Enum):
    """What an option's value looks like."""

    INT = "int"
    BYTE = "int or one byte"  # IP options take either
    TIME = "struct timeval"
    LINGER = "struct linger"
    UCRED = "struct ucred"
    ERROR = "error number"
    TYPE = "SOCK_*"
    DOMAIN = "AF_*"
    TCP_INFO = "struct tcp_info"
    MEMBERSHIP = "struct ip_mreq or another"


# fmt: off
OPTIONS: dict[tuple[int, int], tuple[O, Form]] = {
    **{(SOL_SOCKET, number): (option, Form.INT) for number, option in {
        1: O.DEBUG, 2: O.REUSEADDR, 5: O.DONTROUTE, 6: O.BROADCAST, 7: O.SNDBUF, 8: O.RCVBUF, 9: O.KEEPALIVE,
        10: O.OOBINLINE, 12: O.PRIORITY, 15: O.REUSEPORT, 16: O.PASSCRED, 18: O.RCVLOWAT, 19: O.SNDLOWAT,
        29: O.TIMESTAMP, 30: O.ACCEPTCONN, 32: O.SNDBUF, 33: O.RCVBUF, 34: O.PASSSEC, 36: O.MARK, 38: O.PROTOCOL,
        42: O.PEEK_OFF, 49: O.INCOMING_CPU, 60: O.ZEROCOPY,
    }.items()},
    (SOL_SOCKET, 3): (O.TYPE, Form.TYPE),
    (SOL_SOCKET, 4): (O.ERROR, Form.ERROR),
    (SOL_SOCKET, 39): (O.DOMAIN, Form.DOMAIN),
    (SOL_SOCKET, 13): (O.LINGER, Form.LINGER),
    (SOL_SOCKET, 17): (O.PEERCRED, Form.UCRED),
    **{(SOL_SOCKET, n): (O.RCVTIMEO, Form.TIME) for n in (20, 66)},
    **{(SOL_SOCKET, n): (O.SNDTIMEO, Form.TIME) for n in (21, 67)},
    **{(SOL_TCP, number): (option, Form.INT) for number, option in {
        1: O.TCP_NODELAY, 2: O.TCP_MAXSEG, 3: O.TCP_CORK, 4: O.TCP_KEEPIDLE, 5: O.TCP_KEEPINTVL, 6: O.TCP_KEEPCNT,
        7: O.TCP_SYNCNT, 8: O.TCP_LINGER2, 9: O.TCP_DEFER_ACCEPT, 10: O.TCP_WINDOW_CLAMP, 12: O.TCP_QUICKACK,
        18: O.TCP_USER_TIMEOUT, 23: O.TCP_FASTOPEN, 25: O.TCP_NOTSENT_LOWAT, 30: O.TCP_FASTOPEN_CONNECT,
    }.items()},
    (SOL_TCP, 11): (O.TCP_INFO, Form.TCP_INFO),
    **{(SOL_IP, number): (option, Form.BYTE) for number, option in {
        1: O.IP_TOS, 2: O.IP_TTL, 3: O.IP_HDRINCL, 8: O.IP_PKTINFO, 10: O.IP_MTU_DISCOVER, 11: O.IP_RECVERR,
        12: O.IP_RECVTTL, 13: O.IP_RECVTOS, 14: O.IP_MTU, 15: O.IP_FREEBIND, 19: O.IP_TRANSPARENT,
        24: O.IP_BIND_ADDRESS_NO_PORT, 33: O.IP_MULTICAST_TTL, 34: O.IP_MULTICAST_LOOP,
    }.items()},
    (SOL_IP, 32): (O.IP_MULTICAST_IF, Form.MEMBERSHIP),
    **{(SOL_IP, n): (O.IP_ADD_MEMBERSHIP, Form.MEMBERSHIP) for n in (35, 36, 39, 42, 46)},
    **{(SOL_IPV6, number): (option, Form.INT) for number, option in {
        16: O.IPV6_UNICAST_HOPS, 17: O.IPV6_MULTICAST_IF, 18: O.IPV6_MULTICAST_HOPS, 19: O.IPV6_MULTICAST_LOOP,
        23: O.IPV6_MTU_DISCOVER, 24: O.IPV6_MTU, 25: O.IPV6_RECVERR, 26: O.IPV6_V6ONLY, 49: O.IPV6_RECVPKTINFO,
        51: O.IPV6_RECVHOPLIMIT, 62: O.IPV6_DONTFRAG, 66: O.IPV6_RECVTCLASS, 67: O.IPV6_TCLASS,
    }.items()},
    **{(SOL_IPV6, n): (O.IP_ADD_MEMBERSHIP, Form.MEMBERSHIP) for n in (20, 42, 46)},
    **{(SOL_UDP, number): (option, Form.INT) for number, option in {
        1: O.UDP_CORK, 103: O.UDP_SEGMENT, 104: O.UDP_GRO,
    }.items()},
    (SOL_UDPLITE, 10): (O.UDPLITE_SEND, Form.INT),
    (SOL_UDPLITE, 11): (O.UDPLITE_RECEIVE, Form.INT),
}
# fmt: on
FORCED = {(SOL_SOCKET, 32), (SOL_SOCKET, 33)}  # SO_SNDBUFFORCE, SO_RCVBUFFORCE
_BY_NATIVE = {number: error for error, number in NATIVE.items()}
_FAMILY_NUMBERS = {int(family): number for number, family in FAMILIES.items()}
_KIND_NUMBERS = {int(kind): number for number, kind in KINDS.items()}


def _signed(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


def decode(form: Form, raw: bytes) -> tuple[int, ...]:
    """The neutral value of what a program passes. Raises INVAL when it is too short, DOM for a bad time."""
    size = {Form.TIME: 16, Form.LINGER: 8, Form.BYTE: 1, Form.MEMBERSHIP: 4}.get(form, 4)
    if len(raw) < size:
        raise Errno(E.INVAL)
    if form is Form.TIME:
        sec, usec = _signed(raw[:8]), _signed(raw[8:16])
        if not 0 <= usec < 1_000_000:
            raise Errno(E.DOM)
        return (max(sec, 0) * BILLION + usec * USEC if sec >= 0 else 0,)
    if form is Form.LINGER:
        return _signed(raw[:4]), _signed(raw[4:8])
    if form is Form.BYTE and len(raw) < 4:
        return (raw[0],)
    return (_signed(raw[:4]),)


def encode(form: Form, value: tuple[int, ...]) -> bytes:
    """The bytes a program is given."""
    first = value[0]
    match form:
        case Form.TIME:
            sec, ns = divmod(first, BILLION)
            return sec.to_bytes(8, "little") + (ns // USEC).to_bytes(8, "little")
        case Form.ERROR:
            first = ERRORS[_BY_NATIVE[first]] if first else 0
        case Form.TYPE:
            first = _KIND_NUMBERS[first]
        case Form.DOMAIN:
            first = _FAMILY_NUMBERS[first]
        case Form.TCP_INFO:
            return bytes((first,)).ljust(TCP_INFO_SIZE, b"\0")
        case Form.LINGER | Form.UCRED:
            return b"".join((n & 0xFFFF_FFFF).to_bytes(4, "little") for n in value)
    return (first & 0xFFFF_FFFF).to_bytes(4, "little")
