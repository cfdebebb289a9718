"""What analysis believes an instruction writes, against executing it: every mnemonic of busybox."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest
import unicorn
from unicorn import arm64_const, x86_const

from aot.analyze.anchors import Anchors
from aot.analyze.blocks import Code
from aot.analyze.decode import Decoder, Flow, Raw
from aot.analyze.steps import step
from aot.analyze.values import LOADS, Const, From, apply
from aot.image.formats import load_image
from aot.image.model import Arch
from tests.oracle.test_sites import FILES

RUN = 0x18000  # where the instruction under test lies
LOW, SIZE = 0x100000, 0x200000  # memory that registers point into
EACH = 40  # instructions of one mnemonic
FUNCTIONS = 1200
X86 = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split()
A64 = [f"x{n}" for n in range(31)] + ["sp"]
# The emulated processor has no AVX-512 mask registers and decodes these as something else.
UNKNOWN = ("kmov", "kord", "kort", "kunpck", "ktest", "kxor")

Sample = tuple[Code, Raw]


@cache
def samples(name: str) -> tuple[Sample, ...]:
    """Instructions that reach the next one, at most EACH of a mnemonic."""
    image = load_image(FILES[name][0](), analysis=True)
    decoder = Decoder(image.arch)
    counted: Counter[str] = Counter()
    out: list[Sample] = []
    for span in Anchors(image).spans[:FUNCTIONS]:
        segment = image.segment_at(span.start)
        assert segment is not None
        code = Code(image, decoder, segment, span.start, span.end)
        code.descend(span.start)
        for raw in code.reached.values():
            if decoder.flow(raw) is Flow.NEXT and counted[raw[2]] < EACH and not raw[2].startswith(UNKNOWN):
                counted[raw[2]] += 1
                out.append((code, raw))
    return tuple(out)


class Machine:
    """One instruction at a time on random registers."""

    def __init__(self, arch: Arch) -> None:
        if arch is Arch.X86_64:
            self.engine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
            self.registers = {n: getattr(x86_const, f"UC_X86_REG_{n.upper()}") for n in X86}
        else:
            self.engine = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
            self.engine.ctl_set_cpu_model(arm64_const.UC_CPU_ARM64_MAX)
            self.registers = {n: getattr(arm64_const, f"UC_ARM64_REG_{n.upper()}") for n in A64}
        self.engine.mem_map(RUN & ~0xFFFF, 0x10000)
        self.engine.mem_map(LOW, SIZE)
        self.random = random.Random(7)
        self.engine.mem_write(LOW, self.random.randbytes(64) * (SIZE // 64))

    def run(self, raw: bytes) -> tuple[dict[str, int], dict[str, int]] | None:
        """Registers before and after `raw`; None when it faults."""
        before = {name: LOW + 0x10000 + self.random.randrange(0x1C000) * 16 for name in self.registers}
        for name, number in self.registers.items():
            self.engine.reg_write(number, before[name])
        self.engine.mem_write(RUN, raw)
        try:
            self.engine.emu_start(RUN, RUN + len(raw), count=1)
        except unicorn.UcError:
            return None
        return before, {name: self.engine.reg_read(number) for name, number in self.registers.items()}

    def given(self, done: From, value: int) -> int:
        """What a step makes of `value`, which is a number or where one lies."""
        if done.op not in LOADS:
            return apply(done.op, value, done.operand)
        loaded = int.from_bytes(self.engine.mem_read(value + done.operand, LOADS[done.op]), "little")
        return apply("sext32" if done.op == "load4s" else "", loaded, 0)


@pytest.mark.parametrize("name", ["busybox-amd64", "busybox-arm64"])
def test_every_written_register_is_known(name: str) -> None:
    tried = samples(name)
    machine = Machine(tried[0][0].decoder.arch)
    ran = 0
    for code, insn in tried:
        raw = code.bytes_of(insn)
        for _ in range(3):
            result = machine.run(raw)
            if result is not None:
                changed = {name for name, value in result[0].items() if result[1][name] != value}
                assert changed <= code.decoder.writes(raw), f"{insn[2]} {insn[3]}"
                ran += 1
    assert ran > 1000


@pytest.mark.parametrize("name", ["busybox-amd64", "busybox-arm64"])
def test_followed_values_are_what_execution_gives(name: str) -> None:
    tried = samples(name)
    machine = Machine(tried[0][0].decoder.arch)
    followed = 0
    for code, insn in tried:
        raw = code.bytes_of(insn)
        for place in code.decoder.writes(raw) & machine.registers.keys():
            done = step(code, insn, place)
            result = machine.run(raw)
            if result is None or "rip" in insn[3]:
                continue
            before, after = result[0] | {"xzr": 0}, result[1]
            if isinstance(done, Const):
                allowed = {done.value}
            elif isinstance(done, From) and all(isinstance(source, str) for source in done.places):
                allowed = {machine.given(done, before[str(source)]) for source in done.places}
            else:
                continue
            assert after[place] in allowed, f"{insn[2]} {insn[3]}"
            followed += 1
    assert followed > 100
