"""Function starts from Go's pclntab, which every Go program carries even when it is stripped."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

from aot.image.model import Prot, Segment

# From: internal/abi/symtab.go. Older tables (Go 1.15 and before) are not read.
MAGIC_1_16, MAGIC_1_18, MAGIC_1_20 = 0xFFFFFFFA, 0xFFFFFFF0, 0xFFFFFFF1
HEADER_1_16 = struct.Struct("<IHBBQQ5Q")  # nfunc nfiles, funcname cu filetab pctab pcln offsets
# The same with textStart before the offsets; newer linkers leave it 0.
HEADER_1_18 = struct.Struct("<IHBBQQQ5Q")
TEXT_IN_MODULEDATA = 22 * 8  # moduledata.text: pcHeader, six slices, findfunctab, minpc, maxpc
LIMIT = 1 << 21  # functions


def go_functions(segments: tuple[Segment, ...], text: int) -> tuple[tuple[int, int], ...]:
    """(start, end) of every Go function; `text` is the code section's address, the last resort
    when the table does not say where offsets count from."""
    for segment in segments:
        for at in _headers(segment.data):
            found = _read_table(segments, segment, at, text)
            if found:
                return found
    return ()


def _headers(data: bytes) -> Iterator[int]:
    """Offsets that may be a pclntab header: magic, two zeros, instruction quantum, 8."""
    for magic in (MAGIC_1_20, MAGIC_1_18, MAGIC_1_16):
        needle = struct.pack("<IH", magic, 0)
        at = data.find(needle)
        while at >= 0:
            if data[at + 6 : at + 8] in (b"\x01\x08", b"\x04\x08"):
                yield at
            at = data.find(needle, at + 1)


def _read_table(
    segments: tuple[Segment, ...], segment: Segment, at: int, text: int
) -> tuple[tuple[int, int], ...]:
    data = segment.data
    old = data[at] == MAGIC_1_16 & 0xFF
    header = HEADER_1_16 if old else HEADER_1_18
    if at + header.size > len(data):
        return ()
    fields = header.unpack_from(data, at)
    count, table = fields[4], at + fields[-1]
    width = 8 if old else 4
    need = (2 * count + 1) * width
    if not 0 < count <= LIMIT or table + need > len(data):
        return ()
    words = memoryview(data[table : table + need]).cast("Q" if old else "I")
    base = 0
    if not old:
        base = fields[6] or _text_start(segments, segment.address + at, fields[7]) or text
    starts = [base + words[i] for i in range(0, 2 * count + 1, 2)]  # the last is the end of all
    code = [(s.address, s.end) for s in segments if s.prot & Prot.X]
    pairs = [(a, b) for a, b in pairwise(starts) if a < b and _inside(code, a, b)]
    return tuple(pairs) if len(pairs) * 2 > count else ()


def _text_start(segments: tuple[Segment, ...], header: int, names: int) -> int:
    """moduledata.text: moduledata begins with the addresses of header and name table."""
    needle = struct.pack("<QQ", header, header + names)
    for segment in segments:
        at = segment.data.find(needle)
        if at >= 0 and at % 8 == segment.address % 8:
            return int.from_bytes(segment.data[at + TEXT_IN_MODULEDATA :][:8], "little")
    return 0


def _inside(code: list[tuple[int, int]], start: int, end: int) -> bool:
    at = bisect_right(code, (start, 1 << 64)) - 1
    return at >= 0 and code[at][0] <= start and end <= code[at][1]
