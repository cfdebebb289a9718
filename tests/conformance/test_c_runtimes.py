"""The C runtimes of Windows and of libSystem against one nobody here wrote: musl, natively on the host."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.build import OUT, SRC, run_zig, zig_version
from tests.conformance.harness import Setting, run_both

SOURCE = SRC / "windows" / "runtime.c"
STATUS = 9
TRIPLES = [f"{arch}-{system}" for system in ("windows-gnu", "macos") for arch in ("x86_64", "aarch64")]


def compiled(triple: str) -> Path:
    """The program linked with the target's own C library, built again when it changed."""
    key = hashlib.sha256(SOURCE.read_bytes() + zig_version().encode()).hexdigest()[:16]
    suffix = ".exe" if "windows" in triple else ""
    out = OUT / triple / f"runtime-{key}{suffix}"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        run_zig("cc", "-target", triple, "-O1", "-s", str(SOURCE), "-o", str(out))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("triple", TRIPLES)
def test_output_equals_the_hosts(triple: str, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the host cannot run a Linux program")
    host = subprocess.run(
        [str(compiled(f"{platform.machine()}-linux-musl"))], capture_output=True, text=True, cwd=tmp_path,
        timeout=60, check=False,
    )  # fmt: skip
    outcome = run_both(compiled(triple), tmp_path, Setting())
    assert outcome.stdout == host.stdout
    assert host.stderr == "to stderr 1\n"
    assert outcome.stderr == ("to stderr 1\r\n" if "windows" in triple else "to stderr 1\n")
    assert outcome.status == host.returncode == STATUS
