"""Inline stubs answer what the kernel would answer, and exactly when it would do nothing else."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from aot.translate import translate_file
from corpus.build import build, program
from runtime.kernel.park import ParkSpace
from runtime.machine import RunOptions, run

PASSED = 42  # the status of check.h


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
@pytest.mark.parametrize("deterministic", [False, True])
def test_without_a_trace_a_program_does_the_same(
    arch: str, deterministic: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    image = translate_file(build("inline", f"linux-{arch}"))
    inline = {}
    for dispatch in ("aot", "dynamic"):
        stats = io.StringIO()
        options = RunOptions(
            argv=["inline"], stats=stats, dispatch=dispatch, root=str(tmp_path), deterministic=deterministic
        )
        assert run(image, options) == PASSED
        assert capfd.readouterr().out == program("inline", f"linux-{arch}").stdout
        inline[dispatch] = int(re.findall(r"inline +(\d+)", stats.getvalue())[0])
    assert inline["dynamic"] == 0
    assert inline["aot"] >= 3 * 100, "two wake-ups and a yield, each so often, of who is alone"


def test_the_table_of_waiters_is_never_too_empty() -> None:
    park, space = ParkSpace(), object()
    assert [at for at in range(256) if not park.places[at]] == list(range(0, 256, 4))
    one = park.enqueue((space, 0x1008))
    assert (park.places[8], park.fuller) == (1, True)
    two = park.enqueue((space, 0x2008))
    park.fuller = False
    park.cancel(one)
    assert (park.places[8], park.fuller) == (1, False)
    assert park.requeue((space, 0x2008), (space, 0x3010), 1) == 1
    assert (park.places[8], park.places[0x10], park.fuller) == (0, 1, True)
    assert park.wake(two.key, 1) == 1
    assert not park.places[0x10]
    odd = park.enqueue((space, 0x1003))
    park.cancel(odd)
    assert park.places[3], "no address that is not a multiple of four is ever answered"
