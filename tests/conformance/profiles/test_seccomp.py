"""The OCI profile of a program under the host's own seccomp: the program works, and needs what the profile says.

Needs Linux on x86_64 and libseccomp (apt-get install libseccomp2; pip install pyseccomp).
"""

from __future__ import annotations

import ctypes.util
import json
import os
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from aot.cli.profiling.oci import oci
from aot.personality.abi.errors import E
from corpus.foreign import ForeignError
from tests.conformance.profiles.cases import CASES, Case, run, static

pytestmark = [pytest.mark.slow, pytest.mark.conformance]

UNDER = Path(__file__).with_name("under.py")
NATIVE = [case for case in CASES if case.native]
NEEDED = {"python3 amd64": "getdents64", "find amd64": "getdents64"}  # of the others: write


@pytest.fixture(autouse=True)
def host() -> None:
    """Whether this host can do it."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("needs a Linux host on x86_64")
    for there, what in (
        (find_spec("pyseccomp"), "pip install pyseccomp"),
        (ctypes.util.find_library("seccomp"), "apt-get install libseccomp2"),
    ):
        if not there:
            if os.environ.get("CI"):
                pytest.fail(what)
            pytest.skip(what)


def under(case: Case, names: set[str], work: Path) -> subprocess.CompletedProcess[str]:
    """Run a case under a profile of these names."""
    profile = oci(static(case), E.PERM)
    profile["syscalls"][0]["names"] = sorted(names)
    (work / "profile.json").write_text(json.dumps(profile))
    return run(
        [sys.executable, str(UNDER), str(work / "profile.json"), str(case.program()), *case.args], case, work
    )


@pytest.mark.parametrize("case", NATIVE, ids=lambda case: case.name)
def test_the_program_works_under_its_profile(case: Case, tmp_path: Path) -> None:
    try:
        expected = run([str(case.program()), *case.args], case, tmp_path)
    except (FileNotFoundError, ForeignError) as error:
        pytest.skip(str(error))  # test_sets says so
    names = set(static(case).names) | {"execve"}  # by which the program begins
    got = under(case, names, tmp_path)
    assert (got.returncode, got.stdout, got.stderr) == (expected.returncode, expected.stdout, expected.stderr)
    without = under(case, names - {NEEDED.get(case.name, "write")}, tmp_path)
    assert without.stdout != expected.stdout, "the profile was not enforced"


def test_the_kernel_knows_every_name(tmp_path: Path) -> None:
    """libseccomp's numbers are those of the rows, for every call that has ever been in a set."""
    import pyseccomp

    from aot.personality.linux.system import SYSTEM

    for column, arch in (("x86_64", pyseccomp.Arch.X86_64), ("aarch64", pyseccomp.Arch.AARCH64)):
        for number, row in SYSTEM.by_number(column).items():
            known = pyseccomp.resolve_syscall(arch, row.name)
            assert known == number or known < 0, (column, row.name, known)  # newer than the library
