"""Ops on advisory locks: of whole files (flock), and of ranges by process or by open file description."""

from __future__ import annotations

import fcntl

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import StructCell
from aot.personality.abi.neutral import LockOp, Whence
from aot.personality.abi.neutral_files import RecordLock
from aot.personality.abi.op import Op
from aot.record import replace
from runtime.kernel.context import Context
from runtime.kernel.host import failure
from runtime.kernel.leave import Block
from runtime.kernel.locks import END, READ, UNLOCK, WRITE, Held, Key, key_of
from runtime.kernel.node import File
from runtime.kernel.optable import op

FIRST_WAIT_NS, LONGEST_WAIT_NS = 1_000_000, 50_000_000
"""How soon a lock that somebody outside this run holds is tried again."""
_MAX_OFFSET = END - 1


def _range(file: File, lock: RecordLock) -> tuple[int, int]:
    """[start, end) of what a lock is about. Raises INVAL or OVERFLOW."""
    base = 0
    if lock.whence == Whence.CUR:
        base = file.seek(0, Whence.CUR)
    elif lock.whence == Whence.END:
        base = file.stat().size
    elif lock.whence != Whence.SET:
        raise Errno(E.INVAL)
    start = base + lock.start
    if start > _MAX_OFFSET:
        raise Errno(E.OVERFLOW)
    end = start + lock.length if lock.length else END
    if lock.length < 0:
        start, end = end, start
    if start < 0:
        raise Errno(E.INVAL)
    if end > END:
        raise Errno(E.OVERFLOW)
    return start, end


def _wait(ctx: Context, owner: object, blocker: object) -> Block:
    """Wait until somebody gives a lock up; one that outsiders hold is tried again and again."""
    kernel = ctx.process.kernel
    table = kernel.locks
    table.waits[id(ctx)] = owner, blocker
    before = table.released
    deadline = None
    if blocker is None:
        ctx.wait = min((ctx.wait or FIRST_WAIT_NS // 2) * 2, LONGEST_WAIT_NS)
        deadline = kernel.clocks.monotonic_ns() + ctx.wait

    def cancel() -> None:
        table.waits.pop(id(ctx), None)

    return Block(deadline_ns=deadline, ready=lambda: table.released != before, restarts=True, cancel=cancel)


@op(Op.RECORD_LOCK)
def record_lock(ctx: Context, fd: int, lock: RecordLock, wait: bool, by_file: bool) -> None:
    """Lock or unlock a range; with `wait` as soon as nobody else holds it.

    The owner is the process, which loses the lock when it closes any descriptor of the file, or `by_file` the
    open file description. Raises AGAIN, DEADLK, BADF when the file is not open for that, INVAL.
    """
    table, files = ctx.process.kernel.locks, ctx.process.files
    table.waits.pop(id(ctx), None)
    file = files.get(fd)
    if by_file and lock.pid:
        raise Errno(E.INVAL)
    start, end = _range(file, lock)
    if lock.kind not in (READ, WRITE, UNLOCK):
        raise Errno(E.INVAL)
    if (lock.kind == READ and not file.can_read) or (lock.kind == WRITE and not file.can_write):
        raise Errno(E.BADF)
    owner: object = file if by_file else files
    held = Held(owner, start, end, lock.kind, -1 if by_file else ctx.process.pid)
    found = table.set(file, key_of(file), held)
    if found is not None:
        if not wait:
            ctx.wait = None
            raise Errno(E.AGAIN)
        if not by_file and found.owner is not None and table.deadlock(owner, found.owner):
            ctx.wait = None
            raise Errno(E.DEADLK)
        raise _wait(ctx, owner, found.owner)
    ctx.wait = None
    if by_file:
        file.locks = table
    else:
        files.locks = table


@op(Op.RECORD_TEST)
def record_test(ctx: Context, fd: int, lock: StructCell, by_file: bool) -> None:
    """Who would be in the way of a lock: written over it, or only its kind when nobody is."""
    file = ctx.process.files.get(fd)
    wanted: RecordLock = lock.value
    if wanted.kind not in (READ, WRITE) or (by_file and wanted.pid):
        raise Errno(E.INVAL)
    start, end = _range(file, wanted)
    owner: object = file if by_file else ctx.process.files
    found = ctx.process.kernel.locks.test(file, key_of(file), owner, start, end, wanted.kind)
    if found is None:
        lock.put(replace(wanted, kind=UNLOCK))
        return
    length = 0 if found.end >= END else found.end - found.start
    lock.put(RecordLock(found.kind, int(Whence.SET), found.start, length, found.pid))


_WHOLE = ((LockOp.SHARED, READ, fcntl.LOCK_SH), (LockOp.EXCLUSIVE, WRITE, fcntl.LOCK_EX),
          (LockOp.UNLOCK, UNLOCK, fcntl.LOCK_UN))  # fmt: skip


@op(Op.FLOCK)
def flock(ctx: Context, fd: int, operation: LockOp) -> None:
    """Lock a whole file for an open file description."""
    kernel = ctx.process.kernel
    kernel.locks.waits.pop(id(ctx), None)
    file = ctx.process.files.get(fd)
    chosen = [c for c in _WHOLE if operation & c[0]]
    if len(chosen) != 1:
        raise Errno(E.INVAL)
    _, kind, bit = chosen[0]
    found = _take_whole(ctx, file, kind, bit)
    if found is None:
        ctx.wait = None
        file.locks = kernel.locks
        return
    if operation & LockOp.NONBLOCK:
        ctx.wait = None
        raise Errno(E.AGAIN)
    raise _wait(ctx, file, found.owner)


def _take_whole(ctx: Context, file: File, kind: int, bit: int) -> Held | None:
    """Take it among the guests, then from the host, whose descriptions are the guest's one to one."""
    table = ctx.process.kernel.locks
    key: Key = ("whole", *key_of(file))
    new = Held(file, 0, END, kind, ctx.process.pid)
    host = file.lock_fd()
    found = table.set(file, key, new, mirrored=False)
    if found is not None and id(file) in table.keys:
        table.forget(file, key)  # a lock that is changed is given up first, as flock(2) says
        if host is not None:
            fcntl.flock(host, fcntl.LOCK_UN)
    if found is not None or host is None:
        return found
    try:
        fcntl.flock(host, bit | fcntl.LOCK_NB)
    except BlockingIOError:
        table.forget(file, key)
        return Held(None, 0, END, WRITE, 0)
    except OSError as error:
        table.forget(file, key)
        raise failure(error) from None
    return None
