"""Native calls on processes, schedules, timers, parks and terminals, as calls.py has the others."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, STORED, VALUE, ZERO, Call, Ret, call, sig
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    S32,
    SIZE,
    U32,
    U64,
    Args,
    Array,
    Bits,
    InBytes,
    InInts,
    InOutStruct,
    OutInt,
    OutStruct,
)
from aot.personality.abi.neutral_process import IdRule, Share, Trait, Unshare, WaitFor, Which
from aot.personality.abi.op import Op
from aot.personality.native import layouts as la
from aot.personality.native import layouts_process as lp
from aot.personality.native.flags import BOOL, CLOCK, OPEN, choice, flag_map

COLUMN = "native"
RULE, WHICH, SHARE, TRAIT = choice(IdRule), choice(Which), choice(Share), choice(Trait)
WAIT, UNSHARE = Bits(flag_map(WaitFor)), Bits(flag_map(Unshare))


def row(op: Op, args: Args | None = None, ret: Ret = VALUE, **fixed: Any) -> Call:
    """A native row: named and numbered after its op."""
    return call(op.name.lower(), {COLUMN: int(op)}, op, FULL, args, ret, **fixed)


IDS = {"effective": S32, "real": S32, "saved": S32, "rule": RULE}

# fmt: off
ROWS = (
    row(Op.GETPGID,         sig(pid=S32)),
    row(Op.SETPGID,         sig(pid=S32, pgid=S32), ZERO),
    row(Op.GETSID,          sig(pid=S32)),
    row(Op.SETSID),
    row(Op.WAIT,            sig(pid=S32, nohang=BOOL), Ret("r.pid")),
    row(Op.WAITID,          sig(which=WHICH, id=S32, options=WAIT, child=OutStruct(lp.CHILD, optional=True)),
        Ret("r.pid")),
    row(Op.PIDFD_OPEN,      sig(pid=S32, flags=OPEN)),
    row(Op.PIDFD_SIGNAL,    sig(fd=FD, signal=S32, info=la.IN_SIGINFO_OPT), ZERO),
    row(Op.PIDFD_GETFD,     sig(fd=FD, target=S32)),
    row(Op.SIGNALFD,        sig(fd=S32, mask=U64, flags=OPEN), encode=la.SIGINFO.encode),
    row(Op.KCMP,            sig(pid1=S32, pid2=S32, what=SHARE, first=S32, second=S32)),
    row(Op.UNSHARE,         sig(what=UNSHARE), ZERO),
    row(Op.SET_UIDS,        sig(**IDS), ZERO),
    row(Op.SET_GIDS,        sig(**IDS), ZERO),
    row(Op.GETRESUID,       sig(ids=OutStruct(lp.IDS)), ZERO),
    row(Op.GETRESGID,       sig(ids=OutStruct(lp.IDS)), ZERO),
    row(Op.SET_FSUID,       sig(uid=S32)),
    row(Op.SET_FSGID,       sig(gid=S32)),
    row(Op.SETGROUPS,       sig(groups=InInts(32, "count", limit=65536), count=LENGTH), ZERO),
    row(Op.CAPGET,          sig(pid=S32, caps=OutStruct(lp.CAPS)), ZERO),
    row(Op.CAPSET,          sig(pid=S32, caps=lp.IN_CAPS), ZERO),
    row(Op.TRAIT_SET,       sig(trait=TRAIT, value=U32), ZERO),
    row(Op.TRAIT_GET,       sig(trait=TRAIT)),
    row(Op.PERSONA,         sig(value=U32)),
    row(Op.SCHED_GET,       sig(tid=S32, schedule=OutStruct(lp.SCHEDULE)), ZERO),
    row(Op.SCHED_SET,       sig(tid=S32, schedule=lp.IN_SCHEDULE), ZERO),
    row(Op.SCHED_AFFINITY,  sig(tid=S32, mask=lp.OUT_MASK, size=LENGTH), STORED),
    row(Op.SCHED_SETAFFINITY, sig(tid=S32, mask=InBytes("size"), size=LENGTH), ZERO),
    row(Op.SCHED_INTERVAL,  sig(tid=S32, time=la.OUT_TIME), ZERO),
    row(Op.SCHED_RANGE,     sig(policy=S32), Ret("r[1]")),
    row(Op.GETPRIORITY,     sig(pid=S32, which=S32)),
    row(Op.SETPRIORITY,     sig(which=S32, who=S32, nice=S32), ZERO),
    row(Op.IOPRIO_SET,      sig(which=S32, who=S32, priority=S32), ZERO),
    row(Op.IOPRIO_GET,      sig(which=S32, who=S32)),
    row(Op.TIMES,           sig(spent=OutStruct(lp.SPENT)), ZERO),
    row(Op.ALARM,           sig(seconds=U32)),
    row(Op.SETITIMER,       sig(timer=U32, value=la.IN_ITIMER, old=OutStruct(la.ITIMER, optional=True)),
        ZERO),
    row(Op.GETITIMER,       sig(timer=U32, value=OutStruct(la.ITIMER)), ZERO),
    row(Op.TIMER_CREATE,    sig(clock=CLOCK, event=lp.IN_EVENT)),
    row(Op.TIMER_SETTIME,   sig(timer=S32, absolute=BOOL, value=la.IN_ITIMER,
                                old=OutStruct(la.ITIMER, optional=True)), ZERO),
    row(Op.TIMER_GETTIME,   sig(timer=S32, value=OutStruct(la.ITIMER)), ZERO),
    row(Op.TIMER_OVERRUN,   sig(timer=S32)),
    row(Op.TIMER_DELETE,    sig(timer=S32), ZERO),
    row(Op.ADJTIME,         sig(state=InOutStruct(lp.CLOCK_STATE, lp.make_clock_state)), ZERO),
    row(Op.ROBUST_SET,      sig(head=ADDRESS, size=SIZE), ZERO),
    row(Op.ROBUST_GET,      sig(tid=S32, head=OutInt(64, "head")), ZERO),
    row(Op.UNPARK_OP,       sig(address=ADDRESS, count=S32, target=ADDRESS, more=S32, change=U32)),
    row(Op.PARK_MANY,       sig(places=Array(lp.PLACE, lp.make_place, "count", limit=128), count=LENGTH,
                                timeout=la.IN_TIME_OPT, clock=CLOCK)),
    row(Op.PI_LOCK,         sig(address=ADDRESS, timeout=la.IN_TIME_OPT, clock=CLOCK, wait=BOOL), ZERO),
    row(Op.PI_UNLOCK,       sig(address=ADDRESS), ZERO),
)
# fmt: on

CALLS: tuple[Call, ...] = (*ROWS,)
