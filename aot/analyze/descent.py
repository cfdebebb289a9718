"""Recursive descent through code without declared functions: address-taken functions become entries."""

from __future__ import annotations

import re
from typing import Final

from aot.analyze.blocks import Code
from aot.image.model import Arch, Prot

_LEA: Final = re.compile(r"\w+, (?:qword ptr )?\[rip ([+-]) (0x[0-9a-f]+|\d+)\]$")
_IMMEDIATE: Final = re.compile(r"\w+, (0x[0-9a-f]+)$")
_PAGE: Final = re.compile(r"(x\d+), #(0x[0-9a-f]+)$")
_ADD: Final = re.compile(r"x\d+, (x\d+), #(0x[0-9a-f]+|\d+)$")


def follow_references(code: Code, wanted: list[int]) -> None:
    """Descend from addresses that reached code or data mentions, until every `wanted` is reached."""
    tried: set[int] = set()
    pointers = _data_pointers(code)
    while any(address not in code.reached for address in wanted):
        found = {a for a in _mentioned(code) | pointers if code.start <= a < code.end}
        fresh = sorted(found - tried - code.reached.keys())
        tried |= found
        if not fresh:
            return
        for address in fresh:
            _try(code, address)


def _try(code: Code, address: int) -> None:
    """Descend from `address` unless that runs into bytes that are no instructions."""
    if address in code.reached or (code.decoder.arch is Arch.AARCH64 and address % 4):
        return
    trial = code.trial()
    trial.descend(address)
    if not trial.invalid and trial.reached:
        code.descend(address)


def _mentioned(code: Code) -> set[int]:
    return _x86_mentioned(code) if code.decoder.arch is Arch.X86_64 else _a64_mentioned(code)


def _x86_mentioned(code: Code) -> set[int]:
    out: set[int] = set()
    for address, size, mnemonic, operands in code.reached.values():
        if mnemonic == "lea":
            found = _LEA.match(operands)
            if found:
                offset = int(found[2], 0)
                out.add(address + size + (offset if found[1] == "+" else -offset))
        elif mnemonic in ("mov", "movabs"):
            found = _IMMEDIATE.match(operands)
            if found:
                out.add(int(found[1], 16))
    return out


def _a64_mentioned(code: Code) -> set[int]:
    out: set[int] = set()
    pages: dict[str, int] = {}
    for address in sorted(code.reached):
        _, _, mnemonic, operands = code.reached[address]
        if mnemonic in ("adrp", "adr"):
            page = _PAGE.match(operands)
            if page:
                pages[page[1]] = int(page[2], 16)
                out.add(int(page[2], 16))
        elif mnemonic == "add":
            found = _ADD.match(operands)
            if found and found[1] in pages:
                out.add(pages[found[1]] + int(found[2], 0))
    return out


def _data_pointers(code: Code) -> set[int]:
    """Aligned words of data segments that point into the range."""
    out: set[int] = set()
    for segment in code.image.segments:
        if segment.prot & Prot.X:
            continue
        data = segment.data[-segment.address % 8 :]
        words = memoryview(data[: len(data) // 8 * 8]).cast("Q")
        out.update(word for word in words if code.start <= word < code.end)
    return out
