"""Jump tables: what guards one, and the entries of it that lead into a range of code."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from aot.analyze.decode import Raw, family

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

_BACK: Final = 40  # instructions looked at before the jump
MOST: Final = 4096  # entries of the largest table believed
_COMPARED: Final = re.compile(r"^(?:(\w+)|.*\]), #?(0x[0-9a-f]+|\d+)$")
_UNSIGNED: Final = frozenset("ja jae jb jbe b.hi b.hs b.lo b.ls".split())


class Bound(NamedTuple):
    """How many entries a table has."""

    entries: int  # 0: nothing guards the jump
    sure: bool  # the guard compares the very index, on the only way to the jump


def near(code: Code, jump: Raw) -> list[Raw]:
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


def only_way(code: Code, jump: Raw) -> list[Raw]:
    """Instructions that surely run before `jump`, nearest first, back to where two ways meet."""
    out: list[Raw] = []
    address = jump[0]
    while len(out) < _BACK and len(code.preds.get(address, ())) == 1 and address not in code.entries:
        address = code.preds[address][0]
        out.append(code.reached[address])
    return out


def bound(code: Code, jump: Raw, index: str) -> Bound:
    """Entries of the table that `jump` reads by the register `index`, by the nearest guard."""
    way = only_way(code, jump)
    for insn in (*way, *near(code, jump)):
        if insn[2] not in ("cmp", "sub", "subs"):
            continue
        found = _COMPARED.match(insn[3])
        following = code.reached.get(insn[0] + insn[1])
        if found and following and following[2] in _UNSIGNED:
            sure = insn in way and found[1] is not None and family(found[1]) == family(index)
            return Bound(min(int(found[2], 0) + 1, MOST), sure)
    return Bound(0, sure=False)


def entries(code: Code, table: int, form: str) -> Iterator[int]:
    """Numbers of the struct format `form` from `table` on."""
    size = struct.calcsize(form)
    raw = code.image.read(table, size * MOST)
    return (entry[0] for entry in struct.iter_unpack(f"<{form}", raw[: len(raw) // size * size]))


def inside(code: Code, values: Iterable[int], limit: Bound, *, wide: bool = True) -> set[int]:
    """The `values` that are addresses of the range, up to a sure bound.

    Behind one that is not sure wide entries are believed until the first that leads outside; narrow
    entries all lead inside a long function and end at any bound.
    """
    out: set[int] = set()
    for at, value in enumerate(values):
        if at >= limit.entries > 0 and (limit.sure or not wide):
            break
        if code.start <= value < code.end:
            out.add(value)
        elif at >= limit.entries:
            break
    return out
