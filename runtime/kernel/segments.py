"""Shared segments: memory with a key that processes attach. From: ipc/shm.c, shmctl(2)."""

from __future__ import annotations

from typing import Any, cast

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_memory import IpcKind
from aot.personality.abi.op import Op
from aot.record import dataclass
from runtime.kernel.context import Context
from runtime.kernel.frames import PAGE, Arena, ArenaFull, Extent
from runtime.kernel.ipc import ALTER, READ, Named, Table, check_allowed, get, ipc_of, seconds
from runtime.kernel.optable import op
from runtime.kernel.regions import SharedBacking

DOOMED, LOCKED = 0o1000, 0o2000  # bits of the mode: goes with its last attachment; locked in memory
READ_ONLY, ROUND, REPLACE, EXECUTE = 0o10000, 0o20000, 0o40000, 0o100000  # how to attach
HUGE = 0o4000  # how to make: of larger pages
LARGEST = (1 << 64) - 1 - (1 << 24)
LIMITS = {"largest": LARGEST, "smallest": 1, "most": 4096, "per_process": 4096, "all": LARGEST}


@dataclass(slots=True, eq=False)
class SharedSegment(Named):
    """One segment. Its extent is used by itself once and by each attachment."""

    size: int = 0
    extent: Extent | None = None
    arena: Arena | None = None
    table: Table | None = None
    attachments: int = 0
    maker: int = 0
    last: int = 0  # process that attached or detached last
    attached_at: int = 0
    detached_at: int = 0

    def attached(self, count: int) -> None:
        """`count` attachments more, or less."""
        self.attachments += count
        if not self.attachments and self.mode & DOOMED:
            self._drop()

    def doom(self) -> None:
        """Remove it once nobody has it attached; its key is free at once."""
        self.mode |= DOOMED
        self.key = 0
        if not self.attachments:
            self._drop()

    def _drop(self) -> None:
        assert self.extent is not None and self.arena is not None and self.table is not None
        self.table.remove(self)
        self.extent.regions -= 1
        if not self.extent.regions:
            self.arena.free(self.extent.pa, self.extent.size)


def usage(table: Table) -> dict[str, int]:
    """How much there is."""
    found = [cast(SharedSegment, item) for item in table.items.values()]
    pages = sum(-(-item.size // PAGE) for item in found)
    return {"used": len(found), "pages": pages, "resident": pages}


@op(Op.SHM_GET)
def shm_get(ctx: Context, key: int, size: int, flags: int) -> int:
    """The segment of a key, made when it may be; its identifier."""

    def make(*common: Any) -> SharedSegment:
        if not 0 < size <= LARGEST:
            raise Errno(E.INVAL)
        if flags & HUGE:
            raise Errno(E.NOMEM)  # there are no such pages
        arena = ctx.mem.arena
        length = -(-size // PAGE) * PAGE
        try:
            if arena.short(length):
                raise ArenaFull
            pa = arena.alloc(length)
        except ArenaFull:
            raise Errno(E.NOMEM) from None
        table = ipc_of(ctx.process.kernel).tables[IpcKind.SHM]
        extent = Extent(pa, length, shared=True, regions=1)
        segment = SharedSegment(*common)
        segment.size, segment.extent, segment.arena, segment.table = size, extent, arena, table
        segment.maker = ctx.process.pid
        return segment

    return get(ctx, IpcKind.SHM, key, flags, make, lambda found: size <= found.size)


@op(Op.SHM_ATTACH)
def shm_attach(ctx: Context, id: int, address: int, flags: int) -> int:
    """Attach a segment; where."""
    mem, page = ctx.mem, ctx.mem.page_size
    segment = ipc_of(ctx.process.kernel).tables[IpcKind.SHM].get(id)
    assert isinstance(segment, SharedSegment) and segment.extent is not None
    if address % page:
        if not flags & ROUND:
            raise Errno(E.INVAL)
        address &= -page
    if flags & REPLACE and not address:
        raise Errno(E.INVAL)
    writes = not flags & READ_ONLY
    check_allowed(ctx, segment, READ | (ALTER if writes else 0) | (0o111 if flags & EXECUTE else 0))
    length = -(-segment.size // page) * page
    if (
        address
        and not flags & REPLACE
        and (mem.layout.within(address, address + length) or address + length > mem.limit)
    ):
        raise Errno(E.INVAL)
    at = mem.map(
        address or None,
        length,
        4 | 2 * writes | bool(flags & EXECUTE),
        fixed=bool(address),
        shared=True,
        backing=SharedBacking(segment.extent),
        name=f"/SYSV{segment.key & 0xFFFF_FFFF:08x} (deleted)",
        segment=segment,
    )
    if not writes:
        for region in mem.layout.within(at, at + length):
            region.max_prot &= ~2
    segment.last, segment.attached_at = ctx.process.pid, seconds(ctx)
    return at


@op(Op.SHM_DETACH)
def shm_detach(ctx: Context, address: int) -> None:
    """Detach the segment that was attached at an address. Raises INVAL."""
    mem = ctx.mem
    if address % mem.page_size:
        raise Errno(E.INVAL)
    first = next(
        (r for r in mem.regions() if isinstance(r.segment, SharedSegment) and _origin(r) == address), None
    )
    if first is None:
        raise Errno(E.INVAL)
    segment = first.segment
    assert isinstance(segment, SharedSegment)
    segment.last, segment.detached_at = ctx.process.pid, seconds(ctx)
    parts = [r for r in mem.layout.within(address, address + segment.size) if r.segment is segment]
    for region in [r for r in parts if _origin(r) == address]:
        mem.unmap(region.start, region.size)


def _origin(region: object) -> int:
    """Where the beginning of a region's segment is, or would be."""
    start, pa, extent = region.start, region.pa, region.extent  # type: ignore[attr-defined]
    return int(start - (pa - extent.pa))
