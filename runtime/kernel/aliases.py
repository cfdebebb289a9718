"""Memory that has several addresses and is code at one of them: a page of it may be written or executed, not both.

The engine sees that translated code is written when that happens at the address it was translated for, and at no
other. So a page that may be executed somewhere cannot be written anywhere: the first write faults, drops what was
translated and takes the right to execute away, and the next execution faults and takes the right to write away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runtime.cpu.api import EventKind
from runtime.kernel.frames import PAGE, Extent
from runtime.kernel.pagetable import ADDRESS, W, X
from runtime.kernel.regions import Region

if TYPE_CHECKING:
    from runtime.kernel.access import GuestAccess

WRITE = 1  # a kind of access, as in Paging.fault


def is_aliased(region: Region) -> bool:
    """Whether the rule holds for the memory of a region."""
    return region.extent is not None and region.extent.shared and region.extent.code


def settle(space: GuestAccess, region: Region, start: int, end: int) -> None:
    """Take from the pages of [start, end), in one aliased region, the right that they may not have now."""
    assert region.extent is not None
    table, written = space.table, region.extent.written
    for va, entry in list(table.entries(start, end - start)):
        frame = entry & ADDRESS
        table.set(va, frame | table.format.bits(region.prot & ~(X if frame in written else W)))
    space.forget(start, end - start)


def settle_all(space: GuestAccess, extent: Extent) -> None:
    """The memory of an extent has become code at one of its addresses."""
    for other, region in _regions(space, extent):
        settle(other, region, region.start, region.end)
        other.emit(EventKind.PROTECT, region.start, region.size)


def turn(space: GuestAccess, region: Region, va: int, access: int) -> None:
    """Let a present page of an aliased region be written, or executed."""
    extent = region.extent
    assert extent is not None
    frame = space.table.get(va) & ADDRESS
    if access == WRITE:
        extent.written.add(frame)
    else:
        extent.written.discard(frame)
    for other, twin in _regions(space, extent):
        at = twin.start + frame - twin.pa
        if twin.start <= at < twin.end and other.table.get(at):
            settle(other, twin, at, at + PAGE)
            other.emit(EventKind.PROTECT, at, PAGE)
    if access == WRITE:
        space.code_everywhere()


def _regions(space: GuestAccess, extent: Extent) -> Iterator[tuple[GuestAccess, Region]]:
    for other in space.arena.spaces:
        yield from ((other, region) for region in list(other.layout) if region.extent is extent)
