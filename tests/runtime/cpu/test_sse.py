"""The replaced functions of the engine compute what the engine's own do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from runtime.cpu.unicorn_cpu import UnicornCpu
from runtime.cpu.unicorn_sse import MASKS, SSE2, quicker_sse
from tests.runtime.cpu.rig import CODE, DATA, Rig

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the host has no SSE")

# in a process of its own: here the library may have been changed already
COMPARE = """
import random
from runtime.cpu import unicorn_sse as sse
from runtime.cpu.unicorn_engine import _load
from runtime.cpu.unicorn_library import Library
from runtime.cpu.walker import HostCode

chance = random.Random(1)
odd = (0, 1, 0x7F, 0x80, 0xFF)
def operand():
    small = chance.randrange(70).to_bytes(8, "little") + chance.randbytes(8)
    return chance.choice((chance.randbytes(16), bytes(chance.choices(odd, k=16)), small))
sse.OPERANDS = tuple((operand(), operand()) for _ in range(200))
library, checked = Library(_load()._handle), 0
for name, body in sse.bodies().items():
    there, page = library.function(f"helper_{name}_xmm_x86_64".encode()), HostCode(body)
    if there is not None:
        theirs, ours = (sse._answers(at, mask=name in sse.MASKS) for at in (there[0], page.address))
        assert theirs == ours, name
        checked += 1
print(checked)
"""


def test_every_body_answers_as_the_function_it_replaces() -> None:
    done = subprocess.run([sys.executable, "-c", COMPARE], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 50


def test_a_guest_gets_its_answers(x86: Rig) -> None:
    """A string routine in small: how far are 16 bytes equal."""
    cpu = x86.cpu
    assert isinstance(cpu, UnicornCpu)
    assert {"pcmpeqb", "pmovmskb"} <= set(quicker_sse(cpu.engine.lib._handle)) <= {*SSE2, *MASKS}
    x86.load("movdqu xmm3, [rdi]; movdqu xmm9, [rsi]; pcmpeqb xmm9, xmm3; pmovmskb eax, xmm9; ud2")
    for equal in range(17):
        x86.space.poke(DATA, b"a sentence of it" + b"a sentence of it"[:equal] + b"!" * (16 - equal))
        thread = x86.thread(CODE)
        thread.regs[7], thread.regs[6] = DATA, DATA + 16
        cpu.resume(thread)
        assert thread.regs[0] == (1 << equal) - 1
