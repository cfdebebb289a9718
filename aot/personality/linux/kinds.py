"""Argument kinds only Linux has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SigInfo
from aot.personality.abi.kinds import In, Mem, Out
from aot.personality.abi.neutral_process import AnyClock, CpuClock
from aot.personality.linux.flags import CLOCK
from aot.personality.linux.signal_frame import INFO_SIZE, siginfo
from aot.record import dataclass

CPU_SCHED, CPU_THREAD = 2, 4
"""Low bits of a clock number that is made from an id: which time, and whose (kernel/time/posix-cpu-timers.c)."""


@dataclass(frozen=True, slots=True)
class ClockId(In):
    """A clock: one of the kernel's, or the processor time of somebody (a negative number)."""

    @property
    def load(self) -> Callable[..., Any]:
        fixed = CLOCK.load

        def clock(word: int, mem: Mem) -> AnyClock:
            number = ((word & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000
            if number >= 0:
                found: AnyClock = fixed(word, mem)
                return found
            if number & 3 > CPU_SCHED:
                raise Errno(E.INVAL)
            return CpuClock(~(number >> 3), bool(number & CPU_THREAD))

        return clock

    def show(self, word: int, mem: Mem) -> str:
        return CLOCK.show(word, mem)


@dataclass(frozen=True, slots=True)
class OutSigInfo(Out):
    """A siginfo: what it holds depends on the signal. Null is skipped."""

    @property
    def probe(self) -> tuple[int, bool]:
        return INFO_SIZE, True

    @property
    def store(self) -> Callable[..., int | None]:
        def store(word: int, value: SigInfo, mem: Mem) -> None:
            if word:
                mem.write(word, siginfo(value))

        return store


CLOCK_ID = ClockId()
