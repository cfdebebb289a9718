"""Where the stack pointer stands at an instruction, relative to where it stood at the function's entry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Flow, Raw
from aot.image.model import Arch

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

_LIMIT: Final = 3000  # instructions walked back
_A64_WRITEBACK: Final = re.compile(r"\[sp, #(-?(?:0x[0-9a-f]+|\d+))\]!$|\[sp\], #(-?(?:0x[0-9a-f]+|\d+))$")
_A64_ADJUST: Final = re.compile(r"sp, sp, #(0x[0-9a-f]+|\d+)(, lsl #12)?$")
_X86_ADJUST: Final = re.compile(r"rsp, (?:\[rsp ([+-]) )?(-?(?:0x[0-9a-f]+|\d+))\]?$")
_X86_FRAME: Final = re.compile(r"rbp, (?:rsp|\[rsp(?: \+ (0x[0-9a-f]+|\d+))?\])$")
_A64_FRAME: Final = re.compile(r"(?:x29|fp), sp(?:, #(0x[0-9a-f]+|\d+))?$")


def depth_at(code: Code, address: int) -> int | None:
    """SP before the instruction at `address` minus SP at the function's entry; None: not constant."""
    change = _x86_change if code.decoder.arch is Arch.X86_64 else _a64_change
    total = 0
    for raw in _path(code, address):
        delta = change(raw)
        if delta is None:
            return None
        total += delta
    return total


def slot_of(code: Code, address: int, base: str, offset: int) -> int | None:
    """The stack slot `base + offset` names at `address`, when `base` is the stack or frame pointer."""
    if base in ("rsp", "sp"):
        depth = depth_at(code, address)
        return None if depth is None else depth + offset
    if base in ("rbp", "x29"):
        frame = _frame_at(code, address, base)
        return None if frame is None else frame + offset
    return None


def _path(code: Code, address: int) -> list[Raw]:
    """Instructions on one way back from `address` to an entry, nearest first."""
    out: list[Raw] = []
    seen = {address}
    while address not in code.entries and len(out) < _LIMIT:
        pred = next((p for p in code.preds.get(address, ()) if p not in seen), None)
        if pred is None:
            return out
        seen.add(pred)
        out.append(code.reached[pred])
        address = pred
    return out


def _frame_at(code: Code, address: int, base: str) -> int | None:
    pattern = _X86_FRAME if base == "rbp" else _A64_FRAME
    for raw in _path(code, address):
        if code.decoder.flow(raw) is not Flow.NEXT or base not in code.decoder.writes(code.bytes_of(raw)):
            continue
        found = pattern.match(raw[3])
        if not found or raw[2] not in ("mov", "lea", "add"):
            return None
        depth = depth_at(code, raw[0])
        return None if depth is None else depth + int(found[1] or "0", 0)
    return None


def _x86_change(raw: Raw) -> int | None:
    mnemonic, operands = raw[2], raw[3]
    if mnemonic in ("push", "pushfq"):
        return -8
    if mnemonic in ("pop", "popfq"):
        return 8
    if mnemonic in ("leave", "enter"):
        return None
    if not operands.startswith("rsp,") or mnemonic in ("cmp", "test"):
        return 0
    found = _X86_ADJUST.match(operands)
    if not found or mnemonic not in ("add", "sub", "lea"):
        return None
    value = int(found[2], 0)
    return -value if mnemonic == "sub" or found[1] == "-" else value


def _a64_change(raw: Raw) -> int | None:
    mnemonic, operands = raw[2], raw[3]
    if mnemonic in ("add", "sub") and operands.startswith("sp, "):
        found = _A64_ADJUST.match(operands)
        if not found:
            return None
        value = int(found[1], 0) << (12 if found[2] else 0)
        return -value if mnemonic == "sub" else value
    if mnemonic == "mov" and operands.startswith("sp, "):
        return None
    found = _A64_WRITEBACK.search(operands)
    return int(found[1] or found[2], 0) if found else 0
