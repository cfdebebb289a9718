"""libSystem's C runtime against one nobody here wrote: musl, natively on the host."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.harness import Setting, run_both
from tests.conformance.test_windows_runtime import STATUS, compiled


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_output_equals_the_hosts(arch: str, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the host cannot run a Linux program")
    host = subprocess.run(
        [str(compiled(f"{platform.machine()}-linux-musl"))], capture_output=True, text=True, cwd=tmp_path,
        timeout=60, check=False,
    )  # fmt: skip
    outcome = run_both(compiled(f"{arch}-macos"), tmp_path, Setting())
    assert outcome.stdout == host.stdout
    assert outcome.stderr == host.stderr == "to stderr 1\n"
    assert outcome.status == host.returncode == STATUS
