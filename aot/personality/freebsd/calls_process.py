"""FreeBSD calls about processes, threads, signals, time and memory.

Columns: number (the same on both architectures), op, status, arguments. From: sys/kern/syscalls.master,
    FreeBSD 14.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, VALUE, ZERO, call, partial, sig, stub
from aot.personality.abi.errors import E
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    OFFSET,
    S32,
    S64,
    SIZE,
    Bits,
    InInt,
    Int,
    Must,
    OutBytes,
    OutInt,
    OutStruct,
    Pick,
    To,
    Unused,
)
from aot.personality.abi.neutral import Clock
from aot.personality.abi.op import Op
from aot.personality.freebsd import flags as fl
from aot.personality.freebsd import kinds as k
from aot.personality.freebsd import layouts as la
from aot.personality.freebsd.numbers import AARCH64, X86_64, nr
from aot.personality.freebsd.sync import UMTX
from aot.personality.freebsd.sysctl import sysctl, sysctlbyname
from aot.personality.freebsd.vias import cpuset_getaffinity, getgroups, issetugid, setitimer, thr_exit

PROT = Bits(fl.PROT)
SELECTOR = Unused("selector")
NAME = {"namelen": Int(32, signed=False), "old": ADDRESS, "oldlenp": ADDRESS, "new": ADDRESS, "newlen": SIZE}
SYSARCH = {
    128: call("AMD64_GET_FSBASE", None, Op.GET_TLS, FULL, sig(op=SELECTOR, parms=OutInt(64)), ZERO,
        base="fs"),
    129: call("AMD64_SET_FSBASE", None, Op.SET_TLS, FULL, sig(op=SELECTOR, parms=To("address", InInt(64))),
        ZERO,
              base="fs"),
    130: call("AMD64_GET_GSBASE", None, Op.GET_TLS, FULL, sig(op=SELECTOR, parms=OutInt(64)), ZERO,
        base="gs"),
    131: call("AMD64_SET_GSBASE", None, Op.SET_TLS, FULL, sig(op=SELECTOR, parms=To("address", InInt(64))),
        ZERO,
              base="gs"),
}  # fmt: skip
ABSOLUTE = Pick((("0", 0, False), ("TIMER_ABSTIME", 1, True)))
TIMER = Int(32, signed=False)

# fmt: off
PROCESS = (
    call("exit",     nr(1),   Op.EXIT,     FULL, sig(rval=To("status", Int(8, signed=False)))),
    call("wait4",    nr(7),   Op.WAIT,     partial("no children yet"),
         sig(wpid=To("pid", S32), status=Unused("no children"), options=To("nohang", Int(1, signed=False)),
             rusage=Unused("no children"))),
    call("getpid",   nr(20),  Op.GETPID,   FULL),
    call("getppid",  nr(39),  Op.GETPPID,  FULL),
    call("getuid",   nr(24),  Op.GETUID,   FULL),
    call("geteuid",  nr(25),  Op.GETEUID,  FULL),
    call("getgid",   nr(47),  Op.GETGID,   FULL),
    call("getegid",  nr(43),  Op.GETEGID,  FULL),
    call("freebsd14_getgroups", nr(79), None, FULL, sig(gidsetsize=S32, gidset=ADDRESS), via=getgroups),
    call("getgroups", nr(595), None,       FULL, sig(gidsetsize=S32, gidset=ADDRESS), via=getgroups),
    call("getpgrp",  nr(81),  Op.GETPGID,  FULL, None, VALUE, pid=0),
    call("getpgid",  nr(207), Op.GETPGID,  FULL, sig(pid=S32)),
    call("setpgid",  nr(82),  Op.SETPGID,  FULL, sig(pid=S32, pgid=S32), ZERO),
    call("getsid",   nr(310), Op.GETSID,   FULL, sig(pid=S32)),
    call("issetugid", nr(253), None,       FULL, via=issetugid),
    call("getrlimit", nr(194), Op.GETRLIMIT, FULL, sig(which=To("resource", fl.RESOURCE), rlp=k.RLIMIT_OUT),
         ZERO),
    call("setrlimit", nr(195), Op.SETRLIMIT, FULL,
         sig(which=To("resource", fl.RESOURCE), rlp=To("limit", k.RLIMIT_IN)), ZERO),
    call("getrusage", nr(117), Op.GETRUSAGE, FULL, sig(who=fl.WHO, rusage=OutStruct(la.RUSAGE)), ZERO),
    call("__sysctl", nr(202), None,        partial("the nodes of sysctl.py, read only"),
         sig(name=ADDRESS, **NAME), via=sysctl),
    call("__sysctlbyname", nr(570), None,  partial("the nodes of sysctl.py, read only"),
         sig(name=ADDRESS, **NAME), via=sysctlbyname),
    call("getrandom", nr(563), Op.RANDOM,  FULL,
         sig(buf=OutBytes("buflen"), buflen=LENGTH, flags=Must(tuple(range(8)), "GRND_*", bits=32))),
    call("sysarch",  {X86_64: 165}, None,  partial("segment bases"), by=("op", SYSARCH)),
    stub("sysarch",  {AARCH64: 165}, E.INVAL, "nothing of it is known on this architecture"),
)
THREADS = (
    call("thr_self", nr(432), Op.GETTID,   FULL, sig(id=OutInt(64)), ZERO),
    call("thr_exit", nr(431), None,        FULL, sig(state=ADDRESS), via=thr_exit),
    call("thr_kill", nr(433), Op.TKILL,    FULL, sig(id=To("tid", S64), sig=To("signal", k.SIGNAL)), ZERO,
         pid=0),
    call("thr_kill2", nr(481), Op.TKILL,   FULL, sig(pid=S32, id=To("tid", S64), sig=To("signal",
         k.SIGNAL)), ZERO),
    call("_umtx_op", nr(454), None,        partial("waits and wakes; no kernel mutexes"), by=("op", UMTX)),
    call("sched_yield", nr(331), Op.YIELD, FULL, None, ZERO),
    call("cpuset_getaffinity", nr(487), None, partial("of the calling thread"),
         sig(level=Unused("one set"), which=Unused("one set"), id=Unused("one set"), cpusetsize=SIZE,
             mask=ADDRESS),
         via=cpuset_getaffinity),
)
SIGNALS = (
    call("kill",     nr(37),  Op.KILL,     FULL, sig(pid=S32, signum=To("signal", k.SIGNAL)), ZERO),
    call("sigaction", nr(416), Op.SIGACTION, FULL,
         sig(sig=To("signal", k.SIGNAL), act=To("action", k.SIGACTION_IN), oact=k.SIGACTION_OUT), ZERO),
    call("sigprocmask", nr(340), Op.SIGPROCMASK, FULL,
         sig(how=fl.MASK_HOW, set=To("mask", k.SIGSET_OPT), oset=k.SIGSET_OUT_OPT), ZERO),
    call("sigpending", nr(343), Op.SIGPENDING, FULL, sig(set=k.SIGSET_OUT), ZERO),
    call("sigsuspend", nr(341), Op.SIGSUSPEND, FULL, sig(sigmask=To("mask", k.SIGSET_IN)), ZERO),
    call("sigaltstack", nr(53), Op.SIGALTSTACK, FULL, sig(ss=To("stack", k.SIGSTACK_IN),
         oss=k.SIGSTACK_OUT), ZERO),
)
TIME = (
    call("clock_gettime", nr(232), Op.CLOCK_GETTIME, FULL, sig(clock_id=To("clock", fl.CLOCK),
         tp=k.TIME_OUT), ZERO),
    call("clock_getres", nr(234), Op.CLOCK_GETRES, FULL, sig(clock_id=To("clock", fl.CLOCK),
         tp=k.TIME_OUT_OPT), ZERO),
    call("gettimeofday", nr(116), Op.CLOCK_GETTIME, partial("no time zone"),
         sig(tp=OutStruct(la.TIMEVAL, optional=True), tzp=Unused("no time zone")), ZERO,
             clock=Clock.REALTIME),
    call("nanosleep", nr(240), Op.NANOSLEEP, partial("the remaining time is not reported"),
         sig(rqtp=To("time", k.TIME_IN), rmtp=Unused("sleeps are not cut short")), ZERO,
         clock=Clock.MONOTONIC, absolute=False),
    call("clock_nanosleep", nr(244), Op.NANOSLEEP, partial("the remaining time is not reported"),
         sig(clock_id=To("clock", fl.CLOCK), flags=To("absolute", ABSOLUTE), rqtp=To("time", k.TIME_IN),
             rmtp=Unused("sleeps are not cut short")), ZERO),
    call("setitimer", nr(83), None,        partial("kept, does not fire"),
         sig(which=To("timer", TIMER), itv=To("value", k.ITIMER_IN_OPT), oitv=k.ITIMER_OUT_OPT), ZERO,
         via=setitimer),
    call("getitimer", nr(86), Op.GETITIMER, FULL, sig(which=To("timer", TIMER), itv=k.ITIMER_OUT), ZERO),
)
MEMORY = (
    call("mmap",     nr(477), Op.MMAP,     partial("MAP_ALIGNED is a hint"),
         sig(addr=To("address", ADDRESS), len=To("size", SIZE), prot=PROT, flags=Bits(fl.MAP), fd=FD,
             pos=To("offset", OFFSET))),
    call("munmap",   nr(73),  Op.MUNMAP,   FULL, sig(addr=To("address", ADDRESS), len=To("size", SIZE)),
         ZERO),
    call("mprotect", nr(74),  Op.MPROTECT, FULL, sig(addr=To("address", ADDRESS), len=To("size", SIZE),
         prot=PROT), ZERO),
    call("madvise",  nr(75),  Op.MADVISE,  FULL,
         sig(addr=To("address", ADDRESS), len=To("size", SIZE), behav=To("advice", fl.ADVICE)), ZERO),
    call("msync",    nr(65),  Op.MSYNC,    FULL,
         sig(addr=To("address", ADDRESS), len=To("size", SIZE), flags=Unused("always synchronous")), ZERO),
    call("break",    nr(17),  Op.BRK,      FULL, sig(nsize=To("address", ADDRESS)), ZERO),
)
# fmt: on

PROCESS_CALLS = (*PROCESS, *THREADS, *SIGNALS, *TIME, *MEMORY)
