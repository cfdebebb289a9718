"""What an inline stub tests before it answers, as template lines.

x86_64 uses rcx and r11, which a call loses, and no flag: `jrcxz` reads none. aarch64 has the number register alone,
whose value is known; arguments stay as they are until the call is answered. A test that fails branches to `bound`.
"""

from __future__ import annotations

from collections.abc import Mapping

from aot.manifest import PAGE, WAITS, DataWord
from aot.personality.abi.gate import Gate
from aot.personality.abi.inline import OneOf, Test, Unwaited, Zero
from aot.rewrite.space import Area

assert WAITS + 256 <= PAGE
LOW = {"rdi": "dil", "rsi": "sil", "rdx": "dl", "r10": "r10b", "r8": "r8b", "r9": "r9b"}
"""The lowest byte of an x86-64 argument register."""


def x86_64(tests: tuple[Test, ...], gate: Gate) -> list[str]:
    """The lines of all tests: `test0` begins them, `fast` follows the last."""
    lines: list[str] = []
    for index, test in enumerate(tests):
        good = f"test{index + 1}" if index + 1 < len(tests) else "fast"
        lines.append(f"test{index}:")
        for zero in _x86_64(index, test, gate):
            lines += [*zero, f"jrcxz {good}"]
        lines.append("jmp bound")
    return lines


def _x86_64(index: int, test: Test, gate: Gate) -> list[list[str]]:
    """Sequences of which one leaves 0 in rcx where the test holds."""
    match test:
        case OneOf():
            register = gate.args[test.argument]
            return [[f"lea ecx, [{register} - {value}]"] for value in test.values]
        case Zero():
            return [[f"mov rcx, qword ptr [rip + {{test{index}_at:rel32}}]"]]
        case Unwaited():
            return [[
                f"movzx ecx, {LOW[gate.args[test.argument]]}",
                f"lea r11, [rip + {{test{index}_at:rel32}}]",
                "movzx ecx, byte ptr [r11 + rcx]",
            ]]  # fmt: skip


def aarch64(tests: tuple[Test, ...], gate: Gate) -> list[str]:
    """The lines of all tests; what follows them answers."""
    lines: list[str] = []
    for index, test in enumerate(tests):
        lines += _aarch64(index, test, gate)
    return lines


def _aarch64(index: int, test: Test, gate: Gate) -> list[str]:
    x, w = gate.number, f"w{gate.number[1:]}"
    match test:
        case OneOf():
            argument, good = f"w{gate.args[test.argument][1:]}", f"good{index}"
            lines = []
            for value in test.values[:-1]:
                lines += [f"sub {w}, {argument}, #{value}", f"cbz {w}, {good}"]
            return [*lines, f"sub {w}, {argument}, #{test.values[-1]}", f"cbnz {w}, bound", f"{good}:"]
        case Zero():
            return [
                f"adrp {x}, {{test{index}_at:page}}", f"ldr {x}, [{x}, {{test{index}_at:off8}}]", f"cbnz {x}, bound",
            ]  # fmt: skip
        case Unwaited():  # the page is aligned: the argument's lowest byte takes the place of its zeroes
            return [
                f"adrp {x}, {{test{index}_at:page}}", f"bfi {x}, {gate.args[test.argument]}, #0, #8",
                f"ldrb {w}, [{x}, #{WAITS:#x}]", f"cbnz {w}, bound",
            ]  # fmt: skip


def places(tests: tuple[Test, ...], area: Area) -> Mapping[str, int]:
    """The addresses that the tests read, by field of the template."""
    found = {}
    for index, test in enumerate(tests):
        match test:
            case Zero():
                found[f"test{index}_at"] = area.word(DataWord[test.word])
            case Unwaited():
                found[f"test{index}_at"] = area.base + WAITS
    return found
