"""Linear sweep between reached instructions: the weakest proof, for code only indirect jumps reach."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from aot.analyze.decode import Flow, Raw
from aot.image.model import Arch

_PADDING: Final = ("nop", "int3", "udf")
_STRETCH: Final = 0x4000  # bytes of the longest stretch that is swept
_LOOKED: Final = 32  # reached instructions that are looked at in the time of one step

if TYPE_CHECKING:
    from aot.analyze.blocks import Code
    from aot.analyze.candidates import Candidate


def sweep(code: Code, candidate: Candidate, *, inexact: bool) -> Raw | None:
    """The trap at `candidate` when the whole unreached stretch around it decodes and loads its number.

    A stretch is code only if decoding it from the last reached instruction meets nothing invalid and
    falls exactly onto the next reached one (or the end), and a constant is put into the number
    register shortly before the trap.
    """
    if candidate.gate.number == "imm":
        return None
    if not code.decoder.effort.spend(1 + len(code.reached) // _LOOKED):
        return None
    low, high = _stretch(code, candidate.address)
    if (low == code.start and inexact) or high - low > _STRETCH:
        return None
    if (low, high) not in code.stretches:
        code.stretches[low, high] = _decoded(code, low, high)
    insns = code.stretches[low, high]
    at = bisect_left(insns, (candidate.address,))
    if at == len(insns) or insns[at][0] != candidate.address:
        return None
    if not _loads_number(code, insns[max(0, at - 12) : at], candidate.gate.number):
        return None
    ended = True  # nothing falls into the stretch, or it would be reached
    for raw in insns:
        ended = ended and raw[2] in _PADDING  # which nothing jumps to
        if raw[0] not in code.reached and not ended:
            code.enter(raw[0])
        ended = ended or code.decoder.flow(raw) in (Flow.STOP, Flow.JUMP, Flow.JUMP_INDIRECT)
    return code.reached.get(candidate.address)


def _decoded(code: Code, low: int, high: int) -> list[Raw]:
    """The instructions of [low, high); none when decoding does not fall exactly onto its end."""
    insns: list[Raw] = []
    address = low
    while address < high:
        raw = code.decode(address)
        if raw is None:
            return []
        insns.append(raw)
        address += raw[1]
    return insns if address == high else []


def _stretch(code: Code, address: int) -> tuple[int, int]:
    low = max((r[0] + r[1] for r in code.reached.values() if r[0] <= address), default=code.start)
    high = min((a for a in code.reached if a > address), default=code.end)
    return low, high


def _loads_number(code: Code, insns: list[Raw], register: str) -> bool:
    """Whether a constant reaches `register` in straight line at the end of `insns`."""
    for raw in reversed(insns):
        if code.decoder.flow(raw) is not Flow.NEXT:
            return False
        if register in code.decoder.writes(code.bytes_of(raw)):
            constant = "#" if code.decoder.arch is Arch.AARCH64 else ", "
            return raw[2] in ("mov", "movz", "movk", "xor") and constant in raw[3]
    return False
