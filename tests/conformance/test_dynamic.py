"""Dynamic programs: their own linker and libraries, translated when mapped, of glibc and musl, for both architectures.

Both ways give one trace, no call comes from an address that was not translated, and the host says the same.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.build import BuildError
from corpus.dynamic import build, system
from corpus.foreign import ForeignError
from tests.conformance.harness import first_difference

ROOT = Path(__file__).resolve().parents[2]
MATRIX = [(arch, libc) for arch in ("x86_64", "aarch64") for libc in ("gnu", "musl")]
LINES = """\
ok the identity calls agree
ok its name
ok the C library is mapped by name
ok a library is opened
ok it is mapped by name
ok a number that is known late
ok a signal ends a library's wait
ok at a place of the library
ok a library's call is made again
ok as if it had not been made
ok in a thread
ok in a copy of the process
ok the original is as it was
ok closed and opened
ok another program in the process
ok LD_PRELOAD comes first
"""
TIMEOUT_S = 300

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module", params=MATRIX, ids=[f"{arch}-{libc}" for arch, libc in MATRIX])
def place(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """(folder of the programs, root of their system)."""
    arch, libc = request.param
    try:
        return build(arch, libc), system(arch)
    except (BuildError, ForeignError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error).splitlines()[-1])


def command(place: tuple[Path, Path], *options: str) -> list[str]:
    """`loads` as a guest that sees the libraries at the same path wherever the tests run."""
    folder, root = place
    where = ["--root", str(root), "--mount", f"/programs={folder}", "--cwd", "/programs"]
    return [sys.executable, "-m", "aot.cli", "run", *where, *options, str(folder / "loads"), "/programs"]


def run(words: list[str], cache: Path) -> subprocess.CompletedProcess[str]:
    """The run of a guest with a cache of its own."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=env, cwd=cache
    )


def test_both_ways_agree(place: tuple[Path, Path], tmp_path: Path) -> None:
    traces = []
    for dispatch in ("aot", "dynamic"):
        lines = tmp_path / dispatch
        done = run(command(place, "--deterministic", "--dispatch", dispatch, f"--trace={lines}"), tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (42, LINES, "")
        traces.append(lines.read_text().splitlines())
    assert first_difference(*traces) is None, first_difference(*traces)
    done = run(command(place, "--stats"), tmp_path)
    assert (done.returncode, done.stdout) == (42, LINES)
    assert "traps from addresses the translator did not know: 0\n" in done.stderr
    assert re.search(r"shared objects with sites: [1-9]", done.stderr)
    assert "left as they are" not in done.stderr


def test_the_host_agrees(tmp_path: Path) -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc":
        pytest.skip("the host is no x86_64 Linux with glibc")
    folder = build("x86_64", "gnu")
    done = subprocess.run(
        [folder / "loads", folder], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert (done.returncode, done.stdout) == (42, LINES)


def test_libraries_translated_ahead_of_time(place: tuple[Path, Path], tmp_path: Path) -> None:
    """With `translate --with-libs` a run translates nothing but what it opens by name."""
    folder, root = place
    made = tmp_path / "loads.elf"
    cli = [sys.executable, "-m", "aot.cli"]
    done = run(
        [*cli, "translate", "--with-libs", "--root", str(root), str(folder / "loads"), str(made)], tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert any(file.stat().st_size for file in Path(f"{made}.libs").iterdir())
    words = command(place, "--stats")
    words[-2] = str(made)
    done = run(words, tmp_path)
    assert (done.returncode, done.stdout) == (42, LINES)
    kept = sorted(file.name for file in (tmp_path / "helctic-aot" / "libraries").glob("*.overlay"))
    assert len(kept) <= 2  # libplugin.so and libpreload.so


def test_without_a_root_the_missing_interpreter_is_named(place: tuple[Path, Path], tmp_path: Path) -> None:
    done = run([sys.executable, "-m", "aot.cli", "run", str(place[0] / "loads")], tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"helctic-aot: error: .*interpreter /lib\S+,.*--root.*\n", done.stderr)
