"""Where an image mentions an address other than in a direct branch: in data, or in code that loads it.

A function whose address is mentioned can be called by whoever gets hold of the address; nothing shows what is
passed then. The search is for bytes: an aligned word of any segment (relocation tables are among them, so that
what a linker fills counts too), a pc-relative operand, an absolute immediate.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from aot.analyze.go import is_go, names_type
from aot.image.model import Arch, Image, Segment
from aot.record import dataclass

_WORD: Final = 8
# mov and lea from [rip + disp32], call and jmp through it; apart, because one first byte is found faster than two
_X86: Final = tuple(
    re.compile(opcode + operand)
    for opcode, operand in (
        (rb"\x8b", rb"[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]"),
        (rb"\x8d", rb"[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]"),
        (rb"\xff", rb"[\x15\x25]"),
    )
)
_REL32: Final = struct.Struct("<i").unpack_from
_A64_PAGE: Final = re.compile(rb"[\x90\xb0\xd0\xf0\x10\x30\x50\x70]")  # adrp, adr
_A64_NEAR: Final = 8  # instructions between adrp and the one that completes the address
_TOP: Final = 1 << 32  # addresses above are in no immediate of four bytes


@dataclass(frozen=True, slots=True)
class Mention:
    """`address` in data or code that holds or loads an address."""

    address: int
    code: bool


class Mentions:
    """Mentions of addresses in one image; every segment is read once for each architecture's patterns."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._go = is_go(image)

    def to(self, address: int) -> Iterator[Mention]:
        """Every mention of `address`; bytes that only look like one are among those in code."""
        for segment in self.image.segments:
            for at in _words(segment, address):
                if not (self._go and names_type(self.image, at)):
                    yield Mention(at, code=False)
        yield from (Mention(at, code=True) for at in self._loads.get(address, ()))
        if self.image.arch is Arch.X86_64 and not self.image.pie and address < _TOP:
            for segment in self.image.code:
                yield from (Mention(at, code=True) for at in _immediates(segment, address))

    def loaded(self, low: int, high: int) -> list[tuple[int, int]]:
        """(address, what may be the instruction that loads it) of addresses of code in [low, high), ascending."""
        return sorted(
            (address, at) for address, found in self._loads.items() if low <= address < high for at in found
        )

    @cached_property
    def _loads(self) -> dict[int, list[int]]:
        """Address of code, or of an import's slot -> instructions in code that use it pc-relatively."""
        read = _x86_loads if self.image.arch is Arch.X86_64 else _a64_loads
        slots = {imported.slot for imported in self.image.imports}
        ranges = [(segment.address, segment.end) for segment in self.image.code]
        limits = (min(slots | {low for low, _ in ranges}), max(slots | {high - 1 for _, high in ranges}) + 1)
        out: dict[int, list[int]] = {}
        for segment in self.image.code:
            for at, target in read(segment, *limits):
                if target in slots or _within(ranges, target):
                    out.setdefault(target, []).append(at)
        for found in out.values():
            found.sort()
        return out


def _within(ranges: list[tuple[int, int]], address: int) -> bool:
    for low, high in ranges:  # noqa: SIM110 (a million times: a generator for each costs more than the question)
        if low <= address < high:
            return True
    return False


def _found(data: bytes, wanted: bytes) -> Iterator[int]:
    """Every place of `wanted`, last first: an address ends in zeros, as much else does, so a search from its
    first byte on skips twice as fast."""
    at = data.rfind(wanted)
    while at >= 0:
        yield at
        at = data.rfind(wanted, 0, at + len(wanted) - 1)


def _words(segment: Segment, address: int) -> Iterator[int]:
    for at in _found(segment.data, address.to_bytes(_WORD, "little")):
        if (segment.address + at) % _WORD == 0:
            yield segment.address + at


def _immediates(segment: Segment, address: int) -> Iterator[int]:
    """Instructions `mov r32, imm32` and `mov r64, simm32` with the address in them."""
    data = segment.data
    for at in _found(data, address.to_bytes(4, "little")):
        if at and data[at - 1] & 0xF8 == 0xB8:
            yield segment.address + at - 1
        elif at > 1 and data[at - 2] == 0xC7:
            yield segment.address + at - 2


def _x86_loads(segment: Segment, low: int, high: int) -> Iterator[tuple[int, int]]:
    """(address, target) of what may be a pc-relative operand that leads into [low, high)."""
    data, base = segment.data, segment.address
    for pattern in _X86:
        for found in pattern.finditer(data, 0, max(len(data) - 4, 0)):
            start = found.start()
            target = base + start + 6 + _REL32(data, start + 2)[0]
            if low <= target < high:
                yield base + start, target


def _a64_loads(segment: Segment, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The same; adrp is completed by an add or a load near it."""
    data, base = segment.data, segment.address
    skew = -base % 4
    words = memoryview(data)[skew : len(data) - (len(data) - skew) % 4].cast("I")
    low_page = low & ~0xFFF
    for found in _A64_PAGE.finditer(data[skew + 3 :: 4]):
        index = found.start()
        word = words[index]
        offset = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
        offset = (offset ^ 0x100000) - 0x100000
        address = base + skew + index * 4
        if not word >> 31:
            yield address, address + offset
            continue
        page = (address & ~0xFFF) + (offset << 12)
        if low_page <= page < high:
            near = words[index + 1 : index + 1 + _A64_NEAR]
            completed = list(_completed(near, address + 4, word & 31, page))
            yield from completed or [(address, page)]


def _completed(words: memoryview, address: int, register: int, page: int) -> Iterator[tuple[int, int]]:
    """The instructions from `address` on that add to an adrp's register, or load through it."""
    for near, word in enumerate(words):
        if word >> 5 & 31 != register:
            continue
        if word & 0xFFC00000 == 0x91000000:  # add xd, xn, #imm
            yield address + 4 * near, page + (word >> 10 & 0xFFF)
        elif word & 0xFFC00000 == 0xF9400000:  # ldr xd, [xn, #imm]
            yield address + 4 * near, page + (word >> 10 & 0xFFF) * 8
