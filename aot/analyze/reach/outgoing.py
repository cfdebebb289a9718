"""Every place where an image may refer to its own code or to an imported name, taken from its bytes.

What could be a reference counts as one: on x86_64 each byte that may begin a branch or the displacement of an
operand, on aarch64 each pairing of a page with an offset in one function. So nothing that exists is missed; what
is counted in vain is rare, because few displacements of chance lead to the start of a function.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from aot.analyze.branches import branches
from aot.image.model import Arch, Image, Prot, Segment

Reference = tuple[int, int]
"""(address of the reference, address it leads to)."""

_OPERAND: Final = re.compile(rb"[\x05\x0d\x15\x1d\x25\x2d\x35\x3d](?=(.{4}))", re.DOTALL)  # rip + disp32
_IMMEDIATES: Final = (0, 1, 2, 4)  # bytes of an immediate behind the displacement
_PAGE: Final = 0xFFF


def from_branches(image: Image) -> Iterator[Reference]:
    """What may be a direct branch from one place of a segment to another."""
    for segment in image.code:
        yield from branches(segment, image.arch)


def from_operands(image: Image, starts: list[int]) -> Iterator[Reference]:
    """What instructions may name by its distance; `starts` are those of the functions, ascending."""
    for segment in image.code:
        if image.arch is Arch.X86_64:
            yield from _displacements(segment)
        else:
            yield from _pairs(segment, starts)


def _displacements(segment: Segment) -> Iterator[Reference]:
    for found in _OPERAND.finditer(segment.data):
        at = segment.address + found.start()
        end = at + 5 + int.from_bytes(found[1], "little", signed=True)
        for more in _IMMEDIATES:
            yield at, end + more


def _pairs(segment: Segment, starts: list[int]) -> Iterator[Reference]:
    """adr, and each adrp of a function with each offset that an add or a load in it may add."""
    owner, pages, offsets = -1, set[int](), set[int]()
    source = segment.address
    for address, word in words(segment):
        kind = word & 0x9F00_0000
        if kind == 0x1000_0000:  # adr
            yield address, address + distance(word)
            continue
        page, offset = kind == 0x9000_0000, _offset(word)
        if not page and offset is None:
            continue
        function = bisect_right(starts, address)
        if function != owner:
            yield from _paired(source, pages, offsets)
            owner, source, pages, offsets = function, address, set(), set()
        if page:
            pages.add((address & ~_PAGE) + (distance(word) << 12))
        elif offset is not None:
            offsets.add(offset)
    yield from _paired(source, pages, offsets)


def words(segment: Segment) -> Iterator[tuple[int, int]]:
    """(address, instruction word) of an aarch64 segment."""
    skew = -segment.address % 4
    count = (len(segment.data) - skew) // 4
    if count > 0:
        found = struct.unpack_from(f"<{count}I", segment.data, skew)
        yield from zip(range(segment.address + skew, segment.end, 4), found, strict=False)


def distance(word: int) -> int:
    """The 21-bit immediate of adr and adrp, signed."""
    value = word >> 29 & 3 | (word >> 5 & 0x7FFFF) << 2
    return (value ^ 1 << 20) - (1 << 20)


def _offset(word: int) -> int | None:
    """What `add xd, xn, #offset` or a load of 64 bits with an unsigned offset adds."""
    if word & 0xFFC0_0000 == 0x9100_0000:
        return word >> 10 & 0xFFF
    if word & 0xFFC0_0000 == 0xF940_0000:
        return (word >> 10 & 0xFFF) << 3
    return None


def _paired(source: int, pages: Iterable[int], offsets: set[int]) -> Iterator[Reference]:
    for page in pages:
        yield source, page
        for offset in offsets:
            yield source, page + offset


def from_constants(image: Image) -> Iterator[Reference]:
    """What instructions of a program with fixed addresses may name by its 32-bit address."""
    low = min((s.address for s in image.code), default=0)
    high = max((s.end for s in image.code), default=0)
    if image.pie or image.arch is not Arch.X86_64 or high >> 32:
        return
    tops = b"|".join(re.escape(top.to_bytes(2, "little")) for top in range(low >> 16, (high >> 16) + 1))
    for segment in image.code:
        for found in re.finditer(b"(?=" + tops + b")", segment.data):
            at = found.start() - 2
            if at >= 0:
                yield segment.address + at, int.from_bytes(segment.data[at : at + 4], "little")


def from_data(image: Image) -> Iterator[int]:
    """Words of data that may be addresses in code.

    A program that can lie anywhere holds addresses in data it can write; its other tables hold distances.
    """
    low = min((s.address for s in image.code), default=0)
    high = max((s.end for s in image.code), default=0)
    for segment in image.segments:
        skew = -segment.address % 8
        count = (len(segment.data) - skew) // 8
        if count <= 0 or (image.pie and not segment.prot & Prot.W):
            continue
        for word in struct.unpack_from(f"<{count}Q", segment.data, skew):
            if low <= word < high:
                yield word
