"""Ops on pseudo-terminals: the number of a pair, its lock, its other side."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.optable import op
from runtime.kernel.schemes.pty import SPTLCK, Master, SlaveNode, open_slave


def _master(ctx: Context, fd: int) -> Master:
    file = ctx.process.files.get(fd)
    if not isinstance(file, Master):
        raise Errno(E.NOTTY)
    return file


@op(Op.PTY_NUMBER)
def pty_number(ctx: Context, fd: int) -> int:
    """The number of the pair a master belongs to."""
    return _master(ctx, fd).terminal.number


@op(Op.PTY_LOCK)
def pty_lock(ctx: Context, fd: int, locked: int) -> None:
    """Whether the other side can be opened."""
    _master(ctx, fd).word(SPTLCK, locked)


@op(Op.PTY_PEER)
def pty_peer(ctx: Context, fd: int, flags: Open) -> int:
    """A descriptor of the other side, wherever /dev is."""
    master = _master(ctx, fd)
    file = open_slave(master.terminal, SlaveNode(master.terminal), flags)
    file.path = b"/dev/pts/%d" % master.terminal.number
    try:
        return ctx.process.files.add(file, cloexec=bool(flags & Open.CLOEXEC))
    except Errno:
        file.close()
        raise
