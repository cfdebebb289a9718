"""A batch of windows in one image: translated once, then every case runs on both sides and is compared."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from aot.image.model import Arch
from aot.record import replace
from tests.aot.rewrite.lab import GATES
from tests.aot.rewrite.windows import aarch64, x86_64
from tests.aot.rewrite.windows.cases import Case, Failure, State, Tally
from tests.aot.rewrite.windows.ended import registers
from tests.aot.rewrite.windows.harvest import Piece
from tests.aot.rewrite.windows.items import Far, Item, Laid, lay
from tests.aot.rewrite.windows.room import ARENA_SIZE, CODE, DATA, DATA_SIZE, HALT, STACK_SIZE
from tests.aot.rewrite.windows.sides import Sides

WINDOWS = 200  # of a batch
STATES = 12  # register and memory states of a batch
CASES = 4  # of a window
INTERRUPTED = 0.2  # share of the cases that are also interrupted
_STYLES = {
    Arch.X86_64: ("linux-x86_64", "linux-x86_64", "freebsd-x86_64", "netbsd-x86_64"),
    Arch.AARCH64: ("linux-aarch64", "linux-aarch64", "freebsd-aarch64", "openbsd-aarch64", "darwin-aarch64"),
}


class Maker(Protocol):
    """Makes windows of one architecture."""

    def window(self) -> list[Item]: ...
    def padding(self) -> bytes: ...


def run_batch(arch: Arch, seed: int, runs: Sequence[list[Piece]]) -> Tally:
    """The cases of one seed."""
    rng = random.Random(seed)
    style = rng.choice(_STYLES[arch])
    gate = GATES[style]
    maker: Maker = (
        x86_64.Windows(rng, runs)
        if arch is Arch.X86_64
        else aarch64.Windows(rng, runs, gate.number, gate.skip)
    )
    windows, code = _laid(maker, WINDOWS)
    sides = Sides(arch, style, code, windows)
    states = [random_state(arch, rng) for _ in range(STATES)]
    ready = [(state, sides.prepare(state)) for state in states]
    tally = Tally(windows=len(windows))
    tally.counts.update(site.tactic if site.window else "left alone" for site in sides.manifest.sites)
    sides.traced(on := rng.random() < 0.3)
    for window in windows:
        for _ in range(CASES):
            state, contexts = rng.choice(ready)
            start = window.start if rng.random() < 0.5 else rng.choice(window.entries)
            tally.cases += 1
            case = Case(arch, style, window, state, start, on)
            why = sides.compare(contexts, state.memory, start, tally.counts)
            if not why and rng.random() < INTERRUPTED:
                case = replace(case, steps=rng.randint(1, 12))
                why = sides.interrupted(contexts, state.memory, start, case.steps, tally.counts)
            if why:
                tally.failures.append(Failure(case, why, seed))
    return tally


def run_case(case: Case) -> str:
    """The difference of one case by itself; "" when there is none."""
    sides = Sides(case.arch, case.style, bytes(case.window.start - CODE) + case.window.code, [case.window])
    sides.traced(case.traced)
    contexts, memory = sides.prepare(case.state), case.state.memory
    if case.steps:
        return sides.interrupted(contexts, memory, case.start, case.steps, Counter())
    return sides.compare(contexts, memory, case.start, Counter())


def smallest(case: Case) -> Case:
    """The case without the instructions it fails without; slow, for a person to look at."""
    items = list(case.window.items)
    at = len(items) - 1
    while at >= 0:
        try:
            window = lay(items[:at] + items[at + 1 :], case.window.start)
            shorter = replace(case, window=window, start=window.start)
            if window.traps and run_case(shorter):
                items, case = items[:at] + items[at + 1 :], shorter
        except (Far, KeyError, AssertionError):
            pass  # without it the window is none
        at -= 1
    return case


def _laid(maker: Maker, count: int) -> tuple[list[Laid], bytes]:
    windows, code = list[Laid](), bytearray()
    while len(windows) < count:
        code += maker.padding()
        try:
            laid = lay(maker.window(), CODE + len(code))
        except Far:
            continue
        windows.append(laid)
        code += laid.code
    return windows, bytes(code)


def random_state(arch: Arch, rng: random.Random) -> State:
    """Pointers into the arena, small numbers and random bits in the registers, and an arena of random bytes."""
    memory = bytearray(rng.randbytes(ARENA_SIZE))
    stack = DATA + DATA_SIZE + STACK_SIZE // 2 + 16 * rng.randrange(8)
    values: dict[str, int] = {}
    for name in registers(arch)[0]:
        match rng.randrange(4):
            case 0 | 1:
                values[name] = DATA + rng.randrange(ARENA_SIZE // 8) * 8
            case 2:
                values[name] = rng.randrange(64)
            case _:
                values[name] = rng.getrandbits(64)
    for name in registers(arch)[1]:
        if name.startswith(("xmm", "q")):
            values[name] = rng.getrandbits(128)
    if arch is Arch.X86_64:
        values |= {
            "rsp": stack,
            "eflags": 0x202 | rng.getrandbits(12) & 0x8D5,
            "fs_base": DATA + 512,
            "gs_base": DATA + 1024,
            "fpcw": 0x37F,  # as a process starts; the engine's own say one thing and do another
            "mxcsr": 0x1F80,
        }
        del values["rip"]
        memory[stack - DATA : stack - DATA + 8] = HALT.to_bytes(8, "little")
    else:
        values |= {"sp": stack, "x30": HALT, "nzcv": rng.getrandbits(4) << 28}
        del values["pc"]
    return State(values, bytes(memory))
