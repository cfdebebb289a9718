"""Linux structs of signals and events. From: asm-generic/siginfo.h, linux/eventpoll.h, linux/timerfd.h."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.frame import SigInfo
from aot.personality.abi.kinds import InStruct
from aot.personality.abi.layout import S32, S64, U16, U32, U64, F, Layout, LayoutSet, pad
from aot.personality.abi.neutral import EpollEvent, Itimer, Time
from aot.personality.linux.columns import AARCH64, X86_64

# as kill, sigqueue and timers fill it; frames of faults are written by signal_frame.py
SIGINFO = Layout("siginfo", 128, (
    F("si_signo", S32, "signal"), F("si_errno", S32), F("si_code", S32, "code"), pad(4),
    F("si_pid", S32, "pid"), F("si_uid", U32, "uid"), F("si_value", U64, "value"), pad(96),
))  # fmt: skip
SIGNALFD = Layout("signalfd_siginfo", 128, (
    F("ssi_signo", U32, "signal"), F("ssi_errno", S32), F("ssi_code", S32, "code"), F("ssi_pid", U32, "pid"),
    F("ssi_uid", U32, "uid"), F("ssi_fd", S32), F("ssi_tid", U32, "timer"), F("ssi_band", U32),
    F("ssi_overrun", U32, "overrun"), F("ssi_trapno", U32, "trap"), F("ssi_status", S32, "status"),
    F("ssi_int", S32, "value_int"),
    F("ssi_ptr", U64, "value"), F("ssi_utime", U64), F("ssi_stime", U64), F("ssi_addr", U64, "address"),
    F("ssi_addr_lsb", U16), pad(46),
))  # fmt: skip
ITIMERSPEC = Layout("itimerspec", 32, (
    F("it_interval.tv_sec", S64, "interval.sec"), F("it_interval.tv_nsec", S64, "interval.nsec"),
    F("it_value.tv_sec", S64, "value.sec"), F("it_value.tv_nsec", S64, "value.nsec"),
))  # fmt: skip
# x86_64 packs it
EPOLL_EVENT = LayoutSet({
    X86_64: Layout("epoll_event", 12, (F("events", U32, "events"), F("data", U64, "data"))),
    AARCH64: Layout("epoll_event", 16, (F("events", U32, "events"), pad(4), F("data", U64, "data"))),
})  # fmt: skip


def make_itimerspec(**words: Any) -> Itimer:
    """An Itimer from an itimerspec."""
    return Itimer(
        Time(words["interval.sec"], words["interval.nsec"]), Time(words["value.sec"], words["value.nsec"])
    )


IN_SIGINFO = InStruct(SIGINFO, SigInfo)
IN_SIGINFO_OPT = InStruct(SIGINFO, SigInfo, optional=True)
IN_ITIMERSPEC = InStruct(ITIMERSPEC, make_itimerspec)
IN_EPOLL = InStruct(EPOLL_EVENT, EpollEvent, optional=True)
