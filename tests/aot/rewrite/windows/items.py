"""What a window is made of: instructions with a field that layout fills in, and labels."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto

from aot.record import dataclass, replace


class Fix(Enum):
    """What kind of field an item's goal goes into."""

    NONE = auto()
    REL8 = auto()  # x86: the last byte
    REL32 = auto()  # x86: four bytes at `at`, counted from the instruction's end
    IMM26 = auto()  # aarch64: b, bl
    IMM19 = auto()  # aarch64: b.cond, cbz, ldr literal
    IMM14 = auto()  # aarch64: tbz
    ADR = auto()
    ADRP = auto()


class Far(Exception):
    """A field does not reach its goal: the window is thrown away."""


@dataclass(frozen=True, slots=True)
class Item:
    """One instruction, or only a label; `goal` is a label or an address."""

    code: bytes
    label: str = ""  # of the item's first byte
    inner: str = ""  # label of its second byte: behind a prefix
    goal: str | int = ""
    fix: Fix = Fix.NONE
    at: int = 0  # offset of a REL32
    trap: bool = False
    entry: bool = True  # a case may begin here; not where the number is already half way in its register


@dataclass(frozen=True, slots=True)
class Laid:
    """A window at its address."""

    items: tuple[Item, ...]
    start: int
    code: bytes
    entries: tuple[int, ...]  # where cases may begin
    traps: tuple[int, ...]


def closed(items: Iterable[Item]) -> list[Item]:
    """The same items, where no case begins."""
    return [replace(item, entry=False) for item in items]


_BITS = {Fix.IMM26: (26, 0), Fix.IMM19: (19, 5), Fix.IMM14: (14, 5)}


def lay(items: Sequence[Item], start: int) -> Laid:
    """The bytes of `items` at `start`. Raises Far."""
    labels: dict[str, int] = {}
    at = start
    for item in items:
        if item.label:
            labels[item.label] = at
        if item.inner:
            labels[item.inner] = at + 1
        at += len(item.code)
    code = bytearray()
    for item in items:
        code += _encoded(item, start + len(code), labels)
    entries, at = [], start
    for item in items:
        if item.code and item.entry:
            entries.append(at)
        at += len(item.code)
    sizes = [len(item.code) for item in items]
    traps = tuple(start + sum(sizes[:i]) for i, item in enumerate(items) if item.trap)
    return Laid(tuple(items), start, bytes(code), tuple(entries), traps)


def _encoded(item: Item, at: int, labels: Mapping[str, int]) -> bytes:
    if item.fix is Fix.NONE:
        return item.code
    goal = labels[item.goal] if isinstance(item.goal, str) else item.goal
    end = at + len(item.code)
    if item.fix is Fix.REL8:
        if not -128 <= goal - end < 128:
            raise Far
        return item.code[:-1] + struct.pack("b", goal - end)
    if item.fix is Fix.REL32:
        return item.code[: item.at] + struct.pack("<i", goal - end) + item.code[item.at + 4 :]
    (word,) = struct.unpack("<I", item.code)
    if item.fix in (Fix.ADR, Fix.ADRP):
        page = 12 if item.fix is Fix.ADRP else 0
        distance = (goal >> page) - (at >> page)
        word |= (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5
    else:
        bits, shift = _BITS[item.fix]
        steps = goal - at >> 2
        if not -(1 << bits - 1) <= steps < 1 << bits - 1:
            raise Far
        word |= (steps & (1 << bits) - 1) << shift
    return struct.pack("<I", word)
