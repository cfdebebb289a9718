"""Signals sent to `run` are the guest's: handled by it, or its end, while it computes and makes no call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aot.translate import translate_file
from corpus.build import build

ROOT = Path(__file__).resolve().parents[2]
HANDLED = (["handle"], signal.SIGTERM, 42)
ENDED = ([], signal.SIGINT, 128 + signal.SIGINT)


@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize(("args", "number", "status"), [HANDLED, ENDED], ids=["handled", "ended"])
def test_a_computing_guest_gets_the_signal(
    tmp_path: Path, arch: str, dispatch: str, args: list[str], number: signal.Signals, status: int
) -> None:
    native = tmp_path / "spin.elf"
    native.write_bytes(translate_file(build("spin", f"linux-{arch}")))
    command = [sys.executable, "-m", "aot.cli", "run", "--dispatch", dispatch, str(native), *args]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == b"ok started\n"
            run.send_signal(number)
            out, err = run.communicate(timeout=60)
        finally:
            run.kill()
    assert (run.returncode, err) == (status, b"")
    assert out == (b"ok stopped\n" if args else b"")
