"""What one instruction puts into one register or stack slot, as far as call numbers need to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Raw, family
from aot.image.model import Arch, Prot

if TYPE_CHECKING:
    from aot.analyze.blocks import Code

M64: Final = (1 << 64) - 1
POINTER_STORE: Final = "a store through a pointer"
Place = str | int  # a register family, or a stack slot: bytes from SP at the function's entry


@dataclass(frozen=True, slots=True)
class Const:
    """The place holds `value` afterwards."""

    value: int


@dataclass(frozen=True, slots=True)
class From:
    """The place holds `op(value of one of places, operand)` afterwards; op "" copies."""

    places: tuple[Place, ...]
    op: str = ""
    operand: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """The place holds something this analysis does not follow."""

    why: str


Step = Const | From | Lost | None


def apply(op: str, value: int, operand: int) -> int:
    """The 64-bit result of `value op operand`."""
    match op:
        case "add" | "inc":
            value += operand
        case "add32":
            value = (value + operand) & 0xFFFFFFFF
        case "and":
            value &= operand
        case "or":
            value |= operand
        case "xor":
            value ^= operand
        case "low":  # operand = (mask << 64) | bits: replace the bits under mask
            mask, bits = operand >> 64, operand & M64
            value = value & ~mask | bits
        case "sext32":
            value = (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000
        case _:
            assert op == "", op
    return value & M64


def number(text: str) -> int | None:
    """The immediate that `text` spells, or None."""
    text = text.removeprefix("#")
    try:
        return int(text, 0)
    except ValueError:
        return None


def step(code: Code, raw: Raw, place: Place) -> Step:
    """What `raw` does to `place`; None: nothing."""
    x86 = code.decoder.arch is Arch.X86_64
    if isinstance(place, int):
        return _x86_store(code, raw, place) if x86 else _a64_store(code, raw, place)
    if place not in code.decoder.writes(code.bytes_of(raw)):
        return None
    return _x86_step(code, raw, place) if x86 else _a64_step(code, raw, place)


def _split(operands: str) -> list[str]:
    """Operands at the commas outside brackets."""
    return re.split(r", (?![^\[]*\])", operands)


_X86_MEMORY: Final = re.compile(r"\[(r\w+)(?: ([+-]) (0x[0-9a-f]+|\d+))?\]$")
_A64_MEMORY: Final = re.compile(r"\[(\w+)(?:, #(-?(?:0x[0-9a-f]+|\d+)))?\]!?$")
_WIDTH32: Final = re.compile(r"e\w\w$|r\d+d$|w\d+$|wzr$")


def _mask(register: str) -> int:
    """The bits of its family that `register` names."""
    if _WIDTH32.match(register):
        return 0xFFFFFFFF
    if register.startswith(("r", "x")) and not register.endswith(("w", "b")):
        return M64
    if register.endswith("h"):
        return 0xFF00
    return 0xFF if register.endswith(("l", "b")) else 0xFFFF


def _constant_at(code: Code, address: int, size: int) -> Step:
    """The value of memory that nobody can write."""
    segment = code.image.segment_at(address)
    raw = code.image.read(address, size)
    if segment is None or segment.prot & Prot.W or len(raw) != size:
        return Lost("memory")
    return Const(int.from_bytes(raw, "little"))


def _x86_source(code: Code, raw: Raw, text: str, mask: int) -> Step:
    value = number(text)
    if value is not None:
        return Const(value & mask)
    if "[" not in text:
        op = ("and", mask) if mask != M64 else ("", 0)
        return From((family(text),), *op)
    found = _X86_MEMORY.search(text)
    if not found or text.startswith(("byte", "word")):
        return Lost("memory")
    offset = int(found[3] or "0", 0) * (-1 if found[2] == "-" else 1)
    if found[1] == "rip":
        return _constant_at(code, raw[0] + raw[1] + offset, 8 if mask == M64 else 4)
    slot = slot_of(code, raw[0], found[1], offset)
    if slot is None:
        return Lost("memory")
    return From((slot,), "and", mask)


def _x86_step(code: Code, raw: Raw, place: str) -> Step:
    mnemonic, parts = raw[2], _split(raw[3])
    if mnemonic in ("cdqe", "cwde") and place == "rax":
        return From(("rax",), "sext32")
    if mnemonic == "leave" or family(parts[0]) != place:
        return Lost(mnemonic)
    mask = _mask(parts[0])
    if mnemonic == "pop":
        depth = depth_at(code, raw[0])
        return From((depth,)) if depth is not None else Lost("memory")
    if len(parts) == 1 and mnemonic in ("inc", "dec") and mask >= 0xFFFFFFFF:
        delta = 1 if mnemonic == "inc" else -1
        return From((place,), "add" if mask == M64 else "add32", delta)
    if len(parts) != 2:
        return Lost(mnemonic)
    return _x86_two(code, raw, place, mask)


def _x86_two(code: Code, raw: Raw, place: str, mask: int) -> Step:
    mnemonic, (target, source) = raw[2], _split(raw[3])
    if mnemonic in ("xor", "sub") and target == source and mask >= 0xFFFFFFFF:
        return Const(0)
    if mnemonic in ("mov", "movabs"):
        if mask >= 0xFFFFFFFF:
            return _x86_source(code, raw, source, mask)
        value = number(source)
        if value is None:
            return Lost("a part of a register")
        shift = 8 if mask == 0xFF00 else 0
        return From((place,), "low", mask << 64 | (value << shift) & mask)
    if mnemonic == "movsxd" and "[" not in source:
        return From((family(source),), "sext32")
    if mnemonic == "lea":
        found = _X86_MEMORY.search(source)
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


def _x86_store(code: Code, raw: Raw, place: int) -> Step:
    mnemonic, operands = raw[2], raw[3]
    if mnemonic == "push":
        depth = depth_at(code, raw[0])
        if depth is None:
            return Lost("memory")
        return _x86_source(code, raw, operands, M64) if depth - 8 == place else None
    parts = _split(operands)
    if "[" not in parts[0] or mnemonic in ("cmp", "test", "lea", "nop", "call", "jmp"):
        return None
    found = _X86_MEMORY.search(parts[0])
    if not found:
        return Lost(POINTER_STORE)
    offset = int(found[3] or "0", 0) * (-1 if found[2] == "-" else 1)
    slot = slot_of(code, raw[0], found[1], offset)
    if slot is None:
        return Lost(POINTER_STORE)
    if slot != place:
        return Lost("memory") if place - 64 < slot < place and "mmword" in parts[0] else None
    if mnemonic == "mov" and parts[0].startswith(("qword", "dword")):
        mask = M64 if parts[0].startswith("qword") else 0xFFFFFFFF
        return _x86_source(code, raw, parts[1], mask)
    return Lost("memory")


def _shifted(parts: list[str], at: int) -> int | None:
    """The immediate parts[at], shifted as the operand after it says."""
    value = number(parts[at])
    if value is not None and len(parts) > at + 1:
        kind, _, amount = parts[at + 1].partition(" #")
        value = value << int(amount, 0) if kind == "lsl" else None
    return value


def _a64_step(code: Code, raw: Raw, place: str) -> Step:
    mnemonic, parts = raw[2], _split(raw[3])
    if mnemonic in ("ldr", "ldp", "ldur"):
        return _a64_load(code, raw, place, parts)
    if family(parts[0]) != place or len(parts) < 2:
        return Lost(mnemonic)
    mask = _mask(parts[0])
    if mnemonic in ("mov", "movz", "movn"):
        value = _shifted(parts, 1)
        if value is not None:
            return Const((~value if mnemonic == "movn" else value) & mask)
        if parts[1] in ("xzr", "wzr"):
            return Const(0)
        return From((family(parts[1]),), *(("and", mask) if mask != M64 else ("", 0)))
    if mnemonic == "movk":
        shift = number(parts[2].partition(" ")[2]) if len(parts) > 2 else 0
        value = number(parts[1])
        if value is None or shift is None:
            return Lost(mnemonic)
        return From((place,), "low", (0xFFFF << shift) << 64 | value << shift)
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


def _a64_load(code: Code, raw: Raw, place: str, parts: list[str]) -> Step:
    address = number(parts[1]) if raw[2] == "ldr" else None
    if address is not None:
        return _constant_at(code, address, 8 if parts[0].startswith("x") else 4)
    for at, register in enumerate(parts[: 2 if raw[2] == "ldp" else 1]):
        mask = _mask(register)
        found = _A64_MEMORY.match(parts[2 if raw[2] == "ldp" else 1])
        if family(register) != place or not found:
            continue
        offset = at * (8 if mask == M64 else 4)
        if not parts[-1].startswith("#"):
            offset += int(found[2] or "0", 0)
        slot = slot_of(code, raw[0], family(found[1]), offset)
        return From((slot,), "and", mask) if slot is not None else Lost("memory")
    return Lost("memory")


def _a64_store(code: Code, raw: Raw, place: int) -> Step:
    mnemonic, parts = raw[2], _split(raw[3])
    if not mnemonic.startswith("st"):
        return None
    many = 2 if mnemonic == "stp" else 1
    found = _A64_MEMORY.match(parts[many]) if len(parts) > many else None
    if not found or mnemonic not in ("str", "stp", "stur"):
        return Lost(POINTER_STORE)
    offset = 0 if parts[-1].startswith("#") else int(found[2] or "0", 0)
    slot = slot_of(code, raw[0], family(found[1]), offset)
    if slot is None:
        return Lost(POINTER_STORE)
    for at, register in enumerate(parts[:many]):
        mask = _mask(register)
        if slot + at * (8 if mask == M64 else 4) == place:
            if register in ("xzr", "wzr"):
                return Const(0)
            return From((family(register),), "and", mask) if register[0] in "xw" else Lost("memory")
    return Lost("memory") if slot < place < slot + 32 and parts[0][0] in "qd" else None


from aot.analyze.stack import depth_at, slot_of  # noqa: E402  (stack reads one instruction at a time)
