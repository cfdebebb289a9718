"""A moved instruction means what it meant: same operation, same absolute targets."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aot.analyze.decode import Decoder
from aot.analyze.model import Insn
from aot.image.model import Arch
from aot.rewrite.relocate import ends_flow, moved, moved_size, target

DECODER = Decoder(Arch.X86_64)
RIP = re.compile(r"\[rip(?: ([+-]) (0x[0-9a-f]+|\d+))?\]")

# (bytes before the disp32, bytes after it): every shape of rip-relative operand a compiler emits.
SHAPES = [
    ("488d35", 0), ("8b05", 0), ("4c8905", 0), ("833d", 1), ("c605", 1), ("c705", 4), ("48c705", 4),
    ("66c705", 2), ("0fb615", 0), ("f20f1005", 0), ("660f6f05", 0), ("c5fa6f05", 0), ("f0480fb10d", 0),
    ("ff25", 0), ("64488b05", 0), ("48813d", 4), ("690d", 4),
    ("c4e27d5905", 0), ("660f3a0f05", 1), ("f605", 1),
]  # fmt: skip
ADDRESS = st.integers(1 << 32, 1 << 40)  # high enough that no target is negative
NEAR = st.integers(-(1 << 29), 1 << 29)


def decoded(code: bytes, address: int) -> Insn:
    at, size, mnemonic, operands = DECODER.sweep(code, address)[0]
    return Insn(at, size, code[:size], mnemonic, operands)


def absolute(insn: Insn) -> tuple[str, str]:
    """Mnemonic and operands with rip-relative places made absolute."""

    def place(match: re.Match[str]) -> str:
        distance = int(match.group(2) or "0", 0) * (-1 if match.group(1) == "-" else 1)
        return f"[{insn.address + insn.size + distance:#x}]"

    return insn.mnemonic, RIP.sub(place, insn.operands)


@given(
    st.sampled_from(SHAPES),
    st.integers(-(1 << 30), 1 << 30),
    ADDRESS,
    NEAR,
    st.binary(min_size=4, max_size=4),
)
def test_rip_relative_operands(shape: tuple[str, int], disp: int, address: int, by: int, tail: bytes) -> None:
    opcode, immediate = shape
    code = bytes.fromhex(opcode) + disp.to_bytes(4, "little", signed=True) + tail[:immediate]
    old = decoded(code, address)
    assert old.size == len(code)
    size = moved_size(old)
    assume(size is not None)  # refused where the place of the displacement is ambiguous
    new = decoded(moved(old, address + by), address + by)
    assert new.size == size
    assert absolute(new) == absolute(old)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s[0])
def test_every_shape_is_movable(shape: tuple[str, int]) -> None:
    code = bytes.fromhex(shape[0]) + (0x12345678).to_bytes(4, "little") + bytes(shape[1])
    assert moved_size(decoded(code, 0x400000)) == len(code)


BRANCHES = st.one_of(
    st.tuples(st.integers(0x70, 0x7F).map(lambda b: bytes([b])), st.just(1)),
    st.just((b"\xeb", 1)),
    st.just((b"\xe9", 4)),
    st.tuples(st.integers(0x80, 0x8F).map(lambda b: bytes([0x0F, b])), st.just(4)),
)


@given(BRANCHES, st.integers(-(1 << 30), 1 << 30), ADDRESS, NEAR)
def test_branches(branch: tuple[bytes, int], distance: int, address: int, by: int) -> None:
    opcode, width = branch
    distance = distance % 256 - 128 if width == 1 else distance
    old = decoded(opcode + distance.to_bytes(width, "little", signed=True), address)
    goal = address + old.size + distance
    assume(goal >= 0)
    assert target(old) == goal
    new = decoded(moved(old, address + by), address + by)
    assert (new.mnemonic, new.operands, new.size) == (old.mnemonic, old.operands, moved_size(old))
    assert ends_flow(new) == (old.mnemonic == "jmp")


@pytest.mark.parametrize(
    "code",
    [
        "e800000000",  # call: its return address would be in the stub
        "ff1500000000",  # call [rip]
        "ffd0",  # call rax
        "0f05", "0f34", "cd80", "cc", "f4", "0f0b",  # traps and stops
        "e2fe", "e3fe", "67e3fe", "c7f800000000",  # loop, jrcxz, jecxz, xbegin
        "f30f1efa",  # endbr64 must stay where indirect branches find it
        "f2e900000000", "2e7500", "f27500",  # prefixed branches
    ],
)  # fmt: skip
def test_what_stays(code: str) -> None:
    assert moved_size(decoded(bytes.fromhex(code), 0x400000)) is None


@given(st.binary(min_size=1, max_size=15), ADDRESS, NEAR)
def test_whatever_moves_keeps_its_meaning(code: bytes, address: int, by: int) -> None:
    assume(DECODER.sweep(code, address))
    old = decoded(code, address)
    assume(moved_size(old) is not None)
    new = decoded(moved(old, address + by), address + by)
    assert new.size == moved_size(old)
    assert absolute(new) == absolute(old)
