from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from aot.translate import translate_file

HEAVY = ("lief", "capstone", "keystone", "elftools", "rich", "platformdirs", "aot.analyze", "aot.rewrite")
NEEDLESS = "click unicorn dataclasses inspect pathlib threading random linecache ast statistics".split()
"""What a plain run does without: together they would double its start-up."""

HELLO = bytes.fromhex(
    "b801000000 bf01000000 488d3510000000 ba06000000 0f05"  # mov eax, 1; mov edi, 1; lea rsi, [rip + 16]; ...
    "b83c000000 31ff 0f05"  # mov eax, 60; xor edi, edi; syscall
    "68656c6c6f0a"
)


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


def hello() -> bytes:
    """The smallest static Linux program that says so."""
    return elf(HELLO)


def elf(code: bytes) -> bytes:
    """A static Linux program of one segment, which begins with `code`."""
    base, start = 0x400000, 0x78
    size = start + len(code)
    header = (b"\x7fELF\2\1\1\3", 2, 62, 1, base + start, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    load = (1, 5, 0, base, base, size, size, 0x1000)
    return struct.pack("<16sHHIQQQIHHHHHH", *header) + struct.pack("<IIQQQQQQ", *load) + code


@pytest.mark.parametrize(
    "module",
    ["runtime.dispatch", "runtime.machine", "aot.cli.commands", "aot.cli.run", "aot.cli.prepare"],
)
def test_what_running_imports(module: str) -> None:
    assert imported(f"import {module}", *HEAVY) == []


def test_what_a_whole_run_imports(tmp_path: Path) -> None:
    source, output = tmp_path / "hello", tmp_path / "hello.elf"
    source.write_bytes(hello())
    output.write_bytes(translate_file(source))
    script = f"from aot.cli.main import serve\nassert serve(['run', {str(output)!r}]) == 0\n"
    other_systems = ("aot.personality.windows", "aot.personality.freebsd")
    assert imported(script, *HEAVY, *NEEDLESS, *other_systems, "aot.personality.linux") == [
        "hello",
        "aot.personality.linux",
    ]
