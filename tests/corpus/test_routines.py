"""The machine code that is checked in is what its source gives."""

from __future__ import annotations

import pytest

from corpus import build, routines


def test_the_bytes_are_those_of_the_source() -> None:
    try:
        assert routines.generated() == routines.TARGET.read_text()
    except build.BuildError as error:
        pytest.skip(f"no zig to build routines.c with: {error}")
