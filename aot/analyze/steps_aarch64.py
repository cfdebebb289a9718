"""What one aarch64 instruction puts into one register or stack slot, as far as call numbers need to know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Flow, Raw, family
from aot.analyze.stack import slot_of
from aot.analyze.values import (
    M64,
    POINTER_STORE,
    Const,
    From,
    Lost,
    Stack,
    Step,
    constant_at,
    mask_of,
    number,
    sign_extended,
    split,
)

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

_MEMORY: Final = re.compile(r"\[(\w+)(?:, #(-?(?:0x[0-9a-f]+|\d+)))?\]!?$")

_NEAR: Final = 16  # instructions between adrp and the load
KEPT: Final = frozenset(f"x{n}" for n in range(19, 30))  # by a call
_SIZES: Final = {"x": 8, "w": 4, "q": 16, "d": 8, "s": 4, "h": 2, "b": 1}  # bytes of a register
_STORES: Final = dict.fromkeys(("str", "stur", "stp"), 0)  # bytes they store; 0: as many as the register has
_STORES.update(strb=1, sturb=1, strh=2, sturh=2)
_ATOMIC: Final = ("ldadd", "ldclr", "ldeor", "ldset", "ldsm", "ldum", "swp", "cas")  # load and store


def _shifted(parts: list[str], at: int) -> int | None:
    """The immediate parts[at], shifted as the operand after it says."""
    value = number(parts[at])
    if value is not None and len(parts) > at + 1:
        kind, _, amount = parts[at + 1].partition(" #")
        value = value << int(amount, 0) if kind == "lsl" else None
    return value


def into_register(code: Code, raw: Raw, place: str) -> Step:
    """What `raw`, which writes the register `place`, puts there."""
    mnemonic, parts = raw[2], split(raw[3])
    if mnemonic in ("ldr", "ldp", "ldur"):
        return _load(code, raw, place, parts)
    if mnemonic in ("ldrsw", "ldpsw", "ldursw"):
        words = [part.replace("x", "w") if part[0] == "x" else part for part in parts]
        return sign_extended(_load(code, (*raw[:2], mnemonic.replace("sw", ""), raw[3]), place, words))
    if family(parts[0]) != place or len(parts) < 2 or place == "sp":
        return Lost(mnemonic)
    mask = mask_of(parts[0])
    if mnemonic in ("add", "sub", "mov") and parts[1] == "sp":
        offset = _shifted(parts, 2) if len(parts) > 2 else 0
        if offset is None:
            return Lost(f"computed by {mnemonic}")
        slot = slot_of(code, raw[0], "sp", -offset if mnemonic == "sub" else offset)
        return Stack(slot) if slot is not None else Lost("the stack pointer")
    if mnemonic in ("mov", "movz", "movn"):
        value = _shifted(parts, 1)
        if value is not None:
            return Const((~value if mnemonic == "movn" else value) & mask)
        if parts[1] in ("xzr", "wzr"):
            return Const(0)
        if parts[1][0] not in "xw":
            return Lost("a vector register")
        return From((family(parts[1]),), *(("and", mask) if mask != M64 else ("", 0)))
    if mnemonic == "movk":
        shift = number(parts[2].partition(" ")[2]) if len(parts) > 2 else 0
        value = number(parts[1])
        if value is None or shift is None:
            return Lost(mnemonic)
        replaced = 0xFFFF << shift | M64 & ~mask
        return From((place,), "low", replaced << 64 | value << shift)
    if mnemonic == "orr" and parts[1] in ("xzr", "wzr") and number(parts[2]) is not None:
        return Const((number(parts[2]) or 0) & mask)
    if mnemonic in ("add", "sub"):
        value = _shifted(parts, 2)
        if value is not None and parts[1] != "sp":
            value = -value if mnemonic == "sub" else value
            return From((family(parts[1]),), "add" if mask == M64 else "add32", value)
    if mnemonic == "sxtw":
        return From((family(parts[1]),), "sext32")
    if mnemonic == "csel":
        return From((family(parts[1]), family(parts[2])), "and", mask)
    return Lost(f"computed by {mnemonic}")


def _load(code: Code, raw: Raw, place: str, parts: list[str]) -> Step:
    address = number(parts[1]) if raw[2] == "ldr" else None
    if address is not None:
        return constant_at(code, address, 8 if parts[0].startswith("x") else 4)
    for at, register in enumerate(parts[: 2 if raw[2] == "ldp" else 1]):
        mask = mask_of(register)
        found = _MEMORY.match(parts[2 if raw[2] == "ldp" else 1])
        if family(register) != place or not found:
            continue
        offset = at * (8 if mask == M64 else 4)
        if not parts[-1].startswith("#"):
            offset += int(found[2] or "0", 0)
        slot = slot_of(code, raw[0], family(found[1]), offset)
        if slot is not None:
            return From((slot,), "and", mask)
        base = address_in(code, raw[0], family(found[1]))
        if base is None:
            return From((family(found[1]),), "load8" if mask == M64 else "load4", offset)
        return constant_at(code, base + offset, 8 if mask == M64 else 4)
    return Lost("memory")


def address_in(code: Code, at: int, register: str) -> int | None:
    """The constant address that `register` holds before the instruction at `at`, of an adrp shortly before."""
    offset = 0
    for _ in range(_NEAR):
        preds = code.preds.get(at, ())
        if len(preds) != 1 or at in code.entries or at in code.foreign:
            return None
        at = preds[0]
        raw = code.reached[at]
        if register not in KEPT and code.decoder.flow(raw) in (Flow.CALL, Flow.CALL_INDIRECT, Flow.TRAP):
            return None
        if register not in code.decoder.writes(code.bytes_of(raw)):
            continue
        parts = split(raw[3])
        value = number(parts[-1])
        if raw[2] in ("adrp", "adr") and value is not None:
            return value + offset
        if raw[2] != "add" or len(parts) != 3 or value is None:
            return None
        register, offset = family(parts[1]), offset + value
    return None


def into_slot(code: Code, raw: Raw, place: int, width: int) -> Step:
    """What `raw` puts into the `width` bytes of the stack slot `place`; None: nothing."""
    mnemonic, parts = raw[2], split(raw[3])
    if not mnemonic.startswith(("st", *_ATOMIC)):
        return None
    many = 2 if mnemonic == "stp" else 1
    found = _MEMORY.match(parts[many]) if len(parts) > many else None
    if not found or mnemonic not in _STORES or parts[0][0] not in _SIZES:
        return Lost(POINTER_STORE)
    offset = 0 if parts[-1].startswith("#") else int(found[2] or "0", 0)
    slot = slot_of(code, raw[0], family(found[1]), offset)
    if slot is None:
        return Lost(POINTER_STORE)
    size = _STORES[mnemonic] or _SIZES[parts[0][0]]
    for at, register in enumerate(parts[:many]):
        start = slot + at * size
        if not place - size < start < place + width:
            continue
        if start != place or size < width or register[0] not in "xw":
            return Lost("memory")
        return Const(0) if register in ("xzr", "wzr") else From((family(register),), "and", mask_of(register))
    return None
