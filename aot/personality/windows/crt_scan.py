"""scanf's conversions with Windows' sizes: a long has 4 bytes, arguments are 8-byte words in a row."""

from __future__ import annotations

from typing import Any

from aot.personality.libc import scan as shared
from aot.personality.libc.variadic import Row

LONG = 4


def scan(ctx: Any, text: str, template: str, arguments: int) -> tuple[int, int]:
    """(conversions stored or -1 when the text ended first, characters consumed)."""
    return shared.scan(ctx, text, template, Row(ctx, arguments).word, LONG)
