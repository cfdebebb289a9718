"""Virtual memory as NT counts it: allocations with a base, pages reserved or committed inside them."""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.windows.state import state
from aot.record import dataclass, field

COMMIT, RESERVE, DECOMMIT, RELEASE, FREE = 0x1000, 0x2000, 0x4000, 0x8000, 0x1_0000
RESET, TOP_DOWN, WRITE_WATCH, LARGE_PAGES = 0x8_0000, 0x10_0000, 0x20_0000, 0x2000_0000
RESET_UNDO, REPLACE_PLACEHOLDER = 0x100_0000, 0x4000
KNOWN_TYPES = COMMIT | RESERVE | RESET | RESET_UNDO | TOP_DOWN | WRITE_WATCH | LARGE_PAGES
IMAGE, MAPPED, PRIVATE = 0x100_0000, 0x4_0000, 0x2_0000
GRANULARITY, PAGE = 0x1_0000, 0x1000
FIRST = 0x200_0000_0000  # where allocations without a wish begin
TOP = 0x7FFF_FFFE_FFFF  # highest user address
RESERVED_NAME, COMMITTED_NAME = "[reserved]", "[private]"

# page protection -> rights (X 1, W 2, R 4)
RIGHTS = {0x01: 0, 0x02: 4, 0x04: 6, 0x08: 6, 0x10: 1, 0x20: 5, 0x40: 7, 0x80: 7}
PROTECTION = {0: 0x01, 4: 0x02, 6: 0x04, 2: 0x04, 1: 0x10, 5: 0x20, 7: 0x40, 3: 0x40}
PROTECT_MODIFIERS = 0x100 | 0x200 | 0x400 | 0x4000_0000  # guard, no cache, write combine, CFG targets


@dataclass(slots=True)
class Vm:
    """Allocations: base -> (size, protection asked for)."""

    allocations: dict[int, tuple[int, int]] = field(default_factory=dict)
    bases: list[int] = field(default_factory=list)

    def of(self, address: int) -> int | None:
        """Base of the allocation that holds an address."""
        i = bisect_right(self.bases, address) - 1
        if i >= 0 and address < self.bases[i] + self.allocations[self.bases[i]][0]:
            return self.bases[i]
        return None

    def add(self, base: int, size: int, protect: int) -> None:
        insort(self.bases, base)
        self.allocations[base] = (size, protect)

    def drop(self, base: int) -> None:
        self.bases.remove(base)
        del self.allocations[base]


@dataclass(frozen=True, slots=True)
class Basic:
    """MEMORY_BASIC_INFORMATION."""

    base: int
    allocation: int
    allocation_protect: int
    size: int
    state: int
    protect: int
    type: int


def vm(ctx: Any) -> Vm:
    """The process's allocations."""
    parts = state(ctx).parts
    found: Vm | None = parts.get("vm")
    if found is None:
        found = parts["vm"] = Vm()
    return found


def rights(protect: int) -> int:
    """Rights of a page protection. Raises INVAL (STATUS_INVALID_PAGE_PROTECTION) for none or several."""
    base = protect & ~PROTECT_MODIFIERS
    if base not in RIGHTS:
        raise Errno(E.INVAL)
    return RIGHTS[base]


def allocate(ctx: Any, address: int, size: int, kind: int, protect: int) -> tuple[int, int]:
    """NtAllocateVirtualMemory: (base, size) of the pages."""
    if not size or kind & ~KNOWN_TYPES or size > TOP or address + size > TOP + 1:
        raise Errno(E.INVAL)
    prot = rights(protect)
    if kind & (RESET | RESET_UNDO):
        return address & -PAGE, _pages(address, size)
    if not kind & (COMMIT | RESERVE):
        raise Errno(E.INVAL)
    if kind & RESERVE or not address:
        address, size = _reserve(ctx, address, size, protect, top_down=bool(kind & TOP_DOWN))
        if not kind & COMMIT:
            return address, size
    start = address & -PAGE
    size = _pages(address, size)
    if vm(ctx).of(start) is None or vm(ctx).of(start) != vm(ctx).of(start + size - 1):
        raise Errno(E.NOT_MAPPED)
    _commit(ctx, start, size, prot)
    return start, size


def _pages(address: int, size: int) -> int:
    return (address + size + PAGE - 1 & -PAGE) - (address & -PAGE)


