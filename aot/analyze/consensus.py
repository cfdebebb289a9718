"""What x86-64 decoding from many places before a byte agrees on: cheap evidence in code without function starts.

Instructions of x86 have no alignment, but decoding that starts in the middle of one falls into step within a
few: of decodings that start at sixteen neighbouring bytes well before an address nearly all take the same
course when they come to it. Where all of them say that a match is the inside of an instruction, a range of
megabytes need not be followed from its entries to learn the same.
"""

from __future__ import annotations

from typing import Final

from aot.analyze.decode import Decoder, Raw

_STARTS: Final = 16
_RUN: Final = 320  # bytes each decoding has to fall into step


def agreed(decoder: Decoder, code: bytes, address: int, wanted: int) -> Raw | None:
    """The instruction of `code` (at `address`) that covers `wanted`, when decodings from all starts end in it."""
    first = wanted - address - _RUN
    if first < 0:
        return None
    found: Raw | None = None
    for start in range(first, first + _STARTS):
        raw = _covering(decoder, code, address, start, wanted)
        if raw is None or (found is not None and raw != found):
            return None
        found = raw
    return found


def _covering(decoder: Decoder, code: bytes, address: int, start: int, wanted: int) -> Raw | None:
    end = wanted - address + 16
    while start <= wanted - address:
        at = start
        for raw in decoder.sweep(code[start:end], address + start):
            if raw[0] <= wanted < raw[0] + raw[1]:
                return raw
            at = raw[0] + raw[1] - address
        start = max(at, start) + 1  # no instruction there
    return None
