"""Jump tables of x86-64: a superset of the places an indirect jump can go to inside its function."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Raw
from aot.analyze.tables import MOST, Bound, bound, entries, inside, near

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

_LONG: Final = 0x10000  # bytes of the longest range that is believed to be one function
_LEA: Final = re.compile(r"\w+, \[(rip) ([+-]) (0x[0-9a-f]+|\d+)\]")
_LEA_BYTES: Final = re.compile(rb"[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")
_SCALED: Final = re.compile(r"\[(?:\w+ \+ )?\w+\*8 ([+-]) (0x[0-9a-f]+)\]")
_INDEX: Final = re.compile(r"(r\w+)\*[48]")


def targets(code: Code, jump: Raw) -> set[int] | None:
    """Where `jump` can go inside the range of `code`; empty: only outside; None: cannot tell."""
    operands = jump[3]
    if "rip" in operands or ("*8" not in operands and "[" in operands):
        return set()  # through an import slot or an object: a tail call
    window = near(code, jump)
    scaled = [jump, *window]
    index = next((found[1] for insn in scaled if (found := _INDEX.search(insn[3]))), "")
    limit = bound(code, jump, index)
    out: set[int] = set()
    for insn in scaled:
        found = _SCALED.search(insn[3])
        if found and found[1] == "+":
            out |= inside(code, entries(code, int(found[2], 16), "Q"), limit)
    out |= _loaded(code, window, limit)
    if out or not any(_is_scaled_load(insn) for insn in scaled[:6]):
        return out
    # The table's address was loaded far away, before a loop: believe every address the range loads.
    if code.end - code.start > _LONG:
        return None
    return _loaded(code, code.reached.values(), limit) or None


def _loaded(code: Code, insns: Iterable[Raw], limit: Bound) -> set[int]:
    """Entries of what would be tables at the addresses that `insns` load."""
    out: set[int] = set()
    for insn in insns:
        found = _LEA.search(insn[3]) if insn[2] == "lea" else None
        if found:
            offset = int(found[3], 0)
            table = insn[0] + insn[1] + (offset if found[2] == "+" else -offset)
            offsets = entries(code, table, "i")
            places = (table + offset for offset in offsets)
            out |= inside(code, places if limit.sure else islice(places, _room(code, table)), limit)
            out |= inside(code, entries(code, table, "Q"), limit)
    return out


def _room(code: Code, table: int) -> int:
    """Entries of four bytes from `table` on before something else begins that code loads the address of.

    Compilers put the tables of a function and of those after it one behind the other. The entries of the next one,
    read against the base of this one, lead into the midst of instructions.
    """
    if code.loads is None:
        code.loads = sorted(set(_lea_targets(code)))
    at = bisect_right(code.loads, table)
    return (code.loads[at] - table) // 4 if at < len(code.loads) else MOST


def _lea_targets(code: Code) -> Iterator[int]:
    """Addresses that what may be a lea in the range, or not far behind it, loads."""
    data, base = code.segment.data, code.segment.address
    for found in _LEA_BYTES.finditer(data, code.start - base, min(code.end - base + _LONG, len(data) - 4)):
        at = found.end()
        yield base + at + 4 + int.from_bytes(data[at : at + 4], "little", signed=True)


def _is_scaled_load(insn: Raw) -> bool:
    return "*8" in insn[3] or (insn[2] == "movsxd" and "*4" in insn[3])
