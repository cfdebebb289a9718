"""Structs of the BSDs to and from neutral values, as the argument kinds of one system."""

from __future__ import annotations

from types import SimpleNamespace

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Array, InStruct, OutStruct
from aot.personality.abi.layout import Layout
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
from aot.personality.abi.signals import SignalMap
from aot.personality.bsd import layouts as la
from aot.personality.bsd.words import InSet, OutAs, OutSet, SignalNumber
from aot.record import replace

# (BSD, neutral) bits of sa_flags: ONSTACK, RESTART, RESETHAND, NOCLDSTOP, NODEFER, NOCLDWAIT, SIGINFO
SA = (
    (0x1, 0x0800_0000), (0x2, 0x1000_0000), (0x4, 0x8000_0000), (0x8, 0x1), (0x10, 0x4000_0000), (0x20, 0x2),
    (0x40, 0x4),
)  # fmt: skip
SS = ((0x1, 0x1), (0x4, 0x2))
"""(BSD, neutral) bits of ss_flags: ONSTACK, DISABLE."""
NO_LIMIT = (1 << 63) - 1
NSEC = 1_000_000_000


def translate(value: int, pairs: tuple[tuple[int, int], ...], *, back: bool = False) -> int:
    """Bits of `value` from the first spelling of each pair to the second (`back`: the other way)."""
    out = 0
    for ours, theirs in pairs:
        if value & (theirs if back else ours):
            out |= ours if back else theirs
    return out


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


def _timeval(sec: int, usec: int) -> Time:
    if sec < 0 or not 0 <= usec < 1_000_000:
        raise Errno(E.INVAL)
    return Time(sec, usec * 1000)


def _itimer(**words: int) -> Itimer:
    return Itimer(
        _timeval(words["interval.sec"], words["interval.usec"]),
        _timeval(words["value.sec"], words["value.usec"]),
    )


def _file_timevals(**words: int) -> Times:
    return Times(
        _timeval(words["atime.sec"], words["atime.usec"]), _timeval(words["mtime.sec"], words["mtime.usec"])
    )


STACK_IN = InStruct(la.STACK, _sigstack, optional=True)
STACK_OUT = OutAs(la.STACK, _show_sigstack, optional=True)
TIME_IN = InStruct(la.TIMESPEC, _time)
TIME_IN_OPT = InStruct(la.TIMESPEC, _time, optional=True)
TIME_OUT = OutStruct(la.TIMESPEC)
TIME_OUT_OPT = OutStruct(la.TIMESPEC, optional=True)
TIMEVAL_OUT_OPT = OutStruct(la.TIMEVAL, optional=True)
FILE_TIMEVALS = InStruct(la.TIMEVALS, _file_timevals, optional=True)
ITIMER_IN_OPT = InStruct(la.ITIMERVAL, _itimer, optional=True)
ITIMER_OUT = OutStruct(la.ITIMERVAL)
ITIMER_OUT_OPT = OutStruct(la.ITIMERVAL, optional=True)
RLIMIT_IN = InStruct(la.RLIMIT, lambda current, maximum: Rlimit(_limit(current), _limit(maximum)))
RLIMIT_OUT = OutAs(
    la.RLIMIT,
    lambda r: SimpleNamespace(current=_show_limit(r.current), maximum=_show_limit(r.maximum)),
)
RUSAGE_OUT = OutStruct(la.RUSAGE)
POLLFDS = Array(la.POLLFD, PollFd, "nfds", write=True)


class SignalKinds:
    """The kinds that speak of signals, for one system's numbers, set size and struct sigaction."""

    def __init__(self, signals: SignalMap, sigset_size: int, sigaction: Layout) -> None:
        decode, encode = signals.decode_mask, signals.encode_mask
        held = (1 << 8 * min(sigset_size, 8)) - 1  # signals that struct sigaction can name

        def load(handler: int, flags: int, mask: int) -> SigAction:
            return SigAction(handler, translate(flags, SA), 0, decode(mask))

        def show(action: SigAction) -> SigAction:
            flags = translate(action.flags, SA, back=True)
            return SigAction(action.handler, flags, 0, encode(action.mask) & held)

        self.number = SignalNumber(signals)
        self.set_in = InSet(signals, sigset_size)
        self.set_opt = InSet(signals, sigset_size, optional=True)
        self.set_out = OutSet(signals, sigset_size)
        self.set_out_opt = OutSet(signals, sigset_size, optional=True)
        self.action_in = InStruct(sigaction, load, optional=True)
        self.action_out = OutAs(sigaction, show, optional=True)


def file_times(now: int, omit: int) -> InStruct:
    """The two times of utimensat, where a nanosecond count may be a mark of this system's."""

    def one(sec: int, nsec: int) -> Time:
        if nsec in (now, omit):
            return Time(0, UTIME_NOW if nsec == now else UTIME_OMIT)
        if not 0 <= nsec < NSEC:
            raise Errno(E.INVAL)
        return Time(sec, nsec)

    def times(**words: int) -> Times:
        return Times(
            one(words["atime.sec"], words["atime.nsec"]), one(words["mtime.sec"], words["mtime.nsec"])
        )

    return InStruct(la.TIMESPECS, times, optional=True)
