"""Direct branches of an image, found by their bytes.

On x86_64 some of what is found is no instruction: proof is the caller's duty. Nothing is disassembled, and only
what a question is about is sorted, because a large program holds millions.
"""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from aot.image.model import Arch, Image, Segment

_BUCKET: Final = 8  # bits of an address inside one bucket of targets
_CALL: Final = 0xE8
_REL32: Final = struct.Struct("<i").unpack_from
_WORD: Final = struct.Struct("<I").unpack_from
_X86_LONG: Final = ((rb"\xe8", b""), (rb"\xe9", b""), (rb"\x0f", rb"[\x80-\x8f]"))  # call, jmp, jcc
_X86_SHORT: Final = re.compile(rb"[\xeb\x70-\x7f\xe0-\xe3]")  # jmp, jcc, loop, jrcxz: a distance of one byte
_SHORT: Final = 2  # bytes of such a branch
_NEAR: Final = 128  # bytes it reaches
# b, bl, b.cond, cbz, cbnz, tbz, tbnz by their highest byte
_A64_BRANCH: Final = re.compile(rb"[\x14-\x17\x94-\x97\x54\x34-\x37\xb4-\xb7]")


def branches(segment: Segment, arch: Arch) -> Iterator[tuple[int, int]]:
    """(address, target) of every byte pattern that could be a direct branch, in no order.

    On x86_64 those with a distance of four bytes that stay in the segment.
    """
    return _x86(segment) if arch is Arch.X86_64 else _a64(segment)


class Branches:
    """Everything in one image that may be a direct branch, looked up by where it leads."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._x86 = image.arch is Arch.X86_64
        self._sources: defaultdict[int, list[int]] = defaultdict(list)
        self._targets: dict[int, list[tuple[int, int, bool]]] = {}  # buckets that were asked for
        for segment in image.code:
            for source, target in branches(segment, image.arch):
                self._sources[target >> _BUCKET].append(source)

    def into(self, start: int, end: int) -> list[tuple[int, int, bool]]:
        """(target, address, is call) of what may lead into [start, end), by target."""
        first, last = start >> _BUCKET, end - 1 >> _BUCKET
        if last - first > len(self._sources):
            wanted = sorted(b for b in self._sources if first <= b <= last)
        else:
            wanted = [b for b in range(first, last + 1) if b in self._sources]
        return [found for b in wanted for found in self._bucket(b) if start <= found[0] < end]

    def short(self, low: int, high: int, start: int, end: int) -> bool:
        """Whether anything in [low, high) may be a branch of two bytes into [start, end)."""
        segment = self._image.segment_at(low)
        if segment is None or not self._x86:
            return False
        base, data = segment.address, segment.data
        first, last = max(low, start - _NEAR - _SHORT) - base, min(high, end + _NEAR) - base
        for found in _X86_SHORT.finditer(data, max(first, 0), max(min(last, len(data) - 1), 0)):
            at = found.end()
            if start <= base + at + 1 + (data[at] ^ 0x80) - 0x80 < end:
                return True
        return False

    def _bucket(self, number: int) -> list[tuple[int, int, bool]]:
        found = self._targets.get(number)
        if found is None:
            found = self._targets[number] = sorted(map(self._described, self._sources[number]))
        return found

    def _described(self, source: int) -> tuple[int, int, bool]:
        segment = self._image.segment_at(source)
        assert segment is not None
        at = source - segment.address
        if not self._x86:
            (word,) = _WORD(segment.data, at)
            return _a64_target(source, word), source, word >> 26 == 0x25  # bl
        opcode = segment.data[at]
        at += 2 if opcode == 0x0F else 1
        return segment.address + at + 4 + _REL32(segment.data, at)[0], source, opcode == _CALL


def _x86(segment: Segment) -> Iterator[tuple[int, int]]:
    data, base, size = segment.data, segment.address, len(segment.data)
    far = min(size >> 24, 0x7F)  # the highest byte of a distance inside the segment
    for opcode, more in _X86_LONG:
        # One search for each opcode: a pattern that begins with one certain byte is found three times as fast.
        # The distance is not part of the match, because another branch may begin in it.
        pattern = opcode + rb"(?=%s...[\x00-\x%02x\x%02x-\xff])" % (more, far, 0xFF - far)
        skip = 2 if more else 1
        for found in re.finditer(pattern, data, re.DOTALL):
            start = found.start()
            target = start + skip + 4 + _REL32(data, start + skip)[0]
            if 0 <= target < size:
                yield base + start, base + target


def _a64(segment: Segment) -> Iterator[tuple[int, int]]:
    skew = -segment.address % 4
    data, first = segment.data, segment.address + skew
    words = memoryview(data)[skew : len(data) - (len(data) - skew) % 4].cast("I")
    for found in _A64_BRANCH.finditer(data[skew + 3 :: 4]):
        index = found.start()
        address = first + index * 4
        yield address, _a64_target(address, words[index])


def _a64_target(address: int, word: int) -> int:
    if word & 0x7C000000 == 0x14000000:  # b, bl
        return address + (((word & 0x3FFFFFF) ^ 0x2000000) - 0x2000000 << 2)
    if word & 0x7E000000 == 0x36000000:  # tbz, tbnz
        return address + (((word >> 5 & 0x3FFF) ^ 0x2000) - 0x2000 << 2)
    return address + (((word >> 5 & 0x7FFFF) ^ 0x40000) - 0x40000 << 2)
