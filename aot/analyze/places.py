"""The ranges of an image's code that analysis has read, and every direct branch that may lead into one."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from aot.analyze.anchors import Anchors, Span
from aot.analyze.blocks import Code
from aot.analyze.branches import Branches
from aot.analyze.candidates import Candidate
from aot.analyze.decode import Decoder
from aot.analyze.variables import Variables
from aot.image.model import Image
from aot.record import dataclass, field

_ROUNDS: Final = 4  # of proving a caller by its own callers
_PROOFS: Final = 600  # branches read to learn whether undeclared code is reached


@dataclass(slots=True)
class Place:
    """A range of code that was read, with the candidates in it."""

    span: Span
    code: Code
    candidates: list[Candidate] = field(default_factory=list)


class Places:
    """Ranges of one image, each read once, when it is first asked for."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.decoder = Decoder(image.arch)
        self.anchors = Anchors(image)
        self.variables = Variables(self)
        self._proofs_left = _PROOFS
        self._read: dict[tuple[int, int], Place] = {}

    def at(self, address: int) -> Place:
        """The range around an address of code."""
        span = self.anchors.span_at(address)
        if span is None:
            self.anchors.bridge(address)
            span = self.anchors.span_at(address)
            assert span is not None
        return self.of(span)

    def of(self, span: Span) -> Place:
        """The range that `span` declares."""
        place = self._read.get((span.start, span.end))
        if place is None:
            segment = self.image.segment_at(span.start)
            assert segment is not None
            code = Code(self.image, self.decoder, segment, span.start, span.end)
            code.variable = self.variables.value
            for entry in span.entries:
                code.descend(entry)
            place = self._read[span.start, span.end] = Place(span, code)
        return place

    def reach(self, place: Place, wanted: int, rounds: int = _ROUNDS) -> None:
        """Descend from targets in `place`, nearest before `wanted` first, of branches proved elsewhere."""
        for target, source, is_call in reversed(self.branches_into(place.code.start, wanted + 1)):
            if target in place.code.reached or place.code.start <= source < place.code.end:
                continue
            if self._proofs_left <= 0 or place.code.covering(wanted) is not None:
                return
            self._proofs_left -= 1
            if self._is_branch(source, target, rounds - 1):
                if is_call:
                    place.code.descend(target)
                else:
                    place.code.enter(target)

    def _is_branch(self, source: int, target: int, rounds: int) -> bool:
        """Whether the instruction at `source` is reached and branches to `target`."""
        if rounds <= 0:
            return False
        place = self.at(source)
        if source not in place.code.reached and not place.span.exact:
            self.reach(place, source, rounds - 1)
        raw = place.code.reached.get(source)
        return raw is not None and self.decoder.target(raw) == target

    def was_read(self, span: Span) -> bool:
        """Whether asking for `span` costs nothing any more."""
        return (span.start, span.end) in self._read

    @cached_property
    def _branches(self) -> Branches:
        return Branches(self.image)

    def branches_into(self, start: int, end: int) -> list[tuple[int, int, bool]]:
        """(target, address, is call) of everything that may be a direct branch into [start, end), by target."""
        return self._branches.into(start, end)

    def may_enter(self, other: Span, place: Place, arriving: list[tuple[int, int, bool]]) -> bool:
        """Whether a direct branch of any length may lead from `other` into the range of `place`, into which
        `arriving` lead."""
        if any(other.start <= source < other.end for _, source, _ in arriving):
            return True
        code = place.code
        return self._branches.short(other.start, other.end, code.start, code.end)
