from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("lief", "capstone", "keystone", "elftools", "rich", "platformdirs", "aot.analyze", "aot.rewrite")


@pytest.mark.parametrize(
    "module", ["runtime.dispatch", "runtime.machine", "aot.cli.main", "aot.cli.run", "aot.cli.prepare"]
)
def test_what_running_imports(module: str) -> None:
    script = f"import sys, {module}; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == []
