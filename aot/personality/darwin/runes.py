"""The character table that ctype.h reads without a call. From: _ctype.h, runetype.h of macOS 14."""

from __future__ import annotations

import struct

ALPHA, CONTROL, DIGIT, GRAPH, LOWER, PUNCT, SPACE, UPPER, HEX, BLANK, PRINT = (1 << n for n in range(8, 19))
RUNETYPE = 60  # offset of __runetype in _RuneLocale; __maplower and __mapupper follow
CACHED = 256


def flags(char: str) -> int:
    """_CTYPE_* of an ASCII character, and the value of a digit in the low bits."""
    code = ord(char)
    if code >= 128:
        return 0
    graph = 33 <= code < 127
    kinds = (
        (char.isalpha(), ALPHA), (code < 32 or code == 127, CONTROL), (char.isdigit(), DIGIT), (graph, GRAPH),
        (char.islower(), LOWER), (graph and not char.isalnum(), PUNCT), (char in " \t\n\v\f\r", SPACE),
        (char.isupper(), UPPER), (char in "0123456789abcdefABCDEF", HEX), (char in " \t", BLANK),
        (graph or char == " ", PRINT),
    )  # fmt: skip
    value = int(char, 16) if char in "0123456789abcdefABCDEF" else 0
    return sum(bit for present, bit in kinds if present) | value


def table() -> bytes:
    """__DefaultRuneLocale of the C locale as far as programs read it."""
    chars = [chr(code) for code in range(CACHED)]
    head = b"RuneMagA" + b"NONE".ljust(32, b"\0")
    types = [flags(char) for char in chars]
    lower = [ord(c.lower()) if ord(c) < 128 else ord(c) for c in chars]
    upper = [ord(c.upper()) if ord(c) < 128 else ord(c) for c in chars]
    return head.ljust(RUNETYPE, b"\0") + struct.pack(f"<{3 * CACHED}I", *types, *lower, *upper)
