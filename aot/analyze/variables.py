"""Variables that an image never writes: what they begin with is what they hold.

Every instruction that names the variable is looked at. It may load from it, or load its address when the register is
then only read through until it is overwritten or a call is made. Anything else may write: a store, an address
passed on, an address in data, code that nothing reaches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Flow, Raw, family
from aot.analyze.go import is_go
from aot.analyze.values import split
from aot.image.model import Arch, Image, Segment

if TYPE_CHECKING:
    from aot.analyze.blocks import Code
    from aot.analyze.places import Places

_BLOCK: Final = 1 << 16  # bytes of code in which the upper half of a displacement takes few values
_OBJECT: Final = 64  # bytes before a variable where an object may begin that holds it, when no symbol says
_IMMEDIATES: Final = (0, 1, 2, 4)  # bytes of an immediate behind a displacement
_USES: Final = 24  # instructions followed from the load of an address
_NEAR: Final = 12  # instructions between adrp and the one that completes the address
_ADD, _ADD_MASK = 0x9100_0000, 0xFFC0_0000  # add xd, xn, #offset
_UNSIGNED, _UNSIGNED_MASK = 0x3900_0000, 0x3B00_0000  # loads and stores, [xn, #offset]
_GO_TEMPORARY: Final = 27  # what Go's assembler makes two instructions of one with, and nothing else
_TESTS: Final = ("cmp", "test", "bt", "push")  # memory as the first operand, and only read
_A64_OFFSET: Final = re.compile(r"\[(\w+)(?:, #(-?(?:0x[0-9a-f]+|\d+)))?\]")
_A64_ADD: Final = re.compile(r"(x\d+), (x\d+), #(0x[0-9a-f]+|\d+)$")


class Variables:
    """What the variables of one image begin with, and whether that may change."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._objects = sorted(
            (s.address, s.address + s.size) for s in places.image.symbols if s.size and not s.code
        )
        self._go = is_go(places.image)
        self._known: dict[tuple[int, int], int | None] = {}

    def value(self, address: int, size: int) -> int | None:
        """The number in `size` bytes at `address`; None when something may write it."""
        key = (address, size)
        if key not in self._known:
            raw = self.places.image.read(address, size)
            low, high = self._begin(address), address + size
            kept = len(raw) == size and not self._in_data(low) and not self._in_data(address)
            kept = kept and all(self._harmless(at, low, high) for at in self._mentions(low, high))
            self._known[key] = int.from_bytes(raw, "little") if kept else None
        return self._known[key]

    def _begin(self, address: int) -> int:
        """Where the object begins that holds the variable. Go names fields of variables by their own addresses."""
        held = [low for low, high in self._objects if low <= address < high]
        return max(held) if held else address if self._objects or self._go else address - _OBJECT

    def _in_data(self, address: int) -> bool:
        wanted = address.to_bytes(8, "little")
        return any(wanted in segment.data for segment in self.places.image.segments)

    def _mentions(self, low: int, high: int) -> Iterator[int]:
        image = self.places.image
        for segment in image.code:
            if image.arch is Arch.X86_64:
                yield from _displacements(segment, low, high)
            else:
                found = _pages(segment, low, high)
                yield from (at for at, page in found if not self._elsewhere(segment, at, page, low, high))
        if image.arch is Arch.X86_64 and not image.pie and high < 1 << 32:
            yield from _absolute(image, low)

    def _elsewhere(self, segment: Segment, at: int, page: int, low: int, high: int) -> bool:
        """Whether the word behind an adrp shows that it is done with, and nothing in [low, high) written."""
        data, behind = segment.data, at - segment.address + 4
        register = data[behind - 4] & 31
        word = int.from_bytes(data[behind : behind + 4], "little")
        if word >> 5 & 31 != register:
            return False
        offset = word >> 10 & 0xFFF
        if word & _ADD_MASK == _ADD:
            return word & 31 == register and not low <= page + offset < high
        if word & _UNSIGNED_MASK != _UNSIGNED or not (self._go and register == _GO_TEMPORARY):
            return False
        kind, vector = word >> 22 & 3, word >> 26 & 1
        scale = 4 if vector and kind & 2 else word >> 30
        stores = kind in (0, 2) if vector else kind == 0
        return not stores or not low <= page + (offset << scale) < high

    def _harmless(self, at: int, low: int, high: int) -> bool:
        """Whether the instruction with an operand at `at` writes nothing in [low, high)."""
        code = self.places.at(at).code
        raw = code.covering(at)
        if raw is None:
            return False
        if code.decoder.arch is Arch.AARCH64:
            return _a64_harmless(code, raw, low, high)
        if "[rip" not in raw[3]:
            return raw[0] + 2 < at or "0x" not in raw[3]  # the bytes are something else, or its address
        operands = split(raw[3])
        if raw[2] == "lea":
            return only_read(code, raw, family(operands[0]))
        return "[" not in operands[0] or raw[2] in _TESTS


