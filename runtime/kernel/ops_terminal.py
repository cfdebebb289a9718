"""Ops on what a terminal is to a session, and on its queues: control, flushing, breaks, flow."""

from __future__ import annotations

import fcntl
import os

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context
from runtime.kernel.host import failure
from runtime.kernel.kin import session_of
from runtime.kernel.node import File
from runtime.kernel.optable import op
from runtime.kernel.schemes.pty import Master, Pty, controlling

TCSBRK, TCXONC, TCFLSH = 0x5409, 0x540A, 0x540B  # include/uapi/asm-generic/ioctls.h


def _terminal(ctx: Context, fd: int) -> tuple[File, int]:
    """A terminal and its host descriptor. Raises NOTTY for anything else."""
    file = ctx.process.files.get(fd)
    if file.host_fd is None or not os.isatty(file.host_fd):
        raise Errno(E.NOTTY)
    return file, file.host_fd


def _first_session(ctx: Context) -> int:
    """The session that the host's own terminal belongs to: the run's first."""
    first = next(iter(ctx.process.kernel.processes.values()), ctx.process)
    return session_of(first)


@op(Op.TTY_GETSID)
def tty_getsid(ctx: Context, fd: int) -> int:
    """The session whose controlling terminal it is. Raises NOTTY when that is not the caller's."""
    file, _ = _terminal(ctx, fd)
    session = file.terminal.session if isinstance(file, Pty) else _first_session(ctx)
    if not session or (session != session_of(ctx.process) and not isinstance(file, Master)):
        raise Errno(E.NOTTY)
    return session


@op(Op.TTY_CONTROL)
def tty_control(ctx: Context, fd: int, steal: int) -> None:
    """Make it the controlling terminal of the caller's session, which has none. Raises PERM."""
    file, _ = _terminal(ctx, fd)
    own, session = ctx.process, session_of(ctx.process)
    held = file.terminal.session if isinstance(file, Pty) else _first_session(ctx)
    if session == own.pid and held == session:
        return
    taken = controlling(own.kernel) is not None
    if session != own.pid or taken or not isinstance(file, Pty):
        raise Errno(E.PERM)
    if held and not (steal == 1 and own.creds.euid == 0):
        raise Errno(E.PERM)
    file.terminal.session = file.terminal.foreground = session


@op(Op.TTY_GIVE_UP)
def tty_give_up(ctx: Context, fd: int) -> None:
    """Have no controlling terminal any more; given up by the leader, the session loses it and is hung up."""
    file, _ = _terminal(ctx, fd)
    own, session = ctx.process, session_of(ctx.process)
    held = file.terminal.session if isinstance(file, Pty) else _first_session(ctx)
    if held != session:
        raise Errno(E.NOTTY)
    if session == own.pid and isinstance(file, Pty):
        file.terminal.tell(Signal.HUP)
        file.terminal.tell(Signal.CONT)
        file.terminal.session = file.terminal.foreground = 0


def _asked(host: int, request: int, argument: int) -> None:
    try:
        fcntl.ioctl(host, request, argument)
    except OSError as error:
        raise failure(error) from None


@op(Op.TTY_FLUSH)
def tty_flush(ctx: Context, fd: int, queue: int) -> None:
    """Drop what was typed and not read 0, written and not shown 1, or both 2."""
    _, host = _terminal(ctx, fd)
    if not 0 <= queue <= 2:
        raise Errno(E.INVAL)
    _asked(host, TCFLSH, queue)


@op(Op.TTY_BREAK)
def tty_break(ctx: Context, fd: int, drain: int) -> None:
    """Send a break, or with `drain` wait until everything is shown."""
    _asked(_terminal(ctx, fd)[1], TCSBRK, int(bool(drain)))


@op(Op.TTY_FLOW)
def tty_flow(ctx: Context, fd: int, action: int) -> None:
    """Stop output 0, go on 1, ask the other side to stop 2 or go on 3."""
    _, host = _terminal(ctx, fd)
    if not 0 <= action <= 3:
        raise Errno(E.INVAL)
    _asked(host, TCXONC, action)
