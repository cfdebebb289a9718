"""Where the stack pointer stands at an instruction, relative to where it stood at the function's entry."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Flow, Raw
from aot.image.model import Arch

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

_LIMIT: Final = 3000  # instructions walked back
_A64_WRITEBACK: Final = re.compile(r"\[sp, #(-?(?:0x[0-9a-f]+|\d+))\]!$|\[sp\], #(-?(?:0x[0-9a-f]+|\d+))$")
_A64_WRITEBACK_BY: Final = re.compile(r"\[sp\], x")
_A64_ADJUST: Final = re.compile(r"sp, sp, #(0x[0-9a-f]+|\d+)(, lsl #12)?$")
_X86_ADJUST: Final = re.compile(r"rsp, (?:\[rsp ([+-]) )?(-?(?:0x[0-9a-f]+|\d+))\]?$")
_X86_FRAME: Final = re.compile(r"rbp, (?:rsp|\[rsp(?: \+ (0x[0-9a-f]+|\d+))?\])$")
_X86_RESTORE: Final = re.compile(r"rsp, (?:rbp|\[rbp(?: ([+-]) (0x[0-9a-f]+|\d+))?\])$")
_A64_COPY: Final = re.compile(r"sp, (x\d+)(?:, #(0x[0-9a-f]+|\d+))?$")
_A64_OF_SP: Final = re.compile(r"x\d+, sp, #(0x[0-9a-f]+|\d+)(, lsl #12)?$")
_NEAR: Final = 16  # instructions between `sub xN, sp, #n` and `mov sp, xN`
_A64_FRAME: Final = re.compile(r"(?:x29|fp), sp(?:, #(0x[0-9a-f]+|\d+))?$")


def depth_at(code: Code, address: int) -> int | None:
    """SP before the instruction at `address` minus SP at the function's entry; None: not constant."""
    known = code.depths
    if address not in known:
        way = _path(code, address, known)
        nearest = way[-1][0] if way else address
        total = known.get(nearest, 0 if nearest in code.entries else None)
        for raw in reversed(way):
            known[raw[0]] = total
            total = _after(code, raw, total)
        known[address] = total
    return known[address]


def _after(code: Code, raw: Raw, depth: int | None) -> int | None:
    """The depth behind `raw`."""
    if code.decoder.arch is Arch.X86_64:
        delta = None if narrow(code, raw) else _x86_change(raw)
        if delta is None:
            return _x86_restored(code, raw)
    else:
        delta = _a64_change(raw)
        if delta is None:
            return _a64_copied(code, raw)
    return None if depth is None else depth + delta


def slot_of(code: Code, address: int, base: str, offset: int) -> int | None:
    """The stack slot `base + offset` names at `address`, when `base` is the stack or frame pointer."""
    if base in ("rsp", "sp"):
        depth = depth_at(code, address)
        return None if depth is None else depth + offset
    if base in ("rbp", "x29"):
        frame = _frame_at(code, address, base)
        return None if frame is None else frame + offset
    return None


def narrow(code: Code, raw: Raw) -> bool:
    """Whether `raw` pushes or pops two bytes."""
    return raw[2].startswith(("push", "pop")) and code.bytes_of(raw)[:1] == b"\x66"


def _path(code: Code, address: int, stops: Container[int]) -> list[Raw]:
    """Instructions on one way back from `address` to an entry or one of `stops`, nearest first."""
    out: list[Raw] = []
    seen = {address}
    while address not in code.entries and len(out) < _LIMIT:
        pred = next((p for p in code.preds.get(address, ()) if p not in seen), None)
        if pred is None:
            return out
        seen.add(pred)
        out.append(code.reached[pred])
        address = pred
        if pred in stops:
            return out
    return out


