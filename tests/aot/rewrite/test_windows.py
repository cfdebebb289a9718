"""Patched code does what the original does, over 100,000 random windows and states; and naive rewriting does not.

Some cases are also interrupted after any instruction, in stubs too: the original goes on from what the guest is shown.
Fixed seeds here; `make fuzz` runs as many others as wanted.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aot.analyze.model import Insn
from aot.image.model import Arch
from aot.rewrite import build, relocate, stubs_x86_64, tactics
from aot.rewrite.tactics import Ground
from tests.aot.rewrite.windows.__main__ import run_some
from tests.aot.rewrite.windows.cases import Tally, told
from tests.aot.rewrite.windows.compare import CASES, WINDOWS

SHARES = 4  # tests an architecture, so that they run beside each other
BATCHES = {Arch.X86_64: 20, Arch.AARCH64: 12}  # of a share


def alike(tally: Tally) -> None:
    assert not tally.failures, "\n".join(told(failure) for failure in tally.failures[:3])


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("arch", Arch, ids=lambda arch: arch.value)
def test_the_same_in_every_case(arch: Arch, share: int) -> None:
    tally = run_some(arch, 1000 * share, BATCHES[arch])
    alike(tally)
    assert tally.counts["1 crossings"] + tally.counts["2 crossings"] > tally.cases // 2
    assert tally.counts["no such path"] < tally.cases // 20
    assert tally.counts["interrupted in a stub"] > 100


def test_there_are_enough() -> None:
    assert SHARES * sum(BATCHES.values()) * WINDOWS * CASES >= 100_000


def unmoved(insn: Insn, _address: int) -> bytes:
    return insn.raw  # as long as the relocated one where that is longer


def blind(ground: Ground, _start: int, _size: int, _end: int) -> bool:
    return ground.image is not None


NAIVE: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "neighbours copied unchanged": lambda patch: patch.setattr(build, "moved", unmoved),
    "branch targets ignored": lambda patch: patch.setattr(Ground, "free", blind),
    "flags changed": lambda patch: patch.setattr(
        stubs_x86_64, "_ENTER", stubs_x86_64._ENTER.replace("mov r11d", "xor r11d, r11d; mov r11d")
    ),
    "return address pushed": lambda patch: patch.setattr(
        stubs_x86_64, "_ENTER", stubs_x86_64._ENTER.replace("lea rcx", "push rcx; pop rcx; lea rcx")
    ),
    "calls moved": lambda patch: patch.setattr(
        tactics, "moved_size", lambda insn: relocate.moved_size(insn) or insn.size
    ),
}


@pytest.mark.parametrize("naive", NAIVE)
def test_a_naive_rewriter_is_caught(naive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    NAIVE[naive](monkeypatch)
    monkeypatch.setattr("tests.aot.rewrite.windows.sides.verify", lambda _: None)
    assert run_some(Arch.X86_64, 0, 3).failures
