"""The programs: where each comes from, and a run that makes it ask for many things."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from aot.analyze.callset.model import CallSet
from aot.cli.profiling.compared import seen_in
from aot.cli.profiling.question import call_set_of
from aot.record import dataclass
from corpus.build import build
from corpus.foreign import deb, go, npm

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 600
SHELL = "echo a | while read x; do echo $x; done; cd /; for i in 1 2; do test -d $i; done; trap 'echo got' USR1; kill -USR1 $$; sleep 0.01"
TOOLS = f"{SHELL}; ls -n /etc/passwd; date -u -d @0; grep root /etc/passwd; find /etc/passwd; dd if=/dev/zero count=1 2>&- | wc"
SQL = "create table t(a, b); insert into t values(1, 'x'), (2, 'y'); select sum(a), max(b) from t; .tables"
PYTHON = """
import os, socket, subprocess, sys, threading, time
thread = threading.Thread(target=time.sleep, args=(0.01,)); thread.start(); thread.join()
left, right = socket.socketpair(); left.send(b"x"); print(right.recv(1), len(os.listdir("/")) > 3)
print(subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout)
"""
TS = "export const f = (x: number) => x ?? 1;\n"
_STRACE = re.compile(r"(?:\d+ +)?(?:<\.\.\. )?(\w+)(?:\(| resumed)")


@dataclass(frozen=True, slots=True)
class Case:
    """One program; `native` when it runs on a Linux host of its own architecture."""

    name: str
    program: Callable[[], Path]
    args: Sequence[str] = ()
    root: bool = False  # with the host's own linker and libraries
    native: bool = False
    also: Sequence[str] = ()  # what it executes or opens besides
    stdin: str = ""


def _busybox(arch: str) -> Callable[[], Path]:
    return lambda: deb("busybox-static", arch) / "bin/busybox"


def _installed(name: str) -> Callable[[], Path]:
    def found() -> Path:
        path = shutil.which(name, path="/usr/bin:/bin")
        if path is None:
            raise FileNotFoundError(f"{name} is not installed (apt-get install {name})")
        return Path(path).resolve()

    return found


CASES = (
    Case("busybox amd64", _busybox("amd64"), ["sh", "-c", TOOLS], native=True),
    Case("busybox arm64", _busybox("arm64"), ["sh", "-c", TOOLS]),
    Case("bash-static amd64", lambda: deb("bash-static", "amd64") / "bin/bash-static", ["-c", SHELL], native=True),
    Case("sqlite3 amd64", _installed("sqlite3"), ["made.db", SQL], root=True, native=True),
    Case("python3 amd64", _installed("python3"), ["-c", PYTHON], root=True, native=True),
    Case("perl amd64", _installed("perl"), ["-e", 'print sort qw(b a); open F, "<", "/etc/passwd"; print <F>; system "/bin/true"'],
         root=True, native=True, also=["/bin/true"]),
    Case("openssl amd64", _installed("openssl"), ["sha256", "/etc/passwd"], root=True, native=True),
    Case("find amd64", _installed("find"), ["/etc", "-name", "passwd"], root=True, native=True),
    Case("go hello linux-amd64", lambda: go("hello", "linux", "amd64"), native=True),
    Case("go hello linux-arm64", lambda: go("hello", "linux", "arm64")),
    Case("go workers freebsd-amd64", lambda: go("workers", "freebsd", "amd64")),
    Case("go workers netbsd-arm64", lambda: go("workers", "netbsd", "arm64")),
    Case("go workers openbsd-amd64", lambda: go("workers", "openbsd", "amd64")),
    Case("go hello darwin-arm64", lambda: go("hello", "darwin", "arm64")),
    Case("C calls darwin-aarch64", lambda: build("calls_import_darwin", "darwin-aarch64")),
    Case("C calls openbsd-x86_64", lambda: build("calls", "openbsd-x86_64")),
    Case("C calls windows-x86_64", lambda: build("calls_import", "windows-x86_64")),
    Case("C traps windows-aarch64", lambda: build("calls_trap", "windows-aarch64")),
    Case("esbuild linux-x64", lambda: npm("@esbuild/linux-x64") / "bin/esbuild", ["--loader=ts"], native=True, stdin=TS),
)  # fmt: skip


def static(case: Case) -> CallSet:
    """The call set of a program."""
    root = Path("/") if case.root else None
    return call_set_of(case.program(), root=root, also=[Path(file) for file in case.also])


def traced(case: Case, work: Path) -> frozenset[str]:
    """The calls that a run as a guest makes; its trace stays in `work`."""
    trace = work / "trace.txt"
    options = ["--root", "/"] if case.root else ["--mount", f"/work={work}"]
    options += ["--cwd", str(work) if case.root else "/work", f"--trace={trace}"]
    done = run(
        [sys.executable, "-m", "aot.cli", "run", *options, str(case.program()), *case.args], case, work
    )
    assert "helctic-aot:" not in done.stderr, done.stderr  # nothing cut it short
    return seen_in(trace, "")


def straced(case: Case, work: Path) -> frozenset[str]:
    """The calls that a run on the host makes, without the one that begins it."""
    log = work / "strace.txt"
    run(
        ["strace", "-f", "-qq", "-e", "signal=none", "-o", str(log), str(case.program()), *case.args],
        case,
        work,
    )
    lines = log.read_text(errors="replace").splitlines()[1:]
    return frozenset(found[1] for line in lines if (found := _STRACE.match(line)))


def run(command: Sequence[str], case: Case, work: Path) -> subprocess.CompletedProcess[str]:
    """Run a command for a case in the directory `work`, which is emptied of what an earlier run made there."""
    (work / "made.db").unlink(missing_ok=True)
    done = subprocess.run(
        command, input=case.stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=work,
        env={"PATH": os.environ["PATH"], "HOME": "/", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONPATH": str(ROOT),
             "XDG_CACHE_HOME": str(ROOT / "build" / "cache")},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return done