def _displacements(segment: Segment, low: int, high: int) -> Iterator[int]:
    """Places of what may be a displacement that leads from its instruction into [low, high)."""
    data, base = segment.data, segment.address
    for block in range(0, len(data), _BLOCK):
        least = low - (base + block + _BLOCK + 8)
        most = high - (base + block + 4)
        for top in range(least >> 16, (most >> 16) + 1):
            if not -0x8000 <= top < 0x8000:
                continue
            wanted = (top & 0xFFFF).to_bytes(2, "little")
            found = data.find(wanted, block + 2, block + _BLOCK + 4)
            while found >= 0:
                at = found - 2
                end = base + at + 4 + int.from_bytes(data[at : at + 4], "little", signed=True)
                if (
                    at
                    and data[at - 1] & 0xC7 == 0x05
                    and any(low <= end + more < high for more in _IMMEDIATES)
                ):
                    yield base + at
                found = data.find(wanted, found + 1, block + _BLOCK + 4)


def _absolute(image: Image, address: int) -> Iterator[int]:
    wanted = address.to_bytes(4, "little")
    for segment in image.code:
        at = segment.data.find(wanted)
        while at >= 0:
            yield segment.address + at
            at = segment.data.find(wanted, at + 1)


def _pages(segment: Segment, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Every adrp of a page that holds a part of [low, high), and the page."""
    data, base = segment.data, segment.address
    for start in range(base & ~0xFFF, base + len(data), 0x1000):
        for page in range(low & ~0xFFF, high, 0x1000):
            distance = (page - start) >> 12
            word = 0x9000_0000 | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5
            wanted, first = (word >> 8).to_bytes(3, "little"), max(start - base, 0)
            at = data.find(wanted, first, start - base + 0x1000)
            while at >= 0:
                if (base + at - 1) % 4 == 0 and data[at - 1] & 0xE0 == word & 0xE0:
                    yield base + at - 1, page
                at = data.find(wanted, at + 1, start - base + 0x1000)


def _a64_harmless(code: Code, raw: Raw, low: int, high: int) -> bool:
    """Whether what follows the adrp `raw` writes nothing in [low, high)."""
    register, _, page = raw[3].partition(", #")
    known, address = {register: int(page, 0)}, raw[0]
    for _ in range(_NEAR):
        address += 4
        insn = code.reached.get(address)
        if insn is None or code.decoder.flow(insn) is not Flow.NEXT:
            return insn is not None and code.decoder.flow(insn) in (Flow.CALL, Flow.CALL_INDIRECT)
        used = code.decoder.reads(code.bytes_of(insn)) & known.keys()
        place, add = _A64_OFFSET.search(insn[3]), _A64_ADD.match(insn[3])
        if used and insn[2] == "add" and add and add[2] in known:
            target = known[add[2]] + int(add[3], 0)
            if low <= target < high and not only_read(code, insn, add[1]):
                return False
        elif used and insn[2].startswith("st") and place and place[1] in known:
            if low <= known[place[1]] + int(place[2] or "0", 0) < high:
                return False
        elif used and not insn[2].startswith("ld"):
            return False
        for gone in code.decoder.writes(code.bytes_of(insn)) & known.keys():
            del known[gone]
        if not known:
            return True
    return False


def only_read(code: Code, raw: Raw, register: str) -> bool:
    """Whether the address that `raw` puts into `register` is only loaded through, before a call or another value."""
    address, decoder = raw[0] + raw[1], code.decoder
    for _ in range(_USES):
        insn = code.reached.get(address)
        if insn is None:
            return False
        flow = decoder.flow(insn)
        if flow is not Flow.NEXT:
            return flow in (Flow.CALL, Flow.CALL_INDIRECT)
        if register in decoder.reads(code.bytes_of(insn)) and not _loads(insn, register, decoder.arch):
            return False
        if register in decoder.writes(code.bytes_of(insn)):
            return True
        address += insn[1]
    return False


def _loads(insn: Raw, register: str, arch: Arch) -> bool:
    """Whether `insn` uses `register` only as the address of a load."""
    parts = split(insn[3])
    if arch is Arch.AARCH64:
        inside = insn[2].startswith("ld") and not insn[3].endswith("!") and "[" in parts[-1]
        return inside and all(family(part) != register for part in parts[:-1])
    plain = [part for part in parts[1:] if "[" not in part]
    return "[" not in parts[0] and insn[2] != "lea" and all(family(part) != register for part in plain)
