"""The number that a site asks with: a constant, constants on several paths, or what callers decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.analyze.model import CallPath, Dynamic, Insn, Known, Number, OneOf
from aot.analyze.tracer import Born, Param, trace
from aot.analyze.values import LOADS, Lost, number

if TYPE_CHECKING:
    from aot.analyze.blocks import Code
    from aot.analyze.paths import Paths
    from aot.personality.abi.gate import Gate


def site_number(
    code: Code, address: int, gate: Gate, before: tuple[Insn, ...], paths: Paths
) -> tuple[Number, tuple[CallPath, ...]]:
    """The number of the trap at `address`, and every way it gets there."""
    born = trace(code, gate, paths.callers.returns, (address, gate.number, ()), strict=True)
    numbers = sorted({one.value for one in born if isinstance(one.value, int)})
    ways = paths.to(code, address, born, gate)
    if any(not isinstance(one.value, int) for one in born):
        return Dynamic(_why(born)), ways
    if len(numbers) == 1:
        return Known(numbers[0], _load(code, gate.number, before)), ways
    return (OneOf(tuple(numbers)) if numbers else Dynamic("nothing sets it")), ways


def _why(born: tuple[Born, ...]) -> str:
    why = {f"parameter {spell(one.value)}" for one in born if isinstance(one.value, Param)}
    why |= {one.value.why for one in born if isinstance(one.value, Lost)}
    return ", ".join(sorted(why))


def spell(param: Param) -> str:
    """Where a parameter is, for a person."""
    place = param.place if isinstance(param.place, str) else f"on the stack at {param.place:+d}"
    return f"{place}, memory behind it" if any(op in LOADS for op, _ in param.ops) else place


def _load(code: Code, register: str, before: tuple[Insn, ...]) -> tuple[int, int] | None:
    """The instruction in the block that only loads the number, when nothing else uses it."""
    for insn in reversed(before):
        if register in code.decoder.writes(insn.raw):
            parts = insn.operands.split(", ")
            plain = insn.mnemonic in ("mov", "movabs", "movz") and len(parts) == 2
            zero = insn.mnemonic == "orr" and len(parts) == 3 and parts[1] in ("wzr", "xzr")
            constant = number(parts[-1]) is not None and parts[0][0] in "erxw"
            return (insn.address, insn.size) if (plain or zero) and constant else None
        if register in code.decoder.reads(insn.raw):
            return None
    return None
