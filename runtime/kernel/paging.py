"""How pages come into being: faults, entries written lazily, copy-on-write, what a fork shares.

A mapping is one contiguous extent of the arena, allocated whole when it first gets a right (the arena is
sparse, so size costs nothing). Page-table entries are written lazily: a fault fills up to one leaf table
of an anonymous mapping, or 16 pages of a private file mapping, read into the extent. A shared file mapping
is the host's own mmap laid over the extent; it needs file offsets that are host-page multiples. A file
that somebody outside cuts short under it reads as zero there (runtime/cpu/lost_pages.py).
"""

from __future__ import annotations

import os

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.record import replace
from runtime.cpu.api import EventKind
from runtime.kernel.access import GuestAccess
from runtime.kernel.aliases import is_aliased, settle, turn
from runtime.kernel.fetched import Fetched
from runtime.kernel.frames import PAGE, Arena, ArenaFull, Extent
from runtime.kernel.host import failure
from runtime.kernel.pagetable import ADDRESS, LEAF, R, W, X
from runtime.kernel.regions import GROWS, Region

AROUND = 16 * PAGE  # bytes read around a fault in a file
CHUNK = 1 << 32  # larger mappings get their memory in parts of this size
GUARD = 256 * PAGE  # bytes that stay free below a mapping that grows downwards
CHAIN = 4  # forks whose frames a region may still be using before they are brought together
NEED = (R, W, X)  # right that an access (0 read, 1 write, 2 execute) wants
FAULT_UNMAPPED, FAULT_RIGHTS, FAULT_BEYOND, FAULT_MEMORY = 0, 1, 2, 3  # Paging.fault_code


