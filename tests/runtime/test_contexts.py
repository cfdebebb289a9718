"""Three contexts under a 1 ms preemption timer: every register, SIMD register and TLS base stays its owner's."""

from __future__ import annotations

import struct
from collections import Counter

import pytest

from aot.image.model import Prot
from aot.personality.abi.call import Call
from aot.personality.abi.compile import Door, Handler
from aot.translate import translate_file
from corpus.build import build
from runtime.cpu.watchdog import Watchdog
from runtime.kernel.context import Context
from runtime.kernel.sched import Scheduler
from runtime.machine import Machine, RunOptions
from runtime.report import describe

CALLS, CONTEXTS, STACK = 10_000, 3, 1 << 16
PATTERN = 0x0101_0101_0101_0101


class Counting(Machine):
    """A machine that counts calls by context and switches between contexts."""

    def __init__(self, image: bytes, options: RunOptions) -> None:
        self.made: Counter[tuple[int, str]] = Counter()
        self.switches = 0
        super().__init__(image, options)
        self.scheduler.timer = Watchdog(self.cpu.kick, 0.001)

    def _wrap(self):
        def wrap(handler: Handler, row: Call, door: Door) -> Handler:
            def counted(ctx: Context) -> int:
                self.made[ctx.tid, row.name] += 1
                return handler(ctx)

            return counted

        return wrap

    def _identify(self, ctx: Context) -> None:
        self.switches += 1
        super()._identify(ctx)


def prepare(machine: Machine, first: Context, number: int) -> Context:
    """Context `number` at the program's entry with its own stack, pattern and TLS base."""
    ctx = first if number == 1 else machine.new_context(first.tid + number)
    space, value = machine.space, number * PATTERN
    stack = space.map(None, STACK, Prot.R | Prot.W)
    base = space.map(None, 4096, Prot.R | Prot.W)
    space.poke(base, struct.pack("<Q", value))
    x86 = len(ctx.regs) == 17
    names = (4, 7, 16, "fs") if x86 else (31, 0, 32, "tpidr_el0")
    ctx.regs[names[0]], ctx.regs[names[1]] = stack + STACK - 64, value
    ctx.regs[names[2]] = machine.loaded.entry
    machine.cpu.set_base(ctx, names[3], base)
    return ctx


@pytest.mark.parametrize("dispatch", ["aot", "dynamic"])
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_three_contexts_keep_their_state(arch: str, dispatch: str) -> None:
    machine = Counting(translate_file(build("contexts", f"linux-{arch}")), RunOptions(dispatch=dispatch))
    try:
        first = machine.start()
        scheduler: Scheduler = machine.scheduler
        for number in range(1, CONTEXTS + 1):
            scheduler.add(prepare(machine, first, number))
        end = scheduler.run()
    finally:
        machine.close()
    assert (end.status, end.fault) == (42, None), describe(end)
    assert [n for (_, name), n in machine.made.items() if name == "getpgid"] == [CALLS] * CONTEXTS
    assert machine.switches > 2 * CONTEXTS  # the timer did take the CPU away
