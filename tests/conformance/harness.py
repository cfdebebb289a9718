"""Runs a program translated and dynamically and holds the two against each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from aot.record import dataclass
from aot.translate import translate_file

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 240


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run gave."""

    status: int
    stdout: str
    stderr: str
    trace: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a program is started; the same for every run that is compared."""

    args: Sequence[str] = ()
    stdin: str = ""
    env: Sequence[str] = ()
    files: Sequence[tuple[str, bytes]] = ()  # in the working directory
    argv0: str = "program"


def translated(source: Path, work: Path, personality: str | None = None, column: str | None = None) -> Path:
    """`source` as a native ELF under `work`."""
    out = work / "program.elf"
    out.write_bytes(translate_file(source, personality, column))
    return out


def run_guest(native: Path, work: Path, setting: Setting, dispatch: str, *, trace: bool = True) -> Outcome:
    """One run of a native ELF in a fresh directory."""
    folder, lines = work / "here", work / "trace.txt"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in setting.files:
        (folder / name).write_bytes(data)
    lines.unlink(missing_ok=True)
    command = [sys.executable, "-m", "aot.cli", "run", "--deterministic", "--dispatch", dispatch]
    command += ["--mount", f"/work={folder}", "--cwd", "/work"]  # the same paths wherever the tests run
    command += [f"--trace={lines}"] if trace else []
    for variable in setting.env:
        command += ["--env", variable]
    done = subprocess.run(
        [*command, "--argv0", setting.argv0, str(native), *setting.args],
        input=setting.stdin.encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(work), "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")[-1500:]
    written = lines.read_text().splitlines() if trace and lines.exists() else []
    return Outcome(
        done.returncode,
        done.stdout.decode(errors="replace").replace("\r\n", "\n"),
        done.stderr.decode(errors="replace"),
        tuple(written),
    )


def run_both(
    source: Path, work: Path, setting: Setting, personality: str | None = None, column: str | None = None
) -> Outcome:
    """The outcome of a program, after its three runs were found to agree.

    Translated and dynamic runs give the same output, status and trace, line by line. The third run is
    translated and not traced: only then calls are answered inside the guest.
    """
    native = translated(source, work, personality, column)
    aot = run_guest(native, work, setting, "aot")
    dynamic = run_guest(native, work, setting, "dynamic")
    assert first_difference(aot.trace, dynamic.trace) is None, first_difference(aot.trace, dynamic.trace)
    assert (aot.status, aot.stdout, aot.stderr) == (dynamic.status, dynamic.stdout, dynamic.stderr)
    quiet = run_guest(native, work, setting, "aot", trace=False)
    assert (aot.status, aot.stdout, aot.stderr) == (quiet.status, quiet.stdout, quiet.stderr)
    return aot


def first_difference(left: Sequence[str], right: Sequence[str]) -> str | None:
    """The first pair of lines that differs, for a message; None when the traces are equal."""
    for number, (a, b) in enumerate(zip_longest(left, right), 1):
        if a != b:
            return f"trace line {number}:\n  aot      {a}\n  dynamic  {b}"
    return None
