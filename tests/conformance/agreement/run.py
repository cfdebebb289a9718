"""Runs a Linux program on the host under strace, and here under --trace, each in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from aot.record import dataclass
from tests.conformance.agreement.calls import Thread, of_strace, of_trace
from tests.conformance.harness import ROOT, TIMEOUT_S

SYSTEM = [word for path in ("/etc", "/usr/share") for word in ("--mount", f"{path}={path}:ro")]
"""What programs read of the system they run on: time zones, names of users."""


@dataclass(frozen=True, slots=True)
class Case:
    """A program and how it is started. `make` gives its path, or raises when it cannot be built here."""

    name: str
    make: Callable[[], Path]
    args: Sequence[str] = ()
    stdin: str = ""
    env: Sequence[str] = ()
    files: Sequence[tuple[str, bytes]] = ()
    file: str = "program"  # the name it is started by


@dataclass(frozen=True, slots=True)
class Run:
    """What a run gave and the calls it made."""

    status: int
    stdout: bytes
    stderr: bytes
    thread: Thread


def on_host(case: Case, folder: Path) -> Run:
    """The program natively, under strace."""
    _fill(case, folder)
    log = folder.with_name(f"{folder.name}.strace")
    command = ["strace", "-ff", "-X", "raw", "-o", str(log), f"./{case.file}", *case.args]
    done = subprocess.run(
        command, cwd=folder, input=case.stdin.encode(), capture_output=True, timeout=TIMEOUT_S, check=False,
        env={**_environment(case), "HOST_KERNEL": "1"},
    )  # fmt: skip
    logs = {int(file.suffix[1:]): file for file in log.parent.glob(f"{log.name}.*")}
    thread = of_strace({tid: file.read_text(errors="replace").splitlines() for tid, file in logs.items()})
    for file in logs.values():
        file.unlink()
    own = b"".join(line for line in done.stderr.splitlines(keepends=True) if not line.startswith(b"strace: "))
    return Run(done.returncode, done.stdout, own, thread)


def translated(case: Case, folder: Path) -> Run:
    """The program as `helctic-aot run --trace` runs it."""
    _fill(case, folder)
    log = folder.with_name(f"{folder.name}.trace")
    command = [
        sys.executable,
        "-m",
        "aot.cli",
        "run",
        *SYSTEM,
        f"--trace={log}",
        f"./{case.file}",
        *case.args,
    ]
    done = subprocess.run(
        command, cwd=folder, input=case.stdin.encode(), capture_output=True, timeout=TIMEOUT_S, check=False,
        env={**_environment(case), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")[-1500:]
    return Run(
        done.returncode, done.stdout, done.stderr, of_trace(log.read_text(errors="replace").splitlines())
    )


def _fill(case: Case, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(case.make(), folder / case.file)
    for name, data in case.files:
        (folder / name).write_bytes(data)


def _environment(case: Case) -> dict[str, str]:
    given = dict(variable.split("=", 1) for variable in case.env)
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(ROOT), **given}
