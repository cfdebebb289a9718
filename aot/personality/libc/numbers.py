"""Numbers in text as strtol and strtod read them."""

from __future__ import annotations

import re

_INTEGER = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(0[xX](?=[0-9a-fA-F]))?([0-9a-zA-Z]*)")
_FLOAT = re.compile(
    rb"[ \t\n\v\f\r]*[+-]?(?:inf(?:inity)?|nan(?:\(\w*\))?|0x[0-9a-f]*\.?[0-9a-f]*(?:p[+-]?\d+)?"
    rb"|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)",
    re.IGNORECASE,
)
LARGEST_BASE = 36


def integer(text: bytes, base: int) -> tuple[int, int]:
    """(value, bytes used) of an integer; 0 bytes when there is none."""
    found = _INTEGER.match(text)
    if found is None or base == 1 or not 0 <= base <= LARGEST_BASE:
        return 0, 0
    sign, prefix, digits = found.groups()
    start = found.start(3)
    if prefix and base not in (0, 16):
        digits, start = b"0", found.start(2)
    base = base or (16 if prefix else 8 if digits[:1] == b"0" else 10)
    value, used = 0, 0
    for byte in digits:
        digit = int(chr(byte), LARGEST_BASE)
        if digit >= base:
            break
        value, used = value * base + digit, used + 1
    if not used:
        return 0, 0
    return (-value if sign == b"-" else value), start + used


def real(text: bytes) -> tuple[float, int]:
    """(value, bytes used) of a floating-point number; 0 bytes when there is none."""
    found = _FLOAT.match(text)
    if found is None:
        return 0.0, 0
    word = found[0].strip().lower().partition(b"(")[0].decode()
    return (float.fromhex(word) if "0x" in word else float(word)), found.end()
