"""The aarch64 stubs: what runs instead of an `svc`, and behind an import slot.

A bound stub uses the number register alone: its value is known, so the stub puts it back. `udf` words are
what the loader replaces by the backend's exit instruction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aot.image.model import Arch
from aot.manifest import GateKind, StubClass
from aot.personality.abi.gate import ErrorStyle, Second
from aot.rewrite import conditions
from aot.rewrite.assemble import Template, template
from aot.rewrite.call import Call

HALF = 0xFFFF
WORD = (1 << 64) - 1
_C = 1 << 29  # PSTATE.C in the nzcv register
_MOVN, _MOVZ, _MOVK = 0x12800000, 0x52800000, 0x72800000  # of a w register


def gate_kind(call: Call) -> GateKind:
    """The exit word that the stub of `call` (or the site itself, in place) holds."""
    carry = call.style is ErrorStyle.CARRY
    if call.cls is StubClass.TABLE or call.in_place:
        return GateKind.TABLE_CARRY if carry else GateKind.TABLE
    return GateKind.BOUND_CARRY if carry else GateKind.BOUND


def body(call: Call, index: int) -> tuple[Template, dict[str, int]]:
    """The stub of a bound or inline site, with its constants; the exit word is the field `exit`."""
    values = dict(_words("index", call.gate.number, index))
    number = dict(_words("number", call.gate.number, call.number or 0))
    lines = _bound(call, list(values), list(number))
    if call.cls is StubClass.INLINE:
        lines = _inline(call, list(number)) + lines
    return template(Arch.AARCH64, "\n".join(lines)), values | number


def import_stub(index: int) -> tuple[Template, dict[str, int]]:
    """Behind an import slot: x16 is the linkage register nobody expects to survive a call."""
    values = dict(_words("index", "x16", index))
    lines = [*_holes(values), "{exit:word}", "ret"]
    return template(Arch.AARCH64, "\n".join(lines)), values


def return_stub() -> Template:
    """Where a guest callee that the kernel called returns to."""
    return template(Arch.AARCH64, "{exit:word}")


def by_table() -> Template:
    """Behind the search of a stub with cases: the exit that asks by number."""
    return template(Arch.AARCH64, "{exit:word}\nb {resume:b26}")


def jump() -> Template:
    """The branch that replaces a trap."""
    return template(Arch.AARCH64, "b {target:b26}")


def exit_word(kind: GateKind) -> int:
    """`udf #kind`: the instruction on disk where the loader writes the backend's."""
    return int(kind)


def _bound(call: Call, index: list[str], number: list[str]) -> list[str]:
    x = call.gate.number
    lines = [*_holes(index), "{exit:word}"]
    if call.style is ErrorStyle.CARRY:
        lines += [
            f"cbz {x}, clear", f"mrs {x}, nzcv", f"orr {x}, {x}, #{_C:#x}", f"msr nzcv, {x}", "b restore",
            "clear:", *_clear_carry(x), "restore:",
        ]  # fmt: skip
    return [*lines, *_holes(number), "b {resume:b26}"]


def _inline(call: Call, number: list[str]) -> list[str]:
    gate, x, result = call.gate, call.gate.number, call.gate.result
    lines = [
        f"adrp {x}, {{traced:page}}", f"ldr {x}, [{x}, {{traced:off8}}]", f"cbnz {x}, bound",
        *conditions.aarch64(call.when, gate),
        f"adrp {x}, {{counter:page}}", f"ldr {result}, [{x}, {{counter:off8}}]",
        f"add {result}, {result}, #1", f"str {result}, [{x}, {{counter:off8}}]",
        f"adrp {x}, {{word:page}}", f"ldr {result}, [{x}, {{word:off8}}]",
    ]  # fmt: skip
    if call.second is not None:
        lines.append(f"ldr {gate.second}, [{x}, {{second:off8}}]")  # in the page of `word`
    elif gate.second and gate.second_policy in (Second.ZERO, Second.CLEARED):
        lines.append(f"movz {gate.second}, #0")
    lines += [f"movz {name}, #0" for name in gate.zeroed]
    if call.style is ErrorStyle.CARRY:
        lines += _clear_carry(x)
    return [*lines, *_holes(number), "b {resume:b26}", "bound:"]


def _clear_carry(x: str) -> list[str]:
    return [f"mrs {x}, nzcv", f"and {x}, {x}, #{WORD & ~_C:#x}", f"msr nzcv, {x}"]


def _holes(names: Iterable[str]) -> list[str]:
    return [f"{{{name}:word}}" for name in names]


def _words(name: str, register: str, value: int) -> Iterator[tuple[str, int]]:
    """The shortest moves that put a 64-bit constant into a register, as fields named after it."""
    yield from ((f"{name}{i}", word) for i, word in enumerate(constant(int(register[1:]), value)))


def constant(register: int, value: int) -> list[int]:
    """Instruction words that load `value` into x`register`: movz or movn, then movk."""
    value &= WORD
    wide = 1 << 31 if value >> 32 else 0
    halves = [value >> shift & HALF for shift in (0, 16, 32, 48)]
    ones = halves.count(HALF) > halves.count(0)
    empty = HALF if ones else 0
    parts = [(i, half) for i, half in enumerate(halves) if half != empty] or [(0, empty)]
    opcodes = [_MOVN if ones else _MOVZ] + [_MOVK] * (len(parts) - 1)
    return [
        opcode | wide | at << 21 | ((half ^ HALF if opcode == _MOVN else half) << 5) | register
        for opcode, (at, half) in zip(opcodes, parts, strict=True)
    ]
