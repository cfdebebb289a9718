"""Jump tables: a superset of the places an indirect jump of a function can go to inside that function."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Raw
from aot.image.model import Arch

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

_BACK: Final = 40  # instructions looked at before the jump
_LONG: Final = 0x10000  # bytes of the longest range that is believed to be one function
_MOST: Final = 4096  # entries of the largest table believed
_UNSIGNED: Final = frozenset("ja jae jb jbe b.hi b.hs b.lo b.ls".split())
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


def _bound(code: Code, window: list[Raw]) -> int:
    """Entries of the table, by the nearest comparison that guards it; 0: nothing guards it."""
    for insn in window:
        if insn[2] in ("cmp", "sub", "subs"):
            found = _BOUND.search(insn[3])
            following = code.reached.get(insn[0] + insn[1])
            if found and following and following[2] in _UNSIGNED:
                return min(int(found[1], 0) + 1, _MOST)
    return 0


def _entries(code: Code, table: int, form: str) -> Iterator[int]:
    """Numbers of the struct format `form` from `table` on."""
    size = struct.calcsize(form)
    raw = code.image.read(table, size * _MOST)
    return (entry[0] for entry in struct.iter_unpack(f"<{form}", raw[: len(raw) // size * size]))


def _inside(code: Code, values: Iterable[int], bound: int, *, wide: bool = True) -> set[int]:
    """The `values` that are addresses of the range.

    Behind the bound wide entries are believed until the first that leads outside, so a guard that was
    not understood costs nothing; narrow entries all lead inside a long function and end at the bound.
    """
    out: set[int] = set()
    for at, value in enumerate(values):
        if at >= bound > 0 and not wide:
            break
        if code.start <= value < code.end:
            out.add(value)
        elif at >= bound:
            break
    return out


def _x86_targets(code: Code, jump: Raw) -> set[int] | None:
    operands = jump[3]
    if "rip" in operands or ("*8" not in operands and "[" in operands):
        return set()  # through an import slot or an object: a tail call
    window = _back(code, jump)
    bound = _bound(code, window)
    out: set[int] = set()
    scaled = [jump, *window]
    for insn in scaled:
        found = _X86_SCALED.search(insn[3])
        if found and found[1] == "+":
            out |= _inside(code, _entries(code, int(found[2], 16), "Q"), bound)
    out |= _x86_loaded(code, window, bound)
    if out or not any(_is_scaled_load(insn) for insn in scaled[:6]):
        return out
    # The table's address was loaded far away, before a loop: believe every address the range loads.
    if code.end - code.start > _LONG:
        return None
    return _x86_loaded(code, code.reached.values(), bound) or None


def _x86_loaded(code: Code, insns: Iterable[Raw], bound: int) -> set[int]:
    """Entries of what would be tables at the addresses that `insns` load."""
    out: set[int] = set()
    for insn in insns:
        found = _X86_LEA.search(insn[3]) if insn[2] == "lea" else None
        if found:
            offset = int(found[3], 0)
            table = insn[0] + insn[1] + (offset if found[2] == "+" else -offset)
            offsets = _entries(code, table, "i")
            out |= _inside(code, (table + offset for offset in offsets), bound)
            out |= _inside(code, _entries(code, table, "Q"), bound)
    return out


def _is_scaled_load(insn: Raw) -> bool:
    return "*8" in insn[3] or (insn[2] == "movsxd" and "*4" in insn[3])


def _a64_targets(code: Code, jump: Raw) -> set[int] | None:
    window = _back(code, jump)
    load = next((i for i in window if i[2] in _A64_LOADS and _A64_INDEXED.search(i[3])), None)
    if load is None:
        return set()  # a register that was not loaded by index: a tail call
    form = _A64_LOADS[load[2]]
    if load[2] == "ldr":
        form = "Q" if load[3].startswith("x") else "i"
    bound = _bound(code, window)
    tables, labels = _a64_addresses(window)
    out: set[int] = set()
    for table in tables | labels:
        if form == "Q":
            out |= _inside(code, _entries(code, table, form), bound)
            continue
        for base in {table, *labels}:
            for scale in (1, 4) if form == "i" else (4,):
                offsets = _entries(code, table, form)
                targets = (base + offset * scale for offset in offsets)
                out |= _inside(code, targets, bound, wide=form == "i")
    return {target for target in out if target % 4 == 0} or None


def _a64_addresses(window: list[Raw]) -> tuple[set[int], set[int]]:
    """Addresses that `window` computes from pages, and those it computes directly."""
    pages: dict[str, int] = {}
    tables: set[int] = set()
    labels: set[int] = set()
    for insn in reversed(window):
        found = _A64_PAGE.match(insn[3]) if insn[2] in ("adrp", "adr") else None
        if found:
            pages[found[1]] = int(found[2], 16)
            (labels if insn[2] == "adr" else tables).add(int(found[2], 16))
        add = _A64_ADD.match(insn[3]) if insn[2] == "add" else None
        if add and add[1] in pages:
            tables.add(pages[add[1]] + int(add[2], 0))
    return tables, labels


# Loads of table entries: mnemonic -> struct format of an entry; ldr depends on its register.
_A64_LOADS: Final = {"ldrb": "B", "ldrsb": "b", "ldrh": "H", "ldrsh": "h", "ldrsw": "i", "ldr": "Q"}
