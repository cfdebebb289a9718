"""Jump tables of aarch64: a superset of the places an indirect jump can go to inside its function."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Raw
from aot.analyze.tables import bound, entries, inside, near, only_way

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

_PAGE: Final = re.compile(r"(x\d+), #(0x[0-9a-f]+)")
_SUM: Final = re.compile(r"(x\d+), (x\d+), [xw]\d+(?:, (?:lsl|[su]xt[bhwx]) ?#?(\d*))?$")
_ADD: Final = re.compile(r"(x\d+), (x\d+), #(0x[0-9a-f]+|\d+)$")
_INDEXED: Final = re.compile(r"\[(x\d+), ([xw]\d+)")


def targets(code: Code, jump: Raw) -> set[int] | None:
    """Where `jump` can go inside the range of `code`; empty: only outside; None: cannot tell."""
    window = near(code, jump)
    load = next((i for i in window if i[2] in _LOADS and _INDEXED.search(i[3])), None)
    if load is None:
        return set()  # a register that was not loaded by index: a tail call
    form = _LOADS[load[2]]
    if load[2] == "ldr":
        form = "Q" if load[3].startswith("x") else "i"
    indexed = _INDEXED.search(load[3])
    assert indexed is not None
    limit = bound(code, jump, indexed[2])
    tables = _addresses(code, window, jump, indexed[1])
    out: set[int] = set()
    if form == "Q":
        for table in tables:
            out |= inside(code, entries(code, table, form), limit)
        return out or None
    sums = (_SUM.match(i[3]) for i in window if i[2] == "add")
    total = next((found for found in sums if found and found[1] == jump[3]), None)
    if total is None:
        return None
    scale = 1 << int(total[3] or "0")
    for table in tables:
        for base in _addresses(code, window, jump, total[2]):
            places = (base + offset * scale for offset in entries(code, table, form))
            out |= inside(code, places, limit, wide=form == "i")
    return {target for target in out if target % 4 == 0} or None


def _addresses(code: Code, window: list[Raw], jump: Raw, register: str) -> set[int]:
    """Constants that `register` may hold at `jump`: on the only way to it, else near it, else anywhere."""
    chain = _defined(reversed(only_way(code, jump)), register)
    if chain:
        return {max(chain.items())[1]}  # the last definition
    near = _defined(reversed(window), register)
    everything = (code.reached[address] for address in sorted(code.reached))
    return set((near or _defined(everything, register)).values())


def _defined(insns: Iterable[Raw], register: str) -> dict[int, int]:
    """Place in `insns` -> constant, of every instruction that completes an address in `register`."""
    pages: dict[str, int] = {}
    out: dict[int, int] = {}
    for at, insn in enumerate(insns):
        found = _PAGE.match(insn[3]) if insn[2] in ("adrp", "adr") else None
        if found:
            pages[found[1]] = int(found[2], 16)
            if found[1] == register:
                out[at] = int(found[2], 16)
        add = _ADD.match(insn[3]) if insn[2] == "add" else None
        if add and add[2] in pages and add[1] == register:
            out[at] = pages[add[2]] + int(add[3], 0)
    return out


# Loads of table entries: mnemonic -> struct format of an entry; ldr depends on its register.
_LOADS: Final = {"ldrb": "B", "ldrsb": "b", "ldrh": "H", "ldrsh": "h", "ldrsw": "i", "ldr": "Q"}