def _frame_at(code: Code, address: int, base: str) -> int | None:
    """What the frame pointer holds at `address`, as a slot; None: not the stack's."""
    known = code.frames
    if address not in known:
        way = _path(code, address, known)
        frame = known.get(way[-1][0]) if way else None
        for raw in reversed(way):
            known[raw[0]] = frame
            if code.decoder.flow(raw) is Flow.NEXT and base in code.decoder.writes(code.bytes_of(raw)):
                frame = _frame_set_by(code, raw, base)
        known[address] = frame
    return known[address]


def _frame_set_by(code: Code, raw: Raw, base: str) -> int | None:
    x86 = base == "rbp"
    found = (_X86_FRAME if x86 else _A64_FRAME).match(raw[3])
    if not found or raw[2] not in (("mov", "lea") if x86 else ("mov", "add", "sub")):
        return None
    depth = depth_at(code, raw[0])
    offset = int(found[1] or "0", 0) * (-1 if raw[2] == "sub" else 1)
    return None if depth is None else depth + offset


def _x86_restored(code: Code, raw: Raw) -> int | None:
    """The depth behind an instruction that takes SP from the frame pointer."""
    found = _X86_RESTORE.match(raw[3])
    if raw[2] != "leave" and (raw[2] not in ("mov", "lea") or not found):
        return None
    frame = _frame_at(code, raw[0], "rbp")
    if frame is None:
        return None
    return (
        frame + 8 if raw[2] == "leave" else frame + (int(found[1] + found[2], 0) if found and found[2] else 0)
    )


def _a64_copied(code: Code, raw: Raw) -> int | None:
    """The depth behind `mov sp, xN` (or `add sp, x29, #n`), where xN is SP plus a constant."""
    found = _A64_COPY.match(raw[3])
    if not found or raw[2] not in ("mov", "add", "sub"):
        return None
    offset = int(found[2] or "0", 0) * (-1 if raw[2] == "sub" else 1)
    if found[1] == "x29":
        frame = _frame_at(code, raw[0], "x29")
        return None if frame is None else frame + offset
    for before in _path(code, raw[0], ())[:_NEAR]:
        if found[1] in code.decoder.writes(code.bytes_of(before)):
            source = _A64_OF_SP.match(before[3])
            depth = depth_at(code, before[0])
            if not source or before[2] not in ("add", "sub") or depth is None:
                return None
            value = int(source[1], 0) << (12 if source[2] else 0)
            return depth + offset + (-value if before[2] == "sub" else value)
    return None


def _x86_change(raw: Raw) -> int | None:
    mnemonic, operands = raw[2], raw[3]
    if mnemonic in ("push", "pushfq"):
        return -8
    if mnemonic in ("pop", "popfq"):
        return 8 if operands != "rsp" else None
    if mnemonic in ("leave", "enter"):
        return None
    first = operands.partition(",")[0]
    exchanged = "sp" in operands and mnemonic.endswith(("xchg", "xadd"))
    if (first not in ("rsp", "esp", "sp", "spl") and not exchanged) or mnemonic in ("cmp", "test"):
        return 0
    found = _X86_ADJUST.match(operands)
    if not found or mnemonic not in ("add", "sub", "lea"):
        return None
    value = int(found[2], 0)
    value -= (value >= 1 << 63) << 64  # large ones are spelled without their sign
    return -value if mnemonic == "sub" or found[1] == "-" else value


def _a64_change(raw: Raw) -> int | None:
    mnemonic, operands = raw[2], raw[3]
    if mnemonic in ("add", "sub") and operands.startswith("sp, "):
        found = _A64_ADJUST.match(operands)
        if not found:
            return None
        value = int(found[1], 0) << (12 if found[2] else 0)
        return -value if mnemonic == "sub" else value
    if operands.startswith(("sp, ", "wsp, ")) and mnemonic not in ("cmp", "cmn", "tst"):
        return None
    if _A64_WRITEBACK_BY.search(operands):
        return None
    found = _A64_WRITEBACK.search(operands)
    return int(found[1] or found[2], 0) if found else 0
