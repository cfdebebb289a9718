"""Ops that move messages through sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.kinds_socket import Message, MessageSlot, NameSlot
from aot.personality.abi.neutral_socket import Fact, Msg, PacketInfo, Rights, Sender, Shut, SocketName
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context
from runtime.kernel.node import total
from runtime.kernel.ops_socket import Progress, socket_of, wait
from runtime.kernel.optable import op
from runtime.kernel.parcels import Outgoing, Received, creds_of
from runtime.kernel.signals import send

if TYPE_CHECKING:
    from runtime.kernel.schemes.socket import Socket

MAX_RIGHTS = 253
"""Most descriptors in one message; From: include/net/scm.h (SCM_MAX_FD)."""
NOBODY = Sender(0, 65534, 65534)
"""Who sent what was sent before anybody asked; From: net/core/scm.c, include/linux/highuid.h."""
OOB, PEEK, TRUNC, WAITALL = int(Msg.OOB), int(Msg.PEEK), int(Msg.TRUNC), int(Msg.WAITALL)
NOSIGNAL, ERRQUEUE, CLOEXEC = int(Msg.NOSIGNAL), int(Msg.ERRQUEUE), int(Msg.CMSG_CLOEXEC)


def outgoing(
    ctx: Context, sock: Socket, name: SocketName | None, control: tuple[object, ...], flags: int
) -> Outgoing:
    """What goes beside the bytes of a message. Raises BADF, PERM, INVAL."""
    out = Outgoing(name=name, eor=bool(flags & Msg.EOR), oob=bool(flags & OOB))
    for item in control:
        if isinstance(item, Rights) and item.fds:
            if len(out.files) + len(item.fds) > MAX_RIGHTS:
                raise Errno(E.INVAL)
            out.files += tuple(ctx.process.files.get(fd) for fd in item.fds)
        elif isinstance(item, Fact):
            out.facts += (item,)
        elif isinstance(item, Sender):
            out.sender = _checked(ctx, item)
    if out.sender is None and sock.wants_senders():
        out.sender = creds_of(ctx)
    return out


def _checked(ctx: Context, sender: Sender) -> Sender:
    """Only the superuser may say that somebody else sends."""
    creds = ctx.process.creds
    own = (
        sender.pid == ctx.process.pid
        and sender.uid in (creds.uid, creds.euid)
        and sender.gid in (creds.gid, creds.egid)
    )
    if not own and creds.euid:
        raise Errno(E.PERM)
    if sender.pid not in ctx.process.kernel.processes:
        raise Errno(E.SRCH)
    return sender


def transmit(ctx: Context, sock: Socket, buf: Buffers, flags: int, out: Outgoing) -> int:
    """Send all of a stream's bytes, or one message; what was sent before an error or a timeout counts."""
    done = ctx.wait.done if isinstance(ctx.wait, Progress) else 0
    size = total(buf)
    if done:
        out.files = ()
    if out.oob and not sock.urgent_bytes:
        raise Errno(E.OPNOTSUPP)
    sock.calling = ctx
    while True:
        try:
            count = sock.push(buf, done, out)
        except Errno as error:
            ctx.wait = None
            if done:
                return done
            if error.code is E.PIPE and sock.stream and not flags & NOSIGNAL and not sock.whole:
                send(ctx, Signal.PIPE)
            raise
        if count < 0:
            return wait(ctx, sock, Shut.WRITE, flags, done)
        done += count
        if done >= size or not sock.stream or not count:
            ctx.wait = None
            return done
        out.files = ()


def receive(ctx: Context, sock: Socket, buf: Buffers, flags: int) -> Received:
    """Receive once, or until the buffers are full when `flags` say so."""
    if flags & ERRQUEUE:
        raise Errno(E.AGAIN)
    if flags & OOB:
        return sock.urgent(buf, flags)
    done, size = ctx.wait.done if isinstance(ctx.wait, Progress) else 0, total(buf)
    found: Received | None = None
    while True:
        try:
            got = sock.pull(buf, done, flags)
        except Errno:
            ctx.wait = None
            if done:
                return found or Received(done, done)
            raise
        if got is None:
            if not done or (flags & WAITALL and sock.stream):
                done = wait(ctx, sock, Shut.READ, flags, done)
            break
        done += got.count
        if found is None:
            found = got
        found.count = done
        if not flags & WAITALL or not got.more or not got.count or done >= size or got.parcel is not None:
            break
    ctx.wait = None
    found = found or Received(done, done)
    found.count = done
    return found


