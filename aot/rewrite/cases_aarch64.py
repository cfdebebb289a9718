"""How an aarch64 stub that serves several numbers finds the part made for the one in the number register.

No register is free and no flag may change. `tbz` tests one bit of the number register and needs nothing else, so a
tree of bits leads to the only number it can be; there it is subtracted, compared with zero, and added again when it
was another one. A number that is none of the cases takes the exit by table.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from aot.record import dataclass, field

LIMIT = 1 << 12  # of an immediate of add and sub
_TBNZ = 0x3700_0000
_SUB, _ADD = 0xD100_0000, 0x9100_0000  # x registers, 12-bit immediates
_CBZ = 0xB400_0000
_B = 0x1400_0000
_BITS = LIMIT.bit_length() - 1
LEAF = 4  # instructions


@dataclass(slots=True)
class Search:
    """The instructions of a search, and for each number where it is `number` too small for two instructions."""

    code: bytes = b""
    tests: dict[int, int] = field(default_factory=dict)


def suits(number: int) -> bool:
    """Whether a stub can look for `number`."""
    return 0 <= number < LIMIT


def size(count: int) -> int:
    """Bytes of the search for `count` numbers."""
    return 4 * ((count - 1) + LEAF * count)


def search(address: int, register: int, parts: Mapping[int, int], missed: int) -> Search:
    """The search at `address` for the numbers of `parts` (number -> address); others go to `missed`."""
    out = Search()
    _tree(out, address, register, sorted(parts), parts, missed)
    return out


def _tree(
    out: Search, address: int, register: int, numbers: Sequence[int], parts: Mapping[int, int], missed: int
) -> None:
    if len(numbers) == 1:
        _leaf(out, address, register, numbers[0], parts[numbers[0]], missed)
        return
    bit = max(range(_BITS), key=lambda bit: min(_split(numbers, bit)))
    clear = [number for number in numbers if not number >> bit & 1]
    others = [number for number in numbers if number >> bit & 1]
    distance = 4 + size(len(clear))  # those with the bit clear follow
    _put(out, _TBNZ | (bit & 31) << 19 | _field(distance, 14, 5) | register)
    _tree(out, address, register, clear, parts, missed)
    _tree(out, address, register, others, parts, missed)


def _split(numbers: Sequence[int], bit: int) -> tuple[int, int]:
    ones = sum(number >> bit & 1 for number in numbers)
    return ones, len(numbers) - ones


def _leaf(out: Search, address: int, register: int, number: int, part: int, missed: int) -> None:
    both = register << 5 | register
    _put(out, _SUB | number << 10 | both)
    out.tests[number] = address + len(out.code)
    _put(out, _CBZ | _field(part - out.tests[number], 19, 5) | register)
    _put(out, _ADD | number << 10 | both)
    _put(out, _B | _field(missed - (address + len(out.code)), 26, 0))


def _field(distance: int, bits: int, shift: int) -> int:
    return (distance // 4 & (1 << bits) - 1) << shift


def _put(out: Search, word: int) -> None:
    out.code += struct.pack("<I", word)
