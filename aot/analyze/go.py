"""What only Go programs have: how they are known, and type descriptors that hold numbers like addresses.

From: internal/abi (Type) and cmd/link of Go 1.21 to 1.26.
"""

from __future__ import annotations

import struct
from typing import Final

from aot.image.model import Image, Prot

# abi.Type: size, pointer bytes, hash, tflag, align, field align, kind, equal, gc data, name and pointer type
_TYPE: Final = struct.Struct("<QQIBBBBQQii")
_NAME: Final = 40  # offset of the name's offset
_ALIGN: Final = (1, 2, 4, 8, 16)
_KINDS: Final = range(1, 27)


def is_go(image: Image) -> bool:
    """Whether Go's linker made the image."""
    tables = (function.source == "pclntab" for function in image.functions)
    return any(name.endswith("gopclntab") for name in image.section_names) or any(tables)


def names_type(image: Image, address: int) -> bool:
    """Whether the word at `address` is the name of a type descriptor: two offsets of 32 bits, no address."""
    raw = image.read(address - _NAME, _TYPE.size)
    if len(raw) != _TYPE.size:
        return False
    size, pointers, _, _, align, field, kind, equal, collected, _, _ = _TYPE.unpack(raw)
    plausible = size >= pointers and align in _ALIGN and field in _ALIGN and kind & 31 in _KINDS
    return plausible and all(_is_data(image, pointer) for pointer in (equal, collected) if pointer)


def _is_data(image: Image, address: int) -> bool:
    segment = image.segment_at(address)
    return segment is not None and not segment.prot & Prot.X
