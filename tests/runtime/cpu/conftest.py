"""Fixtures of the CPU tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runtime.cpu.rig import A64, X86, Rig


@pytest.fixture(params=[X86, A64], ids=lambda arch: arch.value)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Unicorn with code, data and stack mapped and the gates in place."""
    made = Rig(request.param)
    yield made
    made.close()


@pytest.fixture
def x86() -> Iterator[Rig]:
    """The same, x86_64 only."""
    made = Rig(X86)
    yield made
    made.close()


@pytest.fixture
def a64() -> Iterator[Rig]:
    """The same, aarch64 only."""
    made = Rig(A64)
    yield made
    made.close()
