"""Pages that are executed as something else than they are read: patched code, of which the guest sees its own bytes.

Such a page has a second frame, which only instruction fetches reach. Its entry in the page table says that it may
only be read, so a fetch comes to the kernel, which answers with that frame; everything else finds the page as the
guest has it. Whatever writes the page, makes it writable or takes it away drops the second frame, and what is
executed then is what is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aot.record import dataclass
from runtime.cpu.api import EventKind
from runtime.kernel.frames import PAGE
from runtime.kernel.pagetable import ADDRESS, R, W, X

if TYPE_CHECKING:
    from runtime.kernel.paging import Paging

WINDOW = 16  # bytes, at least what one patch replaces


@dataclass(slots=True, eq=False)
class Second:
    """A second frame, and how many address spaces have it."""

    pa: int
    users: int = 1


class Fetched:
    """The second frames of one address space."""

    def __init__(self, space: Paging) -> None:
        self.space = space
        self.frames: dict[int, Second] = {}  # by address of the page

    def put(self, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Have bytes executed, at (address, bytes), that nobody reads."""
        space = self.space
        for address, data in pieces:
            at = address
            while at < address + len(data):
                page = at & -PAGE
                stop = min(address + len(data), page + PAGE)
                to = self._own(page).pa + at - page
                space.arena.view[to : to + stop - at] = data[at - address : stop - address]
                at = stop
            space.emit(EventKind.CODE, address, len(data))
        space.emit(EventKind.PROTECT, 0, space.limit)

    def _own(self, page: int) -> Second:
        """The second frame of a page, which no other address space has."""
        space, second = self.space, self.frames.get(page)
        if second is not None and second.users == 1:
            return second
        content = self.peek(page, PAGE)
        if second is not None:
            second.users -= 1
        made = self.frames[page] = Second(space.arena.table())
        space.arena.view[made.pa : made.pa + PAGE] = content
        self.settle(page, page + PAGE)
        return made

    def settle(self, start: int, end: int) -> None:
        """Let fetches of the pages in [start, end) come to the kernel, whatever their entries say by now."""
        for page in self._within(start, end):
            self._restrict(page, R)

    def _restrict(self, page: int, rights: int) -> None:
        """Give a page those of its mapping's rights that are among these."""
        table, region = self.space.table, self.space.layout.at(page)
        entry, cow = table.get(page), table.format.cow
        if entry and region is not None:
            rights &= region.prot & ~W if entry & cow else region.prot
            table.set(page, entry & (ADDRESS | cow) | table.format.bits(rights))

    def drop(self, start: int, end: int) -> None:
        """Have the pages that [start, end) touches executed as they are read, and others that a window of patched
        code joins to them."""
        pages = self._within(start & -PAGE, end)
        if not pages:
            return
        low, high = pages[0], pages[-1] + PAGE
        while self._joined(low - PAGE):
            low -= PAGE
        while self._joined(high - PAGE):
            high += PAGE
        self.forget(low, high)
        self.space.plain(low, high)

    def _joined(self, page: int) -> bool:
        """Whether patched code goes on from a page into the next."""
        if page not in self.frames or page + PAGE not in self.frames:
            return False
        border, size = page + PAGE, 2 * WINDOW
        read, executed = self.space.peek(border - WINDOW, size), self.peek(border - WINDOW, size)
        return read[:WINDOW] != executed[:WINDOW] and read[WINDOW:] != executed[WINDOW:]

    def forget(self, start: int, end: int) -> None:
        """The same for what goes, or is patched again at once."""
        space, pages = self.space, self._within(start & -PAGE, end)
        for page in pages:
            self._release(self.frames.pop(page))
            self._restrict(page, R | W | X)
        if pages:
            space.emit(EventKind.PROTECT, start, end - start)
            space.emit(EventKind.CODE, 0, 1 << 64)

    def _within(self, start: int, end: int) -> list[int]:
        if end - start <= PAGE:
            return [start] if start in self.frames else []
        return sorted(page for page in self.frames if start <= page < end)

    def _release(self, second: Second) -> None:
        second.users -= 1
        if not second.users:
            self.space.arena.free_table(second.pa)

    def peek(self, address: int, size: int) -> bytes:
        """What is executed there, whatever the rights are. Raises FAULT where nothing is mapped."""
        code = bytearray(self.space.peek(address, size))
        for page in self._within(address & -PAGE, address + size):
            lo, hi = max(page, address), min(page + PAGE, address + size)
            at = self.frames[page].pa + lo - page
            code[lo - address : hi - address] = self.space.arena.view[at : at + hi - lo]
        return bytes(code)

    def share(self, other: Fetched) -> None:
        """Let a copy of the address space have the same frames."""
        for second in self.frames.values():
            second.users += 1
        other.frames = dict(self.frames)
        self.settle(0, self.space.limit)
        other.settle(0, self.space.limit)

    def close(self) -> None:
        """Give all frames back."""
        for second in self.frames.values():
            self._release(second)
        self.frames.clear()
