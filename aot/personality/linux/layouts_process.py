"""Linux structs of processes and timers.

From: include/uapi/linux/{sched/types,capability,time,timex,futex,times}.h, asm-generic/siginfo.h.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Array, InOutStruct, InStruct, OutStruct
from aot.personality.abi.layout import S32, S64, U32, U64, F, Layout, pad
from aot.personality.abi.neutral_process import ClockState, Notice, Place, Schedule, TimerEvent

# what waitid stores of a siginfo: the rest is left alone
WAITED = Layout("siginfo_of_waitid", 28, (
    F("si_signo", S32, "signal"), F("si_errno", S32), F("si_code", S32, "code"), pad(4),
    F("si_pid", S32, "pid"), F("si_uid", U32, "uid"), F("si_status", S32, "status"),
))  # fmt: skip
SCHED_PARAM = Layout("sched_param", 4, (F("sched_priority", S32, "priority"),))
SCHED_ATTR = Layout("sched_attr", 48, (
    F("size", U32, value=48), F("sched_policy", U32, "policy"), F("sched_flags", U64, "reset_on_fork"),
    F("sched_nice", S32, "nice"), F("sched_priority", U32, "priority"), F("sched_runtime", U64, "runtime"),
    F("sched_deadline", U64, "deadline"), F("sched_period", U64, "period"),
))  # fmt: skip
SIGEVENT = Layout("sigevent", 64, (
    F("sigev_value", U64, "value"), F("sigev_signo", S32, "signal"), F("sigev_notify", S32, "notice"),
    F("sigev_notify_thread_id", S32, "tid"), pad(44),
))  # fmt: skip
FUTEX_WAITV = Layout("futex_waitv", 24, (
    F("val", U64, "expected"), F("uaddr", U64, "address"), F("flags", U32, "flags"),
    F("__reserved", U32, "reserved"),
))  # fmt: skip
TIMEX = Layout("timex", 208, (
    F("modes", U32, "modes"), pad(4), F("offset", S64), F("freq", S64), F("maxerror", S64, "maxerror"),
    F("esterror", S64, "esterror"), F("status", S32, "status"), pad(4), F("constant", S64, "constant"),
    F("precision", S64, value=1), F("tolerance", S64, "tolerance"), F("time.tv_sec", S64, "time.sec"),
    F("time.tv_usec", S64, "time.usec"), F("tick", S64, "tick"), pad(112),
))  # fmt: skip
TMS = Layout("tms", 32, (
    F("tms_utime", S64, "own_ticks"), F("tms_stime", S64), F("tms_cutime", S64, "children_ticks"),
    F("tms_cstime", S64),
))  # fmt: skip
SCHED_FLAGS = 0x1
"""SCHED_FLAG_RESET_ON_FORK, the only flag of a sched_attr that is taken."""
FUTEX2 = (2, 0x82)
"""FUTEX2_SIZE_U32, with and without FUTEX2_PRIVATE."""


def make_param(priority: int) -> Schedule:
    """The priority alone: the policy stays or comes by itself."""
    return Schedule(policy=-1, priority=priority)


def make_attr(reset_on_fork: int, **words: int) -> Schedule:
    """A Schedule from a sched_attr. Raises INVAL for flags that are not served."""
    if reset_on_fork & ~SCHED_FLAGS:
        raise Errno(E.INVAL)
    return Schedule(reset_on_fork=bool(reset_on_fork), **words)


def make_event(value: int, signal: int, notice: int, tid: int) -> TimerEvent:
    """A TimerEvent. Raises INVAL for a kind of notice that is not there."""
    kinds = {0: Notice.SIGNAL, 1: Notice.NONE, 2: Notice.SIGNAL, 4: Notice.CONTEXT}
    if notice not in kinds:
        raise Errno(E.INVAL)
    return TimerEvent(kinds[notice], signal, value, tid)


def make_place(expected: int, address: int, flags: int, reserved: int) -> Place:
    """A Place; one whose flags say something else than a 32-bit word has no size."""
    return Place(address, expected, 4 if flags in FUTEX2 and not reserved else 0)


def make_timex(modes: int, **_: Any) -> ClockState:
    """What a call of adjtimex asks for: no change is served."""
    return ClockState(modes=modes)


IN_PARAM = InStruct(SCHED_PARAM, make_param, optional=True)
OUT_PARAM = OutStruct(SCHED_PARAM)
IN_ATTR = InStruct(SCHED_ATTR, make_attr, optional=True)
IN_SIGEVENT = InStruct(SIGEVENT, make_event, optional=True)
WAITERS = Array(FUTEX_WAITV, make_place, "nr_futexes", limit=128)
IN_TIMEX = InOutStruct(TIMEX, make_timex)
