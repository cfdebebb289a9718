"""--stats counts every call, whoever answered it."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from aot.translate import translate_file
from corpus.build import build
from runtime.cpu.routines_code import CODE
from runtime.machine import RunOptions, run

PASSED = 42  # the status of cases.h


def told(image: bytes, root: Path, dispatch: str, *, routines: bool) -> str:
    out = io.StringIO()
    options = RunOptions(
        argv=["x", "write", "50"], stats=out, routines=routines, dispatch=dispatch, root=str(root)
    )
    assert run(image, options) == PASSED
    return out.getvalue()


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
def test_counts_do_not_depend_on_who_answers(arch: str, dispatch: str, tmp_path: Path) -> None:
    image = translate_file(build("bench_calls", f"linux-{arch}"))
    (tmp_path / "dev").mkdir()
    text = told(image, tmp_path, dispatch, routines=True)
    plain = "\n".join(line.split(", ")[0] if "answered" in line else line for line in text.split("\n"))
    assert plain == told(image, tmp_path, dispatch, routines=False)
    if dispatch == "aot" and (os.uname().machine, arch) in CODE:
        assert "49 of them answered by routines" in text  # the first translates the page


def test_calls_are_named_with_their_classes(tmp_path: Path) -> None:
    image = translate_file(build("bench_calls", "linux-x86_64"))
    (tmp_path / "dev").mkdir()
    lines = {
        dispatch: told(image, tmp_path, dispatch, routines=True).split("\n")
        for dispatch in ("aot", "dynamic")
    }
    assert "decided ahead of time: 100.0 %" in lines["aot"]
    assert "decided ahead of time: 0.0 %" in lines["dynamic"]
    assert "       50 write: bound 100 %" in lines["aot"]
    assert "       50 write: dynamic 100 %" in lines["dynamic"]
    most = lines["aot"].index("calls made most:")
    counts = [int(line.split()[0]) for line in lines["aot"][most + 1 :] if line.startswith("   ")]
    assert counts == sorted(counts, reverse=True)
    classes = [int(line.split()[1]) for line in lines["aot"][1:6]]
    assert sum(counts) == sum(classes), "no call is missing, and none is counted twice"
