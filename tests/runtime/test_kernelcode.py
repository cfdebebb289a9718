"""Functions of the kernel's own are bound ahead of time: no call of theirs is a trap."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from aot.personality.linux.vdso import KERNEL_CODE, SLOT
from aot.translate import translate_file
from corpus.build import build
from runtime.kernelcode import ROOM
from runtime.machine import RunOptions, run


def test_a_function_has_room() -> None:
    assert ROOM <= SLOT
    for code in KERNEL_CODE.values():
        starts = [at for at, _ in code.functions]
        assert starts == list(range(starts[0], starts[0] + SLOT * len(starts), SLOT))


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_the_vdso_makes_no_traps(arch: str, tmp_path: Path) -> None:
    image = translate_file(build("start", f"linux-{arch}"))
    found = {}
    for dispatch in ("aot", "dynamic"):
        out, trace = io.StringIO(), io.StringIO()
        options = RunOptions(
            argv=["start"], stats=out, trace=trace, dispatch=dispatch, root=str(tmp_path), deterministic=True
        )
        run(image, options)
        found[dispatch] = trace.getvalue(), int(re.findall(r"dynamic +(\d+)", out.getvalue())[0])
    assert found["aot"][0] == found["dynamic"][0]
    assert "clock_getres" in found["aot"][0], "only the vDSO's function of that name is called"
    assert (found["aot"][1], found["dynamic"][1] > 0) == (0, True)
