"""Byte matches of trap instructions: where one could be, never an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from aot.personality.abi.gate import Gate

LONGEST: Final = 4  # bytes of a trap instruction
_SVC_TOP: Final = re.compile(rb"\xd4")
_X86: Final = {"syscall": b"\x0f\x05", "sysenter": b"\x0f\x34"}
_INT80: Final = 0x80


def matches(code: bytes, address: int, gate: Gate) -> Iterator[tuple[int, int, int]]:
    """(address, size, immediate) of what would be a trap of `gate` in the bytes at `address`."""
    return _svc(code, address) if gate.trap == "svc" else _x86(code, address, gate)


def _x86(code: bytes, address: int, gate: Gate) -> Iterator[tuple[int, int, int]]:
    immediate = 0
    if gate.trap == "int":
        immediate = _INT80 if gate.interrupt is None else gate.interrupt
    pattern = _X86.get(gate.trap) or bytes((0xCD, immediate))
    at = code.find(pattern)
    while at >= 0:
        yield address + at, len(pattern), immediate
        at = code.find(pattern, at + 1)


def _svc(code: bytes, address: int) -> Iterator[tuple[int, int, int]]:
    """Aligned words 1101_0100_000i_iiii_iiii_iiii_iii0_0001."""
    skew = -address % 4
    for found in _SVC_TOP.finditer(code[skew + 3 :: 4]):
        at = skew + found.start() * 4
        word = int.from_bytes(code[at : at + 4], "little")
        if word & 0xFFE0001F == 0xD4000001:
            yield address + at, 4, word >> 5 & 0xFFFF
