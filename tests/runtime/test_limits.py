"""What `--limit` says, and bombs that it holds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aot.errors import SetupError
from corpus.build import build
from runtime.kernel.limits import Limits

ARCHS = ("x86_64", "aarch64")


def test_limits_are_read() -> None:
    found = Limits.parse(("memory=64M,time=1.5", "cpu=2m,files=7", "processes=3,memory=1GiB"))
    assert (found.memory, found.time, found.cpu, found.files, found.processes) == (1 << 30, 1.5, 120.0, 7, 3)
    assert Limits.parse(("memory=4096,time=500ms",)) == Limits(memory=4096, time=0.5)


@pytest.mark.parametrize(
    "text",
    (
        "", "x", "x=1", "memory", "memory=", "memory=0", "memory=-1", "memory=12Q", "memory=1e30", "memory=inf",
        "memory=0x10", "memory=0.5", "time=0", "time=-1", "time=nan", "time=inf", "time=1d", "time=1_0", "cpu=x",
        "files=0", "files=1.5", "files=+3", "files=\u0663", "processes=", "processes=99999999999", "time=1,,cpu=1",
    ),
)  # fmt: skip
def test_bad_limits_are_refused(text: str) -> None:
    with pytest.raises(SetupError) as refused:
        Limits.parse((text,))
    assert "\n" not in str(refused.value)


def bomb(arch: str, name: str, limit: str, *options: str) -> subprocess.CompletedProcess[str]:
    program = str(build("bombs", f"linux-{arch}"))
    command = [sys.executable, "-m", "aot.cli", "run", *options, "--limit", limit, program, name]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(
    ("name", "limit", "says"),
    (
        ("forks", "processes=10", "forks 9 1\n"),
        ("threads", "processes=10", "threads 9 1\n"),
        ("files", "files=20", "files 17 1 -1 3\n"),
        ("polite", "memory=64M", "polite 1\n"),
    ),
)
def test_more_is_refused(arch: str, name: str, limit: str, says: str) -> None:
    done = bomb(arch, name, limit)
    assert (done.stdout, done.stderr, done.returncode) == (says, "", 0)


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(
    ("name", "limit", "options", "words"),
    (
        ("memory", "memory=32M", (), "used more than --limit memory=33554432"),
        ("loop", "cpu=0.5", (), "computed longer than --limit cpu=0.5"),
        ("loop", "time=0.5", ("--deterministic",), "ran longer than --limit time=0.5"),
        ("sleeping", "time=0.5", (), "ran longer than --limit time=0.5"),
    ),
)
def test_a_run_ends_at_its_limit(
    arch: str, name: str, limit: str, options: tuple[str, ...], words: str
) -> None:
    done = bomb(arch, name, limit, *options)
    assert done.stderr == f"helctic-aot: the guest {words}\n"
    assert done.returncode == 137
