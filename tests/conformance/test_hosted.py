"""Programs on C libraries and language runtimes: equal traces both ways, and the output the host gives."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from corpus.build import BuildError
from corpus.hosted import BUILDS, Build, make
from tests.conformance.harness import TIMEOUT_S, Setting, run_both

MATRIX = [(b, arch) for b in BUILDS for arch in b.archs]


@cache
def on_host(build: Build) -> tuple[int, str] | None:
    """Status and output of the program natively; its x86_64 form speaks for both. None: not this host."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            ["./program"], executable=make(build.program, build.kind, "x86_64"), cwd=folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT_S, env={"PATH": os.environ["PATH"]}, check=False,
        )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.conformance
@pytest.mark.parametrize(("build", "arch"), MATRIX, ids=[f"{b.program}-{b.kind}-{a}" for b, a in MATRIX])
def test_a_program_does_what_it_does_on_the_host(build: Build, arch: str, tmp_path: Path) -> None:
    try:
        program = make(build.program, build.kind, arch)
    except BuildError as error:
        pytest.skip(str(error).splitlines()[0])
    outcome = run_both(program, tmp_path, Setting())
    assert (outcome.status, outcome.stderr.count("FAILED")) == (build.status, 0), outcome.stderr
    host = on_host(build)
    if host is not None:
        assert (outcome.status, outcome.stdout) == host
