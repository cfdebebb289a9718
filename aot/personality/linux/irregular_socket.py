"""Linux socket calls whose arguments no kind describes: options, several messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds_socket import message_in, message_out
from aot.personality.abi.neutral import Open, Time
from aot.personality.abi.neutral_socket import InetName, Interface, Msg
from aot.personality.abi.op import Op
from aot.personality.linux.flags_socket import ADDRESS, MESSAGE, SOL_SOCKET, SOL_TCP

Ops = Mapping[Op, Callable[..., Any]]
BILLION = 1_000_000_000
MMSG = 64
"""sizeof(struct mmsghdr): a msghdr, then a length and padding."""
MOST = 1024  # UIO_MAXIOV
TCP_CONGESTION, TCP_ULP, SO_BINDTODEVICE, SO_PEERSEC = 13, 31, 25, 31
SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_ATTACH_BPF, SO_PEERGROUPS, SO_PEERPIDFD = 26, 27, 50, 59, 77


def setsockopt(ctx: Any, ops: Ops, fd: int, level: int, name: int, value: int, size: int) -> None:
    """Change an option by level and name."""
    from aot.personality.linux import socket_options as so  # noqa: PLC0415 - 2 ms for programs with sockets

    if size < 0:
        raise Errno(E.INVAL)
    known = so.OPTIONS.get((level, name))
    if known is None:
        ops[Op.GETSOCKOPT](ctx, fd=fd, option=so.O.TYPE)  # raises what a descriptor that is no socket gets
        _set_unknown(ctx, level, name, value, size)
        return
    option, form = known
    ops[Op.GETSOCKOPT](ctx, fd=fd, option=so.O.TYPE)
    raw = ctx.mem.read(value, min(size, 64))
    if (level, name) in so.FORCED and ctx.process.creds.euid:
        raise Errno(E.PERM)
    ops[Op.SETSOCKOPT](ctx, fd=fd, option=option, value=so.decode(form, raw))


def _set_unknown(ctx: Any, level: int, name: int, value: int, size: int) -> None:
    """Options that are names: a device there is, the one way of control."""
    if level == SOL_SOCKET and name == SO_BINDTODEVICE:
        device = ctx.mem.read(value, min(size, 16)).partition(b"\0")[0]
        if device not in (b"", b"lo"):
            raise Errno(E.NODEV)
        return
    if level == SOL_TCP and name == TCP_CONGESTION:
        if ctx.mem.read(value, min(size, 16)).partition(b"\0")[0] not in (b"cubic", b"reno"):
            raise Errno(E.NOENT)
        return
    raise Errno(E.NOPROTOOPT)


def getsockopt(ctx: Any, ops: Ops, fd: int, level: int, name: int, value: int, size: int) -> None:
    """The value of an option, cut to the room there is."""
    from aot.personality.linux import socket_options as so  # noqa: PLC0415 - as above

    room = int.from_bytes(ctx.mem.read(size, 4), "little", signed=True)
    if room < 0:
        raise Errno(E.INVAL)
    known = so.OPTIONS.get((level, name))
    if (level, name) == (SOL_SOCKET, SO_PEERPIDFD):
        raw = _peer(ctx, ops, ops[Op.GETSOCKOPT](ctx, fd=fd, option=so.O.PEERCRED)[0])
    elif known is None or known[1] is so.Form.MEMBERSHIP:
        ops[Op.GETSOCKOPT](ctx, fd=fd, option=so.O.TYPE)
        raw = _name_of(level, name)
    else:
        option, form = known
        raw = so.encode(form, ops[Op.GETSOCKOPT](ctx, fd=fd, option=option))
    if known is not None and known[1] is so.Form.BYTE and 0 < room < 4 and raw[1:] == b"\0\0\0":
        raw = raw[:1]
    raw = raw[:room]
    ctx.mem.write(value, raw)
    ctx.mem.write(size, len(raw).to_bytes(4, "little"))


def _peer(ctx: Any, ops: Ops, pid: int) -> bytes:
    """A descriptor of the process at the other end. Raises NODATA when there is none, SRCH when it ended."""
    if not pid:
        raise Errno(E.NODATA)
    made: int = ops[Op.PIDFD_OPEN](ctx, pid=pid, flags=Open.CLOEXEC)
    return made.to_bytes(4, "little")


def _name_of(level: int, name: int) -> bytes:
    if level == SOL_TCP and name == TCP_CONGESTION:
        return b"cubic".ljust(16, b"\0")
    if level == SOL_SOCKET and name == SO_BINDTODEVICE:
        return b""
    raise Errno(E.NOPROTOOPT)


def _each(ctx: Any, vector: int, count: int, flags: Msg, one: Callable[[int, Msg], int]) -> int:
    """`one` message at every place of the vector, which gets its length; how many, when one at least did."""
    done = 0
    for at in range(vector, vector + MMSG * min(count, MOST), MMSG):
        try:
            size = one(at, flags | (Msg.DONTWAIT if done else Msg(0)))
            ctx.mem.write(at + MESSAGE.header.size, size.to_bytes(4, "little"))
        except Errno:
            if done:
                return done
            raise
        done += 1
    return done


def sendmmsg(ctx: Any, ops: Ops, fd: int, vector: int, count: int, flags: Msg) -> int:
    """Send several messages."""

    def send(at: int, flags: Msg) -> int:
        sent: int = ops[Op.SENDMSG](ctx, fd=fd, message=message_in(MESSAGE, at, ctx.mem), flags=flags)
        return sent

    return _each(ctx, vector, count, flags, send)


def recvmmsg(ctx: Any, ops: Ops, fd: int, vector: int, count: int, flags: Msg, timeout: Time | None) -> int:
    """Receive several messages: all that wait, or (without WAITFORONE) as many as there are places."""
    if timeout is not None and not (0 <= timeout.nsec < BILLION and timeout.sec >= 0):
        raise Errno(E.INVAL)

    def receive(at: int, flags: Msg) -> int:
        got: int = ops[Op.RECVMSG](ctx, fd=fd, message=message_out(MESSAGE, at, ctx.mem), flags=flags)
        return got

    return _each(ctx, vector, count, flags, receive)


SIOCGIFNAME, SIOCGIFCONF, SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFDSTADDR = 0x8910, 0x8912, 0x8913, 0x8915, 0x8917
SIOCGIFBRDADDR, SIOCGIFNETMASK, SIOCGIFMETRIC, SIOCGIFMTU = 0x8919, 0x891B, 0x891D, 0x8921
SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFTXQLEN = 0x8927, 0x8933, 0x8942
IFREQ, IFNAMSIZ = 40, 16
ARPHRD_LOOPBACK = 772


def _inet(host: bytes) -> bytes:
    return ADDRESS.encode(InetName(host, 0)) if host else bytes(16)


FACTS: dict[int, Callable[[Interface], bytes]] = {
    SIOCGIFFLAGS: lambda i: i.flags.to_bytes(2, "little"),
    SIOCGIFADDR: lambda i: _inet(i.host),
    SIOCGIFDSTADDR: lambda i: _inet(i.host),
    SIOCGIFBRDADDR: lambda i: _inet(bytes(4)),
    SIOCGIFNETMASK: lambda i: _inet(i.mask),
    SIOCGIFMETRIC: lambda i: bytes(4),
    SIOCGIFMTU: lambda i: i.mtu.to_bytes(4, "little"),
    SIOCGIFHWADDR: lambda i: ARPHRD_LOOPBACK.to_bytes(2, "little") + bytes(14),
    SIOCGIFINDEX: lambda i: i.number.to_bytes(4, "little"),
    SIOCGIFTXQLEN: lambda i: (1000).to_bytes(4, "little"),
}
"""What struct ifreq holds behind the name, by request."""


def interface(ctx: Any, ops: Ops, fd: int, arg: int, request: int) -> None:
    """A fact about the interface that a struct ifreq names."""
    found = ops[Op.INTERFACES](ctx, fd=fd)
    raw = ctx.mem.read(arg, IFREQ)
    if request == SIOCGIFNAME:
        index = int.from_bytes(raw[IFNAMSIZ : IFNAMSIZ + 4], "little", signed=True)
        chosen = next((i for i in found if i.number == index), None)
        answer, at = (b"" if chosen is None else chosen.name.ljust(IFNAMSIZ, b"\0")), arg
    else:
        name = raw[: IFNAMSIZ - 1].partition(b"\0")[0]
        chosen = next((i for i in found if i.name == name), None)
        answer, at = (b"" if chosen is None else FACTS[request](chosen)), arg + IFNAMSIZ
    if chosen is None:
        raise Errno(E.NODEV)
    ctx.mem.write(at, answer)


def interface_list(ctx: Any, ops: Ops, fd: int, arg: int) -> None:
    """All interfaces with an address, as far as there is room (struct ifconf)."""
    found = ops[Op.INTERFACES](ctx, fd=fd)
    raw = b"".join(
        i.name.ljust(IFNAMSIZ, b"\0") + _inet(i.host).ljust(IFREQ - IFNAMSIZ, b"\0")
        for i in found
        if any(i.host)
    )
    room, at = int.from_bytes(ctx.mem.read(arg, 4), "little", signed=True), ctx.mem.load_u64(arg + 8)
    if at:
        raw = raw[: max(room, 0) // IFREQ * IFREQ]
        ctx.mem.write(at, raw)
    ctx.mem.write(arg, len(raw).to_bytes(4, "little"))
