from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("lief", "capstone", "keystone", "elftools", "rich", "platformdirs", "aot.analyze", "aot.rewrite")


def imported(script: str, *modules: str) -> list[str]:
    """Which of `modules` a fresh interpreter holds once `script` has run."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{script}\nprint(*(m for m in {modules!r} if m in sys.modules))"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "module",
    ["runtime.dispatch", "runtime.machine", "aot.cli.commands", "aot.cli.run", "aot.cli.prepare"],
)
def test_what_running_imports(module: str) -> None:
    assert imported(f"import {module}", *HEAVY) == []


@pytest.mark.parametrize("module", ["aot.cli.main", "aot.cli.execute", "runtime.machine"])
def test_a_plain_run_needs_no_option_parser(module: str) -> None:
    assert imported(f"import {module}", "click", "inspect", "unicorn") == []
