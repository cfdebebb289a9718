"""The numbering columns of Linux."""

from __future__ import annotations

X86_64, AARCH64 = "x86_64", "aarch64"
COLUMNS = {X86_64: ("x86_64",), AARCH64: ("aarch64",)}


def nr(x86_64: int | None, aarch64: int | None) -> dict[str, int | None]:
    """Call numbers in column order; None where the architecture lacks the call."""
    return {X86_64: x86_64, AARCH64: aarch64}