class Paging(GuestAccess):
    """The part of an address space that makes pages present."""

    def __init__(self, arena: Arena, arch: Arch) -> None:
        super().__init__(arena, arch)
        self.fault_code = FAULT_UNMAPPED  # why the last fault() was refused
        self.fetched = Fetched(self)
        self.stack_limit: int | None = None  # bytes that what grows downwards may have

    def fault(self, address: int, access: int) -> bool:
        """Make a page present (access 0 read, 1 write, 2 execute); False when it cannot be.

        A page present with the right is success too: another context was faster.
        """
        va = address & self.mask
        region = (self.layout.at(va) or self._grown_down(va)) if va < self.limit else None
        if region is None:
            self.fault_code = FAULT_UNMAPPED
            return False
        need = NEED[access]
        # any right implies reading, as on the hardware
        if not (region.prot & need or (need == R and region.prot)):
            self.fault_code = FAULT_RIGHTS
            return False
        va &= ~(PAGE - 1)
        if va in self.fetched.frames:
            if need == X:
                return True
            if need == W:
                self.fetched.drop(va, va + PAGE)
        entry = self.table.get(va)
        if self.table.format.prot(entry) & need:
            return True
        try:
            if entry & self.table.format.cow and access == 1:
                self._copy(region, va, entry)
                return True
            if not self._populate(region, va):
                return False
            if not self.table.format.prot(self.table.get(va)) & need and is_aliased(region):
                turn(self, region, va, access)
            return True
        except Errno:  # no memory for the extent
            self.fault_code = FAULT_MEMORY
            return False

    def _grown_down(self, va: int) -> Region | None:
        """The page of a touch below a mapping that grows downwards, mapped; None where none does."""
        above = next(iter(self.layout.within(va, min(va + (1 << 30), self.limit))), None)
        if above is None or not above.traits & GROWS:
            return None
        start = va & -PAGE
        if self.layout.within(max(0, start - GUARD), start):
            return None
        top = above
        while (over := self.layout.at(top.end)) is not None and over.traits & GROWS:
            top = over
        if self.stack_limit is not None and top.end - start > self.stack_limit:
            return None
        new = replace(above, start=start, end=above.start, extent=None, inherited=(), pa=0, bare=False)
        self.layout.insert(new)
        return new

    def end_of(self, region: Region) -> int:
        """Where the pages of a mapping's backing end, at most its own end."""
        if region.file is not None:
            length = region.file.size - region.offset
            return min(region.end, region.start + max(0, -(-length // PAGE) * PAGE))
        if region.shared and region.extent is not None:
            return min(region.end, region.start + region.extent.pa + region.extent.size - region.pa)
        return region.end

    def _populate(self, region: Region, va: int) -> bool:
        region = self.piece(region, va)
        end = self.end_of(region)
        if va >= end:
            self.fault_code = FAULT_BEYOND
            return False
        around = LEAF if region.file is None else AROUND
        lo, hi = max(region.start, va & -around), min(end, (va & -around) + around)
        if self.arena.short(hi - lo):
            lo, hi = va, va + PAGE
            if self.arena.short(PAGE):
                self.fault_code = FAULT_MEMORY
                return False
        self._enter(region, lo, hi)
        return True

    def piece(self, region: Region, va: int) -> Region:
        """The part of a region that gets its memory together with `va`."""
        if region.size <= CHUNK or region.extent is not None or region.file is not None or region.shared:
            return region
        for boundary in (va & -CHUNK, (va & -CHUNK) + CHUNK):
            self.layout.split(boundary)
        found = self.layout.at(va)
        assert found is not None
        return found

    def _extent(self, region: Region) -> Extent:
        """The memory of a region, allocated when first needed."""
        if region.extent is None:
            try:
                region.pa = self.arena.alloc(region.size)
            except ArenaFull:
                raise Errno(E.NOMEM) from None
            region.extent = Extent(region.pa, region.size, region.shared, 1)
        return region.extent

    def _enter(self, region: Region, lo: int, hi: int) -> None:
        """Write the missing entries of [lo, hi) in one region, reading file pages in."""
        self._extent(region)
        have = [va for va, _ in self.table.entries(lo, hi - lo)]
        at = lo
        for va in (*have, hi):
            if va > at:
                pa = region.pa + at - region.start
                if region.file is not None and not region.shared:
                    self._load(region, at, pa, va - at)
                self.table.fill(at, va - at, pa, region.prot)
            at = va + PAGE
        if is_aliased(region):
            settle(self, region, lo, hi)

    def _load(self, region: Region, va: int, pa: int, size: int) -> None:
        assert region.file is not None
        offset, end = region.offset + va - region.start, pa + size
        while pa < end:
            try:
                n = os.preadv(region.file.fd, [self._view[pa:end]], offset)
            except OSError as error:
                raise failure(error) from None
            if n <= 0:
                return
            pa, offset = pa + n, offset + n

    def _copy(self, region: Region, va: int, entry: int) -> None:
        """Resolve copy-on-write: the page stays where nobody else has it, or moves into the region's own extent."""
        target = entry & ADDRESS
        if not self._alone(region, target):
            if self.arena.short(PAGE):
                raise Errno(E.NOMEM)
            self._extent(region)
            source, target = target, region.pa + va - region.start
            if source != target:
                self._view[target : target + PAGE] = self._view[source : source + PAGE]
        self.table.fill(va, PAGE, target, region.prot)
        self.forget(va, PAGE)
        self.emit(EventKind.UNMAP, va, PAGE)

    def _alone(self, region: Region, frame: int) -> bool:
        """Whether a frame is in an extent that only this region still uses."""
        for extent in region.inherited:
            if extent.pa <= frame < extent.pa + extent.size:
                return extent.regions == 1
        return region.extent is not None and not region.extent.shared

    def own(self, region: Region, va: int, end: int, *, write: bool) -> list[tuple[int, int]]:
        """Arena ranges behind [va, end) of one region, populated; to write, no longer copy-on-write."""
        first = va & ~(PAGE - 1)
        size = -(-end // PAGE) * PAGE - first
        if end > self.end_of(region):
            raise Errno(E.FAULT)
        self._enter(region, first, first + size)
        at = region.pa - region.start
        if not region.inherited:
            return [(va + at, end + at)]
        cow = self.table.format.cow
        pages: list[tuple[int, int]] = []
        for page, entry in list(self.table.entries(first, size)):
            if entry & cow and write:
                self._copy(region, page, entry)
            frame = self.table.get(page) & ADDRESS
            pages.append((frame + max(va - page, 0), frame + min(end - page, PAGE)))
        return pages

    # forks

    def share(self, region: Region) -> None:
        """Turn the memory of a private region into one that two regions inherit."""
        if region.bare and region.extent is not None:
            for lo, hi in self.arena.written(region.pa, region.size):
                delta = region.start - region.pa
                self._enter(region, (lo + delta) & -PAGE, -(-(hi + delta) // PAGE) * PAGE)
            region.bare = False
        if len(region.inherited) >= CHAIN:
            self._gather(region)
        self.table.protect(region.start, region.size, region.prot, share=True)
        for extent in region.inherited:
            extent.regions += 1
        if region.extent is not None:
            region.inherited += (Extent(region.pa, region.size, shared=True, regions=2),)
            region.extent = None

    def _gather(self, region: Region) -> None:
        """Bring all pages of a region into its own extent, so that it no longer uses those of earlier forks."""
        self._extent(region)
        for va, entry in list(self.table.entries(region.start, region.size)):
            source, target = entry & ADDRESS, region.pa + va - region.start
            if source != target:
                self._view[target : target + PAGE] = self._view[source : source + PAGE]
                self.table.fill(va, PAGE, target, region.prot)
        self.fetched.settle(region.start, region.end)
        self.forget(region.start, region.size)
        self.emit(EventKind.UNMAP, region.start, region.size)
        gone, region.inherited = region.inherited, ()
        for extent in gone:
            self.unshare(region, extent)

    def unshare(self, region: Region, extent: Extent) -> None:
        """A region uses a shared extent no more; the last gives its memory back."""
        extent.regions -= 1
        if extent.regions:
            return
        if region.code or extent.code:
            self.code_everywhere()
        if extent.file is not None:
            self.arena.lift(extent)
        self.arena.free(extent.pa, extent.size)

    # files

    def look_at_files(self) -> None:
        """Mappings lose their pages behind the ends of their files, also those that were private already."""
        for region in self.layout:
            if region.file is None:
                continue
            lo = self.end_of(region)
            if lo < region.end and self.table.clear(lo, region.end - lo):
                self.forget(lo, region.end - lo)
                self.fetched.forget(lo, region.end)
                self.emit(EventKind.UNMAP, lo, region.end - lo)
                if region.extent is not None and not region.shared:
                    self.arena.punch(region.pa + lo - region.start, region.end - lo)
