"""Locks hold between two runs, and between a run and a program of the host, on one file."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aot.translate import translate_file
from corpus.build import build
from tests.conformance.harness import ROOT

TIMES = 120


def start(native: Path, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "aot.cli", "run", str(native), "number", str(TIMES), *more]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE)


def add(path: Path, *, whole: bool) -> None:
    """What the program does, by the host itself."""
    with path.open("r+b", buffering=0) as file:
        for _ in range(TIMES):
            (fcntl.flock if whole else fcntl.lockf)(file, fcntl.LOCK_EX)
            value = int.from_bytes(os.pread(file.fileno(), 8, 0), "little") + 1
            os.pwrite(file.fileno(), value.to_bytes(8, "little"), 0)
            (fcntl.flock if whole else fcntl.lockf)(file, fcntl.LOCK_UN)


@pytest.mark.parametrize("how", ["record", "flock"])
def test_nothing_is_lost_between_runs_and_the_host(how: str, tmp_path: Path) -> None:
    native, number = tmp_path / "counter.elf", tmp_path / "number"
    native.write_bytes(translate_file(build("counter", "linux-x86_64"), None, None))
    number.write_bytes(bytes(8))
    more = ("flock",) if how == "flock" else ()
    runs = [start(native, tmp_path, *more) for _ in range(2)]
    add(number, whole=how == "flock")
    for run in runs:
        _, errors = run.communicate(timeout=120)
        assert (run.returncode, errors) == (42, b"")
    assert int.from_bytes(number.read_bytes(), "little") == 3 * TIMES
