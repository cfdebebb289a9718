"""Numbers that the README repeats are those of the tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aot.personality.abi.call import Level
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


@pytest.mark.parametrize("column", ["x86_64", "aarch64"])
def test_the_linux_calls_are_counted_right(column: str) -> None:
    rows = [r for r in system_of(Personality.LINUX).calls if r.number(column) is not None]
    served = sum(r.status.level in (Level.FULL, Level.PARTIAL) for r in rows)
    said = re.search(rf"^\| here, {column} \| (\d+) \| (\d+) \| (\d+) \|$", README, re.MULTILINE)
    assert said is not None
    listed, told, left = map(int, said.groups())
    assert (listed, told + left) == (len(rows), listed)
    assert told <= served, "the README promises more than there is"
