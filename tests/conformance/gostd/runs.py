"""Builds the tests of a package of Go's standard library, and runs them on the host or as a guest."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from aot.record import dataclass
from corpus.foreign import OUT, ForeignError, go_compiler
from tests.conformance.gostd.verdicts import Verdict, read_verdicts

ROOT = Path(__file__).resolve().parents[3]
BUILD_TIMEOUT_S = 900
HOST_PATH = "/usr/local/bin:/usr/bin:/bin"  # without Go: what the tests build and run is no guest


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a test binary: verdict of each test, exit status, seconds of CPU and of wall time."""

    verdicts: dict[str, Verdict]
    status: int
    cpu_s: float
    wall_s: float
    output: bytes

    def text_of(self, test: str) -> str:
        """What the binary printed around a test, for a person."""
        lines = self.output.decode(errors="replace").splitlines()
        at = [n for n, line in enumerate(lines) if test in line]
        return "\n".join(lines[at[0] : at[-1] + 12][:80]) if at else "\n".join(lines[-40:])


@cache
def goroot() -> Path:
    """Where Go's sources are: the tests of a package run in its directory."""
    done = subprocess.run(
        [go_compiler(), "env", "GOROOT", "GOVERSION"], capture_output=True, text=True, check=True
    )
    return Path(done.stdout.split()[0])


@cache
def build(package: str, arch: str) -> Path:
    """The test binary of a package for Linux; built once for each version of Go. Raises ForeignError."""
    version = (goroot() / "VERSION").read_text().split()[0]
    digest = hashlib.sha256(f"{goroot()} {version}".encode()).hexdigest()[:8]
    target = OUT / f"gostd-{digest}" / f"{package.replace('/', '-')}-{arch}.test"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_suffix(f".{os.getpid()}")
    env = os.environ | {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": arch, "GOFLAGS": ""}
    env |= {"GOTOOLCHAIN": "local", "GOCACHE": os.environ.get("GOCACHE", str(OUT / "gocache"))}
    command = [go_compiler(), "test", "-c", "-vet=off", "-o", str(made), package]
    done = subprocess.run(
        command, capture_output=True, text=True, env=env, timeout=BUILD_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise ForeignError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    made.rename(target)
    return target


def on_host(package: str, *flags: str, timeout_s: int = 1800) -> Run:
    """The tests of a package as programs of this machine."""
    return _run(package, [], build(package, "amd64"), flags, timeout_s)


WORLD = ("--root", "/")  # the tests read what a host has: devices, programs, directories


def as_guest(
    package: str,
    arch: str,
    *flags: str,
    dispatch: str = "aot",
    options: tuple[str, ...] = WORLD,
    timeout_s: int = 1800,
) -> Run:
    """The tests of a package as a guest; `options` are those of `run`."""
    command = [sys.executable, "-m", "aot.cli", "run", "--dispatch", dispatch, *options]
    return _run(package, command, build(package, arch), flags, timeout_s)


def _interruptible() -> None:
    """A shell's background jobs ignore SIGINT, and so would the tests that send it to their children."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def _run(package: str, prefix: list[str], program: Path, flags: tuple[str, ...], timeout_s: int) -> Run:
    env = {"PATH": HOST_PATH, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "GOROOT": str(goroot())}
    env |= {"PYTHONPATH": str(ROOT)} if prefix else {}
    command = [
        *prefix,
        str(program),
        "-test.v=test2json",
        "-test.paniconexit0",
        f"-test.timeout={timeout_s}s",
    ]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(
            [*command, *flags],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=goroot() / "src" / package,
            preexec_fn=_interruptible,  # noqa: PLW1509 - there is one thread
        ) as child:
            try:
                status = child.wait(timeout_s + 60)
            except subprocess.TimeoutExpired:  # its own alarm did not end it: what it said until now counts
                child.kill()
                status = child.wait()
        wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        output.seek(0)
        text = output.read()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(read_verdicts(package, text), status, cpu, wall, text)
