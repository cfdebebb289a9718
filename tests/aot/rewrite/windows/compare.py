"""A batch of windows in one image: translated once, then every case runs on both sides and is compared."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from aot.analyze.sites import analyze
from aot.image.model import Arch, Format, FunctionRange, Image, Prot, Segment
from aot.image.native import emit
from aot.manifest import PAGE
from aot.pcmap import PcMap, Shown
from aot.personality.abi.gate import Gate
from aot.record import dataclass, field, replace
from aot.rewrite.apply import apply
from aot.rewrite.plan import plan
from aot.rewrite.verify import verify
from tests.aot.rewrite.lab import GATES, FakeBinder, FakeIdentity
from tests.aot.rewrite.windows import aarch64, x86_64
from tests.aot.rewrite.windows.bench import Bench, Ended, registers
from tests.aot.rewrite.windows.harvest import Piece
from tests.aot.rewrite.windows.items import Far, Item, Laid, lay
from tests.aot.rewrite.windows.room import ARENA_SIZE, CODE, DATA, DATA_SIZE, HALT, INLINE, STACK_SIZE
from tests.aot.rewrite.windows.room import GATES as GATES_AT

WINDOWS = 200  # of a batch
STATES = 12  # register and memory states of a batch
CASES = 4  # of a window
INTERRUPTED = 0.2  # share of the cases that are also interrupted
_STYLES = {
    Arch.X86_64: ("linux-x86_64", "linux-x86_64", "freebsd-x86_64", "netbsd-x86_64"),
    Arch.AARCH64: ("linux-aarch64", "linux-aarch64", "freebsd-aarch64", "openbsd-aarch64", "darwin-aarch64"),
}
_IGNORED = {Arch.X86_64: ("rcx", "r11"), Arch.AARCH64: ()}


class Maker(Protocol):
    """Makes windows of one architecture."""

    def window(self) -> list[Item]: ...
    def padding(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class State:
    """Where a case starts from."""

    registers: dict[str, int]
    memory: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One case, enough to run it again."""

    arch: Arch
    style: str
    window: Laid
    state: State
    start: int
    traced: bool
    steps: int = 0  # instructions until it is interrupted; 0: it is not


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that did not end alike, and how."""

    case: Case
    why: str
    seed: int  # of its batch


@dataclass(slots=True)
class Tally:
    """What was run."""

    cases: int = 0
    windows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count what `other` counted."""
        self.cases += other.cases
        self.windows += other.windows
        self.counts += other.counts
        self.failures += other.failures


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
    states = [_state(arch, rng) for _ in range(STATES)]
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


def told(failure: Failure) -> str:
    """A failure for a person, with what makes it again."""
    case = failure.case
    lines = [f"{case.arch.value} {case.style}: {failure.why}"]
    lines.append(f"batch {failure.seed}, from {case.start:#x}, traced {case.traced}")
    at = case.window.start
    for item in case.window.items:
        lines.append(f"  {at:#x} {case.window.code[at - case.window.start :][: len(item.code)].hex()}")
        at += len(item.code)
    lines += [f"  {name} {value:#x}" for name, value in case.state.registers.items() if name[0] not in "qx"]
    return "\n".join(lines)


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


