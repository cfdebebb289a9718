"""Rows about processes, signals, time and memory that FreeBSD, NetBSD and OpenBSD share.

Columns: name, op, status, arguments; the number comes from the system's own table of names.
From: sys/kern/syscalls.master of the three.
"""

from __future__ import annotations

from types import ModuleType

from aot.personality.abi.call import FULL, VALUE, ZERO, Call, Ret, partial, sig
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    OFFSET,
    S32,
    SIZE,
    Args,
    Bits,
    Int,
    Must,
    OutBytes,
    Pick,
    To,
    Unused,
)
from aot.personality.abi.neutral import Clock
from aot.personality.abi.op import Op
from aot.personality.bsd import kinds as k
from aot.personality.bsd.master import Master
from aot.personality.bsd.sysctl import Nodes
from aot.personality.bsd.vias import getgroups, issetugid, setitimer

NAME = {"namelen": Int(32, signed=False), "old": ADDRESS, "oldlenp": ADDRESS, "new": ADDRESS, "newlen": SIZE}
ABSOLUTE = Pick((("0", 0, False), ("TIMER_ABSTIME", 1, True)))
TIMER = Int(32, signed=False)
RANGE = {"addr": To("address", ADDRESS), "len": To("size", SIZE)}


# fmt: off
def process(m: Master, fl: ModuleType, nodes: Nodes) -> list[Call | None]:
    """Ids, limits, usage and what the kernel knows of itself."""
    return [
        m.row("exit",     Op.EXIT,   FULL, sig(rval=To("status", Int(8, signed=False)))),
        m.row("wait4",    Op.WAIT,   partial("no children yet"),
              sig(wpid=To("pid", S32), status=Unused("no children"), options=To("nohang", Int(1, signed=False)),
                  rusage=Unused("no children")), Ret("r.pid")),
        m.row("getpid",   Op.GETPID, FULL),
        m.row("getppid",  Op.GETPPID, FULL),
        m.row("getuid",   Op.GETUID, FULL),
        m.row("geteuid",  Op.GETEUID, FULL),
        m.row("getgid",   Op.GETGID, FULL),
        m.row("getegid",  Op.GETEGID, FULL),
        m.row("getgroups", None,     FULL, sig(gidsetsize=S32, gidset=ADDRESS), via=getgroups),
        m.row("getpgrp",  Op.GETPGID, FULL, None, VALUE, pid=0),
        m.row("getpgid",  Op.GETPGID, FULL, sig(pid=S32)),
        m.row("setpgid",  Op.SETPGID, FULL, sig(pid=S32, pgid=S32), ZERO),
        m.row("getsid",   Op.GETSID, FULL, sig(pid=S32)),
        m.row("issetugid", None,     FULL, via=issetugid),
        m.row("getrlimit", Op.GETRLIMIT, FULL, sig(which=To("resource", fl.RESOURCE), rlp=k.RLIMIT_OUT), ZERO),
        m.row("setrlimit", Op.SETRLIMIT, FULL,
              sig(which=To("resource", fl.RESOURCE), rlp=To("limit", k.RLIMIT_IN)), ZERO),
        m.row("getrusage", Op.GETRUSAGE, FULL, sig(who=fl.WHO, rusage=k.RUSAGE_OUT), ZERO),
        m.row("sysctl",   None,      partial("the nodes of sysctl.py, read only"), sig(name=ADDRESS, **NAME),
              via=nodes.sysctl),
        m.row("__sysctlbyname", None, partial("the nodes of sysctl.py, read only"), sig(name=ADDRESS, **NAME),
              via=nodes.sysctlbyname),
        m.row("getrandom", Op.RANDOM, FULL,
              sig(buf=OutBytes("buflen"), buflen=LENGTH, flags=Must(tuple(range(8)), "GRND_*", bits=32))),
        m.row("sched_yield", Op.YIELD, FULL, None, ZERO),
    ]


