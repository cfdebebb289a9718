"""OpenBSD's columns and numbers; from the names of names.py."""

from __future__ import annotations

from aot.personality.bsd.master import AARCH64, COLUMNS, X86_64, Master
from aot.personality.openbsd.names import NAMES

__all__ = ["AARCH64", "COLUMNS", "MASTER", "SPELLED", "X86_64", "nr"]

SPELLED: dict[str, str] = {}
"""No call has a second name."""
MASTER = Master(NAMES, SPELLED)
nr = MASTER.nr
