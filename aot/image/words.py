"""Small arithmetic on file bytes; reads past the end are an ImageError."""

from __future__ import annotations

import struct

from aot.errors import ImageError


def unpack(layout: struct.Struct, raw: bytes, offset: int, what: str) -> tuple[int, ...]:
    """The fields of `layout` at `offset`; `what` names the structure when the file is too short."""
    if offset < 0 or offset + layout.size > len(raw):
        raise ImageError(f"truncated PE: its {what} at offset {offset:#x} is past the end of the file")
    return layout.unpack_from(raw, offset)


def is_power_of_two(value: int) -> bool:
    """True for 1, 2, 4, ..."""
    return value > 0 and value & (value - 1) == 0


def align_up(value: int, unit: int) -> int:
    """`value` rounded up to a multiple of `unit`."""
    return -(-value // unit) * unit


def cstring(raw: bytes, offset: int, limit: int) -> str:
    """The text before the first NUL at `offset`, at most `limit` bytes."""
    end = raw.find(b"\0", offset, offset + limit)
    return raw[offset : end if end >= 0 else offset + limit].decode("utf-8", "replace")
