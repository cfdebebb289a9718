"""Sets of semaphores: operations that all happen or none, waiting, undoing. From: ipc/sem.c, semop(2), semctl(2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Slots
from aot.personality.abi.neutral import Time
from aot.personality.abi.neutral_memory import IpcKind, SemOperation, SemWord
from aot.personality.abi.op import Op
from aot.record import dataclass, field
from runtime.kernel.context import Context, Process
from runtime.kernel.ipc import ALTER, NOWAIT, READ, Named, Table, check_allowed, get, ipc_of, seconds
from runtime.kernel.leave import Block
from runtime.kernel.optable import op

UNDO = 0o10000
HIGHEST = 32767  # value of a semaphore
MOST, MOST_OPERATIONS = 32000, 500  # semaphores of a set, operations of a call
ALL = 32000 * 32000  # semaphores of the run
LIMITS = {
    "map": ALL, "sets": 32000, "all": ALL, "undos": ALL, "per_set": MOST, "per_call": MOST_OPERATIONS,
    "per_process": MOST_OPERATIONS, "undo_size": 20, "highest": HIGHEST, "most_undone": HIGHEST,
}  # fmt: skip


@dataclass(slots=True, eq=False)
class SemaphoreSet(Named):
    """One set. `undone` are what is added for a process that ends: pid -> by index."""

    values: list[int] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    undone: dict[int, dict[int, int]] = field(default_factory=dict)
    operated: int = 0

    @property
    def count(self) -> int:
        return len(self.values)


@dataclass(slots=True)
class Waits:
    """In `Context.wait`: a call that waits for a set, for the operation at `index` of it."""

    set: SemaphoreSet
    index: int
    zero: bool
    until_ns: int | None


def usage(table: Table) -> dict[str, int]:
    """How much there is: `undo_size` and `most_undone` then say sets and semaphores."""
    sets = [cast(SemaphoreSet, item) for item in table.items.values()]
    return {"undo_size": len(sets), "most_undone": sum(item.count for item in sets)}


@op(Op.SEM_GET)
def sem_get(ctx: Context, key: int, count: int, flags: int) -> int:
    """The set of a key, made when it may be; its identifier."""
    if not 0 <= count <= MOST:
        raise Errno(E.INVAL)

    def make(*common: Any) -> SemaphoreSet:
        if not count:
            raise Errno(E.INVAL)
        found = SemaphoreSet(*common)
        found.values, found.pids = [0] * count, [0] * count
        ends = ipc_of(ctx.process.kernel).ends
        if undo not in ends:
            ends.append(undo)
        return found

    return get(ctx, IpcKind.SEM, key, flags, make, lambda found: count <= found.count)


def _set(ctx: Context, number: int) -> SemaphoreSet:
    found = ipc_of(ctx.process.kernel).tables[IpcKind.SEM].get(number)
    assert isinstance(found, SemaphoreSet)
    return found


@op(Op.SEM_OPERATE)
def sem_operate(ctx: Context, id: int, operations: Slots, timeout: Time | None = None) -> None:
    """All operations, or none until they can happen. Raises AGAIN, IDRM, RANGE."""
    items: list[SemOperation] = operations.items
    state = ctx.wait
    if isinstance(state, Waits):
        ctx.wait = None
        if state.set.removed:
            raise Errno(E.IDRM)
        until = state.until_ns
        if until is not None and ctx.process.kernel.clocks.monotonic_ns() >= until:
            raise Errno(E.AGAIN)
        found = state.set
    else:
        found = _checked(ctx, id, items)
        if timeout is not None and not (0 <= timeout.nsec < 1_000_000_000 and timeout.sec >= 0):
            raise Errno(E.INVAL)
        now = ctx.process.kernel.clocks.monotonic_ns()
        until = None if timeout is None else now + timeout.ns
    stopped = _attempt(ctx, found, items)
    if stopped is None:
        return
    if stopped.flags & NOWAIT:
        raise Errno(E.AGAIN)
    block = Block(deadline_ns=until, ready=lambda: found.removed or _changed(found, items, stopped))
    ctx.wait = Waits(found, stopped.index, stopped.amount == 0, until)
    raise block


def _checked(ctx: Context, number: int, items: list[SemOperation]) -> SemaphoreSet:
    if not items:
        raise Errno(E.INVAL)
    if len(items) > MOST_OPERATIONS:
        raise Errno(E.TOOBIG)
    found = _set(ctx, number)
    if any(item.index >= found.count for item in items):
        raise Errno(E.FBIG)
    check_allowed(ctx, found, ALTER if any(item.amount for item in items) else READ)
    return found


def _blocking(found: SemaphoreSet, items: list[SemOperation]) -> SemOperation | None:
    """The first operation that cannot happen now. Raises RANGE."""
    values = dict[int, int]()
    for item in items:
        value = values.get(item.index, found.values[item.index])
        if (item.amount == 0 and value) or value + item.amount < 0:
            return item
        if value + item.amount > HIGHEST:
            raise Errno(E.RANGE)
        values[item.index] = value + item.amount
    return None


def _changed(found: SemaphoreSet, items: list[SemOperation], stopped: SemOperation) -> bool:
    try:
        return _blocking(found, items) is not stopped
    except Errno:
        return True


def _attempt(ctx: Context, found: SemaphoreSet, items: list[SemOperation]) -> SemOperation | None:
    stopped = _blocking(found, items)
    if stopped is not None:
        return stopped
    undone = found.undone.get(ctx.process.pid, {})
    for item in items:
        if item.flags & UNDO and abs(undone.get(item.index, 0) - item.amount) > HIGHEST:
            raise Errno(E.RANGE)
    for item in items:
        found.values[item.index] += item.amount
        found.pids[item.index] = ctx.process.pid
        if item.flags & UNDO and item.amount:
            undone = found.undone.setdefault(ctx.process.pid, {})
            undone[item.index] = undone.get(item.index, 0) - item.amount
    found.operated = seconds(ctx)
    return None


def undoes(process: Process) -> bool:
    """Whether something would be given back if the process ended."""
    sets = ipc_of(process.kernel).tables[IpcKind.SEM].items.values()
    return any(cast(SemaphoreSet, item).undone.get(process.pid) for item in sets)


def undo(process: Process) -> None:
    """Give back what a process that ended had taken."""
    for item in ipc_of(process.kernel).tables[IpcKind.SEM].items.values():
        found = cast(SemaphoreSet, item)
        for index, amount in found.undone.pop(process.pid, {}).items():
            found.values[index] = min(max(found.values[index] + amount, 0), HIGHEST)
            found.pids[index] = process.pid


@op(Op.SEM_READ)
def sem_read(ctx: Context, id: int, index: int, word: SemWord | None) -> int | tuple[int, ...]:
    """A fact of one semaphore, or (no word) the values of all."""
    found = _set(ctx, id)
    check_allowed(ctx, found, READ)
    if word is None:
        return tuple(found.values)
    if not 0 <= index < found.count:
        raise Errno(E.INVAL)
    if word is SemWord.VALUE:
        return found.values[index]
    if word is SemWord.PID:
        return found.pids[index]
    zero = word is SemWord.ZERO
    waits = (c.wait for p in ctx.process.kernel.processes.values() for c in p.contexts)
    mine = (w for w in waits if isinstance(w, Waits) and w.set is found)
    return sum(1 for w in mine if w.index == index and w.zero == zero)


@op(Op.SEM_WRITE)
def sem_write(ctx: Context, id: int, index: int | None, values: Callable[[int], tuple[int, ...]]) -> None:
    """Set one semaphore, or (no index) all. `values` gives as many numbers as it is asked for."""
    found = _set(ctx, id)
    new = values(found.count if index is None else 1)
    if index is not None and not 0 <= index < found.count:
        raise Errno(E.INVAL)
    if any(not 0 <= value <= HIGHEST for value in new):
        raise Errno(E.RANGE)
    check_allowed(ctx, found, ALTER)
    first = index or 0
    for at, value in enumerate(new, first):
        found.values[at], found.pids[at] = value, ctx.process.pid
        for undone in found.undone.values():
            undone.pop(at, None)
    found.changed = seconds(ctx)
