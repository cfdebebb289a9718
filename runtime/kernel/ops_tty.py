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
    """Process group that gets what the terminal sends: the first one until somebody changes it."""
    _terminal(ctx, fd)
    file, kernel = ctx.process.files.get(fd), ctx.process.kernel
    if isinstance(file, Pty):
        if not isinstance(file, Master) and file.terminal.session != session_of(ctx.process):
            raise Errno(E.NOTTY)
        return file.terminal.foreground
    first = next(iter(kernel.processes.values()), ctx.process)
    return kernel.foreground or group_of(first)


@op(Op.TTY_SETPGRP)
def tty_setpgrp(ctx: Context, fd: int, pgrp: int) -> None:
    """Give the terminal to a process group of the run."""
    _terminal(ctx, fd)
    kernel = ctx.process.kernel
    if all(group_of(p) != pgrp for p in kernel.processes.values()):
        raise Errno(E.PERM)
    file = ctx.process.files.get(fd)
    if not isinstance(file, Pty):
        kernel.foreground = pgrp
        return
    if file.terminal.session != session_of(ctx.process):
        raise Errno(E.NOTTY)
    file.terminal.foreground = pgrp
