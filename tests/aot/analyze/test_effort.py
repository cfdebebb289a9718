"""Files that were made to be slow: what is looked at grows with the file, not with its square."""

from __future__ import annotations

import pytest

from aot.analyze.candidates import candidates
from aot.analyze.places import Places
from aot.analyze.sweep import sweep
from aot.image.model import FunctionRange
from aot.personality.linux.gate import GATES
from aot.record import replace
from tests.aot.analyze.lab import BASE, X86_64, image

GATE = GATES["x86_64"]


def test_a_stretch_is_decoded_once_however_many_matches_are_in_it() -> None:
    count = 600
    program = image(X86_64, b"\xc3" + b"\x0f\x05" * count)
    program = replace(program, functions=(FunctionRange(BASE, BASE + 1 + 2 * count, "eh_frame"),))
    places = Places(program)
    code = places.at(BASE).code
    for candidate in candidates(program, (GATE,)):
        assert sweep(code, candidate, inexact=False) is None
    assert places.decoder.effort.decoded < 4 * count


@pytest.mark.parametrize("steps", [0, 5])
def test_who_has_no_steps_left_gives_up(steps: int) -> None:
    program = image(X86_64, b"\xc3" + b"\xb8\x01\x00\x00\x00\x0f\x05\xc3" * 20)
    program = replace(program, functions=(FunctionRange(BASE, BASE + 161, "eh_frame"),))
    places = Places(program)
    places.decoder.effort.left = steps
    code = places.at(BASE).code
    found = [sweep(code, candidate, inexact=False) for candidate in candidates(program, (GATE,))]
    assert sum(raw is not None for raw in found) <= steps
    assert places.decoder.effort.left < 0
