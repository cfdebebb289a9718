"""Where Unicorn keeps the guest's registers: found by planting values, verified by planting others.

The engine structure points at its CPU object, which holds the architecture's state; the general registers
there are one array of words with the PC behind it, the very order of `api.REGS`. Handlers read and write
that array itself. Words beyond it that the backend needs (flags, the exclusive monitor, the exception in
flight) are found the same way, by what a known change does to the state. Whatever is not found is None
and the backend uses the engine's slower documented calls instead.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from bisect import bisect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runtime.cpu.unicorn_engine import ENGINE_CPU, Engine

if TYPE_CHECKING:
    from runtime.cpu.unicorn_cpu import UnicornCpu

SPAN = 1 << 17  # bytes of the CPU object that are searched
BLOCK = 1 << 8  # bytes compared at once
MAGIC = (0x1122_3344_5566_0000, 0x2BAD_CAFE_7EA5_0000)


def _writable() -> list[tuple[int, int]]:
    """Our writable mappings, in address order."""
    found = []
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            span, rights, _ = line.split(maxsplit=2)
            if rights.startswith(b"rw"):
                low, _, high = span.partition(b"-")
                found.append((int(low, 16), int(high, 16)))
    return found


def _room(maps: Sequence[tuple[int, int]], address: int) -> int:
    """Bytes from `address` to the end of its mapping, 0 when it is no writable memory."""
    low, high = maps[bisect(maps, (address, sys.maxsize)) - 1]
    return high - address if low <= address < high else 0


def engine_word(engine: Engine, index: int) -> memoryview:
    """One word of the engine structure itself, known to be one of it."""
    return memoryview((ctypes.c_char * 8).from_address(engine.handle + 8 * index)).cast("B").cast("Q")


def engine_words(engine: Engine) -> memoryview:
    """The head of the engine structure itself, as words."""
    size = min(_room(_writable(), engine.handle), ENGINE_CPU) & ~7
    return memoryview((ctypes.c_char * size).from_address(engine.handle)).cast("B").cast("Q")


class _Self:
    """Our own memory, read without trusting that it is still there: another thread may unmap any of it."""

    def __init__(self) -> None:
        self._fd = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)

    def read(self, address: int, size: int) -> bytes:
        """A copy; empty where nothing is."""
        try:
            return os.pread(self._fd, size, address)
        except OSError:
            return b""

    def close(self) -> None:
        os.close(self._fd)


class State:
    """The engine's register array as words, and the rest of the CPU state as bytes around it."""

    def __init__(self, address: int, room: int, words: int) -> None:
        self.address, self.room = address, room
        self.all = memoryview((ctypes.c_char * room).from_address(address)).cast("B")
        self.words = self.all[: room & ~7].cast("Q")
        self.halves = self.all[: room & ~7].cast("I")
        self.regs = self.words[:words]

    def snapshot(self) -> bytes:
        """A copy of all of it."""
        return bytes(self.all[: self.room & ~7])

    def changed(
        self, before: Callable[[], object], after: Callable[[], object], old: int, new: int
    ) -> set[int]:
        """Indices of 32-bit words that were `old` when `before` had run and `new` once `after` had."""
        before()
        first = self.snapshot()
        after()
        second = self.snapshot()
        # nearly nothing differs: blocks are compared as bytes, words only in blocks that do
        found = set()
        for at in range(0, len(first), BLOCK):
            if first[at : at + BLOCK] != second[at : at + BLOCK]:
                was, now = (memoryview(copy)[at : at + BLOCK].cast("I") for copy in (first, second))
                found |= {at // 4 + i for i, word in enumerate(was) if word == old and now[i] == new}
        return found


def _plant(engine: Engine, registers: Sequence[int], magic: int) -> bytes:
    """Give the registers values nobody else has; the array as it must be in memory now."""
    values = [magic + i * 0x101 for i in range(len(registers))]
    for register, value in zip(registers, values, strict=True):
        engine.write(register, value)
    return struct.pack(f"<{len(values)}Q", *values)


# registers -> word of the engine structure that points at the CPU object, offset of the array there, room:
# the same in every engine of one library
_found: dict[tuple[int, ...], tuple[int, int, int]] = {}


def find(engine: Engine, registers: Sequence[int]) -> State | None:
    """The state of a fresh engine whose registers, in array order, have these engine numbers."""
    return _find_again(engine, registers) or _search(engine, registers)


def _find_again(engine: Engine, registers: Sequence[int]) -> State | None:
    """Where it was in the engine before, if it is there."""
    known = _found.get(tuple(registers))
    if known is None:
        return None
    word, offset, room = known
    pattern, memory = _plant(engine, registers, MAGIC[1]), _Self()
    at = int.from_bytes(memory.read(engine.handle + 8 * word, 8), "little") + offset
    same = memory.read(at, len(pattern)) == pattern
    memory.close()
    for register in registers:
        engine.write(register, 0)
    return State(at, room, len(registers)) if same else None


def _search(engine: Engine, registers: Sequence[int]) -> State | None:
    maps = _writable()

    def plant(magic: int) -> bytes:
        return _plant(engine, registers, magic)

    memory = _Self()
    pattern = plant(MAGIC[0])
    head = memory.read(engine.handle, min(_room(maps, engine.handle), ENGINE_CPU) & ~7)
    for word, (pointer,) in enumerate(struct.iter_unpack("<Q", head)):
        size = min(_room(maps, pointer), SPAN) if pointer & 7 == 0 else 0
        at = memory.read(pointer, size).find(pattern) if size > len(pattern) else -1
        if at < 0:
            continue
        again = plant(MAGIC[1])
        if memory.read(pointer + at, len(again)) == again:
            memory.close()
            for register in registers:
                engine.write(register, 0)
            # the CPU object may have been met in the span behind a pointer to something else
            room = min(_room(maps, pointer + at), engine.context_size)  # what is saved is what the guest has
            _found[tuple(registers)] = word, at, room
            return State(pointer + at, room, len(registers))
        pattern = plant(MAGIC[0])
    memory.close()
    return None


def find_fault_word(cpu: UnicornCpu) -> int | None:
    """Index of the word of the engine structure that holds a fault's address; the fill is told the page."""
    words = engine_words(cpu.engine)
    found: set[int] = set()

    def load(at: int) -> None:
        for address in (free + 0x123, free + 0x1456):
            cpu.live[0] = address
            cpu._start(at, 0)
            hits = {i for i, word in enumerate(words) if word == address}
            found.intersection_update(hits) if found else found.update(hits)

    free = cpu.space.find_free(0x4000, top_down=False)
    cpu.scratch(cpu.half.load_byte, load)
    cpu.live[0] = cpu.live[-1] = 0
    return found.pop() if len(found) == 1 else None


class RegisterCopy:
    """The registers of an engine whose array was not found: fetched before a callback, put back after it.

    Everything works, crossings cost about 3 us instead of 0.3; what needs a hidden word (a second divide
    error, the exact address of a fault, privileged instructions) is as the engine itself reports it.
    """

    def __init__(self, engine: Engine, registers: Sequence[int]) -> None:
        count = len(registers)
        self._numbers = (ctypes.c_int * count)(*registers)
        self._values = (ctypes.c_uint64 * count)()
        at = ctypes.addressof(self._values)
        self._pointers = (ctypes.c_void_p * count)(*[at + 8 * i for i in range(count)])
        self.regs = memoryview(self._values).cast("B").cast("Q")
        self._call = engine.handle, ctypes.addressof(self._numbers), ctypes.addressof(self._pointers), count
        # the PC is written by starting there; writing it in a hook would end the run
        self._put = (*self._call[:3], count - 1)
        self._lib = engine.lib

    def around(self, start: Callable[[int, int], int]) -> Callable[[int, int], int]:
        """A run that begins with these registers and leaves its own."""

        def run(pc: int, count: int) -> int:
            self._lib.uc_reg_write_batch(*self._put)
            status = start(pc, count)
            self._lib.uc_reg_read_batch(*self._call)
            return status

        return run

    def within(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """A callback that sees and changes them."""

        def call(*arguments: int) -> Any:
            self._lib.uc_reg_read_batch(*self._call)
            answer = hook(*arguments)
            self._lib.uc_reg_write_batch(*self._put)
            return answer

        return call
