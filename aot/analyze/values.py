"""The values of registers and stack slots that call numbers come from, and how to spell operands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aot.image.model import Prot
from aot.record import dataclass

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
class Stack:
    """The place holds the address of a stack slot afterwards."""

    slot: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The place holds something this analysis does not follow."""

    why: str


Step = Const | From | Stack | Lost | None
LOADS: Final = {"load8": 8, "load4": 4, "load4s": 4}
"""Operations that take the value for an address, with its operand added, and load so many bytes; s: signed."""


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


def sign_extended(done: Step) -> Step:
    """`done`, which gives 32 bits, with their sign in the upper half."""
    if isinstance(done, Const):
        return Const(apply("sext32", done.value, 0))
    if isinstance(done, From) and done.op == "load4":
        return From(done.places, "load4s", done.operand)
    return From(done.places, "sext32") if isinstance(done, From) else done


def number(text: str) -> int | None:
    """The immediate that `text` spells, or None."""
    text = text.removeprefix("#")
    try:
        return int(text, 0)
    except ValueError:
        return None


def split(operands: str) -> list[str]:
    """Operands at the commas outside brackets."""
    return re.split(r", (?![^\[]*\])", operands)


_WIDTH32: Final = re.compile(r"e\w\w$|r\d+d$|w\d+$|wzr$")


def mask_of(register: str) -> int:
    """The bits of its family that `register` names."""
    if _WIDTH32.match(register):
        return 0xFFFFFFFF
    if register.startswith(("r", "x")) and not register.endswith(("w", "b")):
        return M64
    if register.endswith("h"):
        return 0xFF00
    return 0xFF if register.endswith(("l", "b")) else 0xFFFF


def constant_at(code: Code, address: int, size: int) -> Step:
    """The value of memory that nobody writes."""
    segment = code.image.segment_at(address)
    raw = code.image.read(address, size)
    if segment is None or len(raw) != size:
        return Lost("memory")
    value = code.variable(address, size) if segment.prot & Prot.W else int.from_bytes(raw, "little")
    return Lost("a variable that may be written") if value is None else Const(value)
