"""An image of windows as it is and as it was patched: one case on both sides, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aot.analyze.sites import analyze
from aot.image.model import Arch, Format, FunctionRange, Image, Prot, Segment
from aot.image.native import emit
from aot.manifest import PAGE
from aot.pcmap import PcMap, Shown
from aot.personality.abi.gate import Gate
from aot.rewrite.apply import apply
from aot.rewrite.plan import plan
from aot.rewrite.verify import verify
from tests.aot.rewrite.lab import GATES, FakeBinder, FakeIdentity
from tests.aot.rewrite.windows.bench import Bench
from tests.aot.rewrite.windows.cases import State
from tests.aot.rewrite.windows.ended import Ended, registers
from tests.aot.rewrite.windows.items import Laid
from tests.aot.rewrite.windows.room import CODE, DATA, INLINE
from tests.aot.rewrite.windows.room import GATES as GATES_AT

_IGNORED = {Arch.X86_64: ("rcx", "r11"), Arch.AARCH64: ()}


class Sides:
    """An image of windows, the original and the patched."""

    def __init__(self, arch: Arch, style: str, code: bytes, windows: Sequence[Laid]) -> None:
        gate: Gate = GATES[style]
        text = Segment(CODE, len(code), code, Prot.R | Prot.X, "text")
        functions = tuple(FunctionRange(w.start, w.start + len(w.code), "pdata") for w in windows)
        image = Image(Format.ELF, arch, CODE, (text,), False, "0" * 64, functions=functions)
        analysis = analyze(image, gate)
        manifest, segments = apply(plan(image, analysis, FakeBinder(gate, INLINE)), FakeIdentity())
        assert all(segment.end <= DATA for segment in segments)
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
        was, now = old.register(self.arch, pc), new.register(self.arch, pc)
        shown = self._map.shown(now)
        if now != was and (shown is None or shown.pc != was):
            return f"the end at {was:#x} became {now:#x}, shown {shown}"
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
