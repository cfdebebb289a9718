"""Decodings from neighbouring bytes fall into step: a match inside an instruction is told from a trap."""

from __future__ import annotations

from aot.analyze.consensus import agreed
from aot.analyze.decode import Decoder
from aot.image.model import Arch

FILL = bytes.fromhex("4889c8") * 150  # mov rax, rcx
INSERT = bytes.fromhex("660f3a20480f05")  # pinsrb xmm1, byte [rax + 0xf], 5
BASE = 0x1000


def test_a_match_inside_an_instruction() -> None:
    wanted = BASE + len(FILL) + 5
    found = agreed(Decoder(Arch.X86_64), FILL + INSERT + FILL, BASE, wanted)
    assert found is not None
    assert found[:3] == (BASE + len(FILL), len(INSERT), "pinsrb")


def test_a_trap_is_one() -> None:
    wanted = BASE + len(FILL)
    found = agreed(Decoder(Arch.X86_64), FILL + b"\x0f\x05" + FILL, BASE, wanted)
    assert found is not None
    assert found[:3] == (wanted, 2, "syscall")


def test_too_little_code_before_it_is_no_evidence() -> None:
    assert agreed(Decoder(Arch.X86_64), FILL[:90] + b"\x0f\x05", BASE, BASE + 90) is None


def test_what_never_falls_into_step_is_no_evidence() -> None:
    """`mov al, 0xb0` is two equal bytes."""
    code = b"\xb0" * 600
    assert agreed(Decoder(Arch.X86_64), code, BASE, BASE + 401) is None
