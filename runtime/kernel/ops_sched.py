"""Ops on how contexts are scheduled: kept and told, but all contexts take turns alike.

Policies and their numbers are those of Linux (sched(7)).
"""

from __future__ import annotations

import os

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Resource, Rlimit, Time, time_ns
from aot.personality.abi.neutral_process import Schedule
from aot.personality.abi.op import Op
from aot.record import replace
from runtime.kernel.context import Context, Kernel, Process
from runtime.kernel.kin import contexts, find_context, group_of, is_outside
from runtime.kernel.ops_ids import capable
from runtime.kernel.ops_process import rlimit_of
from runtime.kernel.optable import op

OTHER, FIFO, RR, BATCH, IDLE, DEADLINE = 0, 1, 2, 3, 5, 6
REAL_TIME = (FIFO, RR)
POLICIES = (OTHER, FIFO, RR, BATCH, IDLE, DEADLINE)
SYS_NICE, SYS_ADMIN = 23, 21
NICE_MIN, NICE_MAX = -20, 19
RESET = 1 << 30
"""Bit of a policy: what the context makes has the usual one."""
MASK_MAX = 1024  # bytes of a mask that are looked at
ROUND_NS = 100_000_000
PROCESS, GROUP, USER = 0, 1, 2
IO_NONE, IO_REAL_TIME, IO_BEST_EFFORT, IO_IDLE = range(4)


def _target(ctx: Context, tid: int) -> Context:
    """A context by id, 0 for the own one. Raises INVAL, SRCH."""
    if tid < 0:
        raise Errno(E.INVAL)
    found = ctx if tid in (0, ctx.tid) else find_context(ctx.process.kernel, tid)
    if found is None:
        raise Errno(E.SRCH)
    return found


def _may(ctx: Context, other: Context) -> bool:
    own = ctx.process.creds
    return own.euid in (other.process.creds.uid, other.process.creds.euid) or capable(ctx, SYS_NICE)


@op(Op.SCHED_GET)
def sched_get(ctx: Context, tid: int) -> Schedule:
    """How a context is scheduled. The process outside that started the run is as usual."""
    if is_outside(ctx.process.kernel, tid):
        return Schedule()
    return _target(ctx, tid).schedule


@op(Op.SCHED_SET)
def sched_set(
    ctx: Context, tid: int, schedule: Schedule | None, policy: int | None = None, keep: bool = False
) -> None:
    """Change policy, priority and nice value. Raises INVAL, PERM for what only the privileged may have.

    `policy` is taken instead of that in `schedule`, where -1 keeps the old one; `keep`: the nice value stays.
    """
    if schedule is None:
        raise Errno(E.INVAL)
    other = _target(ctx, tid)
    if policy is not None:
        if policy < 0:
            raise Errno(E.INVAL)
        schedule = replace(schedule, policy=policy & ~RESET, reset_on_fork=bool(policy & RESET))
    old = other.schedule
    if schedule.policy == -1:
        schedule = replace(schedule, policy=old.policy, reset_on_fork=old.reset_on_fork)
    policy, priority = schedule.policy, schedule.priority
    if policy not in POLICIES or not (1 <= priority <= 99 if policy in REAL_TIME else priority == 0):
        raise Errno(E.INVAL)
    if policy == DEADLINE and not 1024 <= schedule.runtime <= schedule.deadline <= (
        schedule.period or schedule.deadline
    ):
        raise Errno(E.INVAL)
    nice = old.nice if keep else max(NICE_MIN, min(NICE_MAX, schedule.nice))
    if not _may(ctx, other):
        raise Errno(E.PERM)
    if not capable(ctx, SYS_NICE):
        most = rlimit_of(other.process, Resource.RTPRIO).current or 0
        same = policy == old.policy and priority <= old.priority
        if policy == DEADLINE or (policy in REAL_TIME and not same and priority > most):
            raise Errno(E.PERM)
        if nice < old.nice and not _may_lower(other.process, nice):
            raise Errno(E.PERM)
        if old.reset_on_fork and not schedule.reset_on_fork:
            raise Errno(E.PERM)
    other.schedule = replace(schedule, nice=nice, mask=old.mask, io=old.io)


def _may_lower(process: Process, nice: int) -> bool:
    limit: Rlimit = rlimit_of(process, Resource.NICE)
    return limit.current is None or 20 - nice <= limit.current


def processors(kernel: Kernel) -> int:
    """How many processors a guest is told of: as many as this process has.

    They take turns on one engine; a program that counts them behaves as on the host all the same. A
    deterministic run has one.
    """
    return 1 if kernel.deterministic else len(os.sched_getaffinity(0))


