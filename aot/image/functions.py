"""Merges what several sources say about function starts into one sorted list without repeats."""

from __future__ import annotations

from collections.abc import Iterable

from aot.image.model import FunctionRange, Prot, Segment


def merge(
    segments: tuple[Segment, ...], sources: Iterable[tuple[str, Iterable[tuple[int, int]]]]
) -> tuple[FunctionRange, ...]:
    """One range per start, in executable segments; an earlier source wins unless it has no end."""
    code = [s for s in segments if s.prot & Prot.X]
    found: dict[int, FunctionRange] = {}
    for source, ranges in sources:
        for start, end in ranges:
            known = found.get(start)
            if known is not None and (known.end or end <= start):
                continue
            home = next((s for s in code if s.address <= start < s.end), None)
            if home is not None:
                stop = min(end, home.end) if end > start else 0
                found[start] = FunctionRange(start, stop, known.source if known else source)
    return tuple(found[start] for start in sorted(found))
