"""Ops that wait for what becomes of children."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open, Rusage, Waited, time_ns
from aot.personality.abi.neutral_process import Child, WaitFor, Which
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context, Process
from runtime.kernel.ends import how
from runtime.kernel.kin import children, group_of
from runtime.kernel.leave import Block
from runtime.kernel.optable import op
from runtime.kernel.schemes.process import PidFile
from runtime.kernel.signals import CLD_CONTINUED, CLD_STOPPED

CONTINUED = 0xFFFF
"""Wait status of a process that goes on."""
_NEWS = {CLD_STOPPED: WaitFor.STOPPED, CLD_CONTINUED: WaitFor.CONTINUED}
NOBODY = Child()


@op(Op.WAIT)
def wait(ctx: Context, pid: int, nohang: bool) -> Waited:
    """Wait for the end of a child: `pid`, or any when it is no child's number."""
    found = waitid(
        ctx,
        which=Which.PID if pid > 0 else Which.ALL,
        id=max(pid, 0),
        options=WaitFor.EXITED | WaitFor.NOHANG if nohang else WaitFor.EXITED,
    )
    return Waited(found.pid, found.word or 0)


@op(Op.WAITID)
def waitid(ctx: Context, which: Which, id: int, options: WaitFor) -> Child:
    """Wait for a child to end, stop or go on; NOBODY when nothing did and `options` do not wait.

    Raises CHILD where no child could ever be meant.
    """
    if which is Which.DESCRIPTOR:
        file = ctx.process.files.get(id)
        if not isinstance(file, PidFile):
            raise Errno(E.BADF)
        id, which = file.process.pid, Which.PID
        if file.flags & Open.NONBLOCK and not options & WaitFor.NOHANG:
            found = waitid(ctx, which=which, id=id, options=options | WaitFor.NOHANG)
            if found is NOBODY:
                raise Errno(E.AGAIN)
            return found
    which, id, options = _plainly(ctx, which, id, options)
    mine = _meant(ctx, which, id, options)
    if not any(c.status is None or options & WaitFor.EXITED for c in mine):
        raise Errno(E.CHILD)
    for child in mine:
        found = _look(ctx, child, options)
        if found is not NOBODY:
            return found
    if options & WaitFor.NOHANG:
        return NOBODY

    def ready() -> bool:
        now = _meant(ctx, which, id, options)
        return not now or any(_look(ctx, c, options | WaitFor.KEEP) is not NOBODY for c in now)

    raise Block(ready=ready, restarts=True)


def _plainly(ctx: Context, which: Which, id: int, options: WaitFor) -> tuple[Which, int, WaitFor]:
    """Whom a wait is about, without special numbers. Raises INVAL, SRCH."""
    if which is Which.SIGNED:
        options |= WaitFor.EXITED
        if id == -(1 << 31):
            raise Errno(E.SRCH)
        which = Which.PID if id > 0 else Which.ALL if id == -1 else Which.GROUP
        id = abs(id)
    if not options & (WaitFor.EXITED | WaitFor.STOPPED | WaitFor.CONTINUED):
        raise Errno(E.INVAL)
    if id < 0 or (which is Which.PID and not id):
        raise Errno(E.INVAL)
    return which, id if id or which is not Which.GROUP else group_of(ctx.process), options


def _meant(ctx: Context, which: Which, id: int, options: WaitFor) -> list[Process]:
    """The children a wait is about."""

    def fits(child: Process) -> bool:
        if not options & WaitFor.ANY_KIND:
            other = child.life.end_signal != Signal.CHLD
            if other != bool(options & WaitFor.CLONES):
                return False
        return which is Which.ALL or id == (child.pid if which is Which.PID else group_of(child))

    return [c for c in children(ctx.process) if fits(c)]


def _look(ctx: Context, child: Process, options: WaitFor) -> Child:
    """What there is to say of a child; it is said once unless `options` keep it."""
    keep = options & WaitFor.KEEP
    if child.status is not None:
        if not options & WaitFor.EXITED:
            return NOBODY
        info = how(child)
        used = Rusage(time_ns(child.life.past_ns + child.life.children_ns), time_ns(0))
        if not keep:
            del ctx.process.kernel.processes[child.pid]
            ctx.process.life.children_ns += child.life.past_ns + child.life.children_ns
        return Child(child.pid, info.uid, info.code, info.status, child.status, used)
    news = child.life.news
    if news is None or not options & _NEWS[news[0]]:
        return NOBODY
    if not keep:
        child.life.news = None
    code, status = news
    word = status << 8 | 0x7F if code == CLD_STOPPED else CONTINUED
    return Child(child.pid, child.creds.uid, code, status, word, Rusage(time_ns(0), time_ns(0)))
