"""Linux calls on signals and event descriptors. Columns: name, x86_64, aarch64, op, status, arguments, result.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, NOTHING, ZERO, Call, Ret, call, partial, sig
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import (
    FD,
    S32,
    U32,
    Bits,
    InInt,
    Items,
    Millis,
    Must,
    OutInt,
    OutStruct,
    To,
    Unused,
)
from aot.personality.abi.neutral import Open
from aot.personality.abi.op import Op
from aot.personality.linux import layouts as la
from aot.personality.linux import layouts_event as le
from aot.personality.linux.columns import nr
from aot.personality.linux.flags import CLOCK, MASK_HOW, PIPE
from aot.personality.linux.kinds import OutSigInfo

SIGSETSIZE = Must((8,), "sizeof(sigset_t)")
MASK, MASK_OPT = InInt(64), InInt(64, optional=True)
SIGNAL = To("signal", S32)
NONE = Open(0)
EVENTFD = Bits(FlagMap("eventfd", (
    ("EFD_SEMAPHORE", 1, Open.SEMAPHORE), ("EFD_NONBLOCK", 0o4000, Open.NONBLOCK),
    ("EFD_CLOEXEC", 0o2000000, Open.CLOEXEC),
), neutral=Open))  # fmt: skip
CLOEXEC = Bits(FlagMap("epoll", (("EPOLL_CLOEXEC", 0o2000000, Open.CLOEXEC),), neutral=Open))
TFD = Bits(FlagMap("timerfd", (("TFD_TIMER_ABSTIME", 1, 1),),
                   ignored=(("TFD_TIMER_CANCEL_ON_SET", 2, "nobody sets the clock"),)))  # fmt: skip

# fmt: off
SIGNALS = (
    call("rt_sigaction", nr(13, 134), Op.SIGACTION, FULL,
         sig(sig=SIGNAL, act=To("action", la.IN_SIGACTION), oact=OutStruct(la.SIGACTION, optional=True),
             sigsetsize=SIGSETSIZE), ZERO),
    call("rt_sigprocmask", nr(14, 135), Op.SIGPROCMASK, FULL,
         sig(how=MASK_HOW, nset=To("mask", MASK_OPT), oset=OutInt(64, optional=True),
             sigsetsize=SIGSETSIZE), ZERO),
    call("rt_sigpending", nr(127, 136), Op.SIGPENDING, FULL, sig(uset=OutInt(64), sigsetsize=SIGSETSIZE),
         ZERO),
    call("rt_sigsuspend", nr(130, 133), Op.SIGSUSPEND, FULL, sig(unewset=To("mask", MASK),
         sigsetsize=SIGSETSIZE), ZERO),
    call("rt_sigtimedwait", nr(128, 137), Op.SIGTIMEDWAIT, FULL,
         sig(uthese=To("mask", MASK), uinfo=OutSigInfo(),
             uts=To("timeout", la.IN_TIME_OPT), sigsetsize=SIGSETSIZE), Ret("r.signal")),
    call("rt_sigreturn", nr(15, 139), Op.SIGRETURN, FULL, None, NOTHING),
    call("sigaltstack", nr(131, 132), Op.SIGALTSTACK, FULL,
         sig(uss=To("stack", la.IN_SIGSTACK), uoss=OutStruct(la.SIGSTACK, optional=True)), ZERO),
    call("pause",       nr(34, None), Op.PAUSE,   FULL, None, ZERO),
    call("kill",        nr(62, 129),  Op.KILL,    FULL, sig(pid=S32, sig=SIGNAL), ZERO),
    call("tkill",       nr(200, 130), Op.TKILL,   FULL, sig(pid=To("tid", S32), sig=SIGNAL), ZERO, pid=None),
    call("tgkill",      nr(234, 131), Op.TKILL,   FULL,
         sig(tgid=To("pid", S32), pid=To("tid", S32), sig=SIGNAL), ZERO),
    call("rt_sigqueueinfo", nr(129, 138), Op.SIGQUEUE, FULL,
         sig(pid=S32, sig=SIGNAL, uinfo=To("info", le.IN_SIGINFO)), ZERO, tid=None),
    call("rt_tgsigqueueinfo", nr(297, 240), Op.SIGQUEUE, FULL,
         sig(tgid=To("pid", S32), pid=To("tid", S32), sig=SIGNAL, uinfo=To("info", le.IN_SIGINFO)), ZERO),
)
EPOLL = {"epfd": To("fd", FD), "events": Items(le.EPOLL_EVENT, "maxevents"), "maxevents": To("count", S32)}
SET = sig(ufd=To("fd", FD), flags=To("absolute", TFD), utmr=To("value", le.IN_ITIMERSPEC),
          otmr=OutStruct(le.ITIMERSPEC, optional=True))
SIGNALFD = {"ufd": To("fd", S32), "user_mask": To("mask", MASK), "sizemask": SIGSETSIZE}
EVENTS = (
    call("signalfd",    nr(282, None), Op.SIGNALFD, FULL, sig(**SIGNALFD), flags=NONE, encode=le.SIGNALFD.encode),
    call("signalfd4",   nr(289, 74),  Op.SIGNALFD, FULL, sig(**SIGNALFD, flags=PIPE), encode=le.SIGNALFD.encode),
    call("eventfd",     nr(284, None), Op.EVENTFD, FULL, sig(count=U32), flags=NONE),
    call("eventfd2",    nr(290, 19),  Op.EVENTFD, FULL, sig(count=U32, flags=EVENTFD)),
    call("timerfd_create", nr(283, 85), Op.TIMERFD_CREATE, FULL, sig(clockid=To("clock", CLOCK), flags=PIPE)),
    call("timerfd_settime", nr(286, 86), Op.TIMERFD_SETTIME, partial("TFD_TIMER_CANCEL_ON_SET never cancels"),
         SET, ZERO),
    call("timerfd_gettime", nr(287, 87), Op.TIMERFD_GETTIME, FULL,
         sig(ufd=To("fd", FD), otmr=OutStruct(le.ITIMERSPEC)), ZERO),
    call("epoll_create", nr(213, None), Op.EPOLL_CREATE, partial("any size is taken"),
         sig(size=Unused("Linux wants it positive and ignores it")), flags=NONE),
    call("epoll_create1", nr(291, 20), Op.EPOLL_CREATE, FULL, sig(flags=CLOEXEC)),
    call("epoll_ctl",   nr(233, 21),  Op.EPOLL_CTL, partial("EPOLLEXCLUSIVE is ignored: contexts run one at a time"),
         sig(epfd=To("fd", FD), op=To("action", U32), fd=To("target", FD), event=le.IN_EPOLL), ZERO),
    call("epoll_wait",  nr(232, None), Op.EPOLL_WAIT, FULL, sig(**EPOLL, timeout=Millis()), mask=None),
    call("epoll_pwait", nr(281, 22),  Op.EPOLL_WAIT, FULL,
         sig(**EPOLL, timeout=Millis(), sigmask=To("mask", MASK_OPT), sigsetsize=Unused("8"))),
    call("epoll_pwait2", nr(441, 441), Op.EPOLL_WAIT, FULL,
         sig(**EPOLL, timeout=la.IN_TIME_OPT, sigmask=To("mask", MASK_OPT), sigsetsize=Unused("8"))),
)
# fmt: on

CALLS: tuple[Call, ...] = (*SIGNALS, *EVENTS)
