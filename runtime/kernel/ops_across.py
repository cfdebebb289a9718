"""Ops on another process's memory, and on what processors see of it."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers, Slots
from aot.personality.abi.neutral import Advice
from aot.personality.abi.op import Op
from runtime.kernel.context import Context, Process
from runtime.kernel.ops_advice import advise_on
from runtime.kernel.optable import op
from runtime.kernel.schemes.process import PidFile

QUERY, GLOBAL, GLOBAL_EXPEDITED, REGISTER_GLOBAL = 0, 1, 2, 4
PRIVATE, REGISTER_PRIVATE, SYNC_CORE, REGISTER_SYNC_CORE = 8, 16, 32, 64
RSEQ, REGISTER_RSEQ = 128, 256
NEEDS = {PRIVATE: REGISTER_PRIVATE, SYNC_CORE: REGISTER_SYNC_CORE, RSEQ: REGISTER_RSEQ}
REGISTERS = (REGISTER_GLOBAL, REGISTER_PRIVATE, REGISTER_SYNC_CORE, REGISTER_RSEQ)
ALL = 0x1FF


@op(Op.PROCESS_VM)
def process_vm(ctx: Context, pid: int, local: Buffers, remote: Slots, write: bool) -> int:
    """Copy between the caller's buffers and another process's memory; bytes copied before the first bad address."""
    room = sum(len(piece) for piece in local)
    if not room:
        return 0
    other = _process(ctx, pid)
    done, mine = 0, [piece for piece in local if len(piece)]
    for piece in remote.items:
        if not mine:
            break
        size = min(piece.size, sum(len(view) for view in mine))
        try:
            theirs = other.mem.buffers(piece.base, size, write, True) if size else ()
        except Errno:
            theirs = ()
        copied = sum(_copy(mine, view, write=write) for view in theirs)
        done += copied
        if copied < size:
            if not done:
                raise Errno(E.FAULT)
            break
    return done


def _process(ctx: Context, pid: int) -> Process:
    """The process a caller may look into. Raises SRCH, PERM."""
    for process in ctx.process.kernel.processes.values():
        if process.status is None and (process.pid == pid or any(c.tid == pid for c in process.contexts)):
            mine, theirs = ctx.process.creds, process.creds
            if mine.euid and mine.uid not in (theirs.uid, theirs.euid):
                raise Errno(E.PERM)
            return process
    raise Errno(E.SRCH)


def _copy(mine: list[memoryview], view: memoryview, *, write: bool) -> int:
    """Fill one remote piece from local ones, or empty it into them; the local ones are used up."""
    done = 0
    while mine and done < len(view):
        count = min(len(mine[0]), len(view) - done)
        if write:
            view[done : done + count] = mine[0][:count]
        else:
            mine[0][:count] = view[done : done + count]
        mine[0] = mine[0][count:]
        if not len(mine[0]):
            del mine[0]
        done += count
    return done


@op(Op.PROCESS_MADVISE)
def process_madvise(ctx: Context, fd: int, ranges: Slots, advice: Advice) -> int:
    """Advise on ranges of a process's memory; bytes advised on before the first that cannot be."""
    file = ctx.process.files.get(fd)
    if not isinstance(file, PidFile):
        raise Errno(E.BADF)
    other, done = file.process, 0
    if other.status is not None:
        raise Errno(E.SRCH)
    for piece in ranges.items:
        try:
            advise_on(other.mem, piece.base, piece.size, advice)
        except Errno:
            if not done:
                raise
            break
        done += piece.size
    return done


@op(Op.MEMBARRIER)
def membarrier(ctx: Context, command: int, flags: int) -> int:
    """Contexts run one at a time, so every barrier holds already; a process has to ask for some beforehand."""
    if flags and not (command == RSEQ and flags == 1):
        raise Errno(E.INVAL)
    asked: int = ctx.process.data.get("barriers", 0)
    if command == QUERY:
        return ALL
    if command in REGISTERS:
        ctx.process.data["barriers"] = asked | command
    elif command in NEEDS:
        if not asked & NEEDS[command]:
            raise Errno(E.PERM)
    elif command not in (GLOBAL, GLOBAL_EXPEDITED):
        raise Errno(E.INVAL)
    return 0
