"""Whether two runs did the same: streams and traces line by line, with the first difference."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from aot.cli.comparison.model import Check

SHOWN = 400  # characters of a differing line
NOTHING = "(nothing: it ended before)"


def same_value(what: str, aot: object, dynamic: object) -> Check:
    """A single value."""
    equal = aot == dynamic
    return Check(what, equal, str(aot) if equal else "", "", str(aot), str(dynamic))


def same_lines(what: str, aot: Path, dynamic: Path) -> Check:
    """Two files, line by line."""
    count = size = 0
    with aot.open("rb") as left, dynamic.open("rb") as right:
        for count, (a, b) in enumerate(zip_longest(left, right), 1):
            if a != b:
                return Check(
                    what, False, f"{count - 1} lines are equal", f"line {count}", _shown(a), _shown(b)
                )
            size += len(a)
    return Check(what, True, f"{count} line{'' if count == 1 else 's'}, {size} bytes" if count else "nothing")


def same_start(what: str, aot: Path, dynamic: Path) -> Check:
    """Two files that were not written to their ends: whole lines, as far as the shorter one goes."""
    with aot.open("rb") as left, dynamic.open("rb") as right:
        for count, (a, b) in enumerate(zip(left, right, strict=False), 1):
            size = min(len(a), len(b))
            if a != b and not (a[:size] == b[:size] and not (a.endswith(b"\n") and b.endswith(b"\n"))):
                return Check(
                    what, False, f"{count - 1} lines are equal", f"line {count}", _shown(a), _shown(b)
                )
    return Check(what, True, "as far as both go")


def _shown(line: bytes | None) -> str:
    if line is None:
        return NOTHING
    text = line.decode("utf-8", "backslashreplace").removesuffix("\n")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