@op(Op.SCHED_AFFINITY)
def sched_affinity(ctx: Context, tid: int) -> bytes:
    """Processors a context may run on, as a bit mask of whole 64-bit words, numbered from 0."""
    count = processors(ctx.process.kernel)
    if tid < 0:
        raise Errno(E.SRCH)
    mask = _target(ctx, tid).schedule.mask or (1 << count) - 1
    return mask.to_bytes(-(-count // 64) * 8, "little")


@op(Op.SCHED_SETAFFINITY)
def sched_setaffinity(ctx: Context, tid: int, mask: Buffers) -> None:
    """Choose processors; which one a context runs on makes no difference here.

    Raises INVAL where none of those there are is among them, PERM for others' contexts.
    """
    if tid < 0:
        raise Errno(E.SRCH)
    other = _target(ctx, tid)
    if not _may(ctx, other):
        raise Errno(E.PERM)
    bits = b"".join(bytes(piece[:MASK_MAX]) for piece in mask[:2])
    wanted = int.from_bytes(bits, "little") & (1 << processors(ctx.process.kernel)) - 1
    if not wanted:
        raise Errno(E.INVAL)
    other.schedule = replace(other.schedule, mask=wanted)


@op(Op.SCHED_RANGE)
def sched_range(ctx: Context, policy: int) -> tuple[int, int]:
    """Lowest and highest static priority of a policy."""
    if policy not in POLICIES:
        raise Errno(E.INVAL)
    return (1, 99) if policy in REAL_TIME else (0, 0)


@op(Op.SCHED_INTERVAL)
def sched_interval(ctx: Context, tid: int) -> Time:
    """How long a context runs before others take their turn."""
    policy = _target(ctx, tid).schedule.policy
    if policy == FIFO:
        return time_ns(0)
    return time_ns(ROUND_NS if policy == RR else 4_000_000)


def _which(ctx: Context, which: int, who: int) -> list[Context]:
    """The contexts of a context's id, a group or a user (0: the own)."""
    kernel, own = ctx.process.kernel, ctx.process
    if which == PROCESS:
        found = ctx if who == 0 else find_context(kernel, who)
        return [found] if found is not None else []
    if which == GROUP:
        return [c for c in contexts(kernel) if group_of(c.process) == (who or group_of(own))]
    if which == USER:
        return [c for c in contexts(kernel) if c.process.creds.uid == (who or own.creds.uid)]
    raise Errno(E.INVAL)


@op(Op.GETPRIORITY)
def getpriority(ctx: Context, pid: int, which: int = PROCESS) -> int:
    """Lowest nice value of a context, group or user."""
    found = _which(ctx, which, pid)
    if not found:
        raise Errno(E.SRCH)
    return min(c.schedule.nice for c in found)


@op(Op.SETPRIORITY)
def setpriority(ctx: Context, which: int, who: int, nice: int) -> None:
    """Set the nice value of a context, group or user. Raises PERM, ACCES, SRCH."""
    nice = max(NICE_MIN, min(NICE_MAX, nice))
    found = _which(ctx, which, who)
    if not found:
        raise Errno(E.SRCH)
    for other in found:
        if not _may(ctx, other):
            raise Errno(E.PERM)
        lower = nice < other.schedule.nice and not capable(ctx, SYS_NICE)
        if lower and not _may_lower(other.process, nice):
            raise Errno(E.ACCES)
        other.schedule = replace(other.schedule, nice=nice)


@op(Op.IOPRIO_GET)
def ioprio_get(ctx: Context, which: int, who: int) -> int:
    """Best priority of input and output of a context (1), group (2) or user (3)."""
    found = _which(ctx, which - 1, who)
    if not found:
        raise Errno(E.SRCH)
    return min((c.schedule.io for c in found if c.schedule.io), default=0)


@op(Op.IOPRIO_SET)
def ioprio_set(ctx: Context, which: int, who: int, priority: int) -> None:
    """Set the priority of input and output; it has no effect. Raises INVAL, PERM, SRCH."""
    kind, level = priority >> 13, priority & 0x1FFF
    if kind > IO_IDLE or level > 7 or (kind == IO_NONE and level):
        raise Errno(E.INVAL)
    if kind == IO_REAL_TIME and not (capable(ctx, SYS_NICE) or capable(ctx, SYS_ADMIN)):
        raise Errno(E.PERM)
    found = _which(ctx, which - 1, who)
    if not found:
        raise Errno(E.SRCH)
    for other in found:
        if not _may(ctx, other):
            raise Errno(E.PERM)
        other.schedule = replace(other.schedule, io=priority)
