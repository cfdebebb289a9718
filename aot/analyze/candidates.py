"""Byte matches of trap instructions in executable segments: where to look, never an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from aot.analyze.model import Trap
from aot.image.model import Arch, Image, Segment
from aot.personality.abi.gate import Gate
from aot.record import dataclass

_SVC_TOP: Final = re.compile(rb"\xd4")
TRAPS: Final = {
    "syscall": Trap.SYSCALL,
    "int": Trap.INT,
    "sysenter": Trap.SYSENTER,
    "svc": Trap.SVC,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Bytes at `address` that would be a trap if they were an instruction."""

    address: int
    size: int
    trap: Trap
    immediate: int
    gate: Gate


def candidates(image: Image, gates: Iterable[Gate]) -> list[Candidate]:
    """Every byte match of a trap that one of `gates` serves, by address."""
    out: list[Candidate] = []
    for segment in image.code:
        for gate in gates:
            if image.arch is Arch.AARCH64:
                out += _svc(segment, gate)
            else:
                out += _x86(segment, gate)
    return sorted(out, key=lambda found: found.address)


def _x86(segment: Segment, gate: Gate) -> Iterator[Candidate]:
    pattern, immediate = b"\x0f\x05", 0
    if gate.trap == "int":
        immediate = 0x80 if gate.interrupt is None else gate.interrupt
        pattern = bytes((0xCD, immediate))
    elif gate.trap == "sysenter":
        pattern = b"\x0f\x34"
    at = segment.data.find(pattern)
    while at >= 0:
        yield Candidate(segment.address + at, 2, TRAPS[gate.trap], immediate, gate)
        at = segment.data.find(pattern, at + 1)


def _svc(segment: Segment, gate: Gate) -> Iterator[Candidate]:
    """Aligned words 1101_0100_000i_iiii_iiii_iiii_iii0_0001."""
    skew = -segment.address % 4
    for found in _SVC_TOP.finditer(segment.data[skew + 3 :: 4]):
        at = skew + found.start() * 4
        word = int.from_bytes(segment.data[at : at + 4], "little")
        if word & 0xFFE0001F == 0xD4000001:
            yield Candidate(segment.address + at, 4, Trap.SVC, word >> 5 & 0xFFFF, gate)
