"""FreeBSD's columns: two names for one numbering, because gates and some rows differ by architecture."""

from __future__ import annotations

X86_64, AARCH64 = "x86_64", "aarch64"
COLUMNS = {X86_64: ("x86_64",), AARCH64: ("aarch64",)}


def nr(number: int) -> dict[str, int | None]:
    """The same number in both columns."""
    return {X86_64: number, AARCH64: number}
