"""Go's own runtime on the BSDs and Darwin: threads, signals set up, calls by trap and (OpenBSD, Darwin) by import."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.foreign import ForeignError, go
from tests.conformance.harness import Setting, run_both


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
