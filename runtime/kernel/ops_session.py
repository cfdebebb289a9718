"""Ops on process groups and sessions."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.op import Op
from runtime.kernel.context import Context, Process
from runtime.kernel.kin import children, group_of, is_outside, session_of
from runtime.kernel.optable import op


def _process(ctx: Context, pid: int) -> Process:
    """A process by id, 0 for the own one. Raises SRCH."""
    if pid in (0, ctx.process.pid, ctx.tid):
        return ctx.process
    found = ctx.process.kernel.processes.get(pid)
    if found is None:
        raise Errno(E.SRCH)
    return found


@op(Op.GETPGID)
def getpgid(ctx: Context, pid: int) -> int:
    """Process group. The process outside that started the run leads one of its own."""
    if is_outside(ctx.process.kernel, pid):
        return pid
    return group_of(_process(ctx, pid))


@op(Op.GETSID)
def getsid(ctx: Context, pid: int) -> int:
    """Session. The run's first process is in that of whoever started it, which has the parent's id here."""
    if is_outside(ctx.process.kernel, pid):
        return pid
    return session_of(_process(ctx, pid))


@op(Op.SETPGID)
def setpgid(ctx: Context, pid: int, pgid: int) -> None:
    """Put a process or child into a group of its session, or one of its own.

    Raises SRCH for others, ACCES for a child that runs another program already, PERM across sessions.
    """
    if pgid < 0:
        raise Errno(E.INVAL)
    own = ctx.process
    target = _process(ctx, pid)
    if target is not own:
        if target not in children(own):
            raise Errno(E.SRCH)
        if session_of(target) != session_of(own):
            raise Errno(E.PERM)
        if target.life.executed:
            raise Errno(E.ACCES)
    if session_of(target) == target.pid:
        raise Errno(E.PERM)
    everybody = own.kernel.processes.values()
    groups = {group_of(p) for p in everybody if session_of(p) == session_of(own)}
    if pgid not in (0, target.pid) and pgid not in groups:
        raise Errno(E.PERM)
    target.pgid = pgid or target.pid
    own.kernel.show(ctx)


@op(Op.SETSID)
def setsid(ctx: Context) -> int:
    """Begin a session, without a terminal, and a group in it; its id. Raises PERM for the leader of a group."""
    own = ctx.process
    if any(group_of(p) == own.pid for p in own.kernel.processes.values()):
        raise Errno(E.PERM)
    own.sid = own.pgid = own.pid
    own.kernel.show(ctx)
    return own.pid
