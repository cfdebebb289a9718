"""The process heap of Windows programs."""

from __future__ import annotations

from typing import Any

from aot.personality.libc.heap import Heap, zero
from aot.personality.windows.state import state

__all__ = ["Heap", "heap", "zero"]


def heap(ctx: Any) -> Heap:
    """The process's heap."""
    parts = state(ctx).parts
    found: Heap | None = parts.get("heap")
    if found is None:
        found = parts["heap"] = Heap()
    return found
