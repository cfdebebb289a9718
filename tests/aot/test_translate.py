"""A whole file through the translator: deterministic, verified against its source, still doing its work."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from aot.errors import ImageError
from aot.image.model import Arch
from aot.rewrite.assemble import assemble
from aot.rewrite.verify import verify
from aot.translate import translate_file
from runtime.machine import RunOptions, run

X86 = """
    mov eax, 39; syscall
    mov edi, 1; lea rsi, [rip + 0x60]; mov edx, 3; mov eax, 1; syscall
    mov edi, eax; add edi, 39; mov eax, 60; syscall; ud2
"""
A64 = """
    mov x8, #172; svc #0
    mov x0, #1; adr x1, #0x60; mov x2, #3; mov x8, #64; svc #0
    add x0, x0, #39; mov x8, #93; svc #0
"""
BASE = 0x400000
MACHINE = {Arch.X86_64: 62, Arch.AARCH64: 183}


def elf(arch: Arch) -> bytes:
    """The smallest static program that asks who it is, writes three bytes and exits with 42."""
    code = assemble(arch, X86 if arch is Arch.X86_64 else A64).ljust(0x100, b"\0")
    start = 0x1000
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\2\1\1\3",
        2,
        MACHINE[arch],
        1,
        BASE + start,
        64,
        0,
        0,
        64,
        56,
        1,
        64,
        0,
        0,
    )
    size = start + len(code)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    return (header + load).ljust(start, b"\0") + code


@pytest.fixture(params=Arch)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(elf(request.param))
    return path


def test_twice_gives_the_same_bytes(program: Path) -> None:
    assert translate_file(program) == translate_file(program)


def test_verifies_against_its_source(program: Path) -> None:
    report = verify(translate_file(program), program.read_bytes())
    assert report.compared_bytes == 0x1100
    assert sum(report.classes.values()) == 3
    assert "dynamic" not in report.classes


def test_a_translation_is_not_translated_again(program: Path) -> None:
    program.write_bytes(translate_file(program))
    with pytest.raises(ImageError, match="already translated"):
        translate_file(program)


def test_both_ways_to_dispatch_do_the_same(program: Path) -> None:
    native = translate_file(program)
    traces = []
    for dispatch in ("aot", "dynamic"):
        trace = io.StringIO()
        options = RunOptions(["program"], dispatch=dispatch, deterministic=True, trace=trace)
        assert run(native, options) == 42
        traces.append(trace.getvalue())
    assert traces[0] == traces[1]
    assert traces[0].count("\n") >= 3
