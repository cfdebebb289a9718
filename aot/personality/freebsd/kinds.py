"""FreeBSD's own argument kinds: its structs to and from neutral values."""

from __future__ import annotations

from types import SimpleNamespace

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Array, InStruct, OutStruct
from aot.personality.abi.neutral import (
    UTIME_NOW,
    UTIME_OMIT,
    Itimer,
    PollFd,
    Rlimit,
    SigAction,
    SigStack,
    Time,
    Times,
)
from aot.personality.bsd import InSet, OutAs, OutSet, SignalNumber
from aot.personality.freebsd import layouts as la
from aot.personality.freebsd.flags import SIGNALS
from aot.record import replace

# (FreeBSD, neutral) bits of sa_flags: ONSTACK, RESTART, RESETHAND, NOCLDSTOP, NODEFER, NOCLDWAIT, SIGINFO
SA = (
    (0x1, 0x0800_0000), (0x2, 0x1000_0000), (0x4, 0x8000_0000), (0x8, 0x1), (0x10, 0x4000_0000), (0x20, 0x2),
    (0x40, 0x4),
)  # fmt: skip
SS = ((0x1, 0x1), (0x4, 0x2))
"""(FreeBSD, neutral) bits of ss_flags: ONSTACK, DISABLE."""
NO_LIMIT = (1 << 63) - 1
NOW, OMIT = -1, -2
NSEC = 1_000_000_000


def translate(value: int, pairs: tuple[tuple[int, int], ...], *, back: bool = False) -> int:
    """Bits of `value` from the first spelling of each pair to the second (`back`: the other way)."""
    out = 0
    for ours, theirs in pairs:
        if value & (theirs if back else ours):
            out |= ours if back else theirs
    return out


def _sigaction(handler: int, flags: int, mask: int) -> SigAction:
    return SigAction(handler, translate(flags, SA), 0, SIGNALS.decode_mask(mask))


def _show_sigaction(action: SigAction) -> SigAction:
    mask = SIGNALS.encode_mask(action.mask)
    return SigAction(action.handler, translate(action.flags, SA, back=True), 0, mask)


def _sigstack(address: int, size: int, flags: int) -> SigStack:
    return SigStack(address, size, translate(flags, SS))


def _show_sigstack(stack: SigStack) -> SigStack:
    return replace(stack, flags=translate(stack.flags, SS, back=True))


def _limit(word: int) -> int | None:
    return None if word == NO_LIMIT else word


def _show_limit(limit: int | None) -> int:
    return NO_LIMIT if limit is None else min(limit, NO_LIMIT)


def _time(sec: int, nsec: int) -> Time:
    if sec < 0 or not 0 <= nsec < NSEC:
        raise Errno(E.INVAL)
    return Time(sec, nsec)


def _file_time(sec: int, nsec: int) -> Time:
    if nsec in (NOW, OMIT):
        return Time(0, UTIME_NOW if nsec == NOW else UTIME_OMIT)
    if not 0 <= nsec < NSEC:
        raise Errno(E.INVAL)
    return Time(sec, nsec)


def _times(**words: int) -> Times:
    return Times(
        _file_time(words["atime.sec"], words["atime.nsec"]),
        _file_time(words["mtime.sec"], words["mtime.nsec"]),
    )


def _timeval(sec: int, usec: int) -> Time:
    if sec < 0 or not 0 <= usec < 1_000_000:
        raise Errno(E.INVAL)
    return Time(sec, usec * 1000)


def _itimer(**words: int) -> Itimer:
    return Itimer(
        _timeval(words["interval.sec"], words["interval.usec"]),
        _timeval(words["value.sec"], words["value.usec"]),
    )


SIGNAL = SignalNumber(SIGNALS)
SIGSET_IN = InSet(SIGNALS, la.SIGSET.size)
SIGSET_OPT = InSet(SIGNALS, la.SIGSET.size, optional=True)
SIGSET_OUT = OutSet(SIGNALS, la.SIGSET.size)
SIGSET_OUT_OPT = OutSet(SIGNALS, la.SIGSET.size, optional=True)
SIGACTION_IN = InStruct(la.SIGACTION, _sigaction, optional=True)
SIGACTION_OUT = OutAs(la.SIGACTION, _show_sigaction, optional=True)
SIGSTACK_IN = InStruct(la.STACK, _sigstack, optional=True)
SIGSTACK_OUT = OutAs(la.STACK, _show_sigstack, optional=True)
TIME_IN = InStruct(la.TIMESPEC, _time)
TIME_IN_OPT = InStruct(la.TIMESPEC, _time, optional=True)
TIMES_IN_OPT = InStruct(la.TIMESPECS, _times, optional=True)
TIME_OUT = OutStruct(la.TIMESPEC)
TIME_OUT_OPT = OutStruct(la.TIMESPEC, optional=True)
ITIMER_IN_OPT = InStruct(la.ITIMERVAL, _itimer, optional=True)
ITIMER_OUT = OutStruct(la.ITIMERVAL)
ITIMER_OUT_OPT = OutStruct(la.ITIMERVAL, optional=True)
RLIMIT_IN = InStruct(la.RLIMIT, lambda current, maximum: Rlimit(_limit(current), _limit(maximum)))
RLIMIT_OUT = OutAs(
    la.RLIMIT,
    lambda r: SimpleNamespace(current=_show_limit(r.current), maximum=_show_limit(r.maximum)),
)
STAT_OUT = OutStruct(la.STAT)
POLLFDS = Array(la.POLLFD, PollFd, "nfds", write=True)
