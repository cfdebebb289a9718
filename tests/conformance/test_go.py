"""Go's own runtime on the BSDs and Darwin: threads, signals set up, calls by trap and (OpenBSD, Darwin) by import."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.foreign import ForeignError, go
from tests.conformance.harness import Setting, run_both, run_guest, translated


@pytest.mark.conformance
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
@pytest.mark.parametrize("system", ["freebsd", "netbsd", "openbsd", "darwin"])
def test_hello(system: str, arch: str, tmp_path: Path) -> None:
    try:
        program = go("hello", system, arch)
    except ForeignError as error:
        pytest.skip(str(error))
    outcome = run_both(program, tmp_path, Setting())
    assert outcome.status == 0
    assert "hello" in outcome.stdout
    assert outcome.trace


@pytest.mark.conformance
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
@pytest.mark.parametrize("system", ["freebsd", "netbsd", "openbsd"])
def test_goroutines_timers_and_files(system: str, arch: str, tmp_path: Path) -> None:
    """Threads take turns, so the two ways of dispatch are compared by what they print."""
    try:
        native = translated(go("workers", system, arch), tmp_path)
    except ForeignError as error:
        pytest.skip(str(error))
    for dispatch in ("aot", "dynamic"):
        outcome = run_guest(native, tmp_path, Setting(), dispatch, trace=False)
        assert outcome.stderr == ""
        assert outcome.stdout == "28 <nil> data true <nil>\nopen nope: no such file or directory\n"
        assert outcome.status == 0
