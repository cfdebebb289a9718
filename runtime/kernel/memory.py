"""The guest's address space: mapping, protecting, faulting in, forgetting; accesses are in access.py.

A mapping is one contiguous extent of the arena, allocated whole when it first gets a right (the arena is
sparse, so size costs nothing). Page-table entries are written lazily: a fault fills up to one leaf table
of an anonymous mapping, or 16 pages of a private file mapping, read into the extent. A shared file mapping
is the host's own mmap laid over the extent; it needs file offsets that are host-page multiples, and a file
cut short under it while the kernel itself touches the lost page kills the run, as it would any process.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from typing import Protocol

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.record import dataclass, replace
from runtime.cpu.api import EventKind
from runtime.kernel.access import EVERYTHING, GuestAccess
from runtime.kernel.frames import PAGE, Arena, ArenaFull, Extent
from runtime.kernel.host import failure
from runtime.kernel.pagetable import ADDRESS, LEAF, R, W, X
from runtime.kernel.regions import Backing, FileBacking, Region, SharedBacking

EAGER = 64 * PAGE  # anonymous mappings up to this size get their entries at once
AROUND = 16 * PAGE  # bytes read around a fault in a file
NEED = (R, W, X)  # right that an access (0 read, 1 write, 2 execute) wants
FAULT_UNMAPPED, FAULT_RIGHTS, FAULT_BEYOND = 0, 1, 2  # AddressSpace.fault_code


class MappingWatcher(Protocol):
    """Who wants to know which pages of files are executed: whoever translates them."""

    def executable(self, space: AddressSpace, start: int, end: int, file: FileBacking, offset: int) -> None:
        """[start, end) of a private mapping is executable from now on; `offset` is that of `start` in the file."""

    def gone(self, space: AddressSpace, start: int, end: int, *, unmapped: bool) -> None:
        """[start, end) is no longer what it was: nothing is there, or (not `unmapped`) something else will be."""


@dataclass(slots=True)
class Heap:
    """What brk moves: where the heap starts and ends, and what it must not pass (0: the address space)."""

    start: int = 0
    end: int = 0
    limit: int = 0


class AddressSpace(GuestAccess):
    """One guest address space. `page_size` is what the guest is told; tables always use 4 KiB."""

    def __init__(self, arena: Arena, arch: Arch, page_size: int = PAGE) -> None:
        super().__init__(arena, arch)
        self.page_size = page_size
        self.low, self.high = 0x1_0000, self.limit  # where find_free looks by default
        self.fault_code = FAULT_UNMAPPED  # why the last fault() was refused
        self._sealed: list[tuple[int, int]] = []
        self.users = 1  # processes that have it
        self.ident = arena.next_ident()  # never reused: a name for what is keyed by address
        self.heap = Heap()
        self.watcher: MappingWatcher | None = None

    # layout

    def seal(self, address: int, size: int) -> None:
        """From now on a range stays what it is: the kernel itself reads and writes there (stubs, gates)."""
        self._sealed.append((address & -PAGE, -(-(address + size) // PAGE) * PAGE))

    def unseal(self, address: int, size: int) -> None:
        """Undo `seal` for the same range."""
        self._sealed.remove((address & -PAGE, -(-(address + size) // PAGE) * PAGE))

    def _changeable(self, start: int, end: int) -> None:
        """Raises PERM for a range that is sealed."""
        if any(start < hi and lo < end for lo, hi in self._sealed):
            raise Errno(E.PERM)

    def _range(self, address: int, size: int) -> tuple[int, int]:
        """Checked, page-rounded [start, end)."""
        start = address & self.mask
        end = start + (-(-size // self.page_size) * self.page_size)
        if start % self.page_size or size <= 0 or end > self.limit:
            raise Errno(E.INVAL)
        return start, end

    def find_free(
        self,
        size: int,
        align: int = PAGE,
        lo: int | None = None,
        hi: int | None = None,
        *,
        top_down: bool = True,
    ) -> int:
        """A free range in [lo, hi). Raises NOMEM."""
        low, high = self.low if lo is None else lo, self.high if hi is None else hi
        align = max(align, self.page_size)
        found = self.layout.gap(
            -(-size // align) * align, align, low, min(high, self.limit), top_down=top_down
        )
        if found is None:
            raise Errno(E.NOMEM)
        return found

    def map(
        self,
        address: int | None,
        size: int,
        prot: int,
        *,
        fixed: bool = False,
        replace: bool = True,
        shared: bool = False,
        backing: Backing | None = None,
        lo: int | None = None,
        hi: int | None = None,
        top_down: bool = True,
        align: int = PAGE,
        name: str = "",
    ) -> int:
        """Map `size` bytes and return where. Without `fixed` the address is a hint.

        With `fixed` and not `replace`, an overlap raises EXIST. prot: X 1, W 2, R 4.
        """
        if size <= 0 or size > self.limit:
            raise Errno(E.INVAL if size <= 0 else E.NOMEM)
        if fixed:
            start, end = self._range(address or 0, size)
            if self.layout.within(start, end):
                self._changeable(start, end)
                if not replace:
                    raise Errno(E.EXIST)
                self._forget(start, end, unmapped=False)
        else:
            start = self._place(address, size, align, lo, hi, top_down=top_down)
            _, end = self._range(start, size)
        region = Region(start, end, prot, shared=shared, name=name, code=bool(prot & X))
        grown = self._grow(region) if backing is None and not shared else None
        if grown is None:
            self._back(region, backing)
            self.layout.insert(region)
            self.code_shared(region)
        else:
            region = grown
        if prot and region.file is None and end - start <= EAGER:
            self._enter(region, start, end)
        self.emit(EventKind.MAP, start, end - start)
        if prot & X:
            self._executable(start, end)
        return start

    def watch(self, watcher: MappingWatcher) -> None:
        """Let `watcher` know of everything that is executable, and will be."""
        self.watcher = watcher
        self._executable(0, self.limit)

    def _executable(self, start: int, end: int) -> None:
        """Tell the watcher which pages of files may be executed now."""
        if self.watcher is None:
            return
        for region in list(self.layout.within(start, end)):
            if region.file is not None and not region.shared and region.prot & X:
                lo, hi = max(start, region.start), min(end, region.end)
                self.watcher.executable(self, lo, hi, region.file, region.offset + lo - region.start)

    def _grow(self, new: Region) -> Region | None:
        """The anonymous neighbour below, grown over the new range when it is alike: heaps stay one region."""
        below = self.layout.at(new.start - 1)
        if below is None or below.shared or below.file is not None or below.inherited:
            return None
        if (below.prot, below.name, below.code, below.max_prot) != (
            new.prot,
            new.name,
            new.code,
            new.max_prot,
        ):
            return None
        if below.extent is not None and not self.arena.extend(below.pa + below.size, new.size):
            return None
        below.end = new.end
        return below

    def _place(
        self, hint: int | None, size: int, align: int, lo: int | None, hi: int | None, *, top_down: bool
    ) -> int:
        if hint:
            start = -(-hint // self.page_size) * self.page_size
            end = start + size
            if start % align == 0 and end <= self.limit and not self.layout.within(start, end):
                return start
        return self.find_free(size, align, lo, hi, top_down=top_down)

    def _back(self, region: Region, backing: Backing | None) -> None:
        """Give a new region its memory."""
        if isinstance(backing, SharedBacking):
            region.extent, region.pa = backing.extent, backing.extent.pa + backing.offset
            region.shared = True
            backing.extent.regions += 1
            return
        if isinstance(backing, FileBacking):
            region.file, region.offset = backing, backing.offset
        if region.shared:
            extent = self._extent(region)
            if region.file is not None:
                extent.file = True
                present = min(region.size, max(0, -(-(region.file.size - region.offset) // PAGE) * PAGE))
                if present:
                    self._lay(region, present)

    def _lay(self, region: Region, size: int) -> None:
        """Put the pages of a region's file over its memory. Raises ACCES for writing a read-only file."""
        assert region.file is not None
        try:
            writable = self.arena.lay_file(region.pa, size, region.file.fd, region.offset)
        except OSError as error:
            self._release(region)
            raise failure(error) from None
        if not writable:
            region.max_prot &= ~W
            if region.prot & W:
                self._release(region)
                raise Errno(E.ACCES)

    def _extent(self, region: Region) -> Extent:
        """The memory of a region, allocated when first needed."""
        if region.extent is None:
            try:
                region.pa = self.arena.alloc(region.size)
            except ArenaFull:
                raise Errno(E.NOMEM) from None
            region.extent = Extent(region.pa, region.size, region.shared, 1)
        return region.extent

    def unmap(self, address: int, size: int) -> None:
        """Forget a range; unmapped parts of it are no error."""
        start, end = self._range(address, size)
        self._changeable(start, end)
        self._forget(start, end, unmapped=True)

    def _forget(self, start: int, end: int, *, unmapped: bool) -> None:
        """Take the regions of a range away; with `unmapped` nothing takes their place."""
        taken = self.layout.take(start, end)
        if not taken:
            return
        present = self.table.clear(start, end - start)
        self.forget(start, end - start)
        code = present and any(region.code for region in taken)
        if present:  # before frames can be reused, the engine must not reach them any more
            self.emit(EventKind.UNMAP, start, end - start)
        if code:
            self.emit(EventKind.CODE, 0, EVERYTHING)
        for region in taken:
            self._release(region)
        if self.watcher is not None and any(region.code for region in taken):
            self.watcher.gone(self, start, end, unmapped=unmapped)

    def _release(self, region: Region) -> None:
        """Give the memory of a region back that is no longer mapped."""
        extent = region.extent
        if extent is not None and not extent.shared:
            self.arena.free(region.pa, region.size)
        for shared in (*region.inherited, *([extent] if extent is not None and extent.shared else [])):
            shared.regions -= 1
            if shared.regions:
                continue
            if region.code or shared.code:
                self.code_everywhere()
            if shared.file:
                self.arena.lift_file(shared.pa, shared.size)
            self.arena.free(shared.pa, shared.size)

    def protect(self, address: int, size: int, prot: int) -> None:
        """Change rights.

        Raises NOMEM when part of the range is not mapped, ACCES beyond a mapping's own limit.
        """
        start, end = self._range(address, size)
        self._changeable(start, end)
        if not self.layout.covered(start, end):
            raise Errno(E.NOMEM)
        if any(prot & ~region.max_prot for region in self.layout.within(start, end)):
            raise Errno(E.ACCES)
        self.layout.split(start)
        self.layout.split(end)
        for region in self.layout.within(start, end):
            region.prot = prot
            region.code |= bool(prot & X)
            self.code_shared(region)
        self.forget(start, end - start)
        if self.table.protect(start, end - start, prot):
            self.emit(EventKind.PROTECT, start, end - start)
        if prot & X:
            self._executable(start, end)

    def decommit(self, address: int, size: int) -> None:
        """Drop the contents: anonymous memory reads as zero again, private file pages as the file."""
        start, end = self._range(address, size)
        self._changeable(start, end)
        if self.table.clear(start, end - start):
            self.forget(start, end - start)
            self.emit(EventKind.UNMAP, start, end - start)
        for region in self.layout.within(start, end):
            if region.extent is None or region.shared:
                continue
            lo, hi = max(start, region.start), min(end, region.end)
            self.arena.punch(region.pa + lo - region.start, hi - lo)
            if region.code:
                self.emit(EventKind.CODE, 0, EVERYTHING)
            if region.prot & X:
                self._executable(lo, hi)

    def regions(self) -> Iterator[Region]:
        """All mappings in address order."""
        return iter(self.layout)

    def region_at(self, address: int) -> Region | None:
        """The mapping that holds an address."""
        return self.layout.at(address & self.mask)

    def name_of(self, address: int) -> tuple[Hashable, int]:
        """What waiters on an address have in common: its place in shared memory, or this space's own address."""
        va = address & self.mask
        region = self.layout.at(va)
        if region is None or not region.shared:
            return self.ident, va
        if region.file is not None:
            return region.file.ident, region.offset + va - region.start
        return region.extent, region.pa + va - region.start

    # faults

    def fault(self, address: int, access: int) -> bool:
        """Make a page present (access 0 read, 1 write, 2 execute); False when it cannot be.

        A page present with the right is success too: another context was faster.
        """
        va = address & self.mask
        region = self.layout.at(va) if va < self.limit else None
        if region is None:
            self.fault_code = FAULT_UNMAPPED
            return False
        need = NEED[access]
        # any right implies reading, as on the hardware
        if not (region.prot & need or (need == R and region.prot)):
            self.fault_code = FAULT_RIGHTS
            return False
        va &= ~(PAGE - 1)
        entry = self.table.get(va)
        if self.table.format.prot(entry) & need:
            return True
        if entry & self.table.format.cow and access == 1:
            self._copy(region, va, entry)
            return True
        try:
            return self._populate(region, va)
        except Errno:  # no memory for the extent
            self.fault_code = FAULT_BEYOND
            return False

    def _populate(self, region: Region, va: int) -> bool:
        self._extent(region)
        if region.file is None:
            lo, hi = max(region.start, va & ~(LEAF - 1)), min(region.end, (va | LEAF - 1) + 1)
            self._enter(region, lo, hi)
            return True
        lo, hi = max(region.start, va & ~(AROUND - 1)), min(region.end, (va | AROUND - 1) + 1)
        length = region.file.size - region.offset
        hi = min(hi, region.start + max(0, -(-length // PAGE) * PAGE))
        if va >= hi:
            self.fault_code = FAULT_BEYOND
            return False
        self._enter(region, lo, hi)
        return True

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
        """Resolve copy-on-write: the page moves into the region's own extent."""
        self._extent(region)
        source, target = entry & ADDRESS, region.pa + va - region.start
        if source != target:
            self._view[target : target + PAGE] = self._view[source : source + PAGE]
        self.table.fill(va, PAGE, target, region.prot)
        self.forget(va, PAGE)
        self.emit(EventKind.UNMAP, va, PAGE)

    def own(self, region: Region, va: int, end: int, *, write: bool) -> list[tuple[int, int]]:
        """Arena ranges behind [va, end) of one region, populated; to write, no longer copy-on-write."""
        first = va & ~(PAGE - 1)
        size = -(-end // PAGE) * PAGE - first
        self._enter(region, first, first + size)
        at = region.pa - region.start
        if not region.inherited:
            return [(va + at, end + at)]
        cow = self.table.format.cow
        pages: list[tuple[int, int]] = []
        for page, entry in list(self.table.entries(first, size)):
            frame = entry & ADDRESS
            if entry & cow and write:
                self._copy(region, page, entry)
                frame = page + at
            pages.append((frame + max(va - page, 0), frame + min(end - page, PAGE)))
        return pages

    def clone(self) -> AddressSpace:
        """A copy for fork: both sides keep the frames, copy-on-write; whoever writes gets one of its own."""
        child = AddressSpace(self.arena, self.arch, self.page_size)
        child.low, child.high, child.heap = self.low, self.high, replace(self.heap)
        for region in self.layout:
            if region.shared:
                twin = replace(region)
                if twin.extent is not None:
                    twin.extent.regions += 1
            else:
                self._share(region)
                twin = replace(region)
                child.table.copy(self.table, region.start, region.size)
            child.layout.insert(twin)
        self._writes.clear()
        self.emit(EventKind.PROTECT, 0, self.limit)
        return child

    def _share(self, region: Region) -> None:
        """Turn the memory of a private region into one that two regions inherit."""
        self.table.protect(region.start, region.size, region.prot, share=True)
        for extent in region.inherited:
            extent.regions += 1
        if region.extent is not None:
            region.inherited += (Extent(region.pa, region.size, shared=True, regions=2),)
            region.extent = None

    def close(self) -> None:
        """Unmap everything and free the tables."""
        for region in self.layout.take(0, 1 << 64):
            self._release(region)
        self.forget(0, 1 << 64)
        self.arena.spaces.remove(self)
        self.table.close()