def _length(sock: Socket, got: Received, flags: int) -> int:
    """The result: with TRUNC, the length a message had."""
    return got.size if (flags & TRUNC and not sock.stream) or (flags & TRUNC and sock.whole) else got.count


def read_socket(ctx: Context, sock: Socket, buf: Buffers) -> int:
    """What read() does."""
    if not total(buf):
        return 0
    got = receive(ctx, sock, buf, 0)
    if got.parcel is not None:
        sock.lands(got.parcel)
    return got.count


def write_socket(ctx: Context, sock: Socket, buf: Buffers) -> int:
    """What write() does."""
    return transmit(ctx, sock, buf, 0, outgoing(ctx, sock, None, (), 0))


@op(Op.SENDTO)
def sendto(ctx: Context, fd: int, buf: Buffers, flags: Msg, name: SocketName | None) -> int:
    """Send bytes, to a name or to the peer."""
    sock, bits = socket_of(ctx, fd), int(flags)
    return transmit(ctx, sock, buf, bits, outgoing(ctx, sock, name, (), bits))


@op(Op.RECVFROM)
def recvfrom(ctx: Context, fd: int, buf: Buffers, flags: Msg, name: NameSlot | None) -> int:
    """Receive bytes, and who sent them."""
    sock, bits = socket_of(ctx, fd), int(flags)
    got = receive(ctx, sock, buf, bits)
    if got.parcel is not None and not bits & PEEK:
        sock.lands(got.parcel)
    if name is not None:
        name.put(got.name if got.name is not None or sock.stream else sock.no_sender())
    return _length(sock, got, bits)


@op(Op.SENDMSG)
def sendmsg(ctx: Context, fd: int, message: Message, flags: Msg) -> int:
    """Send bytes with descriptors and credentials."""
    sock, bits = socket_of(ctx, fd), int(flags)
    out = outgoing(ctx, sock, message.name, message.control, bits)
    return transmit(ctx, sock, message.data, bits, out)


@op(Op.RECVMSG)
def recvmsg(ctx: Context, fd: int, message: MessageSlot, flags: Msg) -> int:
    """Receive bytes with what came beside them."""
    sock, bits = socket_of(ctx, fd), int(flags)
    got = receive(ctx, sock, message.data, bits)
    state = got.flags & ~Msg.OOB | (got.flags & Msg.OOB)
    if flags & Msg.CMSG_CLOEXEC:
        state |= Msg.CMSG_CLOEXEC
    sender = (got.sender or NOBODY) if sock.passcred else None
    fds: tuple[int, ...] = ()
    if got.parcel is not None:
        fds, whole = _unpack(ctx, sock, message, got, bits)
        state |= Msg(0) if whole else Msg.CTRUNC
    if sender is not None:
        message.add(sender)
    if fds:
        message.add(Rights(fds))
    if got.target and sock.tells_target():
        message.add(PacketInfo(got.target, 1))
    for fact in sock.tells_facts(got):
        message.add(fact)
    message.finish(got.name if got.name is not None or sock.stream else sock.no_sender(), state)
    return _length(sock, got, bits)


def _unpack(
    ctx: Context, sock: Socket, message: MessageSlot, got: Received, flags: int
) -> tuple[tuple[int, ...], bool]:
    """Descriptors for the files of a message, as many as there is room for; whether these are all."""
    assert got.parcel is not None
    files, table = got.parcel.files, ctx.process.files
    fds: list[int] = []
    for file in files[: message.rights(behind_sender=sock.passcred)]:
        try:
            fds.append(table.add(file, cloexec=bool(flags & CLOEXEC)))
        except Errno:
            break
    if not flags & PEEK:
        sock.lands(got.parcel)
    return tuple(fds), len(fds) == len(files)
