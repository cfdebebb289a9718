"""Neutral values of memory, shared segments, semaphores and messages."""

from __future__ import annotations

from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of somebody's memory: address and bytes."""

    base: int
    size: int
