"""What one x86-64 instruction puts into one register or stack slot, as far as call numbers need to know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Raw, family
from aot.analyze.stack import depth_at, narrow, slot_of
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

# One base register of 64 bits; not where fs or gs is added.
_MEMORY: Final = re.compile(r"(?<!:)\[(r(?:[a-z]{2}|\d+))(?: ([+-]) (0x[0-9a-f]+|\d+))?\]$")
_SIZES: Final = {
    "byte": 1, "word": 2, "dword": 4, "qword": 8, "xword": 10, "xmmword": 16, "ymmword": 32, "zmmword": 64,
}  # fmt: skip
_LARGEST: Final = 4096  # bytes of an operand whose size is not spelled: an area of xsave


def _source(code: Code, raw: Raw, text: str, mask: int) -> Step:
    value = number(text)
    if value is not None:
        return Const(value & mask)
    if text == "rsp":
        depth = depth_at(code, raw[0])
        return Stack(depth) if depth is not None else Lost("the stack pointer")
    if "[" not in text:
        if mask_of(text) < mask:
            return Lost("a segment register")
        op = ("and", mask) if mask != M64 else ("", 0)
        return From((family(text),), *op)
    found = _MEMORY.search(text)
    if not found or text.startswith(("byte", "word")):
        return Lost("memory")
    offset = int(found[3] or "0", 0) * (-1 if found[2] == "-" else 1)
    if found[1] == "rip":
        return constant_at(code, raw[0] + raw[1] + offset, 8 if mask == M64 else 4)
    slot = slot_of(code, raw[0], found[1], offset)
    if slot is None:
        return From((found[1],), "load8" if mask == M64 else "load4", offset)
    return From((slot,), "and", mask)


def _slot(code: Code, raw: Raw, found: re.Match[str]) -> int | None:
    return slot_of(code, raw[0], found[1], int(found[3] or "0", 0) * (-1 if found[2] == "-" else 1))


def into_register(code: Code, raw: Raw, place: str) -> Step:
    """What `raw`, which writes the register `place`, puts there."""
    mnemonic, parts = raw[2], split(raw[3])
    if mnemonic == "cdqe" and place == "rax":
        return From(("rax",), "sext32")
    if mnemonic == "leave" or family(parts[0]) != place:
        return Lost(mnemonic)
    mask = mask_of(parts[0])
    if mnemonic == "pop" and mask == M64:
        depth = depth_at(code, raw[0])
        return From((depth,)) if depth is not None else Lost("memory")
    if len(parts) == 1 and mnemonic in ("inc", "dec") and mask >= 0xFFFFFFFF:
        delta = 1 if mnemonic == "inc" else -1
        return From((place,), "add" if mask == M64 else "add32", delta)
    if len(parts) != 2:
        return Lost(mnemonic)
    return _two(code, raw, place, mask)


def _two(code: Code, raw: Raw, place: str, mask: int) -> Step:
    mnemonic, (target, source) = raw[2], split(raw[3])
    if mnemonic in ("xor", "sub") and target == source and mask >= 0xFFFFFFFF:
        return Const(0)
    if mnemonic in ("mov", "movabs"):
        if mask >= 0xFFFFFFFF:
            return _source(code, raw, source, mask)
        value = number(source)
        if value is None:
            return Lost("a part of a register")
        shift = 8 if mask == 0xFF00 else 0
        return From((place,), "low", mask << 64 | (value << shift) & mask)
    if mnemonic == "movsxd" and mask == M64:
        return sign_extended(_source(code, raw, source, 0xFFFFFFFF))
    if mnemonic == "lea":
        found = _MEMORY.search(source)
        slot = _slot(code, raw, found) if found and mask == M64 else None
        if slot is not None:
            return Stack(slot)
        if found and found[1] not in ("rip", "rsp") and mask >= 0xFFFFFFFF:
            offset = int(found[3] or "0", 0) * (-1 if found[2] == "-" else 1)
            return From((found[1],), "add" if mask == M64 else "add32", offset)
    if mnemonic.startswith("cmov") and "[" not in source and mask >= 0xFFFFFFFF:
        return From((place, family(source)), "and", mask)
    value = number(source)
    if value is None or mask < 0xFFFFFFFF:
        return Lost(f"computed by {mnemonic}")
    if mnemonic in ("add", "sub"):
        return From((place,), "add" if mask == M64 else "add32", value * (1, -1)[mnemonic == "sub"])
    if mnemonic == "or" and value in (-1, mask):
        return Const(mask)
    if mnemonic in ("and", "or", "xor") and mask == M64:
        return From((place,), mnemonic, value & M64)
    return Lost(f"computed by {mnemonic}")


def into_slot(code: Code, raw: Raw, place: int, width: int) -> Step:
    """What `raw` puts into the `width` bytes of the stack slot `place`; None: nothing."""
    mnemonic, operands = raw[2], raw[3]
    if mnemonic.startswith("push"):
        depth = depth_at(code, raw[0])
        if depth is None:
            return Lost("memory")
        if depth - 8 == place and mnemonic == "push" and not narrow(code, raw):
            return _source(code, raw, operands, M64)
        return Lost("memory") if place - 8 < depth - 8 < place + width else None
    if mnemonic == "enter":
        return Lost(POINTER_STORE)
    parts = split(operands)
    if "[" not in parts[0] or mnemonic in ("cmp", "test", "lea", "nop", "call", "jmp"):
        return None
    found = _MEMORY.search(parts[0])
    if not found:
        return Lost(POINTER_STORE)
    offset = int(found[3] or "0", 0) * (-1 if found[2] == "-" else 1)
    slot = slot_of(code, raw[0], found[1], offset)
    if slot is None or mnemonic == "pop":  # whose address is that behind it
        return Lost(POINTER_STORE)
    size = _SIZES.get(parts[0].partition(" ")[0], _LARGEST)
    if not place - size < slot < place + width:
        return None
    if slot == place and mnemonic == "mov" and size in (4, 8) and size >= width:
        return _source(code, raw, parts[1], M64 if size == 8 else 0xFFFFFFFF)
    return Lost("memory")
