"""Compares the tests of a disassembled inline stub with those its row declares."""

from __future__ import annotations

from collections.abc import Sequence

from aot.errors import VerifyError
from aot.manifest import DATA, PAGE, WAITS, DataWord, Manifest, Site
from aot.personality.abi.gate import Gate
from aot.personality.abi.inline import OneOf, Test, Unwaited, Zero
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from aot.rewrite.conditions import LOW
from aot.rewrite.disassembly import Text, expect, number_text


def declared(manifest: Manifest, site: Site) -> tuple[tuple[Test, ...], Gate]:
    """What the row of an inline site tests, and the door's conventions."""
    system = system_of(Personality(manifest.personality))
    answer = system.inline.get(site.call or "")
    return answer.when if answer else (), system.gates[manifest.arch]


def check_x86_64_tests(manifest: Manifest, site: Site, found: Sequence[Text], bound: int) -> int:
    """`found` begins with the tests; how many instructions they are. A failure must jump to `bound`."""
    tests, gate = declared(manifest, site)
    at = 0
    for test in tests:
        lines = _x86_64(test, gate, manifest.area)
        size = len(lines) + 1  # and the jump to where the call is bound
        if len(found) <= at + size:
            raise VerifyError("a test is missing")
        good = f"jrcxz {found[at + size].address:#x}"
        expected = [good if line == "jrcxz" else line for line in lines]
        expect(found[at : at + size], [*expected, f"jmp {bound:#x}"])
        at += size
    return at


def _x86_64(test: Test, gate: Gate, area: int) -> list[str]:
    match test:
        case OneOf():
            register, lines = gate.args[test.argument], list[str]()
            for value in test.values:
                lines += [f"lea ecx, [{register} - {number_text(value)}]", "jrcxz"]
            return lines
        case Zero():
            return [f"mov rcx, qword ptr [{area + DATA + 8 * DataWord[test.word]:#x}]", "jrcxz"]
        case Unwaited():
            low = f"movzx ecx, {LOW[gate.args[test.argument]]}"
            return [low, f"lea r11, [{area + WAITS:#x}]", "movzx ecx, byte ptr [r11 + rcx]", "jrcxz"]


def check_aarch64_tests(manifest: Manifest, site: Site, found: Sequence[Text], bound: int) -> int:
    """The same; what follows the last test answers the call."""
    tests, gate = declared(manifest, site)
    at = 0
    for test in tests:
        lines = _aarch64(test, gate, manifest.area, bound)
        if len(found) <= at + len(lines):
            raise VerifyError("a test is missing")
        good = found[at + len(lines)].address
        expect(found[at : at + len(lines)], [line.replace("GOOD", f"#{good:#x}") for line in lines])
        at += len(lines)
    return at


def _aarch64(test: Test, gate: Gate, area: int, bound: int) -> list[str]:
    x, w = gate.number, f"w{gate.number[1:]}"
    page, missed = f"adrp {x}, #{area:#x}", f"#{bound:#x}"
    match test:
        case OneOf():
            argument, lines = f"w{gate.args[test.argument][1:]}", list[str]()
            for value in test.values:
                last = value == test.values[-1]
                branch = f"cbnz {w}, {missed}" if last else f"cbz {w}, GOOD"
                lines += [f"sub {w}, {argument}, #{number_text(value)}", branch]
            return lines
        case Zero():
            offset = (DATA + 8 * DataWord[test.word]) % PAGE
            return [page, f"ldr {x}, [{x}, #{number_text(offset)}]", f"cbnz {x}, {missed}"]
        case Unwaited():
            byte = f"ldrb {w}, [{x}, #{number_text(WAITS)}]"
            return [page, f"bfxil {x}, {gate.args[test.argument]}, #0, #8", byte, f"cbnz {w}, {missed}"]
