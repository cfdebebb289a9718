"""Native calls on sockets, as calls.py has the others: neutral families, kinds, flags and options.

Addresses have the form of Linux with native family numbers; option values are arrays of 64-bit words.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, STORED, VALUE, ZERO, Call, Ret, call, sig
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import (
    FD,
    LENGTH,
    S32,
    Args,
    Bits,
    InBytes,
    InInts,
    OutBytes,
    OutInt,
    OutInts,
    OutItems,
    OutStruct,
)
from aot.personality.abi.kinds_socket import (
    MadeIn,
    MessageFormat,
    MessageIn,
    MessageOut,
    NameIn,
    NameOut,
    Room,
)
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_socket import Family, Msg, Shut, SocketKind
from aot.personality.abi.neutral_sockopt import SockOpt
from aot.personality.abi.op import Op
from aot.personality.abi.sockaddr import AddressFormat
from aot.personality.native import layouts as la
from aot.personality.native.flags import OPEN, choice

COLUMN = "native"
ADDRESS = AddressFormat(inet6=int(Family.INET6), netlink=int(Family.NETLINK))
MSG_MAP = FlagMap("msg", tuple((f"MSG_{m.name}", m.value, m.value) for m in Msg), lenient=True, neutral=Msg)
MSG = Bits(MSG_MAP)
FAMILY, SHUT, OPTION = choice(Family), choice(Shut), choice(SockOpt)
MESSAGE = MessageFormat(
    address=ADDRESS, header=la.MESSAGE, wide=True, align=8, flags=MSG_MAP, rights=(1, 1), sender=(1, 2),
    packet4=(2, 1), packet6=(3, 1),
)  # fmt: skip
BUF_IN = {"buf": InBytes("size", partial=True), "size": LENGTH}
BUF_OUT = {"buf": OutBytes("size", partial=True), "size": LENGTH}
NAME_IN = {"name": NameIn(ADDRESS, "name_size"), "name_size": LENGTH}
NAME_OUT = {"name": NameOut(ADDRESS, "name_size"), "name_size": Room()}
KINDS = {int(kind): kind for kind in SocketKind}
FLAGS = FlagMap("made", (
    ("NONBLOCK", int(Open.NONBLOCK) << 8, Open.NONBLOCK), ("CLOEXEC", int(Open.CLOEXEC) << 8, Open.CLOEXEC),
), neutral=Open)  # fmt: skip
MADE = {"family": FAMILY, "made": MadeIn(KINDS, FLAGS, 0xFF), "protocol": S32}


def row(op: Op, args: Args | None = None, ret: Ret = VALUE) -> Call:
    """A native row: named and numbered after its op."""
    return call(op.name.lower(), {COLUMN: int(op)}, op, FULL, args, ret)


# fmt: off
CALLS: tuple[Call, ...] = (
    row(Op.SOCKET,      sig(**MADE)),
    row(Op.SOCKETPAIR,  sig(**MADE, ends=OutStruct(la.ENDS)), ZERO),
    row(Op.BIND,        sig(fd=FD, **NAME_IN), ZERO),
    row(Op.LISTEN,      sig(fd=FD, backlog=S32), ZERO),
    row(Op.ACCEPT,      sig(fd=FD, **NAME_OUT, flags=OPEN)),
    row(Op.CONNECT,     sig(fd=FD, **NAME_IN), ZERO),
    row(Op.GETSOCKNAME, sig(fd=FD, **NAME_OUT), ZERO),
    row(Op.GETPEERNAME, sig(fd=FD, **NAME_OUT), ZERO),
    row(Op.SENDTO,      sig(fd=FD, **BUF_IN, flags=MSG, name=NameIn(ADDRESS, "name_size", optional=True),
                            name_size=LENGTH)),
    row(Op.RECVFROM,    sig(fd=FD, **BUF_OUT, flags=MSG, **NAME_OUT)),
    row(Op.SENDMSG,     sig(fd=FD, message=MessageIn(MESSAGE), flags=MSG)),
    row(Op.RECVMSG,     sig(fd=FD, message=MessageOut(MESSAGE), flags=MSG)),
    row(Op.SHUTDOWN,    sig(fd=FD, how=SHUT), ZERO),
    row(Op.SETSOCKOPT,  sig(fd=FD, option=OPTION, value=InInts(64, "count"), count=LENGTH), ZERO),
    row(Op.GETSOCKOPT,  sig(fd=FD, option=OPTION, value=OutInts(64, "count"), count=LENGTH), Ret("s")),
    row(Op.SOCKATMARK,  sig(fd=FD, mark=OutInt(32)), ZERO),
    row(Op.SOCK_OUTQ,   sig(fd=FD, count=OutInt(32)), ZERO),
    row(Op.INTERFACES,  sig(fd=FD, found=OutItems(la.INTERFACE, "count"), count=LENGTH), STORED),
)
# fmt: on
