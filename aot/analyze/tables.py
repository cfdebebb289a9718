"""Jump tables: a superset of the places an indirect jump of a function can go to inside that function."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Raw
from aot.image.model import Arch

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

_BACK: Final = 40  # instructions looked at before the jump
_LONG: Final = 0x10000  # bytes of the longest range that is believed to be one function
_MOST: Final = 4096  # entries of the largest table believed
_X86_LEA: Final = re.compile(r"\w+, \[(rip) ([+-]) (0x[0-9a-f]+|\d+)\]")
_X86_SCALED: Final = re.compile(r"\[(?:\w+ \+ )?\w+\*8 ([+-]) (0x[0-9a-f]+)\]")
_A64_PAGE: Final = re.compile(r"(x\d+), #(0x[0-9a-f]+)")
_A64_ADD: Final = re.compile(r"x\d+, (x\d+), #(0x[0-9a-f]+|\d+)$")
_A64_INDEXED: Final = re.compile(r"\[x\d+, [xw]\d+")
_BOUND: Final = re.compile(r", #?(0x[0-9a-f]+|\d+)$")


def table_targets(code: Code, jump: Raw) -> set[int] | None:
    """Where `jump` can go inside the range of `code`; empty: only outside; None: cannot tell."""
    if code.decoder.arch is Arch.X86_64:
        return _x86_targets(code, jump)
    return _a64_targets(code, jump)


def _back(code: Code, jump: Raw) -> list[Raw]:
    """Instructions that can run shortly before `jump`, nearest first."""
    out: list[Raw] = []
    seen = {jump[0]}
    work = [jump[0]]
    while work and len(out) < _BACK:
        for pred in code.preds.get(work.pop(0), ()):
            if pred not in seen:
                seen.add(pred)
                work.append(pred)
                out.append(code.reached[pred])
    return out


def _bound(window: list[Raw]) -> int:
    """Number of entries the nearest comparison with a constant allows."""
    for insn in window:
        if insn[2] in ("cmp", "sub", "subs"):
            found = _BOUND.search(insn[3])
            if found and 0 < int(found[1], 0) < _MOST:
                return int(found[1], 0) + 1
    return _MOST


def _entries(code: Code, table: int, size: int, most: int) -> list[int]:
    raw = code.image.read(table, size * most)
    return [
        int.from_bytes(raw[at : at + size], "little") for at in range(0, len(raw) - size + 1, size)
    ]


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _inside(code: Code, values: list[int]) -> set[int]:
    """The `values` that are addresses of the range: of a table without a bound only the leading ones."""
    out: set[int] = set()
    for value in values:
        if code.start <= value < code.end:
            out.add(value)
        elif len(values) == _MOST:
            break
    return out


def _x86_targets(code: Code, jump: Raw) -> set[int] | None:
    operands = jump[3]
    if "rip" in operands or ("*8" not in operands and "[" in operands):
        return set()  # through an import slot or an object: a tail call
    window = _back(code, jump)
    most = _bound(window)
    out: set[int] = set()
    scaled = [jump, *window]
    for insn in scaled:
        found = _X86_SCALED.search(insn[3])
        if found and found[1] == "+":
            out |= _inside(code, _entries(code, int(found[2], 16), 8, most))
    out |= _x86_loaded(code, window, most)
    if out or not any(_is_scaled_load(insn) for insn in scaled[:6]):
        return out
    # The table's address was loaded far away, before a loop: believe every address the range loads.
    if code.end - code.start > _LONG:
        return None
    return _x86_loaded(code, code.reached.values(), most) or None


def _x86_loaded(code: Code, insns: Iterable[Raw], most: int) -> set[int]:
    """Entries of what would be tables at the addresses that `insns` load."""
    out: set[int] = set()
    for insn in insns:
        found = _X86_LEA.search(insn[3]) if insn[2] == "lea" else None
        if found:
            offset = int(found[3], 0)
            table = insn[0] + insn[1] + (offset if found[2] == "+" else -offset)
            words = _entries(code, table, 4, most)
            out |= _inside(code, [table + _signed(word, 32) for word in words])
            out |= _inside(code, _entries(code, table, 8, most))
    return out


def _is_scaled_load(insn: Raw) -> bool:
    return "*8" in insn[3] or (insn[2] == "movsxd" and "*4" in insn[3])


def _a64_targets(code: Code, jump: Raw) -> set[int] | None:
    window = _back(code, jump)
    most = _bound(window)
    pages: dict[str, int] = {}
    tables: list[int] = []
    labels: list[int] = []
    for insn in reversed(window):
        if insn[2] in ("adrp", "adr"):
            found = _A64_PAGE.match(insn[3])
            if found:
                pages[found[1]] = int(found[2], 16)
                (labels if insn[2] == "adr" else tables).append(int(found[2], 16))
        elif insn[2] == "add":
            add = _A64_ADD.match(insn[3])
            if add and add[1] in pages:
                tables.append(pages[add[1]] + int(add[2], 0))
    load = next((i for i in window if i[2] in _A64_LOADS and _A64_INDEXED.search(i[3])), None)
    if load is None:
        return set()  # a register that was not loaded by index: a tail call
    size, signed = _A64_LOADS[load[2]]
    if load[2] == "ldr":
        size = 8 if load[3].startswith("x") else 4
    out: set[int] = set()
    for table in (*tables, *labels):
        words = _entries(code, table, size, most)
        if size == 8:
            out |= _inside(code, words)
            continue
        values = [_signed(word, size * 8) if signed or size == 4 else word for word in words]
        for base in {table, *labels}:
            scale = 1 if size == 4 else 4
            out |= _inside(code, [base + value * scale for value in values])
            if size == 4:
                out |= _inside(code, [base + value * 4 for value in values])
    return {target for target in out if target % 4 == 0} or None


_A64_LOADS: Final = {
    "ldrb": (1, False),
    "ldrsb": (1, True),
    "ldrh": (2, False),
    "ldrsh": (2, True),
    "ldrsw": (4, True),
    "ldr": (8, False),
}
