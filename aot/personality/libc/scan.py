"""scanf's conversions: text in, values stored through the guest's pointers."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

_INT = {"d": r"[+-]?\d+", "u": r"[+-]?\d+", "i": r"[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)",
        "x": r"[+-]?(0[xX])?[0-9a-fA-F]+", "X": r"[+-]?(0[xX])?[0-9a-fA-F]+", "o": r"[+-]?[0-7]+",
        "p": r"(0[xX])?[0-9a-fA-F]+"}  # fmt: skip
_BASE = {"d": 10, "u": 10, "i": 0, "x": 16, "X": 16, "o": 8, "p": 16}
_FLOAT = r"[+-]?(inf(inity)?|nan|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)"
_SIZES = {"hh": 1, "h": 2, "l": 8, "ll": 8, "I64": 8, "I32": 4, "z": 8, "t": 8, "j": 8, "L": 8, "w": 4, "": 4}
_SPEC = re.compile(r"%(\*?)(\d*)(I64|I32|hh|ll|[hlLzjtw]?)(\[\^?\]?[^\]]*\]|.)", re.DOTALL)
_PREFIXED = 8  # base-0 numbers that begin with a 0


def scan(ctx: Any, text: str, template: str, word: Callable[[], int], long_bytes: int = 8) -> tuple[int, int]:
    """(conversions stored or -1 when the text ended first, characters consumed).

    `word` answers the next pointer, `long_bytes` is the size of a long.
    """
    at, done, index = 0, 0, 0
    while index < len(template):
        found = _SPEC.match(template, index)
        if found is None or template[index] != "%":
            at = _literal(template[index], text, at)
            if at < 0:
                return done, 0
            index += 1
            continue
        index = found.end()
        skip, width, size, letter = found[1] == "*", int(found[2] or 0), found[3], found[4]
        if letter == "%":
            at = _literal("%", text, _space(text, at))
            if at < 0:
                return done, 0
            continue
        if letter == "n":
            ctx.mem.write(word(), struct.pack("<i", at))
            continue
        if letter not in "c" and not letter.startswith("["):
            at = _space(text, at)
        if at >= len(text):
            return (done or -1), at
        matched = _match(letter, text[at : at + width] if width else text[at:], width)
        if matched is None:
            return done, at
        at += len(matched)
        if not skip:
            ctx.mem.write(word(), _value(letter, size, matched, long_bytes))
            done += 1
    return done, at


def _space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _literal(char: str, text: str, at: int) -> int:
    if char.isspace():
        return _space(text, at)
    return at + 1 if text[at : at + 1] == char else -1


def _match(letter: str, text: str, width: int) -> str | None:
    if letter == "c":
        return text[: width or 1] if len(text) >= (width or 1) else None
    if letter in _INT:
        pattern = _INT[letter]
    elif letter in "fFeEgGaA":
        pattern = _FLOAT
    elif letter in "sS":
        pattern = r"\S+"
    elif letter.startswith("["):
        inside = letter[1:-1]
        negated, inside = inside.startswith("^"), inside.removeprefix("^")
        inside = inside.replace("\\", "\\\\").replace("]", "\\]").replace("[", "\\[")
        pattern = f"[{'^' if negated else ''}{inside}]+"
    else:
        return None
    found = re.match(pattern, text)
    return found[0] if found else None


def _value(letter: str, size: str, text: str, long_bytes: int) -> bytes:
    if letter == "c":
        return text.encode("utf-8", "surrogateescape")
    if letter in "fFeEgGaA" and letter:
        return struct.pack("<d" if size in ("l", "L") else "<f", float(text))
    if letter in _BASE:
        base = _BASE[letter]
        if base == 0 and re.match(r"[+-]?0\d", text):
            base = _PREFIXED
        bits = 64 if letter == "p" else 8 * (long_bytes if size == "l" else _SIZES[size])
        return (int(text, base) & (1 << bits) - 1).to_bytes(bits // 8, "little")
    return text.encode("utf-8", "surrogateescape") + b"\0"
