"""Finds the trap instructions of an image and proves each one: analyze() is what the rewriter calls."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from aot.analyze.callers import Callers
from aot.analyze.candidates import Candidate, candidates
from aot.analyze.consensus import agreed
from aot.analyze.decode import Flow, Raw
from aot.analyze.descent import follow_references
from aot.analyze.model import Analysis, CallPath, FoundSite, Known, Number, Refused
from aot.analyze.numbers import site_number
from aot.analyze.paths import Paths
from aot.analyze.places import Place, Places
from aot.analyze.sweep import sweep
from aot.image.model import Arch, Image
from aot.personality.abi.gate import Gate

_HUGE: Final = 1 << 20  # bytes of a range that is not followed as a whole for matches that are none
_POINTERS: Final = 8  # loaded addresses that are tried as functions for one match
_ADDRESSES: Final = ("lea", "adr", "add")  # instructions that complete an address
_NEIGHBOUR: Final = 0x4000  # bytes of the longest neighbour read for short branches into a range


def analyze(image: Image, gate: Gate, *extra_gates: Gate, only: Collection[int] | None = None) -> Analysis:
    """Every site of `image` that asks through `gate` (or one of `extra_gates`), with its number.

    With `only`, the sites at these addresses: the effort for numbers is spent on them alone.
    """
    return _Search(image, (gate, *extra_gates), only).run()


class _Search:
    """One analysis under way."""

    def __init__(self, image: Image, gates: tuple[Gate, ...], only: Collection[int] | None) -> None:
        self.image = image
        self.gates = gates
        self.only = only
        self.places = Places(image)
        self.decoder, self.anchors = self.places.decoder, self.places.anchors
        self.refused: list[Refused] = []
        self.callers = Callers(self.places)
        self.paths = Paths(self.callers)

    def run(self) -> Analysis:
        """Candidates to places, proof, then numbers."""
        asked: list[Place] = []
        matches = candidates(self.image, self.gates)
        for candidate in matches:
            if self.anchors.span_at(candidate.address) is None:
                self.anchors.bridge(candidate.address)
        for candidate in matches:
            why = self._known_data(candidate.address) or self._inside(candidate)
            if why:
                self.refused.append(Refused(candidate.address, why))
                continue
            place = self.places.at(candidate.address)
            if not place.candidates:
                asked.append(place)
            place.candidates.append(candidate)
        found: list[tuple[Place, Candidate, Raw, str]] = []
        for place in asked:
            found += self._prove(place)
        holders = {id(place): place for place, *_ in found}
        for place in holders.values():
            self._mark_foreign(place)
        sites = [self._site(*proof) for proof in found if self.only is None or proof[2][0] in self.only]
        unique = {site.address: site for site in sites}
        return Analysis(
            sites=tuple(unique[address] for address in sorted(unique)),
            refused=tuple(sorted(self.refused, key=lambda refused: refused.address)),
            branch_targets=frozenset().union(*(p.code.targets for p in asked)),
        )

    def _known_data(self, address: int) -> str:
        for start, end in self.image.data_in_code:
            if start <= address < end:
                return f"declared data in code [{start:#x}, {end:#x})"
        return self.anchors.object_at(address)

    def _inside(self, candidate: Candidate) -> str:
        """Why a match in a huge range without function starts is no instruction, if decoders agree on it."""
        span = self.anchors.span_at(candidate.address)
        if span is None or span.exact or span.end - span.start < _HUGE or self.image.arch is not Arch.X86_64:
            return ""
        segment = self.image.segment_at(candidate.address)
        if segment is None:
            return ""
        raw = agreed(self.decoder, segment.data, segment.address, candidate.address)
        if raw is None or self.decoder.flow(raw) is Flow.TRAP:
            return ""
        return f"inside `{raw[2]} {raw[3]}` at {raw[0]:#x}, decoded alike from sixteen places before it"

    def _prove(self, place: Place) -> list[tuple[Place, Candidate, Raw, str]]:
        """The candidates of `place` that are instructions of reachable code."""
        proved = self._proved(place)
        code = place.code
        missing = [c for c in place.candidates if code.covering(c.address) is None]
        if missing and place.span.source == "descent":
            follow_references(code, [c.address for c in missing])
            missing = [c for c in missing if code.covering(c.address) is None]
        for candidate in missing:
            self.places.reach(place, candidate.address)
            if place.span.bridged or not place.span.exact:
                self._reach_by_pointer(place, candidate.address)
        missing = [c for c in missing if code.covering(c.address) is None]
        swept: dict[int, Raw] = {}
        for candidate in missing:
            raw = sweep(code, candidate, inexact=not place.span.exact)
            if raw is not None:
                swept[candidate.address] = raw
        proved = self._proved(place)
        out: list[tuple[Place, Candidate, Raw, str]] = []
        for candidate in place.candidates:
            raw = proved.get(candidate.address) or swept.get(candidate.address)
            if raw is None:
                self.refused.append(Refused(candidate.address, self._why_not(place, candidate)))
            else:
                how = "sweep" if candidate.address in swept else place.span.source
                out.append((place, candidate, raw, how))
        return out

    def _reach_by_pointer(self, place: Place, wanted: int) -> None:
        """Descend from the nearest addresses before `wanted` that proved code loads.

        Functions without unwind data (leaves, hand-written ones) may be called by pointer alone.
        """
        code = place.code
        loaded = self.callers.mentions.loaded(code.start, wanted + 1)
        for target, at in loaded[-_POINTERS:][::-1]:
            if code.covering(wanted) is not None:
                return
            if target in code.reached:
                continue
            raw = self.places.at(at).code.covering(at)
            if raw is not None and raw[2] in _ADDRESSES:
                trial = code.trial()
                trial.descend(target)
                if not trial.invalid:
                    code.descend(target)

    def _proved(self, place: Place) -> dict[int, Raw]:
        out: dict[int, Raw] = {}
        for candidate in place.candidates:
            raw = place.code.covering(candidate.address)
            if raw is not None and raw[0] + raw[1] == candidate.address + candidate.size:
                immediates = candidate.gate.immediates
                served = immediates is None or candidate.immediate in immediates
                if served and self.decoder.flow(raw) is Flow.TRAP:
                    out[candidate.address] = raw
        return out

    def _why_not(self, place: Place, candidate: Candidate) -> str:
        raw = place.code.covering(candidate.address)
        where = f"{place.span.source} [{place.span.start:#x}, {place.span.end:#x})"
        if raw is None:
            return f"no control flow reaches it in {where}"
        if self.decoder.flow(raw) is Flow.TRAP:
            return f"{raw[2]} {raw[3]} is not a call of this system"
        return f"inside `{raw[2]} {raw[3]}` at {raw[0]:#x} in {where}"

    def _mark_foreign(self, place: Place) -> None:
        """Note every target in the range of `place` of a branch from outside it."""
        code = place.code
        arriving = self.places.branches_into(code.start, code.end)
        for neighbour in self.anchors.neighbours(place.span):  # what short branches can reach
            near = neighbour.end - neighbour.start <= _NEIGHBOUR
            if near and self.places.may_enter(neighbour, place, arriving):
                other = self.places.of(neighbour).code
                inside = {t for t in other.targets if code.start <= t < code.end}
                code.targets |= inside
                code.foreign |= inside - code.entries
        for target, source, is_call in arriving:
            if code.start <= source < code.end or target in code.entries:
                continue
            code.targets.add(target)
            if is_call and target in code.reached and target not in code.preds:
                code.entries.add(target)
            else:
                code.foreign.add(target)

    def _site(self, place: Place, candidate: Candidate, raw: Raw, how: str) -> FoundSite:
        code = place.code
        function, end = code.function_at(raw[0])
        # An indirect jump nobody could resolve may land anywhere in its function.
        safe = not any(function <= jump < end for jump in code.opaque)
        before = code.before(raw[0]) if safe else ()
        gate = candidate.gate
        if gate.number == "imm":
            value: Number = Known(candidate.immediate)
            paths: tuple[CallPath, ...] = (CallPath(candidate.immediate, (), function),)
        else:
            value, paths = site_number(code, raw[0], gate, before, self.paths)
        return FoundSite(
            address=raw[0],
            size=raw[1],
            trap=candidate.trap,
            immediate=candidate.immediate,
            number=value,
            function=function,
            evidence=f"{how}:{self.anchors.name(function)}+{raw[0] - function:#x}",
            before=before,
            after=code.after(raw[0] + raw[1]) if safe else (),
            paths=paths,
        )
