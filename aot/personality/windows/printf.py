"""printf's formatting by the Windows C runtime's rules."""

from __future__ import annotations

from aot.personality.libc import printf as shared
from aot.personality.libc.printf import Dialect, Source

__all__ = ["Source", "render"]

LEGACY_WIDE = 4  # option: %s means the format's own width
CHARACTER = -1  # `options` of a %c, which has no say


def _wide(size: str, letter: str, wide: bool, options: int) -> bool:
    if size in ("l", "w", "ll"):
        return True
    if size in ("h", "hh"):
        return False
    own = wide and bool((LEGACY_WIDE if options == CHARACTER else options) & LEGACY_WIDE)
    return not wide if letter in "SC" and letter else own


WINDOWS = Dialect(
    sizes=("I64", "I32", "hh", "ll", "h", "l", "I", "z", "t", "j", "w", "L", "T"),
    bits={"hh": 8, "h": 16, "ll": 64, "I64": 64, "I": 64, "z": 64, "t": 64, "j": 64},
    pointer=lambda value: f"{value:016X}",
    # the quiet NaN with its sign set is what invalid operations make
    nan=lambda sign: "-nan(ind)" if sign == "-" else f"{sign}nan",
    wide=_wide,
)


def render(template: str, source: Source, *, wide: bool = False, options: int = 0) -> str:
    """The formatted text. Unknown conversions print their letter, as the runtime does."""
    return shared.render(template, source, WINDOWS, wide=wide, options=options)
