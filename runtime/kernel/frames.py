"""Physical memory of a run: one sparse memfd arena from which extents and page-table frames are handed out.

The arena is 1 TiB of address space that costs nothing until touched, mapped once into the host and once
into the engine by pointer. So a guest mapping is one contiguous extent however large it is, and a
reservation is free. Freed extents are hole-punched, hence every new extent reads as zero.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aot.errors import SetupError
from aot.record import dataclass, field

if TYPE_CHECKING:
    from runtime.kernel.access import GuestAccess

PAGE = 4096
TERA = 1 << 40
SMALLEST = 1 << 28
ENGINE = (1 << 30) + (1 << 27)  # what the engine maps for itself, mostly for translated code
MAP_NORESERVE, MAP_FIXED = 0x4000, 0x10  # Linux, every host architecture we serve
PUNCH_HOLE = 0x02 | 0x01  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
POPULATE_WRITE = 23  # MADV_POPULATE_WRITE
FIRST = 1 << 20  # physical 0 is never handed out
TABLES = 64  # page-table frames are taken from the arena in runs of this many

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int64,
]
_FAILED = ctypes.c_void_p(-1).value
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class ArenaFull(Exception):
    """No contiguous physical range of that size is left."""


@dataclass(slots=True, eq=False)
class Extent:
    """A contiguous physical range. `regions` counts the mappings of a shared one."""

    pa: int
    size: int
    shared: bool = False
    regions: int = 0
    code: bool = False  # some address maps or mapped it executable
    file: tuple[int, int] | None = None  # device and inode of the host file whose mmap lies over it
    offset: int = 0  # in the file, of the first byte
    writable: bool = False  # that mmap may be written
    written: set[int] = field(default_factory=set)  # pages that may be written, not executed (aliases.py)


def punch(fd: int, offset: int, size: int) -> None:
    """Drop the bytes of a range of a file: it reads as zero again. Raises OSError."""
    if _libc.fallocate(fd, PUNCH_HOLE, offset, size):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _room_for_engine() -> bool:
    """Whether this process can map what the engine will ask for."""
    try:
        mmap.mmap(-1, ENGINE, flags=mmap.MAP_PRIVATE | MAP_NORESERVE).close()
    except OSError:
        return False
    return True


class Arena:
    """Owner of the physical address space; several address spaces may live in one arena."""

    def __init__(self, size: int = TERA, before_files: Callable[[int, int], object] | None = None) -> None:
        self.fd = os.memfd_create("helctic-guest", os.MFD_CLOEXEC)
        self.size, self.map = self._reserve(size)
        self.view = memoryview(self.map)
        self.words = self.view.cast("Q")
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self._bump = FIRST
        self._free: list[tuple[int, int]] = []  # (pa, size), sorted, never adjacent
        self._tables: list[int] = []
        self.spaces: list[GuestAccess] = []  # address spaces whose memory is here
        self._idents = 0
        self.limit: int | None = None  # most bytes `committed` may become
        self._laid: dict[tuple[int, int], list[Extent]] = {}  # by device and inode
        self._before_files = before_files  # (base, size): called before the first host file is laid

    def _reserve(self, size: int) -> tuple[int, mmap.mmap]:
        """A host that limits address space gets a smaller arena, with room left for the engine, rather than none."""
        limited = False
        while True:
            try:
                os.ftruncate(self.fd, size)
                found = mmap.mmap(self.fd, size, flags=mmap.MAP_SHARED | MAP_NORESERVE)
                if not limited or _room_for_engine():
                    return size, found
                found.close()
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            except (OSError, OverflowError) as error:
                if size <= SMALLEST:
                    raise SetupError(
                        f"no {SMALLEST >> 20} MiB of guest memory to be had: {error} (see ulimit -v, ulimit -f)"
                    ) from None
                size, limited = size >> 1, True

    def next_ident(self) -> int:
        """A number that nothing else in this arena has had."""
        self._idents += 1
        return self._idents

    def alloc(self, size: int) -> int:
        """Physical address of `size` zero bytes (a page multiple)."""
        for i, (pa, have) in enumerate(self._free):
            if have >= size:
                if have == size:
                    del self._free[i]
                else:
                    self._free[i] = (pa + size, have - size)
                return pa
        pa = self._bump
        if pa + size > self.size:
            raise ArenaFull(f"{size:#x} bytes of guest memory")
        self._bump += size
        return pa

    def extend(self, pa: int, size: int) -> bool:
        """Take exactly this range when it is free, so that what ends there can grow in place."""
        if pa == self._bump and pa + size <= self.size:
            self._bump += size
            return True
        i = bisect_left(self._free, (pa, 0))
        if i == len(self._free) or self._free[i][0] != pa or self._free[i][1] < size:
            return False
        have = self._free.pop(i)[1]
        if have > size:
            self._free.insert(i, (pa + size, have - size))
        return True

    def free(self, pa: int, size: int) -> None:
        """Give a range back; its bytes are dropped at once."""
        self.punch(pa, size)
        i = bisect_left(self._free, (pa, 0))
        if i < len(self._free) and pa + size == self._free[i][0]:
            size += self._free.pop(i)[1]
        if i and self._free[i - 1][0] + self._free[i - 1][1] == pa:
            i -= 1
            pa, size = self._free[i][0], self._free[i][1] + size
            self._free[i] = (pa, size)
        else:
            self._free.insert(i, (pa, size))
        if pa + size == self._bump:
            del self._free[i]
            self._bump = pa

    def commit(self, pa: int, size: int) -> None:
        """Have the bytes of a range for certain. Raises ArenaFull where the host has no more."""
        if self.short(size):
            raise ArenaFull(f"{size:#x} bytes of guest memory")
        if _libc.madvise(ctypes.c_void_p(self.base + pa), ctypes.c_size_t(size), POPULATE_WRITE):
            for page in range(pa, pa + size, PAGE):  # a host from before 5.14
                self.view[page] = self.view[page]

    @property
    def committed(self) -> int:
        """Bytes of the host's memory behind the guest's, page tables included."""
        return os.fstat(self.fd).st_blocks * 512

    def short(self, size: int) -> bool:
        """Whether `size` more bytes would pass the limit."""
        return self.limit is not None and self.committed + size > self.limit

    def resident(self, pa: int, size: int) -> bytes:
        """For each page of a range whether the host has it in memory: bit 0 of a byte."""
        found = ctypes.create_string_buffer(-(-size // PAGE))
        if _libc.mincore(ctypes.c_void_p(self.base + pa), ctypes.c_size_t(size), found):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return found.raw

    def written(self, pa: int, size: int) -> Iterator[tuple[int, int]]:
        """The parts [from, to) of a range that the host keeps bytes for."""
        at, end = pa, pa + size
        while at < end:
            try:
                first = os.lseek(self.fd, at, os.SEEK_DATA)
            except OSError:  # no more data
                return
            if first >= end:
                return
            at = min(end, os.lseek(self.fd, first, os.SEEK_HOLE))
            yield first, at

    def punch(self, pa: int, size: int) -> None:
        """Drop the bytes of a range: it reads as zero again."""
        punch(self.fd, pa, size)

    def table(self) -> int:
        """Physical address of one zero page-table frame. No guest address ever maps it."""
        if not self._tables:
            pa = self.alloc(TABLES * PAGE)
            self._tables = list(range(pa + (TABLES - 1) * PAGE, pa - 1, -PAGE))
        return self._tables.pop()

    def free_table(self, pa: int) -> None:
        """Give a page-table frame back."""
        self.punch(pa, PAGE)
        self._tables.append(pa)

    @property
    def used(self) -> int:
        """Bytes handed out now, idle page-table frames not counted."""
        return self._bump - FIRST - sum(size for _, size in self._free) - len(self._tables) * PAGE

    def laid(self, file: tuple[int, int], offset: int, size: int) -> Extent | None:
        """The extent under a part of a host file. All mappings of it have to be one: code that is written at
        one address is executed at another."""
        for extent in self._laid.get(file, ()):
            if extent.offset <= offset and offset + size <= extent.offset + extent.size:
                return extent
        return None

    def lay(self, extent: Extent, file: tuple[int, int], fd: int, offset: int) -> OSError | None:
        """Put the pages of a host file over an extent, shared; why they cannot be written, where that is so."""
        refused = self._lay_file(extent.pa, extent.size, fd, offset)
        if extent.file is None:
            self._laid.setdefault(file, []).append(extent)
        extent.file, extent.offset, extent.writable = file, offset, refused is None
        return refused

    def lay_again(self, extent: Extent, fd: int) -> OSError | None:
        """The file under an extent is mapped through another descriptor: what forbids that to write."""
        probed = _libc.mmap(None, PAGE, mmap.PROT_WRITE, mmap.MAP_SHARED, fd, extent.offset)
        if probed == _FAILED:
            number = ctypes.get_errno()
            return OSError(number, os.strerror(number))
        _libc.munmap(ctypes.c_void_p(probed), ctypes.c_size_t(PAGE))
        if not extent.writable:
            assert extent.file is not None
            return self.lay(extent, extent.file, fd, extent.offset)
        return None

    def _lay_file(self, pa: int, size: int, fd: int, offset: int) -> OSError | None:
        if self._before_files is not None:
            self._before_files(self.base, self.size)
            self._before_files = None
        flags = mmap.MAP_SHARED | MAP_FIXED
        refused: OSError | None = None
        for prot in (mmap.PROT_READ | mmap.PROT_WRITE, mmap.PROT_READ):
            if _libc.mmap(self.base + pa, size, prot, flags, fd, offset) != _FAILED:
                return refused
            number = ctypes.get_errno()
            refused = refused or OSError(number, os.strerror(number))
        assert refused is not None
        raise refused

    def files_were_cut(self) -> None:
        """Files of the host may be shorter than they were: mappings lose the pages behind their ends."""
        for space in self.spaces:
            space.look_at_files()

    def lift(self, extent: Extent) -> None:
        """Undo `lay`: the arena's own bytes are there again."""
        assert extent.file is not None
        laid = self._laid[extent.file]
        laid.remove(extent)
        if not laid:
            del self._laid[extent.file]
        flags = mmap.MAP_SHARED | MAP_FIXED | MAP_NORESERVE
        _libc.mmap(
            self.base + extent.pa, extent.size, mmap.PROT_READ | mmap.PROT_WRITE, flags, self.fd, extent.pa
        )

    def close(self) -> None:
        """Free the memory. Views handed out must be gone."""
        self.words.release()
        self.view.release()
        self.map.close()
        os.close(self.fd)
