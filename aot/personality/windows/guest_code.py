"""Library functions of Windows programs that run as guest code."""

from __future__ import annotations

from typing import Any

from aot.personality.libc.guest_code import CPU, FLAGS
from aot.personality.libc.guest_code import SORT as BY_CONVENTION
from aot.personality.windows.state import state

__all__ = ["CPU", "FLAGS", "SORT", "sort_address"]

SORT = {"x86_64": BY_CONVENTION["win64"], "aarch64": BY_CONVENTION["aarch64"]}


def sort_address(ctx: Any) -> int:
    """Where qsort's code lies, mapped when first needed."""
    parts = state(ctx).parts
    if "sort" not in parts:
        code = SORT[ctx.arch.value]
        address = ctx.mem.map(None, len(code) + 4095 & -4096, 5, name="[runtime code]")
        ctx.mem.poke(address, code)
        parts["sort"] = address
    found: int = parts["sort"]
    return found
