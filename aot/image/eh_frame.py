"""Function ranges declared by the frame descriptions (FDEs) of .eh_frame."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from aot.record import dataclass

PCREL, DATAREL, INDIRECT = 0x10, 0x30, 0x80
# DW_EH_PE value formats: low nibble -> (bytes, signed).
# From: LSB core specification, DWARF extensions.
FORMATS: dict[int, tuple[int, bool]] = {
    0x0: (8, False), 0x2: (2, False), 0x3: (4, False), 0x4: (8, False),
    0xA: (2, True), 0xB: (4, True), 0xC: (8, True),
}  # fmt: skip
MASK = (1 << 64) - 1
_FDE = struct.Struct("<IIiI")  # length, distance to the CIE, start, bytes; in the usual encoding
_USUAL = PCREL | 0xB


@dataclass(frozen=True, slots=True)
class _Cie:
    encoding: int  # of the addresses in its FDEs
    signal: bool = False  # its FDEs describe signal frames


def frame_of_header(raw: bytes, address: int) -> int:
    """Address of .eh_frame from the bytes of .eh_frame_hdr at `address`; 0 when unreadable."""
    if len(raw) < 12 or raw[0] != 1:  # version, three encodings, pointer
        return 0
    value = _pointer(raw, 4, raw[1], address)
    return value[0] if value else 0


def frame_ranges(raw: bytes, address: int) -> Iterator[tuple[int, int]]:
    """(start, end) of every FDE in the bytes of .eh_frame at `address`; stops at nonsense."""
    cies: dict[int, _Cie | None] = {}
    at, last = 0, len(raw) - _FDE.size
    while at + 8 <= len(raw):
        if at <= last:
            length, pointer, begin, size = _FDE.unpack_from(raw, at)
            cie = cies.get(at + 4 - pointer)
            # What nearly every compiler writes, in one step.
            if cie is not None and cie.encoding == _USUAL and 12 <= length < last - at and not cie.signal:
                found = begin + address + at + 8 & MASK
                if found:
                    yield found, found + size
                at += 4 + length
                continue
        length = int.from_bytes(raw[at : at + 4], "little")
        start = at + 4
        if length == 0xFFFFFFFF:  # 64-bit length follows
            length = int.from_bytes(raw[at + 4 : at + 12], "little")
            start = at + 12
        end = start + length
        if length == 0:  # a terminator; linkers may put further lists behind it
            at = start
            continue
        if length < 4 or end > len(raw):  # no room for the CIE pointer
            return
        pointer = int.from_bytes(raw[start : start + 4], "little")
        if pointer == 0:
            cies[at] = _read_cie(raw, start + 4, end)
        else:
            cie = cies.get(start - pointer)
            if cie is not None:
                found = _read_fde(raw, start + 4, cie.encoding, address)
                if found is not None:
                    # Unwinders look up the address before a return address, so C libraries start the
                    # range of a signal trampoline one byte early: inside the padding before it.
                    early = cie.signal and (found[0] + 1) % 16 == 0
                    yield found[0] + early, found[1]
        at = end


def _read_fde(raw: bytes, at: int, encoding: int, address: int) -> tuple[int, int] | None:
    begin = _pointer(raw, at, encoding, address)
    if begin is None:
        return None
    length = _pointer(raw, begin[1], encoding & 0x0F, address)
    if length is None or not begin[0]:
        return None
    return begin[0], begin[0] + length[0]


def _pointer(raw: bytes, at: int, encoding: int, base: int) -> tuple[int, int] | None:
    """(value, next offset) of an encoded pointer; None for an encoding no linker writes here."""
    form = FORMATS.get(encoding & 0x0F)
    if form is None or encoding & INDIRECT or at + form[0] > len(raw):
        return None
    value = int.from_bytes(raw[at : at + form[0]], "little", signed=form[1])
    relative = encoding & 0x70
    if relative == PCREL:
        value += base + at
    elif relative:
        return None
    return value & MASK, at + form[0]


def _read_cie(raw: bytes, at: int, end: int) -> _Cie | None:
    """The encoding of FDE addresses, from the CIE body after its id."""
    version = raw[at] if at < end else 0
    stop = raw.find(b"\0", at + 1, end)
    if version not in (1, 3) or stop < 0:
        return None
    augmentation = raw[at + 1 : stop]
    if not augmentation:
        return _Cie(0)
    if not augmentation.startswith(b"z"):
        return None
    at = _skip_leb(raw, _skip_leb(raw, stop + 1, end), end)  # code and data alignment
    at = at + 1 if version == 1 else _skip_leb(raw, at, end)  # return address register
    at = _skip_leb(raw, at, end)  # augmentation length
    for letter in augmentation[1:].decode("latin-1"):
        if at >= end:
            return None
        if letter == "R":
            return _Cie(raw[at], signal=b"S" in augmentation)
        if letter == "L":
            at += 1
        elif letter == "P":
            form = FORMATS.get(raw[at] & 0x0F)
            if form is None:
                return None
            at += 1 + form[0]
        elif letter not in "SB":
            return None
    return _Cie(0)


def _skip_leb(raw: bytes, at: int, end: int) -> int:
    while at < end and raw[at] & 0x80:
        at += 1
    return at + 1
