"""Ops on objects of every kind that processes name by keys: asking, changing, removing."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_memory import IpcKind, IpcSettings
from aot.personality.abi.op import Op
from aot.record import dataclass
from runtime.kernel import messages, segments, semaphores
from runtime.kernel.context import Context
from runtime.kernel.ipc import READ, check_allowed, check_owner, ipc_of, seconds, settle
from runtime.kernel.optable import op


@dataclass(frozen=True, slots=True)
class Usage:
    """Limits of a kind, and how much of it there is: numbers by their names in `values`."""

    top: int
    values: dict[str, int]

    def __getattr__(self, name: str) -> int:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


@op(Op.IPC_STAT)
def ipc_stat(ctx: Context, kind: IpcKind, id: int, by_index: bool = False, check: bool = True) -> Any:
    """All that is known of an object."""
    item: Any = ipc_of(ctx.process.kernel).tables[kind].get(id, by_index=by_index)
    if check:
        check_allowed(ctx, item, READ)
    return item


@op(Op.IPC_SET)
def ipc_set(
    ctx: Context,
    kind: IpcKind,
    id: int,
    settings: IpcSettings | None,
    locked: bool | None = None,
) -> None:
    """Change owner, permissions and (of a message queue) size; or lock a segment in memory."""
    item: Any = ipc_of(ctx.process.kernel).tables[kind].get(id)
    if locked is not None:
        check_owner(ctx, item)
        item.mode = item.mode & ~segments.LOCKED | (segments.LOCKED if locked else 0)
    if settings is None:
        return
    if kind is IpcKind.MSG:
        check_owner(ctx, item)
        if settings.room > messages.MOST_BYTES and ctx.process.creds.euid:
            raise Errno(E.PERM)
        item.room = settings.room
    settle(ctx, item, settings)


@op(Op.IPC_REMOVE)
def ipc_remove(ctx: Context, kind: IpcKind, id: int) -> None:
    """Remove an object: who waits for it is told; a segment goes with its last attachment."""
    table = ipc_of(ctx.process.kernel).tables[kind]
    item = table.get(id)
    check_owner(ctx, item)
    if isinstance(item, segments.SharedSegment):
        item.doom()
        return
    item.changed = seconds(ctx)
    table.remove(item)


@op(Op.IPC_LIMITS)
def ipc_limits(ctx: Context, kind: IpcKind, used: bool = False) -> Usage:
    """How many and how large objects of a kind may be; with `used` how many there are."""
    ipc = ipc_of(ctx.process.kernel)
    module: Any = {IpcKind.SHM: segments, IpcKind.SEM: semaphores, IpcKind.MSG: messages}[kind]
    values: dict[str, int] = dict(module.LIMITS)
    if used:
        values |= module.usage(ipc.tables[kind])
    return Usage(ipc.tables[kind].top, values)
