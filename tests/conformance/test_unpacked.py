"""Programs that an unpacker puts into memory and starts: nobody translated a byte of what runs then."""

from __future__ import annotations

import io
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aot.translate import translate_file
from corpus.build import build, program
from corpus.foreign import ForeignError, go
from runtime.machine import RunOptions, run
from tests.conformance.harness import Setting, run_both

KEY = 0x5A
GO_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
PACKED = {name: (42, program(name, "linux-x86_64").stdout) for name in ("made", "fresh")} | {
    "go": (0, "hello\n")
}


def packed(name: str, arch: str) -> bytes:
    try:
        made = go("hello", "linux", GO_NAMES[arch]) if name == "go" else build(name, f"linux-{arch}")
        raw = made.read_bytes()
    except ForeignError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    return bytes(byte ^ KEY for byte in raw)


@pytest.mark.conformance
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("name", PACKED)
def test_both_ways_agree(name: str, arch: str, tmp_path: Path) -> None:
    status, stdout = PACKED[name]
    setting = Setting(args=["packed"], files=[("packed", packed(name, arch))])
    outcome = run_both(build("unpack", f"linux-{arch}"), tmp_path, setting)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (status, stdout, "")


@pytest.mark.parametrize("name", PACKED)
def test_the_host_agrees(name: str, tmp_path: Path) -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("no x86_64 Linux host to compare with")
    status, stdout = PACKED[name]
    (tmp_path / "packed").write_bytes(packed(name, "x86_64"))
    done = subprocess.run(
        [build("unpack", "linux-x86_64"), "packed"],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (status, stdout)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_calls_of_what_was_unpacked_are_bound(
    arch: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "packed").write_bytes(packed("go", arch))
    out = io.StringIO()
    image = translate_file(build("unpack", f"linux-{arch}"))
    options = RunOptions(argv=["unpack", "packed"], stats=out, mounts=[("/w", str(tmp_path), True)], cwd="/w")
    assert run(image, options) == 0
    assert capfd.readouterr().out == "hello\n"
    text = out.getvalue()
    (line,) = [line for line in text.splitlines() if line.startswith("code made at run time")]
    bound, table, dynamic = map(int, re.findall(r"(?:bound|table|dynamic) (\d+)", line))
    assert bound > table > 0
    assert dynamic == 0
    assert "traps from addresses the translator did not know: 0\n" in text