class Sides:
    """An image of windows, the original and the patched."""

    def __init__(self, arch: Arch, style: str, code: bytes, windows: Sequence[Laid]) -> None:
        gate: Gate = GATES[style]
        text = Segment(CODE, len(code), code, Prot.R | Prot.X, "text")
        functions = tuple(FunctionRange(w.start, w.start + len(w.code), "pdata") for w in windows)
        image = Image(Format.ELF, arch, CODE, (text,), False, "0" * 64, functions=functions)
        analysis = analyze(image, gate)
        manifest, segments = apply(plan(image, analysis, FakeBinder(gate, INLINE)), FakeIdentity())
        verify(emit(manifest, segments, arch=arch, pie=False, personality=1))
        self.arch, self.manifest, self._gate = arch, manifest, gate
        self._pc = "rip" if arch is Arch.X86_64 else "pc"
        self._map = PcMap(manifest)
        self._old = Bench(arch, gate, manifest, (text, *segments[1:]))
        self._new = Bench(arch, gate, manifest, segments)
        self._slow = Bench(
            arch, gate, manifest, segments
        )  # counts: code it knows from elsewhere it would not count in
        few, more = registers(arch)
        self._names = [*few, *more]
        self._numbers = {site.addr: site.number for site in manifest.sites}
        self._starts = {window.start for window in windows}
        traps = {trap for window in windows for trap in window.traps}
        assert traps <= self._numbers.keys(), f"no site at {[hex(at) for at in traps - self._numbers.keys()]}"

    def prepare(self, state: State) -> tuple[object, ...]:
        """The state in every engine."""
        return tuple(bench.prepare(state.registers) for bench in (self._old, self._new, self._slow))

    def traced(self, on: bool) -> None:
        """Whether inline stubs take their bound path."""
        for bench in (self._old, self._new, self._slow):
            bench.traced(on)

    def compare(self, contexts: tuple[object, ...], memory: bytes, start: int, counts: Counter[str]) -> str:
        """Run one case on both sides; what differs, or ""."""
        number = self._numbers.get(start)  # a call that is made again finds its number where it was
        old = self._old.run(start, contexts[0], memory, number)
        new = self._new.run(self._map.machine(start), contexts[1], memory, number)
        wrong = [c for c in old.crossings if self._numbers[c.site] not in (None, c.number)]
        if wrong and start not in self._starts:
            counts["no such path"] += 1  # no path the analysis could see begins here with these registers
            return ""
        counts[f"{min(len(old.crossings), 2)} crossings"] += 1
        counts["faults"] += old.vector >= 0 or old.status != 0
        if wrong:
            return f"the number of {wrong[0].site:#x} is {wrong[0].number:#x}, not {self._numbers[wrong[0].site]:#x}"
        return self._difference(old, new)

    def interrupted(
        self, contexts: tuple[object, ...], memory: bytes, start: int, steps: int, counts: Counter[str]
    ) -> str:
        """Stop the patched code after some instructions, show the guest where it is, and let the original go on there.

        That is what a handler sees, what an unwinder starts from, and where sigreturn comes back to.
        """
        number = self._numbers.get(start)
        old = self._old.run(start, contexts[0], memory, number)
        if old.cut or any(self._numbers[c.site] not in (None, c.number) for c in old.crossings):
            return ""
        end = self._new.run(self._map.machine(start), contexts[1], memory, number).register(
            self.arch, self._pc
        )
        stopped = self._slow.run(self._map.machine(start), contexts[2], memory, number, count=steps)
        while (shown := self._shown(stopped)) is None:
            stopped = self._slow.go_on(stopped.register(self.arch, self._pc), count=1)
        if (
            stopped.status
            or stopped.vector >= 0
            or stopped.cut
            or stopped.register(self.arch, self._pc) == end
        ):
            return ""  # it was over before
        inside = self._map.site_at(stopped.register(self.arch, self._pc)) is not None
        counts["interrupted in a stub" if inside else "interrupted"] += 1
        if self._map.site_at(shown.pc) is not None:
            return f"{shown.pc:#x} is shown, inside a stub"
        changed = {self._pc: shown.pc}
        if self.arch is Arch.AARCH64:
            register = self._gate.number
            held = (
                stopped.register(self.arch, register) + shown.more if shown.number is None else shown.number
            )
            changed[register] = held
        went_on = self._old.take_over(contexts[0], stopped, changed)
        why = "" if went_on.cut else self._difference(old, went_on)
        return f"stopped at {stopped.register(self.arch, self._pc):#x}, shown {shown}: {why}" if why else ""

    def _shown(self, stopped: Ended) -> Shown | None:
        """What the guest is shown where it was stopped; None in a gate and where a result is half there."""
        pc = stopped.register(self.arch, self._pc)
        if stopped.status or stopped.vector >= 0 or stopped.cut:
            return Shown(pc)
        return None if GATES_AT <= pc < GATES_AT + PAGE else self._map.shown(pc)

    def _difference(self, old: Ended, new: Ended) -> str:
        if new.broken:
            return new.broken
        left, right = old.crossings, new.crossings
        if len(left) != len(right):  # the patched code answered some itself
            inline = {site.addr for site in self.manifest.sites if site.cls == "inline"}
            left, right = ([c for c in some if c.site not in inline] for some in (left, right))
        for nth, (one, two) in enumerate(zip(left, right, strict=False)):
            if (one.site, one.number, one.memory) != (two.site, two.number, two.memory):
                return f"crossing {nth}: {one.number:#x} at {one.site:#x} became {two.number:#x} at {two.site:#x}"
            if one.state != two.state:
                return f"crossing {nth}: {self._registers(one.state, two.state)}"
        if old.cut or new.cut:
            return ""
        if len(left) != len(right):
            return f"{len(left)} crossings became {len(right)}"
        return self._end(old, new)

    def _end(self, old: Ended, new: Ended) -> str:
        if (old.status, old.vector) != (new.status, new.vector):
            return f"the end {old.status}, {old.vector} became {new.status}, {new.vector}"
        pc = self._pc
        shown = self._map.shown(new.register(self.arch, pc))
        if shown is None or shown.pc != old.register(self.arch, pc):
            return f"the end at {old.register(self.arch, pc):#x} became {new.register(self.arch, pc):#x}, shown {shown}"
        if old.memory != new.memory:
            at = next(i for i in range(len(old.memory)) if old.memory[i] != new.memory[i])
            return f"memory at {DATA + at:#x} differs"
        skipped = [pc, *(_IGNORED[self.arch] if old.crossings else ())]
        if old.status:  # the engine does not bring back the flags from before an instruction that faults
            skipped.append("eflags")
        return self._registers(old.state, new.state, *skipped)

    def _registers(self, old: bytes, new: bytes, *ignored: str) -> str:
        if old == new:
            return ""
        different = [
            f"{name} {old[16 * i : 16 * i + 16][::-1].hex()} became {new[16 * i : 16 * i + 16][::-1].hex()}"
            for i, name in enumerate(self._names[: len(old) // 16])
            if name not in ignored and old[16 * i : 16 * i + 16] != new[16 * i : 16 * i + 16]
        ]
        return ", ".join(different)


def _state(arch: Arch, rng: random.Random) -> State:
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
        }
        del values["rip"]
        memory[stack - DATA : stack - DATA + 8] = HALT.to_bytes(8, "little")
    else:
        values |= {"sp": stack, "x30": HALT, "nzcv": rng.getrandbits(4) << 28}
        del values["pc"]
    return State(values, bytes(memory))
