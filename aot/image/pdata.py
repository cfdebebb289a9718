"""Function ranges declared by the exception directory (.pdata) of a PE file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

X64 = struct.Struct("<III")  # begin, end, unwind
ARM64 = struct.Struct("<II")  # begin, packed unwind or .xdata RVA


def x64_ranges(raw: bytes) -> Iterator[tuple[int, int]]:
    """(begin, end) RVAs; a chained entry, part of a function, still begins an instruction."""
    for begin, end, _ in X64.iter_unpack(raw[: len(raw) - len(raw) % X64.size]):
        if begin < end:
            yield begin, end


def arm64_ranges(raw: bytes, word_at: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    """(begin, end) RVAs. The low two bits of the second word say whether the length is packed into
    it (1 function, 2 fragment) or stands in the first .xdata word (0)."""
    for begin, unwind in ARM64.iter_unpack(raw[: len(raw) - len(raw) % ARM64.size]):
        flag = unwind & 3
        if not begin or flag == 3:  # reserved
            continue
        length = (unwind >> 2 & 0x7FF) if flag else word_at(unwind) & 0x3FFFF
        if length:
            yield begin, begin + length * 4
