"""Each known failure class: the program is right natively and both ways here, and a naive rewriter breaks it.

A naive rewriter's program is run dynamically, which serves every trap it finds: what fails is the rewriting.
"""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aot.errors import AotError
from aot.image.model import Arch
from aot.record import dataclass
from aot.translate import translate_file
from runtime.kernel.limits import Limits
from runtime.machine import RunOptions, run
from tests.aot.rewrite.failures.build import program
from tests.aot.rewrite.failures.naive import BASE, Naive, rewrite
from tests.oracle.objdump import missing

X86, A64 = Arch.X86_64, Arch.AARCH64
TIMEOUT_S = 20
BROKEN_S = 1  # of processor time for a program that may run for ever
NATIVE = sys.platform == "linux" and platform.machine() == "x86_64"


@dataclass(frozen=True, slots=True)
class Class:
    """One failure class: its program, and who is broken by it."""

    name: str
    program: str
    naive: tuple[Naive, ...]
    archs: tuple[Arch, ...] = (X86, A64)
    qemu: bool = True  # qemu-user gives the program what it needs
    base: int = 0  # of the numbers in the naive rewriter's copy


CLASSES = (
    Class("jump into overwritten bytes", "into_window", (Naive.JUMP,)),
    Class("pc-relative neighbour copied unchanged", "relative", (Naive.JUMP,)),
    Class("pattern inside another instruction", "inside", (Naive.JUMP,), (X86,)),
    Class("data in .text", "data", (Naive.JUMP, Naive.CALL)),
    Class("below the stack pointer, call", "below_stack", (Naive.CALL, Naive.SPILL), (X86,)),
    Class("below the stack pointer, store", "below_stack", (Naive.SPILL,)),
    Class("registers", "registers", (
        Naive.FLAGS, Naive.VECTOR, Naive.FLOAT, Naive.CONTROL, Naive.SCRATCH,
    )),
    Class("scratch register taken too early", "registers", (Naive.EARLY,), (X86,)),
    Class("link register", "registers", (Naive.CALL,), (A64,)),
    Class("code made at run time", "made", (Naive.NUMBER,), base=BASE),
    Class("code changed at run time", "changed", (Naive.BEFORE,), (X86,)),
    Class("code changed at run time", "changed", (Naive.JUMP,), (A64,)),
    Class("clone", "clone", (Naive.CALL,), (X86,)),
    Class("clone", "clone", (Naive.JUMP,), (A64,)),
    Class("vfork", "vfork", (Naive.CALL,), (X86,)),
    Class("vfork", "vfork", (Naive.JUMP,), (A64,)),
    Class("sigreturn and the interrupted address", "signal", (Naive.JUMP, Naive.CALL)),
    Class("fault in a moved neighbour", "fault", (Naive.JUMP,)),
    Class("exec", "exec", (Naive.CALL,), (X86,)),
    Class("exec", "exec", (Naive.SPILL,), (A64,), qemu=False),
    Class("endbr", "landing_pad", (Naive.BEFORE,), (X86,)),
    Class("bti", "landing_pad", (Naive.BEFORE,), (A64,)),
    Class("pac", "landing_pad", (Naive.CALL,), (A64,)),
    Class("vDSO", "vdso", (Naive.CLOCK,)),
    Class("branch range", "far", (Naive.JUMP,), (X86,)),
    Class("branch range", "far", (Naive.BEFORE,), (A64,)),
)  # fmt: skip
CASES = [pytest.param(c, arch, id=f"{c.name}-{arch.value}") for c in CLASSES for arch in c.archs]


def built(name: str, arch: Arch, *defines: str) -> bytes:
    return program(name, arch, *defines).read_bytes()


def guest(raw: bytes, dispatch: str, folder: Path, cpu_s: float = TIMEOUT_S) -> tuple[int, str]:
    """Status and trace of a program, which finds itself at /here/program."""
    file = folder / "program"
    file.write_bytes(raw)
    file.chmod(0o755)
    trace, errors = io.StringIO(), io.StringIO()
    options = RunOptions(
        ["/here/program"], dispatch=dispatch, deterministic=True, trace=trace, errors=errors,
        mounts=[("/here", str(folder), True)], translate=translate_file, limits=Limits(cpu=cpu_s),
    )  # fmt: skip
    status = run(translate_file(raw), options)
    return status, trace.getvalue()


def commands(found: Class, arch: Arch) -> Iterator[list[str]]:
    """How the program is run without us here."""
    if arch is X86 and NATIVE:
        yield []
    elif arch is A64 and found.qemu and sys.platform == "linux":
        yield [shutil.which("qemu-aarch64") or missing("qemu-aarch64", "apt-get install qemu-user")]


@pytest.mark.parametrize(("found", "arch"), CASES)
def test_right_as_it_is(found: Class, arch: Arch, tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(built(found.program, arch))
    file.chmod(0o755)
    for command in commands(found, arch):
        done = subprocess.run([*command, str(file)], timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0


@pytest.mark.parametrize(("found", "arch"), CASES)
def test_right_translated(found: Class, arch: Arch, tmp_path: Path) -> None:
    raw = built(found.program, arch)
    aot, dynamic = guest(raw, "aot", tmp_path), guest(raw, "dynamic", tmp_path)
    assert aot == dynamic
    assert aot[0] == 0


@pytest.mark.parametrize(("found", "arch"), CASES)
def test_a_naive_rewriter_breaks_it(found: Class, arch: Arch, tmp_path: Path) -> None:
    for naive in found.naive:
        status, _ = guest(
            rewrite(built(found.program, arch, f"BASE={found.base}"), arch, naive),
            "dynamic",
            tmp_path,
            BROKEN_S,
        )
        assert status != 0, f"{naive.value}: not noticed"


@pytest.mark.parametrize("arch", (X86, A64), ids=lambda arch: arch.value)
@pytest.mark.parametrize("naive", [n for n in Naive if n not in (Naive.NUMBER, Naive.CLOCK)])
def test_a_naive_rewriter_is_right_about_what_is_plain(naive: Naive, arch: Arch, tmp_path: Path) -> None:
    assert guest(rewrite(built("plain", arch), arch, naive), "dynamic", tmp_path)[0] == 0


@pytest.mark.parametrize("arch", (X86, A64), ids=lambda arch: arch.value)
def test_twice(arch: Arch, tmp_path: Path) -> None:
    raw = built("plain", arch)
    again = rewrite(rewrite(raw, arch, Naive.BEFORE), arch, Naive.BEFORE)
    assert guest(again, "dynamic", tmp_path)[0] != 0
    with pytest.raises(AotError, match="already"):
        translate_file(translate_file(raw))


@pytest.mark.parametrize("arch", (X86, A64), ids=lambda arch: arch.value)
def test_code_that_was_always_writable(arch: Arch, tmp_path: Path) -> None:
    raw = bytearray(built("changed", arch, "OPEN"))
    raw[64 + 4] = 7  # rights of the first program header
    aot = guest(bytes(raw), "aot", tmp_path)
    assert aot == guest(bytes(raw), "dynamic", tmp_path)
    assert aot[0] == 0
