"""Patched code does what the original does, over 100,000 random windows and states; and naive rewriting does not.

Some cases are also interrupted after any instruction, in stubs too: the original goes on from what the guest is shown.
Fixed seeds here; `make fuzz` runs as many others as wanted.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from aot.analyze.model import Insn
from aot.image.model import Arch
from aot.manifest import PAGE
from aot.rewrite import build, relocate, stubs_x86_64, tactics
from aot.rewrite.tactics import Ground
from tests.aot.rewrite.windows.__main__ import run_some
from tests.aot.rewrite.windows.cases import Case, Tally, told
from tests.aot.rewrite.windows.compare import CASES, WINDOWS, random_state, run_case
from tests.aot.rewrite.windows.items import Item, lay
from tests.aot.rewrite.windows.room import ARENA_SIZE, CODE, DATA

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


def test_the_x87_goes_on_as_it_was() -> None:
    codes = ("b83b000000", "0f05", "d9e8", "d9eb", "def9", "f4")  # fld1, fldpi, fdivp: more than 24 bits
    window = lay([Item(bytes.fromhex(code), trap=code == "0f05") for code in codes], CODE)
    state = random_state(Arch.X86_64, random.Random(0))
    for steps in range(1, 8):
        assert not run_case(Case(Arch.X86_64, "linux-x86_64", window, state, CODE, False, steps))


def test_no_mask_makes_an_address_of_code_of_one_of_data() -> None:
    # A window may jump by a register: into another window's middle, which the patched code does not have.
    bits = DATA | ARENA_SIZE - 1
    assert DATA & ARENA_SIZE - 1 == 0 and CODE < DATA
    assert all(address & ~bits for address in range(CODE, DATA, PAGE))


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
