"""Native calls on processes, schedules, timers, parks and terminals, as calls.py has the others."""

from __future__ import annotations

from aot.personality.abi.call import Call, absent
from aot.personality.abi.op import Op

COLUMN = "native"

# fmt: off
GAPS = (
    Op.SETSID,
    Op.WAITID,
    Op.PIDFD_OPEN,
    Op.PIDFD_SIGNAL,
    Op.PIDFD_GETFD,
    Op.KCMP,
    Op.UNSHARE,
    Op.TRAIT_SET,
    Op.TRAIT_GET,
    Op.SETPRIORITY,
    Op.SCHED_SET,
    Op.SCHED_GET,
    Op.SCHED_SETAFFINITY,
    Op.SCHED_INTERVAL,
    Op.IOPRIO_SET,
    Op.IOPRIO_GET,
    Op.PERSONA,
    Op.CAPGET,
    Op.CAPSET,
    Op.GETRESUID,
    Op.GETRESGID,
    Op.SET_FSUID,
    Op.SET_FSGID,
    Op.SETGROUPS,
    Op.ROBUST_SET,
    Op.ROBUST_GET,
    Op.UNPARK_OP,
    Op.PARK_MANY,
    Op.PI_LOCK,
    Op.PI_UNLOCK,
    Op.TIMER_CREATE,
    Op.TIMER_SETTIME,
    Op.TIMER_GETTIME,
    Op.TIMER_OVERRUN,
    Op.TIMER_DELETE,
    Op.ADJTIME,
    Op.TTY_GETSID,
    Op.TTY_CONTROL,
    Op.TTY_GIVE_UP,
    Op.TTY_FLUSH,
    Op.TTY_BREAK,
    Op.TTY_FLOW,
    Op.TIMES,
)
# fmt: on

CALLS: tuple[Call, ...] = tuple(absent(op.name.lower(), {COLUMN: int(op)}, "not built") for op in GAPS)
