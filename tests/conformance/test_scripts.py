"""Shell scripts by the distribution's static shells of both architectures: the guest prints what the host prints."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from corpus.foreign import ForeignError, deb
from tests.conformance.harness import ROOT, TIMEOUT_S, translated
from tests.conformance.test_busybox import DEBIAN, busybox

SCRIPTS = Path(__file__).with_name("scripts")
TOOLS = (
    "awk", "cat", "chmod", "cut", "diff", "echo", "find", "grep", "gunzip", "gzip", "head", "ln", "ls", "md5sum",
    "mkdir", "mkfifo", "paste", "printf", "rm", "sed", "seq", "sh", "sleep", "sort", "tail", "tar", "tee", "timeout", "tr", "true",
    "uniq", "wc", "xargs", "yes",
)  # fmt: skip
RUNS = (
    ("busybox", "tree.sh"),
    ("busybox", "jobs.sh"),
    ("bash", "tree.sh"),
    ("bash", "jobs.sh"),
    ("bash", "bash.sh"),
)


@cache
def shell(name: str, arch: str) -> Path:
    """A statically linked shell of the distribution."""
    if name == "busybox":
        return busybox(arch)
    return deb("bash-static", DEBIAN[arch]) / "bin" / "bash-static"


def prepared(folder: Path, name: str, arch: str) -> Path:
    """A directory with the shell, the tools it starts and the scripts."""
    tools = folder / "bin"
    tools.mkdir(parents=True)
    shutil.copy(busybox(arch), tools / "busybox")
    for tool in TOOLS:
        (tools / tool).symlink_to("busybox")
    shutil.copy(shell(name, arch), folder / "bin" / "shell")
    work = folder / "work"
    work.mkdir()
    for script in SCRIPTS.glob("*.sh"):
        shutil.copy(script, work)
    return work


def command(name: str, script: str) -> list[str]:
    return ["busybox", "sh", script] if name == "busybox" else ["bash", script]


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": str(folder / "bin"), "HOME": "/"}


@cache
def on_host(name: str, script: str, folder: Path) -> tuple[int, str, str]:
    """What the program of x86_64 gives natively."""
    work = prepared(folder, name, "x86_64")
    done = subprocess.run(
        command(name, script), executable=folder / "bin" / "shell", cwd=work, env=environment(folder),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.conformance
@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("arch", DEBIAN)
@pytest.mark.parametrize(("name", "script"), RUNS, ids=[" ".join(run) for run in RUNS])
def test_the_guest_prints_what_the_host_prints(
    name: str, script: str, arch: str, dispatch: str, tmp_path: Path
) -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("needs a Linux host on x86_64 to compare with")
    try:
        shell(name, arch)
        native = translated(shell(name, arch), tmp_path)
    except ForeignError as error:
        pytest.skip(str(error))
    host = on_host(name, script, tmp_path / "host")
    assert host[1], host[2]
    folder = tmp_path / "here"
    work = prepared(folder, name, arch)
    argv0, *arguments = command(name, script)
    guest = [sys.executable, "-m", "aot.cli", "run", "--dispatch", dispatch, "--mount", f"{folder}={folder}"]
    guest += ["--cwd", str(work), "--env", f"PATH={folder / 'bin'}", "--env", "HOME=/", "--argv0", argv0]
    done = subprocess.run(
        [*guest, str(native), *arguments],
        cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == host[1], done.stderr
    assert done.returncode == host[0]
    assert "helctic-aot" not in done.stderr
