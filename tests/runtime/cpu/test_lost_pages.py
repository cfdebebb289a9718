"""A file that is cut short from outside costs its mapping the page, not the run its life."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.cpu.lost_pages import CODE, SOURCES

PROGRAM = """
import os, sys
from aot.image.model import Arch
from runtime.cpu.lost_pages import guard
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace
from runtime.kernel.regions import FileBacking

space = AddressSpace(Arena(), Arch.X86_64)
if not guard(space.arena.base, space.arena.size):
    sys.exit(77)
with open(sys.argv[1], "r+b") as file:
    at = space.map(None, 3 * 4096, 6, shared=True, backing=FileBacking(file.fileno()))
    assert space.read(at + 4096, 2) == b"xx"
    os.truncate(sys.argv[1], 4096)
    assert space.read(at + 4096, 2) == bytes(2)
    space.write(at + 8192, b"lost")
    assert space.read(at, 2) == b"xx"
if len(sys.argv) > 2:  # any other address ends the process
    import ctypes, mmap
    os.truncate(sys.argv[1], 8192)
    with open(sys.argv[1], "r+b") as file:
        other = mmap.mmap(file.fileno(), 8192)
        os.truncate(sys.argv[1], 0)
        other[5000]
"""


def run(path: Path, *more: str) -> int:
    path.write_bytes(b"x" * 3 * 4096)
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), *more], timeout=60, check=False, capture_output=True
    ).returncode


def test_the_page_is_zero_and_nothing_ends(tmp_path: Path) -> None:
    assert run(tmp_path / "file") in (0, 77)


def test_other_addresses_end_the_process_as_ever(tmp_path: Path) -> None:
    assert run(tmp_path / "file", "other") in (-7, 77)


@pytest.mark.parametrize("host", CODE)
def test_the_bytes_are_those_of_the_source(host: str) -> None:
    import capstone

    modes = {
        "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
    }
    found = [name for _, _, name, _ in capstone.Cs(*modes[host]).disasm_lite(CODE[host], 0) if name != "nop"]
    lines = SOURCES[host].replace("other:", "").replace("\n", ";").split(";")
    assert found == [line.split()[0] for line in lines if line.strip()]
