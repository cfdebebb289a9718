"""The guest's address space: mapping, protecting, moving, forgetting; how pages come into being is in paging.py."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Protocol

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.record import replace
from runtime.cpu.api import EventKind
from runtime.kernel.access import EVERYTHING
from runtime.kernel.aliases import is_aliased, settle
from runtime.kernel.frames import PAGE, Arena
from runtime.kernel.pagetable import ADDRESS, W, X
from runtime.kernel.placement import Heap as Heap
from runtime.kernel.placement import Placement
from runtime.kernel.regions import (
    LOCKED,
    LOCKED_ON_FAULT,
    STAYS,
    WIPES,
    Backing,
    FileBacking,
    Region,
    Segment,
)

EAGER = 64 * PAGE  # anonymous mappings up to this size get their entries at once


class MappingWatcher(Protocol):
    """Who wants to know what is executed: whoever translates it."""

    def executable(self, space: AddressSpace, start: int, end: int, file: FileBacking, offset: int) -> None:
        """[start, end) of a private mapping is executable from now on; `offset` is that of `start` in the file."""

    def made(self, space: AddressSpace, start: int, end: int) -> None:
        """[start, end) is executable from now on, and what it holds the guest can have put there."""

    def plain(self, start: int, end: int) -> None:
        """What is executed in [start, end) is from now on what is there: the guest changes it, or may."""

    def gone(self, space: AddressSpace, start: int, end: int, *, unmapped: bool) -> None:
        """[start, end) is no longer what it was: nothing is there, or (not `unmapped`) something else will be."""

    def own_code(self, address: int, size: int) -> None:
        """The kernel itself put code there that may trap."""


class AddressSpace(Placement):
    """One guest address space. `page_size` is what the guest is told; tables always use 4 KiB."""

    def __init__(self, arena: Arena, arch: Arch, page_size: int = PAGE) -> None:
        super().__init__(arena, arch, page_size)
        self.watcher: MappingWatcher | None = None

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
        traits: int = 0,
        segment: Segment | None = None,
    ) -> int:
        """Map `size` bytes and return where. Without `fixed` the address is a hint.

        With `fixed` and not `replace`, an overlap raises EXIST. prot: X 1, W 2, R 4.
        """
        if size <= 0 or size > self.limit:
            raise Errno(E.INVAL if size <= 0 else E.NOMEM)
        if fixed:
            start, end = self._range(address or 0, size)
            if self.layout.within(start, end):
                self.check_changeable(start, end)
                if not replace:
                    raise Errno(E.EXIST)
                self._forget(start, end, unmapped=False)
        else:
            start = self._place(address, size, align, lo, hi, top_down=top_down)
            _, end = self._range(start, size)
        made = backing is None or shared or bool(prot & W)
        region = Region(start, end, prot, shared=shared, name=name, traits=traits, made=made)
        region.code = bool(prot & X)
        region = (self._grow(region) if backing is None and not shared else None) or self._insert(
            region, backing, segment
        )
        if prot and region.file is None and end - start <= EAGER and not self.arena.short(end - start):
            self._enter(region, start, min(end, self.end_of(region)))
        self.emit(EventKind.MAP, start, end - start)
        if prot & X:
            self._executable(start, end)
        return start

    def _insert(self, region: Region, backing: Backing | None, segment: Segment | None) -> Region:
        """Give a new region its memory and its place."""
        self._back(region, backing)
        if segment is not None:
            region.segment = segment
            segment.attached(1)
        self.layout.insert(region)
        self.code_shared(region)
        return region

    def watch(self, watcher: MappingWatcher) -> None:
        """Let `watcher` know of everything that is executable, and will be. What is there is the program's."""
        self.watcher = watcher
        for region in self.layout:
            region.made = bool(region.prot & W)
        self._executable(0, self.limit)

    def plain(self, start: int, end: int) -> None:
        """See GuestAccess."""
        if self.watcher is not None:
            self.watcher.plain(start, end)

    def _executable(self, start: int, end: int) -> None:
        """Tell the watcher what may be executed now: pages of files, and what the guest made."""
        if self.watcher is None:
            return
        for region in list(self.layout.within(start, end)):
            if not region.prot & X:
                continue
            lo, hi = max(start, region.start), min(end, region.end)
            if region.file is not None and not region.shared:
                self.watcher.executable(self, lo, hi, region.file, region.offset + lo - region.start)
            if region.made:
                self.watcher.made(self, lo, hi)

    def unmap(self, address: int, size: int) -> None:
        """Forget a range; unmapped parts of it are no error."""
        start, end = self._range(address, size)
        self.check_changeable(start, end)
        self._forget(start, end, unmapped=True)

    def _forget(self, start: int, end: int, *, unmapped: bool) -> None:
        """Take the regions of a range away; with `unmapped` nothing takes their place."""
        taken = self.layout.take(start, end)
        if not taken:
            return
        self.fetched.forget(start, end)
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

    def protect(self, address: int, size: int, prot: int) -> None:
        """Change rights, as far as the range is mapped and allows it.

        Raises NOMEM at the first address that is not mapped, ACCES beyond a mapping's own limit.
        """
        start, end = self._range(address, size)
        self.check_changeable(start, end)
        error: E | None = None
        at = start
        for region in self.layout.within(start, end):
            if region.start > at:
                error = E.NOMEM
            elif prot & ~region.max_prot:
                error = E.ACCES
            if error is not None:
                break
            at = min(region.end, end)
        if at > start:
            self._protect(start, at, prot)
        if error is not None or at < end:
            raise Errno(error or E.NOMEM)

    def _protect(self, start: int, end: int, prot: int) -> None:
        self.layout.split(start)
        self.layout.split(end)
        for region in self.layout.within(start, end):
            region.prot = prot
            region.code |= bool(prot & X)
            region.made |= bool(prot & W)
            self.code_shared(region)
        self.forget(start, end - start)
        if prot & W:
            self.fetched.drop(start, end)
        if self.table.protect(start, end - start, prot):
            self.fetched.settle(start, end)
            for region in filter(is_aliased, self.layout.within(start, end)):
                settle(self, region, region.start, region.end)
            self.emit(EventKind.PROTECT, start, end - start)
        if prot & X:
            self._executable(start, end)

    def decommit(self, address: int, size: int) -> None:
        """Drop the contents: anonymous memory reads as zero again, private file pages as the file."""
        start, end = self._range(address, size)
        self.check_changeable(start, end)
        self.fetched.forget(start, end)
        regions = self.layout.within(start, end)
        alone = [e for region in regions for e in region.inherited if e.regions == 1]
        frames = [e & ADDRESS for _, e in self.table.entries(start, end - start)] if alone else []
        if self.table.clear(start, end - start):
            self.forget(start, end - start)
            self.emit(EventKind.UNMAP, start, end - start)
        for frame in frames:
            if any(e.pa <= frame < e.pa + e.size for e in alone):
                self.arena.punch(frame, PAGE)
        for region in regions:
            if region.shared:
                continue
            lo, hi = max(start, region.start), min(end, region.end)
            if region.extent is not None:
                self.arena.punch(region.pa + lo - region.start, hi - lo)
            if region.code:
                self.emit(EventKind.CODE, 0, EVERYTHING)
            if region.prot & X:
                self._executable(lo, hi)

    def move(self, address: int, size: int, target: int, *, leave: bool = False) -> None:
        """Take mappings with their pages from one place to another, where nothing is.

        With `leave` empty mappings of the same kind stay behind.
        """
        start, end, delta = address, address + size, target - address
        self.fetched.forget(start, end)
        taken = self.layout.take(start, end)
        present = any(True for _ in self.table.runs(start, size))
        self.table.move(start, size, target)
        self.forget(start, size)
        if present:
            self.emit(EventKind.UNMAP, start, size)
        code = any(region.code for region in taken)
        if code:
            self.code_everywhere()
        for region in taken:
            if leave:
                self._leave(region)
            region.start, region.end = region.start + delta, region.end + delta
            self.layout.insert(region)
        self.emit(EventKind.MAP, target, size)
        if code and self.watcher is not None:
            self.watcher.gone(self, start, end, unmapped=not leave)
            self._executable(target, target + size)

    def _leave(self, region: Region) -> None:
        """A mapping like `region`, which is about to move away: of the same file or shared memory, or empty."""
        twin = replace(region, inherited=(), bare=False)
        if not region.shared:
            twin.extent = None
        elif twin.extent is not None:
            twin.extent.regions += 1
        if twin.segment is not None:
            twin.segment.attached(1)
        self.layout.insert(twin)

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

    def shown(self) -> Iterator[Region]:
        """All mappings in address order; neighbours that could be one are one."""
        last: Region | None = None
        for region in self.layout:
            if last is not None and last.end == region.start and last.like(region):
                last.end = region.end
                continue
            if last is not None:
                yield last
            last = replace(region)
        if last is not None:
            yield last

    @property
    def mapped(self) -> int:
        """Bytes of address space in use."""
        return sum(region.size for region in self.layout)

    @property
    def private(self) -> int:
        """Bytes of mappings that are written by this address space alone."""
        return sum(r.size for r in self.layout if r.prot & W and not r.shared and r.name != "[stack]")

    def clone(self) -> AddressSpace:
        """A copy for fork: both sides keep the frames, copy-on-write; whoever writes gets one of its own."""
        child = AddressSpace(self.arena, self.arch, self.page_size)
        child.low, child.high, child.heap = self.low, self.high, replace(self.heap)
        child.stack_limit, child._sealed = self.stack_limit, list(self._sealed)
        for region in self.layout:
            if region.traits & STAYS:
                continue
            if region.traits & WIPES:
                twin = replace(region, extent=None, inherited=(), bare=False)
            elif region.shared:
                twin = replace(region)
                if twin.extent is not None:
                    twin.extent.regions += 1
            else:
                self.share(region)
                twin = replace(region)
                child.table.copy(self.table, region.start, region.size)
            twin.traits &= ~(LOCKED | LOCKED_ON_FAULT)
            if twin.segment is not None:
                twin.segment.attached(1)
            child.layout.insert(twin)
        self.fetched.share(child.fetched)
        self._writes.clear()
        self.emit(EventKind.PROTECT, 0, self.limit)
        return child

    def close(self) -> None:
        """Unmap everything and free the tables."""
        for region in self.layout.take(0, 1 << 64):
            self._release(region)
        self.fetched.close()
        self.forget(0, 1 << 64)
        self.arena.spaces.remove(self)
        self.table.close()
