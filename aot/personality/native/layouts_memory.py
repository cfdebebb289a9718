"""Native struct layouts of memory, shared segments, semaphores and messages."""

from __future__ import annotations

from aot.personality.abi.layout import U64, F, Layout

PIECE = Layout("helctic_piece", 16, (F("base", U64, "base"), F("size", U64, "size")))
STRUCTS = (PIECE,)
