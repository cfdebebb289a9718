"""Byte matches of trap instructions in executable segments: where to look, never an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aot.analyze.model import Trap
from aot.image.model import Image
from aot.image.traps import matches
from aot.personality.abi.gate import Gate
from aot.record import dataclass

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
    out = [
        Candidate(address, size, TRAPS[gate.trap], immediate, gate)
        for segment in image.code
        for gate in gates
        for address, size, immediate in matches(segment.data, segment.address, gate)
    ]
    return sorted(out, key=lambda found: found.address)
