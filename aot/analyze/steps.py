"""What one instruction puts into one place, on either architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.analyze import steps_aarch64, steps_x86_64
from aot.analyze.decode import Raw
from aot.analyze.values import Place, Step
from aot.image.model import Arch

if TYPE_CHECKING:
    from aot.analyze.blocks import Code


def step(code: Code, raw: Raw, place: Place, width: int = 8) -> Step:
    """What `raw` does to `place`, a register or the `width` (4 or 8) bytes of a stack slot; None: nothing."""
    x86 = code.decoder.arch is Arch.X86_64
    if isinstance(place, int):
        into_slot = steps_x86_64.into_slot if x86 else steps_aarch64.into_slot
        return into_slot(code, raw, place, width)
    if place not in code.decoder.writes(code.bytes_of(raw)):
        return None
    into_register = steps_x86_64.into_register if x86 else steps_aarch64.into_register
    return into_register(code, raw, place)
