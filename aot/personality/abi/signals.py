"""The neutral signal vocabulary and how a personality numbers it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from aot.personality.abi.errors import E, Errno
from aot.record import dataclass, field


class Signal(IntEnum):
    """Neutral signals: the numbers of Linux on x86_64 and aarch64; bit n-1 of a neutral mask is signal n."""

    HUP = 1
    INT = 2
    QUIT = 3
    ILL = 4
    TRAP = 5
    ABRT = 6
    BUS = 7
    FPE = 8
    KILL = 9
    USR1 = 10
    SEGV = 11
    USR2 = 12
    PIPE = 13
    ALRM = 14
    TERM = 15
    STKFLT = 16
    CHLD = 17
    CONT = 18
    STOP = 19
    TSTP = 20
    TTIN = 21
    TTOU = 22
    URG = 23
    XCPU = 24
    XFSZ = 25
    VTALRM = 26
    PROF = 27
    WINCH = 28
    IO = 29
    PWR = 30
    SYS = 31
    # what Linux does not have: numbers of its real-time range, which a personality maps as it likes
    EMT = 62
    INFO = 63
    THR = 64


LAST = 64
"""Highest neutral signal number."""


@dataclass(frozen=True, slots=True)
class SignalMap:
    """A system's signal numbers. `numbers` maps neutral to ABI; a number without an entry maps to itself
    unless another signal took it (then it is refused)."""

    numbers: Mapping[Signal, int]
    _to: dict[int, int] = field(init=False, repr=False, compare=False)
    _back: dict[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        to = {int(neutral): abi for neutral, abi in self.numbers.items()}
        back = {abi: neutral for neutral, abi in to.items()}
        if len(back) != len(to):
            raise ValueError("two signals share a number")
        for n in range(1, LAST + 1):
            if n not in to and n not in back:
                to[n] = back[n] = n
        object.__setattr__(self, "_to", to)
        object.__setattr__(self, "_back", back)

    def decode(self, number: int) -> int:
        """Neutral number of an ABI number (0 stays 0). Raises Errno(INVAL) when there is none."""
        if number == 0:
            return 0
        try:
            return self._back[number]
        except KeyError:
            raise Errno(E.INVAL) from None

    def encode(self, neutral: int) -> int:
        """ABI number of a neutral one; 0 when the system has no such signal."""
        return self._to.get(neutral, 0)

    def decode_mask(self, mask: int) -> int:
        """Neutral mask of an ABI mask; bits without a signal are dropped."""
        pairs = ((abi, n) for n, abi in self._to.items())
        return sum(1 << (n - 1) for abi, n in pairs if mask >> (abi - 1) & 1)

    def encode_mask(self, mask: int) -> int:
        """ABI mask of a neutral mask."""
        return sum(1 << (abi - 1) for n, abi in self._to.items() if mask >> (n - 1) & 1)
