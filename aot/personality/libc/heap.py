"""A process heap: blocks of guest memory, their sizes kept outside the guest's reach."""

from __future__ import annotations

from typing import Any

from aot.record import dataclass, field

ALIGN = 16
GROW = 1 << 20  # bytes mapped at a time
LARGE = 1 << 19  # blocks from here on have a mapping of their own
PAGE = 4096


def _rounded(size: int) -> int:
    """Room of a block: multiples of 16, from 1 KiB on steps of an eighth, so that freed blocks fit again."""
    if size <= 1024:
        return max(ALIGN, size + ALIGN - 1 & -ALIGN)
    step = 1 << (size - 1).bit_length() - 4
    return size + step - 1 & -step


@dataclass(slots=True)
class Heap:
    """All blocks of the process; `sizes` has (asked, room, heap handle) by address."""

    sizes: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    spare: dict[int, list[int]] = field(default_factory=dict)
    at: int = 0
    end: int = 0

    def alloc(self, mem: Any, size: int, heap: int = 0, align: int = ALIGN) -> int:
        """Address of a block; its contents are what was there. Raises NOMEM."""
        room = _rounded(size)
        if room >= LARGE or align > ALIGN:
            room = room + PAGE - 1 & -PAGE
            address = int(mem.map(None, room, 6, align=max(align, PAGE), name="[heap]"))
        elif self.spare.get(room):
            address = self.spare[room].pop()
        else:
            if self.at + room > self.end:
                self.at = int(mem.map(None, GROW, 6, name="[heap]"))
                self.end = self.at + GROW
            address = self.at
            self.at += room
        self.sizes[address] = (size, room, heap)
        return address

    def free(self, mem: Any, address: int) -> bool:
        """Give a block back; False when there is none at the address."""
        found = self.sizes.pop(address, None)
        if found is None:
            return False
        if found[1] >= LARGE or (found[1] % PAGE == 0 and address % PAGE == 0 and found[1] not in self.spare):
            mem.unmap(address, found[1])
        else:
            self.spare.setdefault(found[1], []).append(address)
        return True

    def resize(self, mem: Any, address: int, size: int) -> int:
        """Address of the block with a new size and its old contents."""
        asked, room, heap = self.sizes[address]
        if size <= room and (size >= room // 2 or room <= 1024):
            self.sizes[address] = (size, room, heap)
            return address
        fresh = self.alloc(mem, size, heap)
        mem.write(fresh, mem.read(address, min(asked, size)))
        self.free(mem, address)
        return fresh

    def destroy(self, mem: Any, heap: int) -> None:
        """Free every block of one heap."""
        for address in [a for a, (_, _, h) in self.sizes.items() if h == heap]:
            self.free(mem, address)


def zero(mem: Any, address: int, size: int) -> None:
    """Clear a block."""
    while size > 0:
        count = min(size, 1 << 20)
        mem.write(address, bytes(count))
        address, size = address + count, size - count
