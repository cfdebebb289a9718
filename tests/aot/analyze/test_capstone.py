"""Our way to Capstone's C functions says what its Python package says."""

from __future__ import annotations

import random

import capstone
import pytest

from aot.analyze.capstone_c import MODES, Capstone
from aot.image.model import Arch

STEP = {Arch.X86_64: 1, Arch.AARCH64: 4}


@pytest.mark.parametrize("arch", list(Arch))
def test_instructions_and_registers(arch: Arch) -> None:
    ours, theirs = Capstone(arch), capstone.Cs(*MODES[arch])
    theirs.detail = True
    code, found = random.Random(7).randbytes(6000), 0
    for at in range(0, len(code) - 16, STEP[arch] * 3):
        raw = code[at : at + 16]
        expected = list(theirs.disasm_lite(raw, at))
        assert ours.instructions(raw, at) == expected
        first = next(theirs.disasm(raw, at), None)
        if first is None:
            assert ours.access(raw) is None
            continue
        found += 1
        reads, writes = first.regs_access()
        names = [frozenset(map(first.reg_name, registers)) for registers in (reads, writes)]
        assert ours.access(raw) == tuple(names)
    assert found > 100
