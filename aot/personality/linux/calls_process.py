"""Linux calls on processes: who they are, how they are made, waited for, scheduled and timed.

Columns: name, x86_64, aarch64, op, status, arguments, result.
Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, STORED, ZERO, Call, Ret, call, partial, sig, stub
from aot.personality.abi.errors import E
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    PATH,
    S32,
    U32,
    U64,
    Bits,
    InBytes,
    InInts,
    Int,
    Length,
    Must,
    OutData,
    OutInt,
    OutInts,
    OutStruct,
    Path,
    Pick,
    Strings,
    To,
    Unused,
)
from aot.personality.abi.neutral import CWD, At, Clock, Open
from aot.personality.abi.neutral_process import IdRule, Share, Trait, Unshare, WaitFor, Which
from aot.personality.abi.op import Op
from aot.personality.linux import layouts as la
from aot.personality.linux import layouts_event as le
from aot.personality.linux import layouts_process as lp
from aot.personality.linux.columns import nr
from aot.personality.linux.flags import RESOURCE, WHO
from aot.personality.linux.ids import capget, capset, times
from aot.personality.linux.irregular import get_name
from aot.personality.linux.kinds import CLOCK_ID

STATUS = Int(8, signed=False)
KINDS = (
    ("__WNOTHREAD", 0x2000_0000, WaitFor.OWN), ("__WALL", 0x4000_0000, WaitFor.ANY_KIND),
    ("__WCLONE", 0x8000_0000, WaitFor.CLONES),
)  # fmt: skip
WAIT4 = Bits(FlagMap("wait", (
    ("WNOHANG", 1, WaitFor.NOHANG), ("WUNTRACED", 2, WaitFor.STOPPED), ("WCONTINUED", 8, WaitFor.CONTINUED), *KINDS,
), neutral=WaitFor))  # fmt: skip
WAITID = Bits(FlagMap("wait", (
    ("WNOHANG", 1, WaitFor.NOHANG), ("WSTOPPED", 2, WaitFor.STOPPED), ("WEXITED", 4, WaitFor.EXITED),
    ("WCONTINUED", 8, WaitFor.CONTINUED), ("WNOWAIT", 0x0100_0000, WaitFor.KEEP), *KINDS,
), neutral=WaitFor))  # fmt: skip
WHICH = Pick((
    ("P_ALL", 0, Which.ALL), ("P_PID", 1, Which.PID), ("P_PGID", 2, Which.GROUP), ("P_PIDFD", 3, Which.DESCRIPTOR),
))  # fmt: skip
SHARED = Pick(tuple((f"KCMP_{s.name}", int(s), s) for s in Share))
NAMESPACES = (
    ("CLONE_NEWTIME", 0x80), ("CLONE_NEWNS", 0x2_0000), ("CLONE_NEWCGROUP", 0x200_0000),
    ("CLONE_NEWUTS", 0x400_0000), ("CLONE_NEWIPC", 0x800_0000), ("CLONE_NEWUSER", 0x1000_0000),
    ("CLONE_NEWPID", 0x2000_0000), ("CLONE_NEWNET", 0x4000_0000),
)  # fmt: skip
UNSHARE = Bits(FlagMap("unshare", (
    ("CLONE_FILES", 0x400, Unshare.FILES), ("CLONE_FS", 0x200, Unshare.NAMES),
    ("CLONE_VM", 0x100, Unshare.ALONE), ("CLONE_SIGHAND", 0x800, Unshare.ALONE),
    ("CLONE_THREAD", 0x1_0000, Unshare.ALONE), *((n, b, Unshare.NAMESPACE) for n, b in NAMESPACES),
), ignored=(("CLONE_SYSVSEM", 0x4_0000, "undo lists are a process's own"),), neutral=Unshare))  # fmt: skip
PIDFD = Bits(FlagMap("pidfd", (("PIDFD_NONBLOCK", 0o4000, Open.NONBLOCK),), neutral=Open))
AT_EXEC = Bits(FlagMap("at", (
    ("AT_SYMLINK_NOFOLLOW", 0x100, At.NOFOLLOW), ("AT_EMPTY_PATH", 0x1000, At.EMPTY_PATH),
), neutral=At))  # fmt: skip
ABSTIME = Pick((("0", 0, False), ("TIMER_ABSTIME", 1, True)))
NONE32 = Must((0,), "no flags", bits=32)
ONE, TWO = IdRule.ONE, IdRule.TWO
IDS3 = partial("files are used with the ids of the host's process")

# fmt: off
ENDS = (
    call("exit",        nr(60, 93),   Op.EXIT_THREAD, FULL, sig(error_code=To("status", STATUS))),
    call("exit_group",  nr(231, 94),  Op.EXIT,    FULL, sig(error_code=To("status", STATUS))),
    call("wait4",       nr(61, 260),  Op.WAITID,  partial("no usage but processor time"),
         sig(upid=To("id", S32), stat_addr=OutInt(32, "word", optional=True), options=WAIT4,
             ru=OutStruct(la.RUSAGE, "usage", optional=True)), Ret("r.pid"), which=Which.SIGNED),
    call("waitid",      nr(247, 95),  Op.WAITID,  partial("no usage but processor time"),
         sig(which=WHICH, upid=To("id", S32), infop=OutStruct(lp.WAITED, optional=True), options=WAITID,
             ru=OutStruct(la.RUSAGE, "usage", optional=True)), ZERO),
    call("execve",      nr(59, 221),  Op.EXECVE,  FULL,
         sig(filename=To("path", PATH), argv=Strings(), envp=To("env", Strings())), ZERO, dirfd=CWD),
    call("execveat",    nr(322, 281), Op.EXECVE,  FULL,
         sig(fd=To("dirfd", FD), filename=To("path", PATH), argv=Strings(), envp=To("env", Strings()),
             flags=AT_EXEC), ZERO),
    call("fork",        nr(57, None), Op.FORK,    FULL),
    call("vfork",       nr(58, None), Op.FORK,    FULL, share=True, wait=True),
    call("set_tid_address", nr(218, 96), Op.SET_TID_ADDRESS, FULL, sig(tidptr=To("address", ADDRESS))),
    call("set_robust_list", nr(273, 99), Op.ROBUST_SET, FULL, sig(head=ADDRESS, len=To("size", U64)), ZERO),
    call("get_robust_list", nr(274, 100), Op.ROBUST_GET, FULL,
         sig(pid=To("tid", S32), head_ptr=OutInt(64, "head"), len_ptr=OutInt(64, "size")), ZERO),
)
IDS = (
    call("getpid",      nr(39, 172),  Op.GETPID,  FULL),
    call("gettid",      nr(186, 178), Op.GETTID,  FULL),
    call("getppid",     nr(110, 173), Op.GETPPID, FULL),
    call("getuid",      nr(102, 174), Op.GETUID,  FULL),
    call("geteuid",     nr(107, 175), Op.GETEUID, FULL),
    call("getgid",      nr(104, 176), Op.GETGID,  FULL),
    call("getegid",     nr(108, 177), Op.GETEGID, FULL),
    call("getresuid",   nr(118, 148), Op.GETRESUID, FULL,
         sig(ruidp=OutInt(32, "real"), euidp=OutInt(32, "effective"), suidp=OutInt(32, "saved")), ZERO),
    call("getresgid",   nr(120, 150), Op.GETRESGID, FULL,
         sig(rgidp=OutInt(32, "real"), egidp=OutInt(32, "effective"), sgidp=OutInt(32, "saved")), ZERO),
    call("setuid",      nr(105, 146), Op.SET_UIDS, IDS3, sig(uid=To("effective", S32)), ZERO, rule=ONE),
    call("setgid",      nr(106, 144), Op.SET_GIDS, IDS3, sig(gid=To("effective", S32)), ZERO, rule=ONE),
    call("setreuid",    nr(113, 145), Op.SET_UIDS, IDS3, sig(ruid=To("real", S32), euid=To("effective", S32)),
         ZERO, rule=TWO),
    call("setregid",    nr(114, 143), Op.SET_GIDS, IDS3, sig(rgid=To("real", S32), egid=To("effective", S32)),
         ZERO, rule=TWO),
    call("setresuid",   nr(117, 147), Op.SET_UIDS, IDS3,
         sig(ruid=To("real", S32), euid=To("effective", S32), suid=To("saved", S32)), ZERO),
    call("setresgid",   nr(119, 149), Op.SET_GIDS, IDS3,
         sig(rgid=To("real", S32), egid=To("effective", S32), sgid=To("saved", S32)), ZERO),
    call("setfsuid",    nr(122, 151), Op.SET_FSUID, IDS3, sig(uid=S32)),
    call("setfsgid",    nr(123, 152), Op.SET_FSGID, IDS3, sig(gid=S32)),
    call("getgroups",   nr(115, 158), Op.GETGROUPS, FULL,
         sig(gidsetsize=Length(32), grouplist=OutInts(32, "gidsetsize")), STORED),
    call("setgroups",   nr(116, 159), Op.SETGROUPS, IDS3,
         sig(gidsetsize=Length(32), grouplist=To("groups", InInts(32, "gidsetsize", limit=65536))), ZERO),
    call("capget",      nr(125, 90),  None, FULL, sig(header=ADDRESS, dataptr=ADDRESS), ZERO, via=capget),
    call("capset",      nr(126, 91),  None, partial("of the own process; the host's rights are not given up"),
         sig(header=ADDRESS, data=ADDRESS), ZERO, via=capset),
    call("getpgrp",     nr(111, None), Op.GETPGID, FULL, pid=0),
    call("getpgid",     nr(121, 155), Op.GETPGID, FULL, sig(pid=S32)),
    call("setpgid",     nr(109, 154), Op.SETPGID, FULL, sig(pid=S32, pgid=S32), ZERO),
    call("getsid",      nr(124, 156), Op.GETSID,  FULL, sig(pid=S32)),
    call("setsid",      nr(112, 157), Op.SETSID,  FULL),
    call("pidfd_open",  nr(434, 434), Op.PIDFD_OPEN, FULL, sig(pid=S32, flags=PIDFD)),
    call("pidfd_send_signal", nr(424, 424), Op.PIDFD_SIGNAL, FULL,
         sig(pidfd=To("fd", FD), sig=To("signal", S32), info=le.IN_SIGINFO_OPT, flags=NONE32), ZERO),
    call("pidfd_getfd", nr(438, 438), Op.PIDFD_GETFD, FULL,
         sig(pidfd=To("fd", FD), fd=To("target", S32), flags=NONE32)),
    call("kcmp",        nr(312, 272), Op.KCMP,    partial("no KCMP_EPOLL_TFD; IO and SYSVSEM are never shared"),
         sig(pid1=S32, pid2=S32, type=To("what", SHARED), idx1=To("first", S32), idx2=To("second", S32))),
    call("unshare",     nr(272, 97),  Op.UNSHARE, partial("no namespaces"), sig(unshare_flags=To("what", UNSHARE)),
         ZERO),
    call("personality", nr(135, 92),  Op.PERSONA, partial("kept; it changes nothing"),
         sig(personality=To("value", U32))),
)
SCHEDULE = (
    call("sched_yield", nr(24, 124),  Op.YIELD,   FULL, None, ZERO),
    call("sched_getaffinity", nr(204, 123), Op.SCHED_AFFINITY, FULL,
         sig(pid=To("tid", S32), len=LENGTH, user_mask_ptr=OutData("len", short=E.INVAL)), STORED),
    call("sched_setaffinity", nr(203, 122), Op.SCHED_SETAFFINITY, partial("kept; contexts take turns"),
         sig(pid=To("tid", S32), len=LENGTH, user_mask_ptr=To("mask", InBytes("len"))), ZERO),
    call("sched_getscheduler", nr(145, 120), Op.SCHED_GET, FULL, sig(pid=To("tid", S32)),
         Ret("r.policy | r.reset_on_fork << 30")),
    call("sched_setscheduler", nr(144, 119), Op.SCHED_SET, partial("kept; contexts take turns"),
         sig(pid=To("tid", S32), policy=S32, param=To("schedule", lp.IN_PARAM)), ZERO, keep=True),
    call("sched_getparam", nr(143, 121), Op.SCHED_GET, FULL, sig(pid=To("tid", S32), param=lp.OUT_PARAM), ZERO),
    call("sched_setparam", nr(142, 118), Op.SCHED_SET, partial("kept; contexts take turns"),
         sig(pid=To("tid", S32), param=To("schedule", lp.IN_PARAM)), ZERO, keep=True),
    call("sched_getattr", nr(315, 275), Op.SCHED_GET, FULL,
         sig(pid=To("tid", S32), attr=OutStruct(lp.SCHED_ATTR), size=Must(tuple(range(48, 4097)), "its size", bits=32),
             flags=NONE32), ZERO),
    call("sched_setattr", nr(314, 274), Op.SCHED_SET, partial("kept; contexts take turns; no clamps"),
         sig(pid=To("tid", S32), attr=To("schedule", lp.IN_ATTR), flags=NONE32), ZERO),
    call("sched_get_priority_max", nr(146, 125), Op.SCHED_RANGE, FULL, sig(policy=S32), Ret("r[1]")),
    call("sched_get_priority_min", nr(147, 126), Op.SCHED_RANGE, FULL, sig(policy=S32), Ret("r[0]")),
    call("sched_rr_get_interval", nr(148, 127), Op.SCHED_INTERVAL, FULL,
         sig(pid=To("tid", S32), interval=la.OUT_TIME), ZERO),
    call("getpriority", nr(140, 141), Op.GETPRIORITY, FULL, sig(which=S32, who=To("pid", S32)), Ret("20 - r")),
    call("setpriority", nr(141, 140), Op.SETPRIORITY, partial("kept; contexts take turns"),
         sig(which=S32, who=S32, niceval=To("nice", S32)), ZERO),
    call("ioprio_get",  nr(252, 31),  Op.IOPRIO_GET, FULL, sig(which=S32, who=S32)),
    call("ioprio_set",  nr(251, 30),  Op.IOPRIO_SET, partial("kept; it changes nothing"),
         sig(which=S32, who=S32, ioprio=To("priority", S32)), ZERO),
    call("getcpu",      nr(309, 168), Op.GETCPU,  FULL,
         sig(cpu=OutInt(32, optional=True), node=Unused("one node"), unused=Unused("by Linux itself")), ZERO),
    call("getrlimit",   nr(97, 163),  Op.GETRLIMIT, FULL, sig(resource=RESOURCE, rlim=OutStruct(la.RLIMIT)),
         ZERO),
    call("setrlimit",   nr(160, 164), Op.SETRLIMIT, partial("kept; that of files is enforced"),
         sig(resource=RESOURCE, rlim=To("limit", la.IN_RLIMIT)), ZERO),
    call("prlimit64",   nr(302, 261), Op.SETRLIMIT, partial("kept; that of files is enforced"),
         sig(pid=S32, resource=RESOURCE, new_rlim=To("limit", la.IN_RLIMIT_OPT),
             old_rlim=OutStruct(la.RLIMIT, optional=True)), ZERO),
    call("getrusage",   nr(98, 165),  Op.GETRUSAGE, partial("processor time; all of it is the program's own"),
         sig(who=WHO, ru=OutStruct(la.RUSAGE)), ZERO),
    call("times",       nr(100, 153), None,       FULL, sig(tbuf=To("address", ADDRESS)), via=times),
)
TIMERS = (
    call("alarm",       nr(37, None), Op.ALARM,   FULL, sig(seconds=U32)),
    call("setitimer",   nr(38, 103),  Op.SETITIMER, FULL,
         sig(which=To("timer", U32), value=la.IN_ITIMER, ovalue=OutStruct(la.ITIMER, optional=True)), ZERO),
    call("getitimer",   nr(36, 102),  Op.GETITIMER, FULL, sig(which=To("timer", U32),
         value=OutStruct(la.ITIMER)), ZERO),
    call("timer_create", nr(222, 107), Op.TIMER_CREATE, FULL,
         sig(which_clock=To("clock", CLOCK_ID), timer_event_spec=To("event", lp.IN_SIGEVENT),
             created_timer_id=OutInt(32)), ZERO),
    call("timer_settime", nr(223, 110), Op.TIMER_SETTIME, FULL,
         sig(timer_id=To("timer", S32), flags=To("absolute", ABSTIME), new_setting=To("value", le.IN_ITIMERSPEC),
             old_setting=OutStruct(le.ITIMERSPEC, optional=True)), ZERO),
    call("timer_gettime", nr(224, 108), Op.TIMER_GETTIME, FULL,
         sig(timer_id=To("timer", S32), setting=OutStruct(le.ITIMERSPEC)), ZERO),
    call("timer_getoverrun", nr(225, 109), Op.TIMER_OVERRUN, FULL, sig(timer_id=To("timer", S32))),
    call("timer_delete", nr(226, 111), Op.TIMER_DELETE, FULL, sig(timer_id=To("timer", S32)), ZERO),
    call("adjtimex",    nr(159, 171), Op.ADJTIME, partial("reads; nobody sets the clock"),
         sig(txc_p=To("state", lp.IN_TIMEX)), Ret("5")),
    call("clock_adjtime", nr(305, 266), Op.ADJTIME, partial("reads; nobody sets the clock"),
         sig(which_clock=To("clock", CLOCK_ID), utx=To("state", lp.IN_TIMEX)), Ret("5")),
    call("futex_waitv", nr(449, 449), Op.PARK_MANY, FULL,
         sig(waiters=To("places", lp.WAITERS), nr_futexes=Length(32), flags=NONE32,
             timeout=la.IN_TIME_OPT, clockid=To("clock", Pick((("CLOCK_REALTIME", 0, Clock.REALTIME),
             ("CLOCK_MONOTONIC", 1, Clock.MONOTONIC)))))),
    call("futex_wake",  nr(454, 454), Op.UNPARK, FULL,
         sig(uaddr=To("address", ADDRESS), mask=U32, nr=To("count", S32),
             flags=Must(lp.FUTEX2, "32-bit words", bits=32))),
    call("futex_wait",  nr(455, 455), Op.PARK, FULL,
         sig(uaddr=To("address", ADDRESS), val=To("expected", U32), mask=U32,
             flags=Must(lp.FUTEX2, "32-bit words", bits=32), timeout=la.IN_TIME_OPT,
             clockid=To("clock", Pick((("CLOCK_REALTIME", 0, Clock.REALTIME),
             ("CLOCK_MONOTONIC", 1, Clock.MONOTONIC))))), ZERO, size=4, absolute=True),
)


def _trait(number: int, name: str, op: Op, trait: Trait, **args: Any) -> tuple[int, Call]:
    kinds = sig(option=Unused(name), **args)
    ret = Ret("r") if op is Op.TRAIT_GET and not args else ZERO
    return number, call("prctl", None, op, FULL, kinds, ret, trait=trait)


_VALUE, _ZERO = {"value": U32}, Must((0,), "nothing")
_RESERVED = {"arg3": _ZERO, "arg4": _ZERO, "arg5": _ZERO}
PRCTL = dict((
    _trait(1, "PR_SET_PDEATHSIG", Op.TRAIT_SET, Trait.DEATH_SIGNAL, **_VALUE),
    _trait(2, "PR_GET_PDEATHSIG", Op.TRAIT_GET, Trait.DEATH_SIGNAL, value=OutInt(32)),
    _trait(3, "PR_GET_DUMPABLE", Op.TRAIT_GET, Trait.DUMPABLE),
    _trait(4, "PR_SET_DUMPABLE", Op.TRAIT_SET, Trait.DUMPABLE, **_VALUE),
    _trait(7, "PR_GET_KEEPCAPS", Op.TRAIT_GET, Trait.KEEP_CAPS),
    _trait(8, "PR_SET_KEEPCAPS", Op.TRAIT_SET, Trait.KEEP_CAPS, **_VALUE),
    (15, call("prctl", None, Op.SET_NAME, FULL, sig(option=Unused("PR_SET_NAME"), name=Path(16)), ZERO)),
    (16, call("prctl", None, None, FULL, sig(option=Unused("PR_GET_NAME"), name=To("address", ADDRESS)), ZERO,
              via=get_name)),
    (21, call("prctl", None, Op.GETCPU, FULL, sig(option=Unused("PR_GET_SECCOMP: off")), ZERO)),
    (23, call("prctl", None, Op.GETCPU, FULL,
              sig(option=Unused("PR_CAPBSET_READ: all"), cap=Must(tuple(range(41)), "a capability")), Ret("1"))),
    _trait(27, "PR_GET_SECUREBITS", Op.TRAIT_GET, Trait.SECURE_BITS),
    _trait(28, "PR_SET_SECUREBITS", Op.TRAIT_SET, Trait.SECURE_BITS, **_VALUE),
    _trait(29, "PR_SET_TIMERSLACK", Op.TRAIT_SET, Trait.TIMER_SLACK, **_VALUE),
    _trait(30, "PR_GET_TIMERSLACK", Op.TRAIT_GET, Trait.TIMER_SLACK),
    _trait(34, "PR_MCE_KILL_GET", Op.TRAIT_GET, Trait.MCE_KILL),
    (35, stub("prctl", None, E.PERM, "PR_SET_MM: nothing of a running program is moved")),
    _trait(36, "PR_SET_CHILD_SUBREAPER", Op.TRAIT_SET, Trait.SUBREAPER, **_VALUE),
    _trait(37, "PR_GET_CHILD_SUBREAPER", Op.TRAIT_GET, Trait.SUBREAPER, value=OutInt(32)),
    _trait(38, "PR_SET_NO_NEW_PRIVS", Op.TRAIT_SET, Trait.NO_NEW_PRIVS, **_VALUE, **_RESERVED),
    (39, call("prctl", None, Op.TRAIT_GET, FULL,
              sig(option=Unused("PR_GET_NO_NEW_PRIVS"), arg2=_ZERO, **_RESERVED), trait=Trait.NO_NEW_PRIVS)),
    _trait(41, "PR_SET_THP_DISABLE", Op.TRAIT_SET, Trait.NO_HUGE_PAGES, **_VALUE, **_RESERVED),
    (42, call("prctl", None, Op.TRAIT_GET, FULL,
              sig(option=Unused("PR_GET_THP_DISABLE"), arg2=_ZERO, **_RESERVED), trait=Trait.NO_HUGE_PAGES)),
))
REFUSED = (
    call("prctl",       nr(157, 167), None, partial("names, traits of a process, capabilities read"),
         by=("option", PRCTL), otherwise=E.INVAL),
    stub("restart_syscall", nr(219, 128), E.INTR, "calls that a signal ends are made again whole"),
    stub("setns",       nr(308, 268), E.PERM, "no namespaces"),
    stub("reboot",      nr(169, 142), E.PERM, "the machine is the host's"),
    stub("sethostname", nr(170, 161), E.PERM, "the name is the host's"),
    stub("setdomainname", nr(171, 162), E.PERM, "the name is the host's"),
    stub("settimeofday", nr(164, 170), E.PERM, "the clock is the host's"),
    stub("vhangup",     nr(153, 58),  E.PERM, "the terminal is the host's"),
    stub("kexec_file_load", nr(320, 294), E.PERM, "the machine is the host's"),
    stub("init_module", nr(175, 105), E.PERM, "the kernel has no modules"),
    stub("finit_module", nr(313, 273), E.PERM, "the kernel has no modules"),
    stub("delete_module", nr(176, 106), E.PERM, "the kernel has no modules"),
    stub("iopl",        nr(172, None), E.PERM, "no ports"),
    stub("ioperm",      nr(173, None), E.PERM, "no ports"),
)
# fmt: on

CALLS: tuple[Call, ...] = (*ENDS, *IDS, *SCHEDULE, *TIMERS, *REFUSED)
