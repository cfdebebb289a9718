"""Which pages are in memory: making them present, locking them, asking, giving what is behind them back."""

from __future__ import annotations

import os
from collections.abc import Iterator

from aot.personality.abi.errors import E, Errno
from runtime.kernel.frames import PAGE, ArenaFull, punch
from runtime.kernel.host import failure
from runtime.kernel.memory import AddressSpace
from runtime.kernel.pagetable import ADDRESS, R, W
from runtime.kernel.regions import LOCKED, LOCKED_ON_FAULT, Region

MOST_LOOKED_AT = 1 << 40  # bytes one question may be about: its answer is as long as the pages


def frames_of(mem: AddressSpace, region: Region, lo: int, hi: int) -> list[tuple[int, int, int]]:
    """(address, arena offset, bytes) of what has memory in [lo, hi) of one region."""
    if region.inherited:
        return [(va, entry & ADDRESS, PAGE) for va, entry in mem.table.entries(lo, hi - lo)]
    hi = min(hi, mem.end_of(region))
    if region.extent is None or lo >= hi:
        return []
    return [(lo, region.pa + lo - region.start, hi - lo)]


def contents(mem: AddressSpace, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts [from, to) of a range, in order, that hold something: memory never touched is left out."""
    for region in list(mem.layout.within(start, end)):
        lo, hi = max(start, region.start), min(end, mem.end_of(region))
        if region.file is not None:
            yield from ((lo, hi),) if lo < hi else ()
            continue
        parts = [(va, va + PAGE) for va, _ in mem.table.entries(lo, hi - lo)] if region.inherited else []
        if region.extent is not None and lo < hi:
            delta = region.start - region.pa
            written = mem.arena.written(lo - delta, hi - lo)
            parts += [((a + delta) & -PAGE, -(-(b + delta) // PAGE) * PAGE) for a, b in written]
        yield from _merged(parts)


def _merged(parts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same ranges in order, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for lo, hi in sorted(parts):
        if merged and lo <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], hi)
        else:
            merged.append((lo, hi))
    return iter(merged)


def populate(mem: AddressSpace, address: int, size: int, *, write: bool | None = None) -> None:
    """Make all pages of a range present, as a read (write) of each would; None: as their rights allow.

    Raises NOMEM for what is not mapped, INVAL for what the rights forbid, FAULT beyond the end of a file.
    """
    end = address + size
    at = address
    while at < end:
        region = mem.region_at(at)
        if region is None:
            raise Errno(E.NOMEM)
        stop = min(end, region.end)
        wants = bool(region.prot & W) if write is None else write
        if not region.prot or (wants and not region.prot & W):
            if write is None:
                at = stop
                continue
            raise Errno(E.INVAL)
        for va in range(at, stop, PAGE):
            entry = mem.table.get(va)
            if mem.table.format.prot(entry) & (W if wants else R):
                continue
            if not mem.fault(va, int(wants)):
                raise Errno(E.FAULT)
        _commit(mem, at, stop)
        at = stop


def _commit(mem: AddressSpace, lo: int, hi: int) -> None:
    """Have the host's memory behind private pages, too."""
    for region in mem.layout.within(lo, hi):
        if region.file is not None:
            continue
        first, last = max(lo, region.start), min(hi, region.end)
        for _, pa, size in frames_of(mem, region, first, last):
            try:
                mem.arena.commit(pa, size)
            except ArenaFull:
                raise Errno(E.NOMEM) from None


def lock(mem: AddressSpace, address: int, size: int, traits: int) -> None:
    """Give a range the traits LOCKED and LOCKED_ON_FAULT (or take them) and make it present.

    Raises NOMEM where something is not mapped, after the rest was locked.
    """
    start, end = address & -mem.page_size, -(-(address + size) // mem.page_size) * mem.page_size
    mem.layout.split(start)
    mem.layout.split(end)
    for region in mem.layout.within(start, end):
        region.traits = region.traits & ~(LOCKED | LOCKED_ON_FAULT) | traits
    if not mem.layout.covered(start, end):
        raise Errno(E.NOMEM)
    if traits & LOCKED and not traits & LOCKED_ON_FAULT:
        populate(mem, start, end - start)


def resident(mem: AddressSpace, address: int, size: int) -> bytes:
    """For each page of a mapped range 1 or 0: whether it is in memory."""
    found = bytearray(-(-size // PAGE))
    for region in mem.layout.within(address, address + size):
        lo, hi = max(address, region.start), min(address + size, region.end)
        for va, pa, length in frames_of(mem, region, lo, hi):
            at = va - address >> 12
            pages = mem.arena.resident(pa, length)
            found[at : at + len(pages)] = bytes(page & 1 for page in pages)
    return bytes(found)


def bytes_there(mem: AddressSpace, region: Region) -> int:
    """Bytes of a mapping that the host has memory for, without looking at each page of a file."""
    if region.inherited:
        return PAGE * sum(
            1 for part in mem.layout.within(region.start, region.end) for _ in _pages(mem, part)
        )
    found = 0
    for part in mem.layout.within(region.start, region.end):
        for _, pa, size in frames_of(mem, part, part.start, part.end):
            if part.file is not None and part.shared:
                found += PAGE * sum(1 for _ in _pages(mem, part))
            else:
                found += sum(hi - lo for lo, hi in mem.arena.written(pa, size))
    return found


def _pages(mem: AddressSpace, region: Region) -> Iterator[tuple[int, int]]:
    return mem.table.entries(region.start, region.size)


def remove(mem: AddressSpace, address: int, size: int) -> None:
    """Drop what is behind shared mappings for everybody. Raises INVAL for private memory, ACCES for read-only."""
    for region in mem.layout.within(address, address + size):
        if not region.shared or region.traits & LOCKED:
            raise Errno(E.INVAL)
        if not region.max_prot & W:
            raise Errno(E.ACCES)
        lo, hi = max(address, region.start), min(address + size, mem.end_of(region))
        if lo >= hi:
            continue
        if region.file is None:
            mem.arena.punch(region.pa + lo - region.start, hi - lo)
            continue
        try:
            punch(region.file.fd, region.offset + lo - region.start, hi - lo)
        except OSError as error:
            raise failure(error) from None


def flush(mem: AddressSpace, address: int, size: int) -> None:
    """Have the files of shared mappings on their disks."""
    files = {id(r.file): r.file for r in mem.layout.within(address, address + size) if r.shared and r.file}
    for file in files.values():
        try:
            os.fdatasync(file.fd)
        except OSError as error:
            raise failure(error) from None
