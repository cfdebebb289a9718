"""Objects that processes name by keys: shared segments, sets of semaphores, queues of messages.

An identifier is an index into the table of its kind plus a sequence number times SEQUENCE, so that an
identifier of something removed names nothing else soon. From: ipc/util.c, sysvipc(7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock
from aot.personality.abi.neutral_memory import IpcKind, IpcSettings
from aot.record import dataclass, field
from runtime.kernel.context import Context, Kernel, Process

PRIVATE = 0  # key of what only its maker knows
CREATE, EXCLUSIVE, NOWAIT = 0o1000, 0o2000, 0o4000  # flags of every get and operation
READ, ALTER = 0o444, 0o222
SEQUENCE, SEQUENCES = 1 << 15, 1 << 16
PERMISSIONS = 0o777


@dataclass(slots=True, eq=False)
class Named:
    """What objects of every kind have. Times are seconds; 0: never."""

    key: int
    mode: int
    uid: int
    gid: int
    cuid: int
    cgid: int
    changed: int
    id: int = -1
    removed: bool = False

    @property
    def sequence(self) -> int:
        return self.id // SEQUENCE


Some = TypeVar("Some", bound=Named)


@dataclass(slots=True)
class Table:
    """All objects of one kind. `most` is how many there may be."""

    most: int
    items: dict[int, Named] = field(default_factory=dict)  # by index
    _sequence: int = 0

    def add(self, item: Named) -> int:
        """Give an object its identifier. Raises NOSPC."""
        if len(self.items) >= self.most:
            raise Errno(E.NOSPC)
        index = next(i for i in range(self.most) if i not in self.items)
        item.id = index + SEQUENCE * self._sequence
        self._sequence = (self._sequence + 1) % SEQUENCES
        self.items[index] = item
        return item.id

    def find(self, key: int) -> Named | None:
        """The object of a key."""
        return next((item for item in self.items.values() if item.key == key and key != PRIVATE), None)

    def get(self, number: int, *, by_index: bool = False) -> Named:
        """The object of an identifier. Raises INVAL, and IDRM for one that was removed."""
        if number < 0:
            raise Errno(E.INVAL)
        item = self.items.get(number if by_index else number % SEQUENCE)
        if item is None:
            raise Errno(E.INVAL)
        if not by_index and item.id != number:
            raise Errno(E.IDRM)
        return item

    def remove(self, item: Named) -> None:
        """Forget an object."""
        item.removed = True
        del self.items[item.id % SEQUENCE]

    @property
    def top(self) -> int:
        """Highest index in use; 0 when there is none."""
        return max(self.items, default=0)


@dataclass(slots=True)
class Ipc:
    """What the processes of a run share by key."""

    tables: dict[IpcKind, Table] = field(
        default_factory=lambda: {
            IpcKind.SHM: Table(4096),
            IpcKind.SEM: Table(32000),
            IpcKind.MSG: Table(32000),
        }
    )
    queues: dict[bytes, Any] = field(default_factory=dict)  # POSIX message queues by name
    made: list[Any] = field(default_factory=list)  # those that count, named or open
    ends: list[Callable[[Process], None]] = field(default_factory=list)  # told of processes that end


def ipc_of(kernel: Kernel) -> Ipc:
    """The objects of a run."""
    if kernel.ipc is None:
        kernel.ipc = Ipc()
    found: Ipc = kernel.ipc
    return found


def ended(process: Process) -> None:
    """A process ended or has another program: what it would have undone is."""
    if process.kernel.ipc is not None:
        for tell in ipc_of(process.kernel).ends:
            tell(process)


def allowed(ctx: Context, item: Named, mode: int) -> bool:
    """Whether a caller may do what the permission bits of `mode` (three times the same) say."""
    creds = ctx.process.creds
    if not creds.euid:
        return True
    granted = item.mode
    if creds.euid in (item.uid, item.cuid):
        granted >>= 6
    elif any(gid in (item.gid, item.cgid) for gid in (creds.egid, *creds.groups)):
        granted >>= 3
    return not (mode & 7) & ~granted & 7


def check_allowed(ctx: Context, item: Named, mode: int) -> None:
    """Raises ACCES."""
    if not allowed(ctx, item, mode):
        raise Errno(E.ACCES)


def check_owner(ctx: Context, item: Named) -> None:
    """Raises PERM for a caller that neither made an object nor has it."""
    euid = ctx.process.creds.euid
    if euid and euid not in (item.uid, item.cuid):
        raise Errno(E.PERM)


def seconds(ctx: Context) -> int:
    """The time now, as objects remember it."""
    return ctx.process.kernel.clocks.now_ns(Clock.REALTIME) // 1_000_000_000


def get(
    ctx: Context, kind: IpcKind, key: int, flags: int, make: Callable[..., Named], fits: Callable[[Any], bool]
) -> int:
    """The identifier of a key's object, made when it may be. Raises EXIST, NOENT, ACCES, INVAL."""
    table = ipc_of(ctx.process.kernel).tables[kind]
    found = table.find(key)
    if found is None:
        if key != PRIVATE and not flags & CREATE:
            raise Errno(E.NOENT)
        creds = ctx.process.creds
        ids = (creds.euid, creds.egid, creds.euid, creds.egid)
        return table.add(make(key, flags & PERMISSIONS, *ids, seconds(ctx)))
    if flags & CREATE and flags & EXCLUSIVE:
        raise Errno(E.EXIST)
    if not fits(found):
        raise Errno(E.INVAL)
    wanted = flags & PERMISSIONS
    check_allowed(ctx, found, wanted >> 6 | wanted >> 3 | wanted)
    return found.id


def settle(ctx: Context, item: Named, settings: IpcSettings) -> None:
    """Change owner and permissions of an object."""
    check_owner(ctx, item)
    item.uid, item.gid = settings.uid, settings.gid
    item.mode = item.mode & ~PERMISSIONS | settings.mode & PERMISSIONS
    item.changed = seconds(ctx)