def _reserve(ctx: Any, address: int, size: int, protect: int, *, top_down: bool) -> tuple[int, int]:
    mem = ctx.mem
    if address:
        start = address & -GRANULARITY
        size = _pages(start, address - start + size)
        if start < GRANULARITY:
            raise Errno(E.INVAL)
        try:
            mem.map(start, size, 0, fixed=True, replace=False, name=RESERVED_NAME)
        except Errno:
            raise Errno(E.NOT_MAPPED) from None
    else:
        size = _pages(0, size)
        start = mem.map(
            None, size, 0, lo=FIRST, hi=TOP + 1, top_down=top_down, align=GRANULARITY, name=RESERVED_NAME
        )
    vm(ctx).add(start, size, protect)
    return start, size


def _pieces(ctx: Any, start: int, end: int) -> list[tuple[int, int, Any]]:
    """(from, to, region) of the mappings in a range."""
    out = []
    while start < end:
        region = ctx.mem.region_at(start)
        if region is None:
            start += PAGE
            continue
        out.append((start, min(end, region.end), region))
        start = region.end
    return out


def _commit(ctx: Any, start: int, size: int, prot: int) -> None:
    mem = ctx.mem
    for lo, hi, region in _pieces(ctx, start, start + size):
        if region.name == RESERVED_NAME:
            mem.map(lo, hi - lo, prot, fixed=True, name=COMMITTED_NAME)
        else:
            mem.protect(lo, hi - lo, prot)


def free(ctx: Any, address: int, size: int, kind: int) -> tuple[int, int]:
    """NtFreeVirtualMemory: (base, size) of what was freed."""
    if kind not in (DECOMMIT, RELEASE):
        raise Errno(E.INVAL)
    start = address & -PAGE
    base = vm(ctx).of(start)
    if base is None:
        raise Errno(E.NOT_MAPPED)
    whole, protect = vm(ctx).allocations[base]
    if not size:
        if start != base:
            raise Errno(E.NOT_AT_BASE)
        size = whole
    size = _pages(address, size)
    if start + size > base + whole:
        raise Errno(E.INVAL)
    if kind == DECOMMIT:
        ctx.mem.map(start, size, 0, fixed=True, name=RESERVED_NAME)
        return start, size
    ctx.mem.unmap(start, size)
    vm(ctx).drop(base)
    if start > base:
        vm(ctx).add(base, start - base, protect)
    if start + size < base + whole:
        vm(ctx).add(start + size, base + whole - start - size, protect)
    return start, size


def protect(ctx: Any, address: int, size: int, wanted: int) -> tuple[int, int, int]:
    """NtProtectVirtualMemory: (base, size, old protection of the first page)."""
    prot = rights(wanted)
    if not size:
        raise Errno(E.INVAL)
    start, size = address & -PAGE, _pages(address, size)
    at, old = start, None
    for lo, hi, region in _pieces(ctx, start, start + size):
        if lo != at or region.name == RESERVED_NAME:
            raise Errno(E.UNCOMMITTED if region.name == RESERVED_NAME else E.NOT_MAPPED)
        old, at = (PROTECTION[int(region.prot)] if old is None else old), hi
    if old is None or at != start + size:
        raise Errno(E.NOT_MAPPED)
    ctx.mem.protect(start, size, prot)
    return start, size, old


def query(ctx: Any, address: int) -> Basic:
    """MemoryBasicInformation of an address. Raises INVAL above the user's range."""
    if address > TOP:
        raise Errno(E.INVAL)
    start = address & -PAGE
    region = ctx.mem.region_at(start)
    if region is None:
        above = [r.start for r in ctx.mem.regions() if r.start > start]
        end = min(above, default=TOP + 1)
        return Basic(start, 0, 0, end - start, FREE, 0x01, 0)
    base, found = vm(ctx).of(start), _looks(region)
    end = region.end
    while (above := ctx.mem.region_at(end)) is not None and _looks(above) == found:
        if (base is not None and vm(ctx).of(end) != base) or (base is None and above.name != region.name):
            break
        end = above.end
    state_word, protection = found
    size = end - start
    if base is not None:
        asked = vm(ctx).allocations[base][1]
        size = min(size, base + vm(ctx).allocations[base][0] - start)
        return Basic(start, base, asked, size, state_word, protection, PRIVATE)
    if ctx.data["image_base"] <= start < ctx.data["image_end"]:
        return Basic(start, ctx.data["image_base"], 0x80, size, COMMIT, protection, IMAGE)
    kind = IMAGE if region.name == "[libraries]" else PRIVATE
    return Basic(start, region.start, protection, size, COMMIT, protection, kind)


def _looks(region: Any) -> tuple[int, int]:
    """(state, protection) that a query shows for a region."""
    if region.name == RESERVED_NAME:
        return RESERVE, 0
    return COMMIT, PROTECTION[int(region.prot)]


def image_of(ctx: Any, address: int) -> int:
    """Base of the image that holds an address, 0 for none."""
    found = query(ctx, address)
    return found.allocation if found.type == IMAGE else 0
