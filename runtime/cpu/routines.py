"""Machine-code routines: the engine's hooks enter them first, and they decline what Python has to do.

The code (routines.c, checked in as bytes in routines_code.py) reads one block of words per engine. What
it may answer stands in a RoutineTable that the dispatcher fills: by site for bound crossings, by number for
table-bound ones and untranslated traps. Where there is no code for the host, or the host forbids new code,
or the engine's registers were not found, there are no routines and Python's hooks serve everything.

A routine answers exactly what the row's handler would (tests/runtime/cpu/test_routines.py makes the same
calls both ways), so whoever watches calls decides only whether there is one: with a trace there is none.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections import deque
from collections.abc import Iterable, Mapping
from enum import IntEnum
from functools import cache
from typing import Any

from aot.image.model import Arch
from runtime.cpu.walker import HostCode

SITES, NUMBERS = 1 << 16, 512
EXITS = 256  # aarch64: exits known by address
KINDS, TRAP = 7, 6  # GateKind, then untranslated traps
ROUTINES = 16
RECENT = 8
U64 = ctypes.c_uint64
_PAGES_MASK = 255  # runtime.kernel.direct.PAGES - 1


class Routine(IntEnum):
    """What machine code can answer; the order is that of routines.c."""

    NONE = 0
    GETPID = 1
    GETTID = 2
    READ = 3
    WRITE = 4
    PREAD = 5
    PWRITE = 6
    LSEEK = 7
    CLOCK_GETTIME = 8
    GETTIMEOFDAY = 9
    TIME = 10
    READV = 11
    WRITEV = 12


CLOCKS = frozenset({Routine.CLOCK_GETTIME, Routine.GETTIMEOFDAY, Routine.TIME})


class _Block(ctypes.Structure):
    _fields_ = (  # as `struct block` in routines.c
        ("regs", U64),
        ("enabled", U64),
        ("slow", U64 * KINDS),
        ("interrupt", U64),
        ("sites", U64),
        ("site_count", U64),
        ("numbers", U64),
        ("number_count", U64),
        ("descriptors", U64),
        ("descriptor_count", U64),
        ("reads", U64),
        ("writes", U64),
        ("page_mask", U64),
        ("arena", U64),
        ("clock", U64),
        ("exits", U64),
        ("exit_mask", U64),
        ("pid", U64),
        ("tid", U64),
        ("made", U64),
        ("ring", ctypes.c_uint8 * RECENT),
        ("counts", U64 * (KINDS * ROUTINES)),
        ("timed", U64),
        ("clock_cost", U64),
        ("spent", U64 * (KINDS * ROUTINES)),
    )


class RoutineTable:
    """Which crossings have a routine; shared by the engines of processes that run the same program.

    `rows` maps row names to routines, `kinds` are those of GateKind (and TRAP) that may be answered. `timed`
    routines note how long they take.
    """

    def __init__(self, rows: Mapping[str, Routine], kinds: Iterable[int], *, timed: bool = False) -> None:
        self.rows, self.timed = rows, timed
        self.names = {routine: name for name, routine in rows.items()}
        self.enabled = sum(1 << kind for kind in kinds)
        self._sites = mmap.mmap(-1, SITES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._numbers = bytearray(NUMBERS)
        self.sites = ctypes.addressof(ctypes.c_char.from_buffer(self._sites))
        self.numbers = ctypes.addressof(ctypes.c_char.from_buffer(self._numbers))
        # (kind, routine) -> calls and ns of engines that are gone
        self.closed: dict[tuple[int, int], tuple[int, int]] = {}
        self.open: list[Routines] = []

    def bind_site(self, index: int, row: str) -> None:
        """Crossings of this site are calls of this row."""
        if index < SITES:
            self._sites[index] = self.rows.get(row, 0)

    def bind_number(self, number: int, row: str) -> None:
        """The same for crossings that name a number."""
        if number < NUMBERS:
            self._numbers[number] = self.rows.get(row, 0)

    def counts(self) -> dict[tuple[int, str], int]:
        """(kind, row name) -> calls answered so far."""
        return {key: count for key, (count, _) in self.answered().items()}

    def answered(self) -> dict[tuple[int, str], tuple[int, int]]:
        """(kind, row name) -> calls answered so far, and the nanoseconds they took where they are timed."""
        total = dict(self.closed)
        for routines in self.open:
            routines.add_counts(total)
        return {(kind, self.names[Routine(routine)]): found for (kind, routine), found in total.items()}


@cache
def _code(guest: Arch) -> tuple[HostCode, Mapping[str, int]] | None:
    """The code for this host and guest, in memory, and its entries."""
    from runtime.cpu.routines_code import CODE  # noqa: PLC0415 - a traced run needs none

    found = CODE.get((os.uname().machine, guest.value))
    if found is None:
        return None
    host = HostCode(found[0])
    return (host, found[1]) if host.usable else None


class Routines:
    """The block of one engine, and the entries its hooks may use."""

    def __init__(self, guest: Arch, regs: int, arena: int, reads: int, writes: int) -> None:
        code = _code(guest)
        self.entries: dict[str, int] = {}
        if code is not None:
            self.entries = {name: code[0].address + at for name, at in code[1].items()}
        self.block = _Block(regs=regs, arena=arena, reads=reads, writes=writes, page_mask=_PAGES_MASK)
        self.address = ctypes.addressof(self.block)
        self.block.clock = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value or 0
        self._exits = (U64 * (2 * EXITS))()
        self.block.exits, self.block.exit_mask = ctypes.addressof(self._exits), EXITS - 1
        self.table: RoutineTable | None = None
        self._keep: dict[int, Any] = {}

    def use(self, table: RoutineTable | None) -> bool:
        """Answer what `table` says; whether there is anything to enter at all."""
        if table is not self.table:
            self.leave()
            if table is not None:
                table.open.append(self)
        self.table = table
        if table is None or not self.entries:
            return False
        block = self.block
        block.sites, block.site_count = table.sites, SITES
        block.numbers, block.number_count = table.numbers, NUMBERS
        block.enabled, block.timed = table.enabled, table.timed
        return True

    def entry(self, name: str, kind: int | None, slow: Any) -> int:
        """Address of an entry that declines to `slow`, the Python hook of this kind (None: of all)."""
        address = ctypes.cast(slow, ctypes.c_void_p).value or 0
        if kind is None:
            self.block.interrupt = address
        else:
            self.block.slow[kind] = address
        self._keep[-1 if kind is None else kind] = slow
        return self.entries[name]

    def runs(self, descriptors: int, count: int, pid: int, tid: int) -> None:
        """The context that is loaded has these descriptors and ids."""
        block = self.block
        block.descriptors, block.descriptor_count = descriptors, count
        block.pid, block.tid = pid, tid

    def learn(self, pc: int, kind: int, register: int) -> None:
        """aarch64: what the exit before `pc` is."""
        at = 2 * (pc >> 2 & EXITS - 1)
        self._exits[at], self._exits[at + 1] = pc, kind | register << 8

    def forget(self) -> None:
        """aarch64: code may have changed."""
        ctypes.memset(self._exits, 0, ctypes.sizeof(self._exits))

    def fold(self, calls: deque[str]) -> None:
        """Put the calls answered since the last look into a context's list of recent ones, in order."""
        block = self.block
        made, table = block.made, self.table
        if not made:
            return
        block.made = 0
        if table is None:
            return
        merged = []
        for i in range(made - 1, max(made - RECENT, 0) - 1, -1):
            routine = block.ring[i & RECENT - 1]
            if routine:
                merged.append(table.names[Routine(routine)])
            elif calls:
                merged.append(calls.pop())
        calls.extend(reversed(merged))

    def add_counts(self, total: dict[tuple[int, int], tuple[int, int]]) -> None:
        """Add the calls answered here, and their time."""
        for at, count in enumerate(self.block.counts):
            if count:
                key = divmod(at, ROUTINES)
                before = total.get(key, (0, 0))
                total[key] = before[0] + count, before[1] + self.block.spent[at]

    def leave(self) -> None:
        """This engine is going: keep its counts."""
        if self.table is not None:
            self.add_counts(self.table.closed)
            self.table.open.remove(self)
            for field in (_Block.counts, _Block.spent):
                ctypes.memset(self.address + field.offset, 0, field.size)
            self.table = None