def signals(m: Master, fl: ModuleType, s: k.SignalKinds) -> list[Call | None]:
    """Signals; OpenBSD's masks travel in registers, so its own rows replace two of these."""
    return [
        m.row("kill",     Op.KILL,   FULL, sig(pid=S32, signum=To("signal", s.number)), ZERO),
        m.row("sigaction", Op.SIGACTION, FULL,
              sig(sig=To("signal", s.number), act=To("action", s.action_in), oact=s.action_out), ZERO),
        m.row("sigprocmask", Op.SIGPROCMASK, FULL,
              sig(how=fl.MASK_HOW, set=To("mask", s.set_opt), oset=s.set_out_opt), ZERO),
        m.row("sigpending", Op.SIGPENDING, FULL, sig(set=s.set_out), ZERO),
        m.row("sigsuspend", Op.SIGSUSPEND, FULL, sig(sigmask=To("mask", s.set_in)), ZERO),
        m.row("sigaltstack", Op.SIGALTSTACK, FULL, sig(ss=To("stack", k.STACK_IN), oss=k.STACK_OUT), ZERO),
    ]


def time(m: Master, fl: ModuleType) -> list[Call | None]:
    """Clocks, sleeps and timers."""
    clock = {"clock_id": To("clock", fl.CLOCK)}
    rest = "the remaining time is not reported"
    return [
        m.row("clock_gettime", Op.CLOCK_GETTIME, FULL, sig(**clock, tp=k.TIME_OUT), ZERO),
        m.row("clock_getres", Op.CLOCK_GETRES, FULL, sig(**clock, tp=k.TIME_OUT_OPT), ZERO),
        m.row("gettimeofday", Op.CLOCK_GETTIME, partial("no time zone"),
              sig(tp=k.TIMEVAL_OUT_OPT, tzp=Unused("no time zone")), ZERO, clock=Clock.REALTIME),
        m.row("nanosleep", Op.NANOSLEEP, partial(rest),
              sig(rqtp=To("time", k.TIME_IN), rmtp=Unused("sleeps are not cut short")), ZERO,
              clock=Clock.MONOTONIC, absolute=False),
        m.row("clock_nanosleep", Op.NANOSLEEP, partial(rest),
              sig(**clock, flags=To("absolute", ABSOLUTE), rqtp=To("time", k.TIME_IN),
                  rmtp=Unused("sleeps are not cut short")), ZERO),
        m.row("setitimer", None,     partial("kept, does not fire"),
              sig(which=To("timer", TIMER), itv=To("value", k.ITIMER_IN_OPT), oitv=k.ITIMER_OUT_OPT), ZERO,
              via=setitimer),
        m.row("getitimer", Op.GETITIMER, FULL, sig(which=To("timer", TIMER), itv=k.ITIMER_OUT), ZERO),
    ]


def memory(m: Master, fl: ModuleType, pad: Args) -> list[Call | None]:
    """Mappings; `pad` stands before an offset where the system has it."""
    prot = Bits(fl.PROT)
    return [
        m.row("mmap",     Op.MMAP,   partial("alignment is a hint"),
              sig(**RANGE, prot=prot, flags=Bits(fl.MAP), fd=FD, **pad, pos=To("offset", OFFSET))),
        m.row("munmap",   Op.MUNMAP, FULL, sig(**RANGE), ZERO),
        m.row("mprotect", Op.MPROTECT, FULL, sig(**RANGE, prot=prot), ZERO),
        m.row("madvise",  Op.MADVISE, FULL, sig(**RANGE, behav=To("advice", fl.ADVICE)), ZERO),
        m.row("msync",    Op.MSYNC,  FULL, sig(**RANGE, flags=Unused("always synchronous")), ZERO,
              wait=True, invalidate=False),
        m.row("break",    Op.BRK,    FULL, sig(nsize=To("address", ADDRESS)), ZERO),
    ]
# fmt: on


def served(*groups: list[Call | None]) -> tuple[Call, ...]:
    """The rows that the system has."""
    return tuple(row for group in groups for row in group if row is not None)
