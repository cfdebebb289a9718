"""The TLB grows with what a program touches, and stops are looked for between blocks alone."""

from __future__ import annotations

import os

import pytest

from runtime.cpu.api import Fault, FaultKind
from runtime.cpu.unicorn_cpu import UnicornCpu
from runtime.cpu.unicorn_interpose import only_between_blocks
from runtime.cpu.walker import MISSES, MOST_MISSES
from tests.runtime.cpu.rig import A64, CODE, X86, Rig

FAR, PAGES, ROUNDS = 0x1000_0000, 3000, 4
# add 1 to a word of each of PAGES pages, ROUNDS times
WALK = {
    X86: f"""mov rcx, {ROUNDS}
next: mov rax, {FAR}; mov rdx, {PAGES}
page: inc qword ptr [rax]; add rax, 4096; dec rdx; jnz page
  dec rcx; jnz next; ud2""",
    A64: f"""mov x3, #{ROUNDS}
next: mov x0, #{FAR}; mov x1, #{PAGES}
page: ldr x2, [x0]; add x2, x2, #1; str x2, [x0]; add x0, x0, #4096; subs x1, x1, #1; b.ne page
  subs x3, x3, #1; b.ne next; .word 0""",
}


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="no walker for this host")
def test_many_misses_make_it_grow_unseen(rig: Rig) -> None:
    rig.space.map(FAR, PAGES << 12, 6, fixed=True)
    rig.load(WALK)
    thread = rig.thread(CODE)
    left = rig.cpu.resume(thread)
    assert isinstance(left, Fault)
    assert left.kind is FaultKind.ILLEGAL
    for page in range(0, PAGES, 97):
        assert rig.space.load_u64(FAR + (page << 12)) == ROUNDS
    cpu = rig.cpu
    assert isinstance(cpu, UnicornCpu)
    assert MISSES < cpu._walker._limit <= MOST_MISSES
    assert not cpu._poll.crowded()


def test_counting_slows_down(rig: Rig) -> None:
    cpu = rig.cpu
    assert isinstance(cpu, UnicornCpu)
    for _ in range(30):
        cpu._walker.again()
    assert cpu._walker._left.value == MOST_MISSES


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="checked with the library of this host")
def test_the_function_is_found(rig: Rig) -> None:
    cpu = rig.cpu
    assert isinstance(cpu, UnicornCpu)
    assert only_between_blocks(cpu.engine.lib._handle, rig.arch)
