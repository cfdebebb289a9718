"""Merges what several sources say about function starts into one sorted list without repeats."""

from __future__ import annotations

from collections.abc import Iterable

from aot.image.model import FunctionRange, Prot, Segment


def merge(
    segments: tuple[Segment, ...], sources: Iterable[tuple[str, Iterable[tuple[int, int]]]]
) -> tuple[FunctionRange, ...]:
    """One range per start, in executable segments; an earlier source wins unless it has no end."""
    code = [(s.address, s.end) for s in segments if s.prot & Prot.X]
    found: dict[int, tuple[int, int, str]] = {}
    low, high = 0, 0  # the executable segment that held the last start
    for source, ranges in sources:
        for start, end in ranges:
            known = found.get(start)
            if known is not None and (known[1] or end <= start):
                continue
            if not low <= start < high:
                low, high = next((home for home in code if home[0] <= start < home[1]), (0, 0))
            if low <= start < high:
                stop = min(end, high) if end > start else 0
                found[start] = (start, stop, known[2] if known else source)
    return tuple(FunctionRange(*found[start]) for start in sorted(found))
