from __future__ import annotations

import random

import pytest

from aot.analyze.branches import Branches, branches
from aot.analyze.decode import Decoder
from aot.image.model import Arch
from tests.aot.analyze.lab import AARCH64, BASE, X86_64, assemble, image


def test_branch_patterns_agree_with_the_disassembler() -> None:
    texts = {
        X86_64: "call 0x400100\njmp 0x400200\nje 0x400300\njmp 0x400200",
        AARCH64: "bl #0x400100\nb #0x400200\nb.eq #0x400300\ncbz x0, #0x400040\ntbnz x1, #3, #0x400080",
    }
    for arch, text in texts.items():
        code = assemble(arch, text).ljust(0x400, b"\x00")
        program = image(arch, code)
        decoder = Decoder(arch)
        expected = {
            (insn[0], decoder.target(insn))
            for insn in decoder.sweep(code[: len(assemble(arch, text))], BASE)
            if insn[1] > 2
        }
        assert expected <= set(branches(program.segments[0], arch))


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_looked_up_by_target_nothing_is_lost(arch: Arch) -> None:
    code = random.Random(5).randbytes(1 << 16)  # holds some hundred patterns that stay inside
    if arch is X86_64:
        code += b"".join(b"\xe8" + (-0x1000 - 5 * i).to_bytes(4, "little", signed=True) for i in range(400))
    program = image(arch, code)
    (segment,) = program.code
    found = Branches(program)
    everything = sorted((target, source) for source, target in branches(segment, arch))
    assert len(everything) >= 400
    end = BASE + len(code)
    inside = [(target, source) for target, source in everything if BASE <= target < end]
    assert [(target, source) for target, source, _ in found.into(BASE, end)] == inside
    for start, stop in ((BASE, BASE + 1), (BASE + 0x7F3, BASE + 0x1234), (inside[9][0], inside[9][0] + 1)):
        here = [(target, source) for target, source in inside if start <= target < stop]
        assert [(target, source) for target, source, _ in found.into(start, stop)] == here


def test_a_call_is_told_from_a_jump() -> None:
    for arch, text in ((X86_64, "call 0x400100\njmp 0x400100"), (AARCH64, "bl #0x400100\nb #0x400100")):
        found = Branches(image(arch, assemble(arch, text).ljust(0x200, b"\x00")))
        assert [is_call for *_, is_call in found.into(BASE, BASE + 0x200)] == [True, False]


def test_short_branches_between_two_ranges() -> None:
    code = bytearray(b"\x90" * 0x300)
    code[0x100:0x102] = b"\xeb\x7f"  # to 0x181
    code[0x210:0x212] = b"\x74\x80"  # to 0x192
    found = Branches(image(X86_64, bytes(code)))
    for low, high, start, end, leads in (
        (0, 0x180, 0x180, 0x200, True),
        (0, 0x180, 0x182, 0x200, False),
        (0, 0x100, 0x180, 0x200, False),
        (0x200, 0x300, 0x192, 0x193, True),
        (0x200, 0x300, 0x193, 0x200, False),
    ):
        assert found.short(BASE + low, BASE + high, BASE + start, BASE + end) == leads
