"""How much one analysis may look at: what keeps files that were made to be slow from being slow."""

from __future__ import annotations

from typing import Final

STEPS: Final = 200_000  # of some ten microseconds each; libc.so.6 takes two thousand, a Go program less


class Effort:
    """Steps that are left. Who gets none gives up: a number stays unknown, a match is refused, no file fails."""

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps
        self.decoded = 0  # instructions, for whoever wants to know

    def spend(self, steps: int = 1) -> bool:
        """Whether there were that many left."""
        self.left -= steps
        return self.left >= 0
