"""Ops on terminals: the host's, for descriptors that are one."""

from __future__ import annotations

import fcntl
import os
import struct
import termios

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Termios, Winsize
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context
from runtime.kernel.front import come_to_front, host_session
from runtime.kernel.host import failure
from runtime.kernel.kin import group_of, session_of
from runtime.kernel.optable import op
from runtime.kernel.schemes.pty import Master, Pty

_TERMIOS = struct.Struct("=IIIIB19s")  # struct termios of include/uapi/asm-generic/termbits.h
_WINSIZE = struct.Struct("=HHHH")
TCGETS, TCSETS = 0x5401, 0x5402
NOW, DRAIN, FLUSH = 0, 1, 2
"""`when` of TTY_SETATTR."""


def _terminal(ctx: Context, fd: int) -> int:
    """Host descriptor of a terminal. Raises NOTTY for anything else."""
    host = ctx.process.files.get(fd).host_fd
    if host is None or not os.isatty(host):
        raise Errno(E.NOTTY)
    return host


def _ioctl(fd: int, request: int, data: bytes) -> bytes:
    try:
        return fcntl.ioctl(fd, request, data)
    except OSError as error:
        raise failure(error) from None


def held_by(ctx: Context, fd: int) -> tuple[int, int]:
    """The session a terminal controls, and its foreground group."""
    file = ctx.process.files.get(fd)
    if isinstance(file, Pty):
        return file.terminal.session, file.terminal.foreground
    return host_session(ctx.process.kernel)


def _change(ctx: Context, fd: int) -> None:
    """The caller changes a terminal: from the background that is TTOU."""
    if not isinstance(ctx.process.files.get(fd), Master):
        come_to_front(ctx, *held_by(ctx, fd), Signal.TTOU)


@op(Op.TTY_GETATTR)
def tty_getattr(ctx: Context, fd: int) -> Termios:
    """Modes of a terminal."""
    raw = _ioctl(_terminal(ctx, fd), TCGETS, bytes(_TERMIOS.size))
    return Termios(*_TERMIOS.unpack(raw))


@op(Op.TTY_SETATTR)
def tty_setattr(ctx: Context, fd: int, when: int, modes: Termios) -> None:
    """Change modes of a terminal: at once, after output drained, or dropping input as well."""
    host = _terminal(ctx, fd)
    if when > FLUSH:
        raise Errno(E.INVAL)
    _change(ctx, fd)
    raw = _TERMIOS.pack(modes.iflag, modes.oflag, modes.cflag, modes.lflag, modes.line, modes.cc)
    _ioctl(host, TCSETS + when, raw)


@op(Op.TTY_GETSIZE)
def tty_getsize(ctx: Context, fd: int) -> Winsize:
    """Size of a terminal."""
    return Winsize(*_WINSIZE.unpack(_ioctl(_terminal(ctx, fd), termios.TIOCGWINSZ, bytes(8))))


@op(Op.TTY_SETSIZE)
def tty_setsize(ctx: Context, fd: int, size: Winsize) -> None:
    """Change the size of a terminal."""
    raw = _WINSIZE.pack(size.rows, size.cols, size.xpixel, size.ypixel)
    host = _terminal(ctx, fd)
    changed = _ioctl(host, termios.TIOCGWINSZ, bytes(8)) != raw
    _ioctl(host, termios.TIOCSWINSZ, raw)
    file = ctx.process.files.get(fd)
    if changed and isinstance(file, Pty):
        file.terminal.tell(Signal.WINCH)


@op(Op.TTY_GETPGRP)
def tty_getpgrp(ctx: Context, fd: int) -> int:
    """The group that has the terminal. Raises NOTTY unless it controls the caller's session."""
    _terminal(ctx, fd)
    session, foreground = held_by(ctx, fd)
    if session != session_of(ctx.process) and not isinstance(ctx.process.files.get(fd), Master):
        raise Errno(E.NOTTY)
    return foreground


@op(Op.TTY_SETPGRP)
def tty_setpgrp(ctx: Context, fd: int, pgrp: int) -> None:
    """Give the terminal to a group of its session. Raises NOTTY, INVAL, SRCH, PERM."""
    _terminal(ctx, fd)
    kernel, file = ctx.process.kernel, ctx.process.files.get(fd)
    session, _ = held_by(ctx, fd)
    if session != session_of(ctx.process):
        raise Errno(E.NOTTY)
    _change(ctx, fd)
    if pgrp < 0:
        raise Errno(E.INVAL)
    found = [p for p in kernel.processes.values() if group_of(p) == pgrp]
    if not found:
        raise Errno(E.SRCH)
    if all(session_of(p) != session for p in found):
        raise Errno(E.PERM)
    if isinstance(file, Pty):
        file.terminal.foreground = pgrp
    else:
        kernel.foreground = pgrp
