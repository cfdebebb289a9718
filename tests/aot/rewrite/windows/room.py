"""Where a window runs: addresses, the kernel's answers, the numbers it knows."""

from __future__ import annotations

from typing import Final

from aot.manifest import DataWord

CODE: Final = (
    0x480000  # every address of code has bit 19, none of the arena has: `and` makes no one of the other
)
DATA: Final = 0x500000  # arena of the guest: data, then stack; near the code, for adr
DATA_SIZE: Final = 0x2000
STACK_SIZE: Final = 0x2000
ARENA_SIZE: Final = DATA_SIZE + STACK_SIZE
GATES: Final = 0x60000000
HALT: Final = 0x61000000  # where returns of the outermost function go
INLINE: Final = {39: DataWord.PID, 102: DataWord.UID}
NUMBERS: Final = (0, 1, 3, 20, 39, 39, 59, 102, 231)
ANSWERS: Final = {39: 4711, 102: 1000}
MOST: Final = 6  # crossings of one case, then it ends
_M: Final = (1 << 64) - 1


def answer(number: int, arguments: tuple[int, ...], nth: int) -> int:
    """What the kernel of a case says: a fixed function of what it was asked."""
    if number in ANSWERS:
        return ANSWERS[number]
    mixed = number * 0x9E3779B97F4A7C15 + nth
    for value in arguments:
        mixed = (mixed ^ value) * 0xBF58476D1CE4E5B9 & _M
        mixed ^= mixed >> 29
    match mixed & 3:
        case 0:
            return -(mixed >> 8 & 0xFF) & _M
        case 1:
            return DATA + (mixed >> 8) % (ARENA_SIZE - 64)
        case 2:
            return mixed >> 8 & 0xFF
    return mixed
