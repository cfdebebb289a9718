from __future__ import annotations

import os

import pytest

from aot.image.model import Arch
from aot.personality.abi.gate import ErrorStyle
from aot.personality.registry import PERSONALITIES, system_of
from runtime import calibrate
from runtime.calibrate import crossings
from runtime.cpu.routines_code import CODE


@pytest.mark.parametrize("arch", list(Arch))
@pytest.mark.parametrize("personality", PERSONALITIES, ids=lambda p: p.name.lower())
def test_every_crossing_comes_back(personality: object, arch: Arch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop whose crossing failed would end at once and look free; `crossings` asserts that it ran."""
    monkeypatch.setattr(calibrate, "ROUNDS", 2)
    monkeypatch.setattr(calibrate, "COUNT", 50)
    system = system_of(personality)  # type: ignore[arg-type]
    column = next(c for c, archs in system.columns.items() if arch.value in archs)
    found = crossings(system, column, arch)
    expected = {"inline", "bound", "table", "import", "import by name", "dynamic"}
    gate = system.gates[arch.value]
    plain = gate.style is ErrorStyle.NEGATIVE and not gate.zeroed and not gate.second
    if plain and (os.uname().machine, arch.value) in CODE:
        expected |= {"bound routine", "table routine", "dynamic routine"}
    assert set(found) == expected
    assert all(value >= 0 for value in found.values())
