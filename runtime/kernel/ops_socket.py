"""Ops that make sockets and give them names and peers; messages are in ops_message.py, options in ops_sockopt.py."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds_socket import NameSlot
from aot.personality.abi.neutral import Ends, Open
from aot.personality.abi.neutral_socket import Family, Interface, Made, Msg, Shut, SocketName
from aot.personality.abi.op import Op
from aot.record import dataclass
from runtime.kernel.context import Context
from runtime.kernel.leave import Block
from runtime.kernel.net import LOOPBACK, Net, NetMode
from runtime.kernel.node import PATH, File
from runtime.kernel.optable import op
from runtime.kernel.schemes.hostfile import HostStream

if TYPE_CHECKING:
    from runtime.kernel.schemes.socket import Socket

DONTWAIT = int(Msg.DONTWAIT)


@dataclass(slots=True)
class Progress:
    """A socket call that waits: how much of it is done, and when it gives up (monotonic)."""

    done: int
    until: int | None


def net_of(ctx: Context) -> Net:
    """The network of the run."""
    kernel = ctx.process.kernel
    if kernel.net is None:
        kernel.net = Net()
    net: Net = kernel.net
    return net


def socket_of(ctx: Context, fd: int) -> Socket:
    """The socket behind a descriptor. Raises BADF, NOTSOCK."""
    file = ctx.process.files.get(fd)
    if not file.asks:
        raise Errno(E.BADF if int(file.flags) & PATH else E.NOTSOCK)
    return file  # type: ignore[return-value]  # what asks is a socket


def asked(ctx: Context, fd: int) -> Socket:
    """The socket that a control call is about. Raises BADF, NOTTY."""
    if not ctx.process.files.get(fd).asks:
        raise Errno(E.NOTTY)
    return socket_of(ctx, fd)


def wait(ctx: Context, sock: Socket, how: Shut, flags: int, done: int = 0) -> int:
    """A call cannot go on now. `done` bytes are its result when it may not wait; else it leaves to wait.

    Raises AGAIN when there is nothing to give, INTR when a signal ends the wait.
    """
    state = ctx.wait if isinstance(ctx.wait, Progress) else None
    if flags & DONTWAIT or sock.flags & Open.NONBLOCK:
        return _given(ctx, done)
    limit, now = sock.timeouts[how], ctx.process.kernel.clocks.monotonic_ns
    until = state.until if state is not None else (now() + limit if limit else None)
    if until is not None and now() >= until:
        return _given(ctx, done)
    ready = sock.readable if how is Shut.READ else sock.sendable
    ctx.wait = Progress(done, until)
    try:
        raise Block(
            deadline_ns=until, ready=ready, restarts=not done and until is None, **sock.host_wait(how)
        )
    except Errno:  # a signal ends it
        ctx.wait = None
        if done:
            return done
        raise


def _given(ctx: Context, done: int) -> int:
    ctx.wait = None
    if not done:
        raise Errno(E.AGAIN)
    return done


def install(ctx: Context, sock: File, flags: Open) -> int:
    """Give a socket its first descriptor. Raises MFILE, and the socket is gone."""
    try:
        return ctx.process.files.add(sock, cloexec=bool(flags & Open.CLOEXEC))
    except Errno:
        sock.close()
        raise


@op(Op.SOCKET)
def socket(ctx: Context, family: Family, made: Made, protocol: int) -> int:
    """A new socket."""
    from runtime.kernel.schemes.sockets import make  # noqa: PLC0415 - 5 ms for programs that have sockets

    sock = make(ctx.process.files, net_of(ctx), family, protocol, made)
    return install(ctx, sock, made.flags)


@op(Op.SOCKETPAIR)
def socketpair(ctx: Context, family: Family, made: Made, protocol: int) -> Ends:
    """Two sockets that are connected to each other."""
    from runtime.kernel.schemes.sockets import make_pair  # noqa: PLC0415 - as above

    flags = made.flags
    one, other = make_pair(ctx, net_of(ctx), family, protocol, made)
    files = ctx.process.files
    try:
        first = install(ctx, one, flags)
    except Errno:
        other.close()
        raise
    try:
        return Ends(first, install(ctx, other, flags))
    except Errno:
        files.close(first)
        raise


@op(Op.BIND)
def bind(ctx: Context, fd: int, name: SocketName) -> None:
    """Give a socket a name."""
    socket_of(ctx, fd).bind(ctx, name)


@op(Op.LISTEN)
def listen(ctx: Context, fd: int, backlog: int) -> None:
    """Accept connections from now on."""
    socket_of(ctx, fd).listen(ctx, backlog)


@op(Op.ACCEPT)
def accept(ctx: Context, fd: int, name: NameSlot | None, flags: Open) -> int:
    """The next connection to a listening socket."""
    sock = socket_of(ctx, fd)
    found = sock.accept()
    if found is None:
        wait(ctx, sock, Shut.READ, 0)
        raise AssertionError("nothing is done when a wait for a connection ends")
    ctx.wait = None
    found.flags |= flags & Open.NONBLOCK
    new = install(ctx, found, flags)
    if name is not None:
        name.put(found.remote if found.remote is not None else found.no_name())
    return new


@op(Op.CONNECT)
def connect(ctx: Context, fd: int, name: SocketName) -> None:
    """Connect a socket, or give one without connections its only partner."""
    sock = socket_of(ctx, fd)
    if isinstance(ctx.wait, Progress):  # this call made the connection it waits for
        done = sock.connected_now()
        if done is None:
            wait_connected(ctx, sock)
        ctx.wait = None
        return
    if not sock.connect(ctx, name):
        wait_connected(ctx, sock)


def wait_connected(ctx: Context, sock: Socket) -> None:
    """Leave until a connection is made or refused."""
    state = ctx.wait if isinstance(ctx.wait, Progress) else None
    limit, now = sock.timeouts[Shut.WRITE], ctx.process.kernel.clocks.monotonic_ns()
    until = state.until if state is not None else (now + limit if limit else None)
    if until is not None and now >= until:
        ctx.wait = None
        raise Errno(E.INPROGRESS if sock.internet else E.AGAIN)
    ctx.wait = Progress(0, until)
    host = sock.host_wait(Shut.WRITE)
    raise Block(deadline_ns=until, ready=sock.settled, restarts=until is None, **host)


@op(Op.GETSOCKNAME)
def getsockname(ctx: Context, fd: int, name: NameSlot) -> None:
    """The name of a socket."""
    name.put(socket_of(ctx, fd).local_name())


@op(Op.GETPEERNAME)
def getpeername(ctx: Context, fd: int, name: NameSlot) -> None:
    """The name of a socket's peer."""
    name.put(socket_of(ctx, fd).remote_name())


@op(Op.SHUTDOWN)
def shutdown(ctx: Context, fd: int, how: Shut) -> None:
    """End one or both directions of a connection."""
    socket_of(ctx, fd).shutdown(how)


@op(Op.SOCKATMARK)
def sockatmark(ctx: Context, fd: int) -> int:
    """1 when the next byte is where an urgent one was."""
    return int(asked(ctx, fd).at_mark())


@op(Op.SOCK_OUTQ)
def sock_outq(ctx: Context, fd: int) -> int:
    """Bytes sent that the peer has not read (of TCP: none are on their way)."""
    file = ctx.process.files.get(fd)
    if isinstance(file, HostStream) and file.host_fd is not None and os.isatty(file.host_fd):
        return file.unsent()
    return asked(ctx, fd).outgoing()


@op(Op.INTERFACES)
def interfaces(ctx: Context, fd: int) -> tuple[Interface, ...]:
    """The network interfaces a socket sees."""
    asked(ctx, fd)
    if net_of(ctx).mode is not NetMode.HOST:
        return (LOOPBACK,)
    from runtime.kernel.schemes.socket_host import host_interfaces  # noqa: PLC0415 - with --net host

    return host_interfaces()
