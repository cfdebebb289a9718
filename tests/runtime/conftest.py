"""Fixtures of the runtime tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aot.image.model import Arch
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace


@pytest.fixture(params=[Arch.X86_64, Arch.AARCH64], ids=lambda arch: arch.value)
def space(request: pytest.FixtureRequest) -> Iterator[AddressSpace]:
    """An address space with nothing in it."""
    made = AddressSpace(Arena(), request.param)
    yield made
    made.close()
