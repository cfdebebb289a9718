"""Analysis of bytes that are no program: an answer, always the same, never an exception."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aot.image.model import Arch
from tests.aot.analyze.lab import AARCH64, BASE, X86_64, assemble, found, image

# Pieces that make traps, branches, tables and number loads likely.
PIECES = {
    X86_64: [
        b"\x0f\x05", b"\xe8\x00\x00\x00\x00", b"\xeb\x05", b"\x74\xf8", b"\xc3", b"\xb8\x27\x00\x00\x00",
        b"\x0f\x0b", b"\x48\x8d\x15\x10\x00\x00\x00", b"\x48\x63\x04\xba", b"\x48\x01\xd0", b"\xff\xe0",
        b"\x83\xff\x03", b"\x77\x04", b"\x58", b"\x50", b"\x48\x8b\x44\x24\x08", b"\x31\xc0",
        b"\xe9\xf0\xff\xff\xff", b"\xff\x24\xc5",
    ],
    AARCH64: [
        assemble(AARCH64, text)
        for text in (
            "svc #0", "svc #3", "ret", "mov x8, #64", "movk x8, #1, lsl #16", "ldr x8, [sp, #8]",
            "br x9", "cmp w0, #3", "ldrh w9, [x10, x0, lsl #1]", "add x9, x9, x10",
            "str x0, [sp, #-16]!", "nop", "b #0x400010", "cbz x0, #0x400008",
        )
    ]
    + [(0x1000002A).to_bytes(4, "little")],  # adr x10, #4
}  # fmt: skip


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_any_bytes(arch: Arch, data: st.DataObject) -> None:
    piece = st.one_of(st.sampled_from(PIECES[arch]), st.binary(max_size=12))
    code = b"".join(data.draw(st.lists(piece, min_size=1, max_size=60)))
    starts = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100)), max_size=4)
    functions = tuple((low, low + size) for low, size in data.draw(starts))
    program = image(arch, code, functions=functions, entry=data.draw(st.integers(0, 64)))
    first, second = found(program), found(program)
    assert first == second
    for site in first.sites:
        assert site.address + site.size <= BASE + len(code)
        window = (*site.before, *site.after)
        assert all(program.read(insn.address, insn.size) == insn.raw for insn in window)
        assert sum(insn.size for insn in site.before) == site.address - (
            site.before[0].address if site.before else site.address
        )
        inner = [insn.address for insn in (*site.before[1:], *site.after)]
        assert not first.branch_targets & set(inner)
    assert not {site.address for site in first.sites} & {refused.address for refused in first.refused}
