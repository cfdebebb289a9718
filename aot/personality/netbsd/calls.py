"""Every NetBSD call: its own rows, those the BSDs share (bsd/rows_*.py), and the rest by name.

Columns: number by name (names.py), op, status, arguments. From: sys/kern/syscalls.master, NetBSD 10.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, PAIR, STORED, ZERO, Call, call, partial, sig
from aot.personality.abi.kinds import ADDRESS, FD, PATH, S32, U32, OutStruct, Pick, To, Unused
from aot.personality.abi.neutral import CWD, At
from aot.personality.abi.op import Op
from aot.personality.bsd import rows_file, rows_process
from aot.personality.bsd.futex import futex
from aot.personality.bsd.kinds import FILE_TIMEVALS
from aot.personality.bsd.kqueue import STATUS, Kqueue, kqueue
from aot.personality.bsd.terminal import OFLAG, ioctls
from aot.personality.bsd.vias import closefrom
from aot.personality.netbsd import flags as fl
from aot.personality.netbsd import kinds as k
from aot.personality.netbsd import layouts as la
from aot.personality.netbsd.errors import ERRORS
from aot.personality.netbsd.numbers import AARCH64, MASTER, X86_64, nr
from aot.personality.netbsd.sysctl import SYSCTL
from aot.personality.netbsd.threads import create, getcontext, park, unpark
from aot.personality.netbsd.vias import lwp_exit

FCNTL = {
    **rows_file.fcntl(fl.OPEN, cloexec=12),
    10: call("F_CLOSEM", None, None, FULL,
             sig(fd=To("lowfd", S32), cmd=rows_file.SELECTOR, arg=Unused("none")), ZERO, via=closefrom),
}  # fmt: skip
IOCTLS = ioctls(OFLAG)
KQUEUE = Kqueue(la.KEVENT, read=0, write=1, user=8, errors=ERRORS)
KQUEUE100 = Kqueue(la.KEVENT100, read=0, write=1, user=8, errors=ERRORS)
FUTEX = futex(wait=0, wake=1)
DUP3 = Pick((("0", 0, False), ("O_CLOEXEC", 0x400000, True)))
SIGNAL = To("signal", k.SIGNAL_KINDS.number)
NO_NAMES = partial("no mount names")

# fmt: off
OWN = (
    call("pipe",         nr("pipe"),         Op.PIPE,    FULL, None, PAIR, flags=0),
    call("__dup3100",    nr("__dup3100"),    Op.DUP_TO,  FULL,
         sig(**{"from": To("fd", FD), "to": To("newfd", FD)}, flags=To("cloexec", DUP3)), distinct=True),
    call("fcntl",        nr("fcntl"),        None,       partial("no record locks"), by=("cmd", FCNTL)),
    call("__statvfs190", nr("__statvfs190"), Op.STATFS,  NO_NAMES,
         sig(path=PATH, buf=OutStruct(la.STATVFS), flags=Unused("always fresh")), ZERO),
    call("__fstatvfs190", nr("__fstatvfs190"), Op.FSTATFS, NO_NAMES,
         sig(fd=FD, buf=OutStruct(la.STATVFS), flags=Unused("always fresh")), ZERO),
    call("__posix_lchown", nr("__posix_lchown"), Op.FCHOWNAT, FULL, sig(path=PATH, uid=S32, gid=S32), ZERO,
         dirfd=CWD, flags=At.NOFOLLOW),
    call("kqueue",       nr("kqueue"),       None,       STATUS, via=kqueue),
    KQUEUE.row("__kevent100", nr("__kevent100")),
    KQUEUE100.row("compat_100___kevent50", nr("compat_100___kevent50")),
    call("__lutimes50",  nr("__lutimes50"),  Op.UTIMENSAT, FULL, sig(path=PATH, tptr=To("times", FILE_TIMEVALS)),
         ZERO, dirfd=CWD, flags=At.NOFOLLOW),
    call("__sigaction_sigtramp", nr("__sigaction_sigtramp"), Op.SIGACTION, partial("no trampoline is entered"),
         sig(signum=SIGNAL, nsa=To("action", k.SIGNAL_KINDS.action_in), osa=k.SIGNAL_KINDS.action_out,
             tramp=Unused("handlers return to the kernel"), vers=Unused("one form of handler")), ZERO),
    call("_lwp_self",    nr("_lwp_self"),    Op.GETTID,  FULL),
    call("getcontext",   nr("getcontext"),   None,       partial("no floating-point state, no address to go on at"),
         sig(ucp=ADDRESS), ZERO, via=getcontext),
    call("_lwp_create",  nr("_lwp_create"),  None,       partial("general registers and signal mask; not suspended"),
         sig(ucp=ADDRESS, flags=U32, new_lwp=ADDRESS), PAIR, via=create),
    call("_lwp_unpark",  nr("_lwp_unpark"),  None,       FULL, sig(target=S32, hint=Unused("ids are enough")),
         ZERO, via=unpark),
    call("___lwp_park60", nr("___lwp_park60"), None,     partial("the remaining time is not reported"),
         sig(clock_id=U32, flags=U32, ts=ADDRESS, unpark=To("target", S32), hint=Unused("ids are enough"),
             unparkhint=Unused("ids are enough")), ZERO, via=park),
    call("_lwp_exit",    nr("_lwp_exit"),    None,       FULL, via=lwp_exit),
    call("_lwp_kill",    nr("_lwp_kill"),    Op.TKILL,   FULL, sig(target=To("tid", S32), signo=SIGNAL), ZERO,
         pid=0),
    call("_lwp_setprivate", {X86_64: 317},   Op.SET_TLS, FULL, sig(ptr=To("address", ADDRESS)), ZERO, base="fs"),
    call("_lwp_setprivate", {AARCH64: 317},  Op.SET_TLS, FULL, sig(ptr=To("address", ADDRESS)), ZERO,
         base="tpidr_el0"),
    call("_lwp_getprivate", {X86_64: 316},   Op.GET_TLS, FULL, base="fs"),
    call("_lwp_getprivate", {AARCH64: 316},  Op.GET_TLS, FULL, base="tpidr_el0"),
    call("__futex",      nr("__futex"),      None,       partial("waits and wakes"), by=("op", FUTEX)),
)
# fmt: on

SERVED = (
    *OWN,
    *rows_process.served(
        rows_file.transfer(MASTER, fl, rows_file.PAD),
        rows_file.descriptors(MASTER, fl, k, IOCTLS),
        rows_file.status(MASTER, fl, k, la),
        rows_file.names(MASTER, fl, STORED),
        rows_process.process(MASTER, fl, SYSCTL),
        rows_process.signals(MASTER, fl, k.SIGNAL_KINDS),
        rows_process.time(MASTER, fl),
        rows_process.memory(MASTER, fl, rows_file.PAD),
    ),
)
CALLS: tuple[Call, ...] = (*SERVED, *MASTER.rest(SERVED))
