"""Linux socket calls whose arguments no kind describes: options, several messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds_socket import message_in, message_out
from aot.personality.abi.neutral import Time
from aot.personality.abi.neutral_socket import Msg
from aot.personality.abi.op import Op
from aot.personality.linux.flags_socket import MESSAGE, SOL_SOCKET, SOL_TCP

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
    if known is None or known[1] is so.Form.MEMBERSHIP:
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


def _name_of(level: int, name: int) -> bytes:
    if level == SOL_TCP and name == TCP_CONGESTION:
        return b"cubic".ljust(16, b"\0")
    if level == SOL_SOCKET and name == SO_BINDTODEVICE:
        return b""
    raise Errno(E.NOPROTOOPT)


def sendmmsg(ctx: Any, ops: Ops, fd: int, vector: int, count: int, flags: Msg) -> int:
    """Send several messages; how many were, when one at least was."""
    done = 0
    for at in range(vector, vector + MMSG * min(count, MOST), MMSG):
        try:
            sent = ops[Op.SENDMSG](
                ctx,
                fd=fd,
                message=message_in(MESSAGE, at, ctx.mem),
                flags=flags | (Msg.DONTWAIT if done else Msg(0)),
            )
            ctx.mem.write(at + MESSAGE.header.size, sent.to_bytes(4, "little"))
        except Errno:
            if done:
                return done
            raise
        done += 1
    return done


def recvmmsg(ctx: Any, ops: Ops, fd: int, vector: int, count: int, flags: Msg, timeout: Time | None) -> int:
    """Receive several messages: all that wait, or (without WAITFORONE) as many as there are places."""
    if timeout is not None and not (0 <= timeout.nsec < BILLION and timeout.sec >= 0):
        raise Errno(E.INVAL)
    done = 0
    for at in range(vector, vector + MMSG * min(count, MOST), MMSG):
        try:
            got = ops[Op.RECVMSG](
                ctx,
                fd=fd,
                message=message_out(MESSAGE, at, ctx.mem),
                flags=flags | (Msg.DONTWAIT if done else Msg(0)),
            )
            ctx.mem.write(at + MESSAGE.header.size, got.to_bytes(4, "little"))
        except Errno:
            if done:
                return done
            raise
        done += 1
    return done
