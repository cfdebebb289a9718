"""Function starts an image declares, merged into ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from aot.image.model import Image
from aot.record import dataclass

# Ranges of these sources are exact; a symbol's size is what its author wrote.
_DECLARED: Final = 0.3  # share of the code below which declared ranges are no basis
_EXACT: Final = ("eh_frame", "pdata", "pclntab", "function_starts", "symbol")


@dataclass(frozen=True, slots=True)
class Span:
    """A range of code with the functions that start in it."""

    start: int
    end: int
    entries: tuple[int, ...]
    source: str  # of the range: a FunctionRange source, or "descent"
    exact: bool  # the end was declared, not taken from the next start
    bridged: bool = False  # it holds a gap between declared ranges


class Anchors:
    """The spans of an image, looked up by address."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.names = _names(image)
        self.spans = _spans(image)
        if self.covered < _DECLARED:
            self.spans = _whole(image)
        self._objects = sorted(
            (s.address, s.address + s.size, s.name)
            for s in image.symbols
            if not s.code and s.size and _in_code(image, s.address)
        )
        self._starts = [span.start for span in self.spans]

    def span_at(self, address: int) -> Span | None:
        """The span that holds `address`."""
        at = bisect_right(self._starts, address) - 1
        if at >= 0 and address < self.spans[at].end:
            return self.spans[at]
        return None

    def bridge(self, address: int) -> None:
        """Make one span of the undeclared range around `address` and its neighbours.

        System libraries leave the unwind range of a function just before a call whose return the
        unwinder must not see (clone, the signal trampolines): code runs on into the gap.
        """
        at = bisect_right(self._starts, address)
        segment = self.image.segment_at(address)
        assert segment is not None
        limit = segment.address + len(segment.data)
        near = [s for s in self.spans[max(at - 1, 0) : at + 1] if segment.address <= s.start < limit]
        low = min([s.start for s in near if s.start <= address], default=segment.address)
        high = max([s.end for s in near if s.start > address], default=limit)
        entries = tuple(entry for span in near for entry in span.entries)
        source = near[0].source if near else "gap"
        first = at - 1 if near and near[0].start <= address else at
        self.spans[first : first + len(near)] = [
            Span(low, high, entries, source, exact=bool(near) and near[-1].end == high, bridged=True)
        ]
        self._starts = [span.start for span in self.spans]

    def neighbours(self, span: Span) -> list[Span]:
        """The spans directly before and after `span`."""
        at = bisect_right(self._starts, span.start) - 1
        return [*self.spans[max(at - 1, 0) : at], *self.spans[at + 1 : at + 2]]

    def object_at(self, address: int) -> str:
        """Which data symbol in code holds `address`, as a reason; "" when none does."""
        for start, end, name in self._objects:
            if start <= address < end:
                return f"inside the object {name} [{start:#x}, {end:#x})"
        return ""

    @property
    def covered(self) -> float:
        """Share of the executable bytes that spans with a declared end hold."""
        code = sum(len(segment.data) for segment in self.image.code)
        exact = sum(span.end - span.start for span in self.spans if span.exact)
        return exact / code if code else 1.0

    def name(self, address: int) -> str:
        """What the image calls the function at `address`, or its address."""
        return self.names.get(address) or f"{address:#x}"


def _in_code(image: Image, address: int) -> bool:
    return any(segment.address <= address < segment.end for segment in image.code)


def _whole(image: Image) -> list[Span]:
    """One span a segment, for images that declare too little: every start is an entry of it."""
    spans: list[Span] = []
    for segment in image.code:
        end = segment.address + len(segment.data)
        entries = tuple(sorted(s for s in _starts(image) if segment.address <= s < end))
        spans.append(Span(segment.address, end, entries, "descent", exact=False))
    return sorted(spans, key=lambda span: span.start)


def _names(image: Image) -> dict[int, str]:
    names: dict[int, str] = {}
    for symbol in (*image.symbols, *image.exports):
        known = names.get(symbol.address)
        if symbol.code and symbol.name and (known is None or known.startswith("$")):
            names[symbol.address] = symbol.name
    return names


def _starts(image: Image) -> dict[int, tuple[int, str]]:
    """Every declared start in code, with its end (0: unknown) and the source of the end."""
    rank = {source: at for at, source in enumerate(reversed(_EXACT))}
    out: dict[int, tuple[int, str]] = {}
    declared = [(f.start, f.end, f.source) for f in image.functions]
    declared += [(s.address, s.address + s.size if s.size else 0, "symbol") for s in image.symbols if s.code]
    declared += [(s.address, 0, "export") for s in image.exports if s.code]
    declared += [(image.entry, 0, "entry")]
    for start, end, source in declared:
        known = out.get(start)
        worth = (bool(end), rank.get(source, -1), end)
        better = known is None or worth > (bool(known[0]), rank.get(known[1], -1), known[0])
        if better:
            out[start] = (end, source)
    return out


def _spans(image: Image) -> list[Span]:
    spans: list[Span] = []
    starts = _starts(image)
    for segment in image.code:
        limit = segment.address + len(segment.data)
        spans += _segment_spans(
            sorted((s, e, k) for s, (e, k) in starts.items() if segment.address <= s < limit), limit
        )
    return sorted(spans, key=lambda span: span.start)


def _segment_spans(starts: list[tuple[int, int, str]], limit: int) -> Iterator[Span]:
    """Merge overlapping ranges; a start without an end lasts until the next one."""
    at = 0
    while at < len(starts):
        start, end, source = starts[at]
        exact = end != 0
        entries = [start]
        stop = end or (starts[at + 1][0] if at + 1 < len(starts) else limit)
        at += 1
        while at < len(starts) and starts[at][0] < stop:
            inner, inner_end, _ = starts[at]
            entries.append(inner)
            stop = max(stop, inner_end)
            at += 1
        yield Span(start, min(stop, limit), tuple(entries), source, exact)
