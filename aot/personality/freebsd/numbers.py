"""FreeBSD's columns: two names for one numbering, because gates and some rows differ by architecture."""

from __future__ import annotations

from aot.personality.bsd.master import AARCH64, COLUMNS, X86_64, Master
from aot.personality.freebsd.names import NAMES

__all__ = ["AARCH64", "COLUMNS", "MASTER", "X86_64", "nr"]

MASTER = Master(NAMES, {"sysctl": "__sysctl"})


def nr(number: int) -> dict[str, int | None]:
    """The same number in both columns."""
    return {X86_64: number, AARCH64: number}
