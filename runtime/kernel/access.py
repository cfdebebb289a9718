"""How the kernel touches guest memory: rights enforced per page, no copy where none is needed.

Two small caches map a page number to `arena offset - address`; the common access of a few bytes in one
populated page is a dict lookup and a slice. Pages that are or were executable are never in the write
cache, so every kernel write into them is seen and drops translated code.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from aot.image.model import Arch
from aot.personality.abi.errors import E, Errno
from runtime.cpu.api import EventKind, RangeEvent
from runtime.kernel.aliases import settle_all
from runtime.kernel.direct import Translations
from runtime.kernel.frames import Arena
from runtime.kernel.pagetable import ADDRESS, PageTable, R, W, X
from runtime.kernel.regions import Region, Regions

if TYPE_CHECKING:
    from runtime.kernel.fetched import Fetched

WHOLE = 8 << 12  # longer ranges are looked up by mapping, not by page
EVERYTHING = 1 << 64  # size of a CODE event that means all translated code
USER_LIMIT = {Arch.X86_64: (1 << 47) - 4096, Arch.AARCH64: 1 << 48}
ADDRESS_MASK = {Arch.X86_64: (1 << 64) - 1, Arch.AARCH64: (1 << 56) - 1}  # arm64 ignores the top byte
Listener = Callable[[RangeEvent], None]

_U64 = struct.Struct("<Q")
_U32 = struct.Struct("<I")


class GuestAccess:
    """Reading and writing one address space. Every failure is Errno(FAULT)."""

    def __init__(self, arena: Arena, arch: Arch) -> None:
        self.arena, self.arch = arena, arch
        self.limit, self.mask = USER_LIMIT[arch], ADDRESS_MASK[arch]
        self.table = PageTable(arena, arch)
        self.layout = Regions()
        self.listeners: list[Listener] = []
        self._map, self._view = arena.map, arena.view
        self._reads = self.readable = Translations()
        self._writes = self.writable = Translations()
        arena.spaces.append(self)
        self.fetched: Fetched
        self.faulted = (0, False)  # where the last Errno(FAULT) came from: address, write

    @abstractmethod
    def seal(self, address: int, size: int) -> None:
        """From now on a range stays what it is."""

    @abstractmethod
    def fault(self, address: int, access: int) -> bool:
        """Make a page present (access 0 read, 1 write, 2 execute); False when it cannot be."""

    def emit(self, kind: EventKind, address: int, size: int) -> None:
        """Tell the backends about a change."""
        event = RangeEvent(kind, address, size)
        for listener in self.listeners:
            listener(event)

    # one page

    def _code_written(self, region: Region, va: int, size: int) -> None:
        if region.prot & X and not (region.extent and region.extent.shared):
            self.emit(EventKind.CODE, va, size)
        else:  # translated under rights or an address that this page does not have now, or in another space
            self.code_everywhere()

    def code_everywhere(self) -> None:
        """Drop all translated code of every space in the arena."""
        for space in self.arena.spaces:
            space.emit(EventKind.CODE, 0, EVERYTHING)

    def code_shared(self, region: Region) -> None:
        """Memory that several addresses map has become code at one of them: every write must be seen now."""
        if region.code and region.extent is not None and region.extent.shared and not region.extent.code:
            region.extent.code = True
            settle_all(self, region.extent)

    def _resolve(self, va: int, size: int, *, write: bool) -> int | None:
        """`arena offset - va` of a page the guest may access, None when it may not."""
        need = W if write else R
        entry = self.table.get(va)
        if not self.table.format.prot(entry) & need:
            if va >= self.limit or not self.fault(va, int(write)):
                self.faulted = va, write
                return None
            entry = self.table.get(va)
        delta = (entry & ADDRESS) - (va & ~4095)
        if not write:
            self._reads[va >> 12] = delta
            return delta
        region = self.layout.at(va)
        assert region is not None
        if region.code or (region.extent is not None and region.extent.code):
            self._code_written(region, va, size)
        else:
            self._writes[va >> 12] = delta
        return delta

    def _runs(self, address: int, size: int, *, write: bool, partial: bool = False) -> list[tuple[int, int]]:
        """Arena ranges [from, to) behind a guest range, adjacent ones merged."""
        va = address & self.mask
        end = va + size
        if end > self.limit and not partial:  # kernel half, non-canonical, wrapping
            self.faulted = va, write
            raise Errno(E.FAULT)
        known = self._writes if write else self._reads
        runs: list[tuple[int, int]] = []
        first = last = -1
        while va < end:
            stop = min(end, (va | 4095) + 1)
            delta = known.get(va >> 12)
            if end - va > WHOLE:
                whole = self._whole(va, end, write=write)
                if whole is not None:
                    stop, delta = whole
            if delta is None:
                delta = self._resolve(va, stop - va, write=write)
                if delta is None:
                    if partial and last >= 0:
                        break
                    raise Errno(E.FAULT)
            if va + delta != last:
                if last >= 0:
                    runs.append((first, last))
                first = va + delta
            last = stop + delta
            va = stop
        if last >= 0:
            runs.append((first, last))
        return runs

    def _whole(self, va: int, end: int, *, write: bool) -> tuple[int, int] | None:
        """(end, `arena offset - va`) of the part in one plain anonymous mapping: no page need be asked for."""
        region = self.layout.at(va)
        if region is None or region.file is not None or region.inherited:
            return None
        extent = region.extent
        allowed = region.prot & W if write else region.prot
        if not allowed or extent is None or (write and (region.code or extent.code)):
            return None
        if extent.shared and region.pa + region.size > extent.pa + extent.size:  # grown past what it shares
            return None
        if write:
            region.bare = True
        return min(end, region.end), region.pa - region.start

    def forget(self, va: int, size: int) -> None:
        """Drop cached translations of a range."""
        if size > 64 << 12:
            self._reads.clear()
            self._writes.clear()
        else:
            first, end = va >> 12, (va + size + 4095) >> 12
            self._reads.drop(first, end)
            self._writes.drop(first, end)

    # what ops and kinds use

    def read(self, address: int, size: int, /) -> bytes:
        """A copy of guest bytes."""
        delta = self._reads.get(address >> 12)
        if delta is not None and (address & 4095) + size <= 4096:
            at = address + delta
            return self._map[at : at + size]
        guest = self._map
        return b"".join([guest[lo:hi] for lo, hi in self._runs(address, size, write=False)])

    def write(self, address: int, data: bytes, /) -> None:
        """Store bytes; nothing is stored when any of them may not be."""
        size = len(data)
        delta = self._writes.get(address >> 12)
        if delta is not None and (address & 4095) + size <= 4096:
            at = address + delta
            self._map[at : at + size] = data
            return
        done = 0
        for lo, hi in self._runs(address, size, write=True):
            self._view[lo:hi] = data[done : done + hi - lo]
            done += hi - lo

    def cstr(self, address: int, limit: int = 1 << 20, /) -> bytes:
        """The bytes before the first NUL. Raises NAMETOOLONG when there is none in `limit` bytes."""
        va, left = address & self.mask, limit
        parts: list[bytes] = []
        while left > 0:
            n = min(left, 4096 - (va & 4095))
            delta = self._reads.get(va >> 12)
            if delta is None:
                delta = self._resolve(va, n, write=False)
                if delta is None:
                    raise Errno(E.FAULT)
            at = va + delta
            end = self._map.find(b"\0", at, at + n)
            if end >= 0:
                parts.append(self._map[at:end])
                return parts[0] if len(parts) == 1 else b"".join(parts)
            parts.append(self._map[at : at + n])
            va += n
            left -= n
        raise Errno(E.NAMETOOLONG)

    def load_u64(self, address: int, /) -> int:
        """A little-endian word."""
        delta = self._reads.get(address >> 12)
        if delta is not None and address & 4095 <= 4088:
            return int(_U64.unpack_from(self._map, address + delta)[0])
        return int.from_bytes(self.read(address, 8), "little")

    def load_u32(self, address: int, /) -> int:
        """A little-endian half word (futex and park values)."""
        delta = self._reads.get(address >> 12)
        if delta is not None and address & 4095 <= 4092:
            return int(_U32.unpack_from(self._map, address + delta)[0])
        return int.from_bytes(self.read(address, 4), "little")

    def store_u64(self, address: int, value: int, /) -> None:
        """Store a little-endian word (taken modulo 2**64)."""
        self.write(address, _U64.pack(value & (1 << 64) - 1))

    def store_u32(self, address: int, value: int, /) -> None:
        """Store a little-endian half word (taken modulo 2**32)."""
        self.write(address, _U32.pack(value & 0xFFFF_FFFF))

    def probe(self, address: int, size: int, write: bool, /) -> None:
        """Raise FAULT unless the whole range may be read (written)."""
        known = self._writes if write else self._reads
        if address >> 12 in known and (address & 4095) + size <= 4096:
            return
        self._runs(address, size, write=write)

    def buffers(
        self, address: int, size: int, write: bool, partial: bool = False, /
    ) -> tuple[memoryview, ...]:
        """Guest memory itself, one view per contiguous run. `partial`: as much as is accessible."""
        known = self._writes if write else self._reads
        delta = known.get(address >> 12)
        if delta is not None and (address & 4095) + size <= 4096:
            at = address + delta
            return (self._view[at : at + size],)
        view = self._view
        return tuple([view[lo:hi] for lo, hi in self._runs(address, size, write=write, partial=partial)])

    # what loaders and the machine use

    def peek(self, address: int, size: int) -> bytes:
        """Read whatever the rights are. Raises FAULT where nothing is mapped."""
        return b"".join([self._map[lo:hi] for lo, hi in self._owned(address, size, write=False)])

    def poke(self, address: int, data: bytes) -> None:
        """Write whatever the rights are; translated code of the range is dropped."""
        self.fetched.drop(address, address + len(data))
        done = 0
        for lo, hi in self._owned(address, len(data), write=True):
            self._view[lo:hi] = data[done : done + hi - lo]
            done += hi - lo
        if any(region.code for region in self.layout.within(address, address + len(data))):
            self.emit(EventKind.CODE, 0, EVERYTHING)

    def window(self, address: int, size: int) -> memoryview:
        """Mapped memory inside one page, for writers that must not look at the tables (other threads)."""
        (lo, hi), *_ = self._owned(address, size, write=True)
        self.seal(address, size)
        return self._view[lo:hi]

    def _owned(self, address: int, size: int, *, write: bool) -> list[tuple[int, int]]:
        """Arena ranges behind mapped pages, populated when needed."""
        runs: list[tuple[int, int]] = []
        va, end = address, address + size
        if not self.layout.covered(va, end):
            raise Errno(E.FAULT)
        while va < end:
            region = self.layout.at(va)
            assert region is not None
            stop = min(end, region.end)
            runs += self.own(region, va, stop, write=write)
            va = stop
        return runs

    @abstractmethod
    def plain(self, start: int, end: int) -> None:
        """What is executed in [start, end) is what is read there, from now on."""

    @abstractmethod
    def look_at_files(self) -> None:
        """Mappings lose their pages behind the ends of their files."""

    @abstractmethod
    def own(self, region: Region, va: int, end: int, *, write: bool) -> list[tuple[int, int]]:
        """Populate [va, end) of a region and make it private where it is copy-on-write."""
