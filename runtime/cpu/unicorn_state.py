"""Where Unicorn keeps the guest's registers: found by planting values, verified by planting others.

The engine structure points at its CPU object, which holds the architecture's state; the general registers
there are one array of words with the PC behind it, the very order of `api.REGS`. Handlers read and write
that array itself. Words beyond it that the backend needs (flags, the exclusive monitor, the exception in
flight) are found the same way, by what a known change does to the state. Whatever is not found is None
and the backend uses the engine's slower documented calls instead.
"""

from __future__ import annotations

import ctypes
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.cpu.unicorn_engine import ENGINE_CPU, Engine

SPAN = 1 << 17  # bytes of the CPU object that are searched
MAGIC = (0x1122_3344_5566_0000, 0x2BAD_CAFE_7EA5_0000)


def _writable() -> list[tuple[int, int]]:
    text = Path("/proc/self/maps").read_text()
    return [(int(a, 16), int(b, 16)) for a, b in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", text, re.M)]


class State:
    """The engine's register array as words, and the rest of the CPU state as bytes around it."""

    def __init__(self, address: int, room: int, words: int) -> None:
        self.address, self.room = address, room
        self.all = memoryview((ctypes.c_char * room).from_address(address)).cast("B")
        self.words = self.all[: room & ~7].cast("Q")
        self.halves = self.all[: room & ~7].cast("I")
        self.regs = self.words[:words]

    def snapshot(self) -> memoryview:
        """A copy of all of it, as 32-bit words."""
        return memoryview(bytes(self.all[: self.room & ~7])).cast("I")

    def changed(
        self, before: Callable[[], object], after: Callable[[], object], old: int, new: int
    ) -> set[int]:
        """Indices of 32-bit words that were `old` when `before` had run and `new` once `after` had."""
        before()
        first = self.snapshot()
        after()
        second = self.snapshot()
        return {i for i, value in enumerate(first) if value == old and second[i] == new}


def find(engine: Engine, registers: Sequence[int]) -> State | None:
    """The state of a fresh engine whose registers, in array order, have these engine numbers."""
    maps = _writable()

    def room(address: int) -> int:
        return next((hi - address for lo, hi in maps if lo <= address < hi), 0)

    def plant(magic: int) -> bytes:
        values = [magic + i * 0x101 for i in range(len(registers))]
        for register, value in zip(registers, values, strict=True):
            engine.write(register, value)
        return struct.pack(f"<{len(values)}Q", *values)

    pattern = plant(MAGIC[0])
    head = ctypes.string_at(engine.handle, min(room(engine.handle), ENGINE_CPU) & ~7)
    for (pointer,) in struct.iter_unpack("<Q", head):
        size = min(room(pointer), SPAN) if pointer & 7 == 0 else 0
        at = ctypes.string_at(pointer, size).find(pattern) if size > len(pattern) else -1
        if at < 0:
            continue
        again = plant(MAGIC[1])
        if ctypes.string_at(pointer + at, len(again)) == again:
            for register in registers:
                engine.write(register, 0)
            return State(pointer + at, size - at, len(registers))
        pattern = plant(MAGIC[0])
    return None
