"""Linux calls on processes, time, signals and the machine.

Columns: name, x86_64, aarch64, op, status, arguments.
Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, STORED, VALUE, ZERO, Call, Ret, call, partial, sig, stub
from aot.personality.abi.errors import E
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import (
    ADDRESS,
    LENGTH,
    PATH,
    S32,
    U32,
    Bits,
    Int,
    Length,
    Must,
    OutBytes,
    OutData,
    OutInt,
    OutInts,
    OutStruct,
    Path,
    Strings,
    To,
    Unused,
)
from aot.personality.abi.neutral import CWD, Clock
from aot.personality.abi.op import Op
from aot.personality.linux import layouts as la
from aot.personality.linux.columns import nr
from aot.personality.linux.flags import (
    CLOCK,
    RESOURCE,
    SLEEP,
    WHO,
)
from aot.personality.linux.irregular import get_name, nanosleep, times

STATUS = Int(8, signed=False)
WAIT = Bits(
    FlagMap(
        "wait",
        (("WNOHANG", 1, 1),),
        ignored=(("WUNTRACED", 2, "nothing stops"), ("WCONTINUED", 8, "nothing stops")),
    )
)
OWN_IDS = partial("only ids the process has")

# fmt: off
PROCESS = (
    call("exit",        nr(60, 93),   Op.EXIT_THREAD, FULL, sig(error_code=To("status", STATUS))),
    call("exit_group",  nr(231, 94),  Op.EXIT,    FULL, sig(error_code=To("status", STATUS))),
    call("getpid",      nr(39, 172),  Op.GETPID,  FULL),
    call("gettid",      nr(186, 178), Op.GETTID,  FULL),
    call("getppid",     nr(110, 173), Op.GETPPID, FULL),
    call("getuid",      nr(102, 174), Op.GETUID,  FULL),
    call("geteuid",     nr(107, 175), Op.GETEUID, FULL),
    call("getgid",      nr(104, 176), Op.GETGID,  FULL),
    call("getegid",     nr(108, 177), Op.GETEGID, FULL),
    call("getresuid",   nr(118, 148), Op.GETUID,  partial("effective and saved ids are the real one"),
         sig(ruidp=OutInt(32), euidp=OutInt(32), suidp=OutInt(32)), ZERO),
    call("getresgid",   nr(120, 150), Op.GETGID,  partial("effective and saved ids are the real one"),
         sig(rgidp=OutInt(32), egidp=OutInt(32), sgidp=OutInt(32)), ZERO),
    call("setuid",      nr(105, 146), Op.SET_UIDS, OWN_IDS, sig(uid=To("effective", S32)), ZERO, real=-1,
         saved=-1),
    call("setgid",      nr(106, 144), Op.SET_GIDS, OWN_IDS, sig(gid=To("effective", S32)), ZERO, real=-1,
         saved=-1),
    call("setreuid",    nr(113, 145), Op.SET_UIDS, OWN_IDS,
         sig(ruid=To("real", S32), euid=To("effective", S32)), ZERO, saved=-1),
    call("setregid",    nr(114, 143), Op.SET_GIDS, OWN_IDS,
         sig(rgid=To("real", S32), egid=To("effective", S32)), ZERO, saved=-1),
    call("setresuid",   nr(117, 147), Op.SET_UIDS, OWN_IDS,
         sig(ruid=To("real", S32), euid=To("effective", S32), suid=To("saved", S32)), ZERO),
    call("setresgid",   nr(119, 149), Op.SET_GIDS, OWN_IDS,
         sig(rgid=To("real", S32), egid=To("effective", S32), sgid=To("saved", S32)), ZERO),
    stub("setgroups",   nr(116, 159), E.PERM, "groups are the host's"),
    call("getpgrp",     nr(111, None), Op.GETPGID, FULL, pid=0),
    call("getpgid",     nr(121, 155), Op.GETPGID, FULL, sig(pid=S32)),
    call("setpgid",     nr(109, 154), Op.SETPGID, FULL, sig(pid=S32, pgid=S32), ZERO),
    call("getsid",      nr(124, 156), Op.GETSID,  FULL, sig(pid=S32)),
    call("getgroups",   nr(115, 158), Op.GETGROUPS, FULL,
         sig(gidsetsize=Length(32), grouplist=OutInts(32, "gidsetsize")), STORED),
    call("sched_yield", nr(24, 124),  Op.YIELD,   FULL, None, ZERO),
    call("sched_getaffinity", nr(204, 123), Op.SCHED_AFFINITY, FULL,
         sig(pid=To("tid", S32), len=LENGTH, user_mask_ptr=OutData("len", short=E.INVAL)), STORED),
    call("sched_getscheduler", nr(145, 120), Op.GETPRIORITY, partial("SCHED_OTHER, always"), sig(pid=S32)),
    call("sched_setaffinity", nr(203, 122), Op.GETTID, partial("the mask has no effect"),
         sig(pid=Unused("one processor"), len=Unused("one processor"),
         user_mask_ptr=Unused("one processor")), ZERO),
    call("getpriority", nr(140, 141), Op.GETPRIORITY, partial("every process has nice 0"),
         sig(which=Unused("one process"), who=To("pid", S32))),
    call("getcpu",      nr(309, 168), Op.GETCPU,  FULL,
         sig(cpu=OutInt(32, optional=True), node=Unused("one node"), unused=Unused("by Linux itself")), ZERO),
    call("set_tid_address", nr(218, 96), Op.SET_TID_ADDRESS, FULL, sig(tidptr=To("address", ADDRESS))),
    call("wait4",       nr(61, 260),  Op.WAIT,    partial("WNOHANG alone, no usage, no groups"),
         sig(pid=S32, stat_addr=OutInt(32, "status", optional=True), options=To("nohang", WAIT),
             ru=Unused("no usage of children")), Ret("r.pid")),
    call("execve",      nr(59, 221),  Op.EXECVE,  partial("statically linked programs, of any system; scripts"),
         sig(filename=To("path", PATH), argv=Strings(), envp=To("env", Strings())), ZERO, dirfd=CWD),
    call("fork",        nr(57, None), Op.FORK,    partial("futexes in shared memory do not reach across")),
    call("vfork",       nr(58, None), Op.FORK,    FULL, None, VALUE, share=True, wait=True),
    call("getrlimit",   nr(97, 163),  Op.GETRLIMIT, FULL, sig(resource=RESOURCE, rlim=OutStruct(la.RLIMIT)),
         ZERO),
    call("setrlimit",   nr(160, 164), Op.SETRLIMIT, partial("kept, not enforced"),
         sig(resource=RESOURCE, rlim=To("limit", la.IN_RLIMIT)), ZERO),
    call("prlimit64",   nr(302, 261), Op.SETRLIMIT, partial("own process only; kept, not enforced"),
         sig(pid=S32, resource=RESOURCE, new_rlim=To("limit", la.IN_RLIMIT_OPT),
             old_rlim=OutStruct(la.RLIMIT, optional=True)), ZERO),
    call("getrusage",   nr(98, 165),  Op.GETRUSAGE, FULL, sig(who=WHO, ru=OutStruct(la.RUSAGE)), ZERO),
    call("uname",       nr(63, 160),  Op.UNAME,   FULL, sig(name=OutStruct(la.UTSNAME)), ZERO,
         sysname="Linux", release="6.1.0", version="#1 SMP helctic-aot",
         machines={"x86_64": "x86_64", "aarch64": "aarch64"}),
    call("sysinfo",     nr(99, 179),  Op.SYSINFO, FULL, sig(info=OutStruct(la.SYSINFO)), ZERO),
    call("getrandom",   nr(318, 278), Op.RANDOM,  FULL,
         sig(buf=OutBytes("count", partial=True), count=LENGTH, flags=Must((0, 1, 2, 4, 5), "GRND_*",
         bits=32))),
)
PRCTL = {
    15: call("prctl", None, Op.SET_NAME, FULL, sig(option=Unused("PR_SET_NAME"), name=Path(16)), ZERO),
    16: call("prctl", None, None, FULL,
             sig(option=Unused("PR_GET_NAME"), name=To("address", ADDRESS)), ZERO, via=get_name),
}
ARCH_PRCTL = {
    0x1001: call("arch_prctl", None, Op.SET_TLS, FULL, sig(option=Unused("ARCH_SET_GS"), address=ADDRESS),
    ZERO, base="gs"),
    0x1002: call("arch_prctl", None, Op.SET_TLS, FULL, sig(option=Unused("ARCH_SET_FS"), address=ADDRESS),
    ZERO, base="fs"),
    0x1003: call("arch_prctl", None, Op.GET_TLS, FULL, sig(option=Unused("ARCH_GET_FS"),
    address=OutInt(64)), ZERO, base="fs"),
    0x1004: call("arch_prctl", None, Op.GET_TLS, FULL, sig(option=Unused("ARCH_GET_GS"),
    address=OutInt(64)), ZERO, base="gs"),
}
TIME = (
    call("clock_gettime", nr(228, 113), Op.CLOCK_GETTIME, FULL, sig(which_clock=To("clock", CLOCK),
         tp=la.OUT_TIME), ZERO),
    call("clock_getres", nr(229, 114), Op.CLOCK_GETRES, FULL, sig(which_clock=To("clock", CLOCK),
         tp=la.OUT_TIME_OPT), ZERO),
    call("clock_settime", nr(227, 112), Op.CLOCK_SETTIME, FULL, sig(which_clock=To("clock", CLOCK),
         tp=To("time", la.IN_TIME)), ZERO),
    call("clock_nanosleep", nr(230, 115), None, FULL,
         sig(which_clock=To("clock", CLOCK), flags=To("absolute", SLEEP), rqtp=To("time", la.IN_TIME),
             rmtp=To("left", ADDRESS)), ZERO, via=nanosleep),
    call("nanosleep",   nr(35, 101),  None, FULL,
         sig(rqtp=To("time", la.IN_TIME), rmtp=To("left", ADDRESS)), ZERO, via=nanosleep,
         clock=Clock.MONOTONIC, absolute=False),
    call("gettimeofday", nr(96, 169), Op.CLOCK_GETTIME, FULL,
         sig(tv=OutStruct(la.TIMEVAL, optional=True), tz=Unused("no kernel timezone")), ZERO,
         clock=Clock.REALTIME),
    call("time",        nr(201, None), Op.CLOCK_GETTIME, FULL, sig(tloc=OutInt(64, of="sec", optional=True)),
         Ret("r.sec"), clock=Clock.REALTIME),
    call("times",       nr(100, 153), None,       FULL, sig(tbuf=To("address", ADDRESS)), via=times),
    call("alarm",       nr(37, None), Op.ALARM,   FULL, sig(seconds=U32)),
    call("setitimer",   nr(38, 103),  Op.SETITIMER, partial("ITIMER_VIRTUAL and ITIMER_PROF do not fire"),
         sig(which=To("timer", U32), value=la.IN_ITIMER, ovalue=OutStruct(la.ITIMER, optional=True)), ZERO),
    call("getitimer",   nr(36, 102),  Op.GETITIMER, FULL, sig(which=To("timer", U32),
         value=OutStruct(la.ITIMER)), ZERO),
)
ANSWERED = (
    call("set_robust_list", nr(273, 99), Op.GETTID, partial("kept by nobody: one context a process"),
         sig(head=Unused("one context"), len=Must((24,), "sizeof(struct robust_list_head)")), ZERO),
    stub("rseq",        nr(334, 293), E.NOSYS, "libcs go on without it"),
    stub("get_robust_list", nr(274, 100), E.NOSYS, "one context a process"),
    call("prctl",       nr(157, 167), None, partial("PR_SET_NAME and PR_GET_NAME"), by=("option", PRCTL)),
    call("arch_prctl",  nr(158, None), None, FULL, by=("option", ARCH_PRCTL)),
)
# fmt: on

CALLS: tuple[Call, ...] = (*PROCESS, *TIME, *ANSWERED)
