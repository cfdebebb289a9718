"""The few instructions through which an ELF program calls an imported function (its PLT)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from aot.analyze.reach.outgoing import distance, words
from aot.image.model import Arch, Image, Segment

_JUMP: Final = re.compile(rb"(\xf3\x0f\x1e\xfa)?[\xf2\x3e]?\xff\x25(.{4})", re.DOTALL)
"""endbr64, perhaps; then jmp [rip + disp32], perhaps with a prefix."""
_ADRP, _ADRP_MASK = 0x9000_0010, 0x9F00_001F  # adrp x16, page
_LDR, _LDR_MASK = 0xF940_0211, 0xFFC0_03FF  # ldr x17, [x16, #offset]
_BTI, _BTI_MASK = 0xD503_241F, 0xFFFF_FF3F


def import_stubs(image: Image, slots: Mapping[int, str]) -> dict[int, str]:
    """Address of a stub -> the name in the slot that it jumps through."""
    found: dict[int, str] = {}
    for segment in image.code if slots else ():
        pairs = _x86_64(segment) if image.arch is Arch.X86_64 else _aarch64(segment)
        found |= {address: slots[slot] for address, slot in pairs if slot in slots}
    return found


def _x86_64(segment: Segment) -> Iterator[tuple[int, int]]:
    for jump in _JUMP.finditer(segment.data):
        slot = segment.address + jump.end() + int.from_bytes(jump[2], "little", signed=True)
        yield segment.address + jump.start(), slot
        if jump[1]:
            yield segment.address + jump.start() + 4, slot


def _aarch64(segment: Segment) -> Iterator[tuple[int, int]]:
    before = page = 0
    for address, word in words(segment):
        if page and word & _LDR_MASK == _LDR:
            slot = page + ((word >> 10 & 0xFFF) << 3)
            yield address - 4, slot
            if before & _BTI_MASK == _BTI:
                yield address - 8, slot
        page = (address & ~0xFFF) + (distance(word) << 12) if word & _ADRP_MASK == _ADRP else 0
        before = word if not page else before
