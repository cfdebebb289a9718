"""Page tables in the guest architecture's hardware format, kept in arena frames the guest never maps.

x86_64: four levels, 4 KiB pages, 47-bit user half. aarch64: 4 KiB granule, four levels, 48-bit TTBR0 half.
Both index with nine bits at 39, 30, 21 and 12, so one walk serves both; only the entries differ. An entry
that is non-zero but not valid remembers a populated page without rights (mprotect to none).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from aot.image.model import Arch
from runtime.kernel.frames import PAGE, Arena

X, W, R = 1, 2, 4  # aot.image.model.Prot, as plain ints for speed
ADDRESS = 0x0000_FFFF_FFFF_F000
LEAF = 1 << 21  # bytes under one leaf table
SLOTS = 512


class Format:
    """How one architecture writes its entries. Access bits are preset, so no walker ever writes a table."""

    def __init__(
        self, *, valid: int, table: int, user: int, read_only: int, writable: int, no_exec: int, cow: int
    ):
        self.valid, self.table, self.user, self.cow = valid, table, user, cow
        self.read_only, self.writable, self.no_exec = read_only, writable, no_exec
        self._bits = tuple(self._encode(prot) for prot in range(8))

    def _encode(self, prot: int) -> int:
        if not prot:
            return self.user
        bits = self.user | self.valid
        bits |= self.writable if prot & W else self.read_only
        return bits if prot & X else bits | self.no_exec

    def bits(self, prot: int) -> int:
        """Entry bits beside the address. Any right implies reading, as on the hardware."""
        return self._bits[prot]

    def prot(self, entry: int) -> int:
        """Rights of an entry; 0 when it is not valid."""
        if entry & self.valid != self.valid:
            return 0
        write = entry & self.writable if self.writable else not entry & self.read_only
        return R | (W if write else 0) | (0 if entry & self.no_exec else X)


# Intel SDM vol. 3, 4-level paging: P 0, R/W 1, U/S 2, A 5, D 6, software 9, XD 63
X86_64 = Format(valid=1, table=0x27, user=0x64, read_only=0, writable=2, no_exec=1 << 63, cow=1 << 9)
# Arm ARM, VMSAv8-64 stage 1: valid+page 1:0, AP[1] 6, AP[2] 7, SH 9:8, AF 10, nG 11, PXN 53, UXN 54,
# software 55
AARCH64 = Format(
    valid=3, table=3, user=0xF40 | 1 << 53, read_only=1 << 7, writable=0, no_exec=1 << 54, cow=1 << 55
)
FORMATS = {Arch.X86_64: X86_64, Arch.AARCH64: AARCH64}


class PageTable:
    """One tree of tables. `root` is what the native walker starts from."""

    def __init__(self, arena: Arena, arch: Arch) -> None:
        self.arena, self.format = arena, FORMATS[arch]
        self.words = arena.words
        self.root = arena.table()
        self.leaves: dict[int, int] = {}  # va >> 21 -> word index of the leaf table
        self._frames = [self.root]

    def _leaf(self, key: int) -> int:
        index = self.leaves.get(key)
        if index is not None:
            return index
        table, words = self.root, self.words
        for shift in (18, 9, 0):
            at = (table >> 3) + (key >> shift & 511)
            if not words[at]:
                frame = self.arena.table()
                self._frames.append(frame)
                words[at] = frame | self.format.table
            table = words[at] & ADDRESS
        self.leaves[key] = table >> 3
        return table >> 3

    def get(self, va: int) -> int:
        """The entry of `va`, 0 when there is none."""
        leaf = self.leaves.get(va >> 21)
        return self.words[leaf + (va >> 12 & 511)] if leaf is not None else 0

    def set(self, va: int, entry: int) -> None:
        """Write one entry."""
        self.words[self._leaf(va >> 21) + (va >> 12 & 511)] = entry

    def fill(self, va: int, size: int, pa: int, prot: int) -> None:
        """Map a run of pages onto a contiguous physical range."""
        bits, end = self.format.bits(prot), va + size
        while va < end:
            stop = min(end, (va | LEAF - 1) + 1)
            at, n = self._leaf(va >> 21) + (va >> 12 & 511), (stop - va) >> 12
            self.words[at : at + n] = array("Q", range(pa | bits, (pa | bits) + n * PAGE, PAGE))
            pa += stop - va
            va = stop

    def runs(self, va: int, size: int) -> Iterator[tuple[int, int, int]]:
        """(first va, word index, entries) of the leaf tables that exist in a range."""
        end = va + size
        keys: Iterator[int] | range = range(va >> 21, (end + LEAF - 1) >> 21)
        if len(self.leaves) < (size >> 21):
            keys = iter(sorted(k for k in self.leaves if va >> 21 <= k <= (end - 1) >> 21))
        for key in keys:
            leaf = self.leaves.get(key)
            if leaf is not None:
                lo, hi = max(va, key << 21), min(end, (key + 1) << 21)
                yield lo, leaf + (lo >> 12 & 511), (hi - lo) >> 12

    def entries(self, va: int, size: int) -> Iterator[tuple[int, int]]:
        """(va, entry) of every non-zero entry in a range."""
        for lo, at, n in self.runs(va, size):
            for i, entry in enumerate(self.words[at : at + n].tolist()):
                if entry:
                    yield lo + (i << 12), entry

    def clear(self, va: int, size: int) -> bool:
        """Forget a range; True when anything was there."""
        found = False
        for _, at, n in self.runs(va, size):
            zero = bytes(n * 8)
            if self.words[at : at + n].tobytes() != zero:
                found = True
                self.words[at : at + n] = array("Q", zero)
        return found

    def protect(self, va: int, size: int, prot: int, *, share: bool = False) -> bool:
        """Give every populated page of a range new rights; True when there was one.

        A copy-on-write page stays one and read-only; with `share` all pages become so.
        """
        cow = self.format.cow
        bits = self.format.bits(prot)
        shared = self.format.bits(prot & ~W | R if prot else 0) | cow
        if share:
            bits = shared
        found = False
        for _, at, n in self.runs(va, size):
            old = self.words[at : at + n].tolist()
            if any(old):
                found = True
                new = [(e & ADDRESS) | (shared if e & cow else bits) if e else 0 for e in old]
                self.words[at : at + n] = array("Q", new)
        return found

    def move(self, va: int, size: int, to: int) -> None:
        """Take the entries of a range to where nothing is."""
        for lo, at, n in list(self.runs(va, size)):
            entries = self.words[at : at + n].tobytes()
            self.words[at : at + n] = array("Q", bytes(n * 8))
            target, done = lo + to - va, 0
            while done < n:
                count = min(n - done, SLOTS - (target >> 12 & 511))
                part = array("Q", entries[done * 8 : (done + count) * 8])
                if any(part):
                    here = self._leaf(target >> 21) + (target >> 12 & 511)
                    self.words[here : here + count] = part
                target, done = target + (count << 12), done + count

    def copy(self, other: PageTable, va: int, size: int) -> None:
        """Take over the entries of another table of the same format."""
        for lo, at, n in other.runs(va, size):
            here = self._leaf(lo >> 21) + (lo >> 12 & 511)
            self.words[here : here + n] = other.words[at : at + n]

    def close(self) -> None:
        """Give the frames back."""
        for frame in self._frames:
            self.arena.free_table(frame)
        self._frames.clear()
        self.leaves.clear()
