"""Where mappings go and what memory they get: ranges, gaps, backings, and giving them back."""

from __future__ import annotations

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from aot.record import dataclass
from runtime.kernel.frames import PAGE, Arena
from runtime.kernel.host import failure
from runtime.kernel.pagetable import W
from runtime.kernel.paging import Paging
from runtime.kernel.regions import SEALED, UNRESERVED, Backing, FileBacking, Region, SharedBacking


@dataclass(slots=True)
class Heap:
    """What brk moves: where the heap starts and ends, and what it must not pass (0: the address space)."""

    start: int = 0
    end: int = 0
    limit: int = 0


class Placement(Paging):
    """The part of an address space that knows what is where and from which memory."""

    def __init__(self, arena: Arena, arch: Arch, page_size: int = PAGE) -> None:
        super().__init__(arena, arch)
        self.page_size = page_size
        self.low, self.high = 0x1_0000, self.limit  # where find_free looks by default
        self._sealed: list[tuple[int, int]] = []
        self.users = 1  # processes that have it
        self.ident = arena.next_ident()  # never reused: a name for what is keyed by address
        self.heap = Heap()

    def seal(self, address: int, size: int) -> None:
        """From now on a range stays what it is: the kernel itself reads and writes there (stubs, gates)."""
        self._sealed.append((address & -PAGE, -(-(address + size) // PAGE) * PAGE))

    def unseal(self, address: int, size: int) -> None:
        """Undo `seal` for the same range."""
        self._sealed.remove((address & -PAGE, -(-(address + size) // PAGE) * PAGE))

    def around_sealed(self, start: int, end: int) -> list[tuple[int, int]]:
        """What of [start, end) does not belong to the kernel. Raises PERM when nothing does."""
        found: list[tuple[int, int]] = []
        at = start
        for lo, hi in sorted(self._sealed):
            if hi <= at or lo >= end:
                continue
            if lo > at:
                found.append((at, lo))
            at = hi
        if at < end:
            found.append((at, end))
        if not found:
            raise Errno(E.PERM)
        return found

    def check_changeable(self, start: int, end: int) -> None:
        """Raises PERM for a range that is sealed."""
        if any(start < hi and lo < end for lo, hi in self._sealed):
            raise Errno(E.PERM)
        if any(region.traits & SEALED for region in self.layout.within(start, end)):
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

    def _grow(self, new: Region) -> Region | None:
        """The anonymous neighbour below, grown over the new range when it is alike: heaps stay one region."""
        below = self.layout.at(new.start - 1)
        if below is None or below.shared or below.file is not None or below.inherited:
            return None
        if not below.like(new) or (below.code, below.made) != (new.code, new.made):
            return None
        if below.traits & ~UNRESERVED:
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
                self._lay(region, backing)
        elif region.shared:
            self._extent(region)

    def _lay(self, region: Region, backing: FileBacking) -> None:
        """Map a region's file. Raises ACCES for writing a read-only file, PERM for a sealed one."""
        file, arena = backing.ident, self.arena
        extent = arena.laid(file, region.offset, region.size)
        try:
            if extent is not None:
                extent.regions += 1
                region.extent, region.pa = extent, extent.pa + region.offset - extent.offset
                refused = arena.lay_again(extent, backing.fd)
            else:
                refused = arena.lay(self._extent(region), file, backing.fd, region.offset)
        except OSError as error:
            self._release(region)
            raise failure(error) from None
        if refused is not None:
            region.max_prot &= ~W
            if region.prot & W:
                self._release(region)
                raise failure(refused)

    def _release(self, region: Region) -> None:
        """Give the memory of a region back that is no longer mapped."""
        extent = region.extent
        if extent is not None and not extent.shared:
            self.arena.free(region.pa, region.size)
        for shared in (*region.inherited, *([extent] if extent is not None and extent.shared else [])):
            self.unshare(region, shared)
        if region.segment is not None:
            region.segment.attached(-1)
