"""busybox-static, a production program of a distribution: the guest gives what the host gives."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from aot.translate import translate_file
from corpus.foreign import OUT, deb

DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
ROOT = Path(__file__).resolve().parents[2]
OLD = 1_577_836_800  # mtime of the files, so that listings are equal
READING = (
    ("echo", "hello", "world"),
    ("cat", "in.txt"),
    ("cat", "link", "/nonexistent"),
    ("ls", "-la"),
    ("ls", "-laR"),
    ("sort", "in.txt"),
    ("sort", "-n", "-r", "numbers.txt"),
    ("sha256sum", "busybox"),
    ("md5sum", "in.txt", "numbers.txt"),
    ("sed", "-n", "s/a/b/p", "in.txt"),
    ("awk", "{ n += $1; print NR, $1 } END { print n }", "numbers.txt"),
    ("date", "+%Y-%m-%d"),
    ("date", "-u", "-d", "@86400"),
    ("wc", "in.txt", "numbers.txt"),
    ("find", "."),
    ("grep", "-n", "b", "in.txt"),
    ("tar", "cf", "-", "in.txt", "link"),
    ("gzip", "-c", "in.txt"),
    ("od", "-c", "in.txt"),
    ("head", "-c", "5", "/dev/zero"),
    ("env", "-i", "A=b"),
    ("id",),
    ("sh", "-c", 'for i in 1 2 3; do echo $((i * i)); done; test -f in.txt && echo "$0 $#"'),
    ("no-such-applet",),
)
CHANGING = (
    ("cp", "-a", "in.txt", "copy"),
    ("mkdir", "-p", "a/b/c"),
    ("ln", "-s", "target", "new"),
    ("mv", "in.txt", "moved"),
    ("sed", "-i", "s/b/x/", "in.txt"),
    ("rm", "-r", "sub"),
    ("dd", "if=/dev/zero", "of=zeroes", "bs=1000", "count=100", "status=none"),
    ("truncate", "-s", "3", "in.txt"),
    ("chmod", "600", "in.txt"),
    ("touch", "-d", "2001-02-03 04:05:06", "in.txt"),
)


@cache
def busybox(arch: str) -> Path:
    """The distribution's program."""
    return deb("busybox-static", DEBIAN[arch]) / "bin" / "busybox"


@cache
def translated(arch: str) -> Path:
    """The same, translated."""
    out = OUT / f"busybox-{arch}-{os.getpid()}.elf"
    out.write_bytes(translate_file(busybox(arch)))
    return out


@pytest.fixture(scope="module", autouse=True)
def clean() -> object:
    yield
    for file in OUT.glob(f"busybox-*-{os.getpid()}.elf"):
        file.unlink()


def fill(folder: Path) -> Path:
    """The files every command finds."""
    (folder / "sub").mkdir(parents=True)
    (folder / "in.txt").write_text("c\nb\na\n")
    (folder / "numbers.txt").write_text("".join(f"{n * 7919 % 1000}\n" for n in range(200)))
    (folder / "busybox").write_bytes(busybox("x86_64").read_bytes())
    (folder / "sub" / "deep").write_text("deep\n")
    (folder / "link").symlink_to("in.txt")
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (OLD, OLD), follow_symlinks=False)
    return folder


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and contents of every file."""
    out = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            held = os.readlink(path).encode()
        else:
            held = b"" if path.is_dir() else path.read_bytes()
        out[str(path.relative_to(folder))] = (path.lstat().st_mode, held)
    return out


def run(prefix: list[str], command: tuple[str, ...], folder: Path) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [*prefix, *command], cwd=folder, input=b"", capture_output=True, timeout=240, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def host(command: tuple[str, ...], folder: Path) -> tuple[int, bytes, bytes]:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in DEBIAN:
        pytest.skip("needs a Linux host on x86_64 or aarch64 to compare with")
    return run([str(busybox(machine))], command, folder)


def guest(arch: str, command: tuple[str, ...], folder: Path) -> tuple[int, bytes, bytes]:
    prefix = [sys.executable, "-m", "aot.cli", "run", "--argv0", "busybox", str(translated(arch))]
    return run(prefix, command, folder)


@pytest.mark.slow
@pytest.mark.parametrize("arch", DEBIAN)
@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_output_equals_the_hosts(command: tuple[str, ...], arch: str, tmp_path: Path) -> None:
    folder = fill(tmp_path / "here")
    assert guest(arch, command, folder) == host(command, folder)


@pytest.mark.slow
@pytest.mark.parametrize("arch", DEBIAN)
@pytest.mark.parametrize("command", CHANGING, ids=" ".join)
def test_files_change_as_on_the_host(command: tuple[str, ...], arch: str, tmp_path: Path) -> None:
    ours, theirs = fill(tmp_path / "ours"), fill(tmp_path / "theirs")
    assert guest(arch, command, ours) == host(command, theirs)
    assert state(ours) == state(theirs)
