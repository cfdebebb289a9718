"""Every call that a real program makes is in its call set."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.foreign import ForeignError
from tests.conformance.profiles.cases import CASES, ROOT, Case, static, straced, traced

pytestmark = [pytest.mark.slow, pytest.mark.conformance]


@pytest.fixture
def work() -> Iterator[Path]:
    """A directory that a guest with --root / sees too."""
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="profile-") as folder:
        yield Path(folder)


def missing(why: object) -> None:
    if os.environ.get("CI"):
        pytest.fail(str(why))
    pytest.skip(str(why))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_is_missed(case: Case, work: Path) -> None:
    try:
        case.program()
    except FileNotFoundError as error:
        missing(error)
    except ForeignError as error:  # a network or a Go compiler is not on every machine
        pytest.skip(str(error))
    found = static(case)
    seen = traced(case, work)
    assert len(seen) > 2
    assert seen <= found.names, sorted(seen - found.names)
    if case.native and (sys.platform, platform.machine()) == ("linux", "x86_64"):
        if shutil.which("strace") is None:
            missing("strace is not installed (apt-get install strace)")
        really = straced(case, work)
        assert really <= found.names, sorted(really - found.names)
    if case.root:  # libc has all calls, a program needs few
        assert len(found.names) < 0.75 * found.whole  # what cannot run is left out
