from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aot.analyze.anchors import Anchors, branches
from aot.analyze.decode import Decoder
from tests.aot.analyze.lab import AARCH64, BASE, X86_64, assemble, image

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


def test_branch_patterns_agree_with_the_disassembler() -> None:
    texts = {
        X86_64: "call 0x400100\njmp 0x400200\nje 0x400300\njmp 0x400200",
        AARCH64: "bl #0x400100\nb #0x400200\nb.eq #0x400300\ncbz x0, #0x400040\ntbnz x1, #3, #0x400080",
    }
    for arch, text in texts.items():
        code = assemble(arch, text).ljust(0x400, b"\x00")
        program = image(arch, code)
        decoder = Decoder(arch)
        expected = {
            (insn[0], decoder.target(insn))
            for insn in decoder.sweep(code[: len(assemble(arch, text))], BASE)
            if insn[1] > 2
        }
        assert expected <= {(a, t) for a, t, _ in branches(program.segments[0], arch)}
