"""The central invariant: every program of the corpus, translated and dynamically, gives one trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.build import Program, build, programs
from tests.conformance.harness import Setting, run_both

MATRIX = [(p, target) for p in programs() if p.conformance for target in p.targets()]


@pytest.mark.conformance
@pytest.mark.parametrize(("program", "target"), MATRIX, ids=[f"{p.name}-{t}" for p, t in MATRIX])
def test_translated_equals_dynamic(program: Program, target: str, tmp_path: Path) -> None:
    setting = Setting(args=program.args, stdin=program.stdin, env=program.env)
    outcome = run_both(build(program.name, target), tmp_path, setting, column=program.nt_build)
    assert outcome.stderr == ""
    check_output(program, outcome.stdout)
    assert outcome.status == program.status
    assert outcome.trace, "nothing was traced"


def check_output(program: Program, stdout: str) -> None:
    """Exactly `stdout` of the manifest, or its `lines` in order."""
    if program.stdout is not None:
        assert stdout == program.stdout
        return
    remaining = iter(stdout.splitlines())
    for line in program.lines:
        assert line in remaining, f"no line {line!r}, or not in this order"
