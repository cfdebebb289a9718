from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aot.analyze.anchors import Anchors
from tests.aot.analyze.lab import BASE, X86_64, image

RANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), max_size=12)


@given(RANGES, st.integers(0, 255))
def test_spans_do_not_overlap_and_cover_every_range(ranges: list[tuple[int, int]], probe: int) -> None:
    functions = tuple((start, start + size) for start, size in ranges if start + size <= 256)
    anchors = Anchors(image(X86_64, bytes(256), functions=functions, entry=300))
    ends = [0, *(span.end for span in anchors.spans)]
    assert all(end <= span.start for end, span in zip(ends, anchors.spans, strict=False))
    span = anchors.span_at(BASE + probe)
    if any(start <= probe < end for start, end in functions):
        assert span is not None
    if span is not None:
        assert span.start <= BASE + probe < span.end


@given(RANGES, st.lists(st.integers(0, 255), max_size=4))
def test_bridged_gaps_are_covered(ranges: list[tuple[int, int]], probes: list[int]) -> None:
    functions = tuple((start, start + size) for start, size in ranges if start + size <= 256)
    anchors = Anchors(image(X86_64, bytes(256), functions=functions, entry=300))
    for probe in probes:
        if anchors.span_at(BASE + probe) is None:
            anchors.bridge(BASE + probe)
        assert anchors.span_at(BASE + probe) is not None
    ends = [0, *(span.end for span in anchors.spans)]
    assert all(end <= span.start for end, span in zip(ends, anchors.spans, strict=False))
