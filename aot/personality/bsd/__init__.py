"""What the BSDs share: argument kinds, structs, error numbers, start-up, and rows that differ in number only."""

from __future__ import annotations

from aot.personality.bsd.words import InSet, OutAs, OutSet, SignalNumber

__all__ = ["InSet", "OutAs", "OutSet", "SignalNumber"]
