"""What is mapped where: the ordered regions of one address space, splitting them and finding gaps."""

from __future__ import annotations

import os
import weakref
from bisect import bisect_right
from collections.abc import Iterator
from typing import Protocol

from aot.record import dataclass, replace
from runtime.kernel.frames import Extent
from runtime.kernel.host import failure


class FileBacking:
    """A host file under a mapping. Keeps its own descriptor, so the guest may close its one."""

    __slots__ = ("__weakref__", "fd", "name", "offset")

    def __init__(self, fd: int, offset: int = 0, name: str = "") -> None:
        self.offset, self.name = offset, name  # the path that the guest knows
        try:
            self.fd = os.dup(fd)
        except OSError as error:
            raise failure(error) from None
        weakref.finalize(self, os.close, self.fd)

    @property
    def ident(self) -> tuple[int, int]:
        """Names the file among all files: device and inode of the host."""
        facts = os.fstat(self.fd)
        return facts.st_dev, facts.st_ino

    @property
    def size(self) -> int:
        """Length of the file now, bytes."""
        return os.fstat(self.fd).st_size


@dataclass(frozen=True, slots=True)
class SharedBacking:
    """Memory several mappings see: a shared section, shm, memfd."""

    extent: Extent
    offset: int = 0


Backing = FileBacking | SharedBacking

GROWS, LOCKED, LOCKED_ON_FAULT, STAYS, WIPES, SEALED, UNRESERVED = (1 << i for i in range(7))
"""Traits of a region: grows downwards when touched below; is not to be dropped (at once, or what is touched);
is not in a fork's copy, or empty there; never changes again; promises no memory."""


class Segment(Protocol):
    """A shared segment that regions can be attachments of."""

    def attached(self, count: int) -> None:
        """`count` attachments more, or less."""


@dataclass(slots=True, eq=False)
class Region:
    """A run of pages with the same rights and backing. `pa` is the physical address of `start`."""

    start: int
    end: int
    prot: int
    max_prot: int = 7
    shared: bool = False
    name: str = ""
    extent: Extent | None = None  # None: nothing populated yet
    pa: int = 0
    file: FileBacking | None = None
    offset: int = 0  # of `start` in the file
    code: bool = False  # was executable at some time: kernel writes drop translated code
    made: bool = False  # the guest can have put bytes there: they need not be a file's, or the program's
    inherited: tuple[Extent, ...] = ()  # frames of a fork that copy-on-write entries still point at
    traits: int = 0  # GROWS ...
    bare: bool = False  # the kernel wrote into pages that have no entry
    segment: Segment | None = None  # the shared segment that is attached here

    @property
    def size(self) -> int:
        return self.end - self.start

    def cut(self, address: int) -> Region:
        """Split at `address`: self keeps the part below, the part above is returned."""
        delta = address - self.start
        upper = replace(self, start=address, pa=self.pa + delta, offset=self.offset + delta)
        self.end = address
        if self.extent is not None:
            self.extent.regions += 1
        for extent in self.inherited:
            extent.regions += 1
        if self.segment is not None:
            self.segment.attached(1)
        return upper

    def like(self, other: Region) -> bool:
        """Whether `other` could be the same mapping, going on where this one ends."""
        mine = (self.prot, self.max_prot, self.shared, self.name, self.traits, self.segment)
        if mine != (other.prot, other.max_prot, other.shared, other.name, other.traits, other.segment):
            return False
        if self.file is None or other.file is None:
            return self.file is other.file and (not self.shared or self.extent is other.extent)
        return other.file.ident == self.file.ident and other.offset == self.offset + self.size


class Regions:
    """Sorted, non-overlapping regions."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._items: list[Region] = []

    def __iter__(self) -> Iterator[Region]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def at(self, address: int) -> Region | None:
        """The region that holds `address`."""
        i = bisect_right(self._starts, address) - 1
        if i >= 0 and address < self._items[i].end:
            return self._items[i]
        return None

    def within(self, start: int, end: int) -> list[Region]:
        """Regions that touch [start, end)."""
        lo = bisect_right(self._starts, start) - 1
        if lo < 0 or self._items[lo].end <= start:
            lo += 1
        hi = bisect_right(self._starts, end - 1)
        return self._items[lo:hi]

    def covered(self, start: int, end: int) -> bool:
        """Whether every byte of a range is mapped."""
        for region in self.within(start, end):
            if region.start > start:
                return False
            start = region.end
        return start >= end

    def insert(self, region: Region) -> None:
        """Add a region that overlaps none."""
        i = bisect_right(self._starts, region.start)
        self._starts.insert(i, region.start)
        self._items.insert(i, region)

    def split(self, address: int) -> None:
        """Make `address` a boundary."""
        region = self.at(address)
        if region is not None and region.start != address:
            self.insert(region.cut(address))

    def take(self, start: int, end: int) -> list[Region]:
        """Remove and return everything in [start, end), splitting at its ends."""
        self.split(start)
        self.split(end)
        lo, hi = bisect_right(self._starts, start - 1), bisect_right(self._starts, end - 1)
        taken = self._items[lo:hi]
        del self._items[lo:hi], self._starts[lo:hi]
        return taken

    def gap(self, size: int, align: int, lo: int, hi: int, *, top_down: bool) -> int | None:
        """The first (or last) free range of `size` bytes in [lo, hi)."""
        return self._from_top(size, align, lo, hi) if top_down else self._from_bottom(size, align, lo, hi)

    def _from_bottom(self, size: int, align: int, lo: int, hi: int) -> int | None:
        at = -(-lo // align) * align
        for region in self.within(lo, hi):
            if region.start - at >= size:
                break
            at = max(at, -(-region.end // align) * align)
        return at if at + size <= hi else None

    def _from_top(self, size: int, align: int, lo: int, hi: int) -> int | None:
        top = hi
        for region in reversed(self.within(lo, hi)):
            at = (top - size) // align * align
            if at >= region.end and at >= lo:
                return at
            top = min(top, region.start)
        at = (top - size) // align * align
        return at if at >= lo else None
