"""A program that computes and makes no call is reached by its alarms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aot.translate import translate_file
from corpus.build import build

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_alarms_reach_a_loop_without_calls(arch: str, dispatch: str, tmp_path: Path) -> None:
    native = tmp_path / "alarms.elf"
    native.write_bytes(translate_file(build("alarms", f"linux-{arch}")))
    done = subprocess.run(
        [sys.executable, "-m", "aot.cli", "run", "--dispatch", dispatch, str(native)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (42, "ok alarm\nok interval timer\n"), done.stderr
