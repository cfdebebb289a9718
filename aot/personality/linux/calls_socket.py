"""Linux calls on sockets. Columns: name, x86_64, aarch64, op, status, arguments, result.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, ZERO, Call, call, partial, sig
from aot.personality.abi.kinds import ADDRESS as AT
from aot.personality.abi.kinds import FD, S32, U32, InBytes, Length, OutBytes, OutStruct, To
from aot.personality.abi.kinds_socket import MessageIn, MessageOut, NameIn, NameOut, Room
from aot.personality.abi.neutral import Open
from aot.personality.abi.op import Op
from aot.personality.linux import irregular_socket as irregular
from aot.personality.linux import layouts as la
from aot.personality.linux.columns import nr
from aot.personality.linux.flags_socket import ACCEPT_FLAGS, ADDRESS, FAMILY, MADE, MESSAGE, MSG, SHUT

NONE = Open(0)
LENGTH = Length(32)
FAMILIES = partial("unix, inet and inet6 inside the run or of the host, netlink's routes; no raw packets")
NAME = {"addr": To("name", NameIn(ADDRESS, "addrlen")), "addrlen": LENGTH}
PLACE = {"addr": To("name", NameOut(ADDRESS, "addrlen")), "addrlen": Room()}
NEEDED = {"addr": To("name", NameOut(ADDRESS, "addrlen", optional=False)), "addrlen": Room()}
OPTION = {"fd": FD, "level": S32, "optname": To("name", S32), "optval": To("value", AT)}
NEW = {"family": FAMILY, "type": To("made", MADE), "protocol": S32}
VECTOR = {"fd": FD, "mmsg": To("vector", AT), "vlen": To("count", U32), "flags": MSG}

# fmt: off
CALLS: tuple[Call, ...] = (
    call("socket",      nr(41, 198),  Op.SOCKET,      FAMILIES, sig(**NEW)),
    call("socketpair",  nr(53, 199),  Op.SOCKETPAIR,  FULL, sig(**NEW, usockvec=OutStruct(la.ENDS)), ZERO),
    call("bind",        nr(49, 200),  Op.BIND,        FULL, sig(fd=FD, **NAME), ZERO),
    call("listen",      nr(50, 201),  Op.LISTEN,      FULL, sig(fd=FD, backlog=S32), ZERO),
    call("accept",      nr(43, 202),  Op.ACCEPT,      FULL, sig(fd=FD, **PLACE), flags=NONE),
    call("accept4",     nr(288, 242), Op.ACCEPT,      FULL, sig(fd=FD, **PLACE, flags=ACCEPT_FLAGS)),
    call("connect",     nr(42, 203),  Op.CONNECT,     FULL, sig(fd=FD, **NAME), ZERO),
    call("getsockname", nr(51, 204),  Op.GETSOCKNAME, FULL, sig(fd=FD, **NEEDED), ZERO),
    call("getpeername", nr(52, 205),  Op.GETPEERNAME, FULL, sig(fd=FD, **NEEDED), ZERO),
    call("sendto",      nr(44, 206),  Op.SENDTO,      FULL,
         sig(fd=FD, buff=To("buf", InBytes("len")), len=Length(), flags=MSG,
             addr=To("name", NameIn(ADDRESS, "addrlen", optional=True)), addrlen=LENGTH)),
    call("recvfrom",    nr(45, 207),  Op.RECVFROM,    FULL,
         sig(fd=FD, ubuf=To("buf", OutBytes("size")), size=Length(), flags=MSG, **PLACE)),
    call("sendmsg",     nr(46, 211),  Op.SENDMSG,     FULL,
         sig(fd=FD, msg=To("message", MessageIn(MESSAGE)), flags=MSG)),
    call("recvmsg",     nr(47, 212),  Op.RECVMSG,     partial("no timestamps, no error queue"),
         sig(fd=FD, msg=To("message", MessageOut(MESSAGE)), flags=MSG)),
    call("sendmmsg",    nr(307, 269), None, FULL, sig(**VECTOR), via=irregular.sendmmsg),
    call("recvmmsg",    nr(299, 243), None, partial("waits for the first message only, and without a timeout"),
         sig(**VECTOR, timeout=la.IN_TIME_OPT), via=irregular.recvmmsg),
    call("shutdown",    nr(48, 210),  Op.SHUTDOWN,    FULL, sig(fd=FD, how=SHUT), ZERO),
    call("setsockopt",  nr(54, 208),  None, partial("filters, timestamps and multicast groups are refused"),
         sig(**OPTION, optlen=To("size", S32)), ZERO, via=irregular.setsockopt),
    call("getsockopt",  nr(55, 209),  None, partial("of struct tcp_info the state alone"),
         sig(**OPTION, optlen=To("size", AT)), ZERO, via=irregular.getsockopt),
)
# fmt: on
