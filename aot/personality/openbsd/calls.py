"""Every OpenBSD call: its own rows, those the BSDs share (bsd/rows_*.py), and the rest by name.

Columns: number by name (names.py), op, status, arguments. From: sys/kern/syscalls.master, OpenBSD 7.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, STORED, ZERO, Call, call, partial, sig
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    HEX32,
    LENGTH,
    OFFSET,
    S32,
    SIZE,
    Bits,
    OutBytes,
    OutStruct,
    Path,
    Pick,
    To,
    Unused,
)
from aot.personality.abi.op import Op
from aot.personality.bsd import rows_file, rows_process
from aot.personality.bsd.futex import futex
from aot.personality.bsd.kqueue import STATUS, Kqueue, kqueue
from aot.personality.bsd.layouts import ENDS
from aot.personality.bsd.terminal import OFLAG_OPENBSD, ioctls
from aot.personality.bsd.vias import closefrom, getentropy, nothing
from aot.personality.openbsd import flags as fl
from aot.personality.openbsd import kinds as k
from aot.personality.openbsd import layouts as la
from aot.personality.openbsd.errors import ERRORS
from aot.personality.openbsd.libc import FUNCTIONS, exported
from aot.personality.openbsd.numbers import AARCH64, MASTER, X86_64, nr
from aot.personality.openbsd.sysctl import SYSCTL
from aot.personality.openbsd.threads import thrsleep, thrwakeup
from aot.personality.openbsd.vias import sigpending, sigprocmask, sigsuspend, threxit

FCNTL = rows_file.fcntl(fl.OPEN, cloexec=10)
IOCTLS = ioctls(OFLAG_OPENBSD)
KQUEUE = Kqueue(la.KEVENT, read=-1, write=-2, user=-10, errors=ERRORS)
WAKE = 2
FUTEX = futex(wait=1, wake=WAKE)
DUP3 = Pick((("0", 0, False), ("O_CLOEXEC", 0x10000, True)))
SIGNAL = To("signal", k.SIGNAL_KINDS.number)
TCB = sig(tcb=To("address", ADDRESS))
PATH_OPT = Path(optional=True)
UNRESTRICTED = partial("granted; nothing is restricted")

# fmt: off
OWN = (
    call("pipe",         nr("pipe"),         Op.PIPE,    FULL, sig(fdp=OutStruct(ENDS)), ZERO, flags=0),
    call("dup3",         nr("dup3"),         Op.DUP_TO,  FULL,
         sig(**{"from": To("fd", FD), "to": To("newfd", FD)}, flags=To("cloexec", DUP3)), distinct=True),
    call("fcntl",        nr("fcntl"),        None,       partial("no record locks"), by=("cmd", FCNTL)),
    call("closefrom",    nr("closefrom"),    None,       FULL, sig(fd=To("lowfd", S32)), ZERO, via=closefrom),
    call("getentropy",   nr("getentropy"),   None,       FULL, sig(buf=OutBytes("nbyte"), nbyte=LENGTH), ZERO,
         via=getentropy),
    call("sigprocmask",  nr("sigprocmask"),  None,       FULL, sig(how=fl.MASK_HOW, mask=HEX32),
         via=sigprocmask),
    call("sigpending",   nr("sigpending"),   None,       FULL, via=sigpending),
    call("sigsuspend",   nr("sigsuspend"),   None,       FULL, sig(mask=HEX32), ZERO, via=sigsuspend),
    call("kqueue",       nr("kqueue"),       None,       STATUS, via=kqueue),
    KQUEUE.row("kevent", nr("kevent")),
    call("getthrid",     nr("getthrid"),     Op.GETTID,  FULL),
    call("__threxit",    nr("__threxit"),    None,       FULL, sig(notdead=ADDRESS), ZERO, via=threxit),
    call("__thrsleep",   nr("__thrsleep"),   None,       partial("the identity is an address"),
         sig(ident=ADDRESS, clock_id=To("clock", S32), tp=ADDRESS, lock=ADDRESS, abort=ADDRESS), via=thrsleep),
    call("__thrwakeup",  nr("__thrwakeup"),  None,       partial("the identity is an address"),
         sig(ident=ADDRESS, n=To("count", S32)), via=thrwakeup),
    call("thrkill",      nr("thrkill"),      Op.TKILL,   partial("the thread's block is not compared"),
         sig(tid=S32, signum=SIGNAL, tcb=Unused("ids are not reused")), ZERO, pid=0),
    call("__set_tcb",    {X86_64: 329},      Op.SET_TLS, FULL, TCB, ZERO, base="fs"),
    call("__set_tcb",    {AARCH64: 329},     Op.SET_TLS, FULL, TCB, ZERO, base="tpidr_el0"),
    call("__get_tcb",    {X86_64: 330},      Op.GET_TLS, FULL, base="fs"),
    call("__get_tcb",    {AARCH64: 330},     Op.GET_TLS, FULL, base="tpidr_el0"),
    call("futex",        nr("futex"),        None,       partial("waits and wakes"), by=("op", FUTEX)),
    call("mquery",       nr("mquery"),       Op.MQUERY,  FULL,
         sig(**rows_process.RANGE, prot=Bits(fl.PROT), flags=Bits(fl.MAP), fd=FD, pos=To("offset", OFFSET))),
    call("pledge",       nr("pledge"),       None,       UNRESTRICTED,
         sig(promises=PATH_OPT, execpromises=PATH_OPT), ZERO, via=nothing),
    call("unveil",       nr("unveil"),       None,       UNRESTRICTED,
         sig(path=PATH_OPT, permissions=PATH_OPT), ZERO, via=nothing),
    call("mimmutable",   nr("mimmutable"),   None,       UNRESTRICTED, sig(addr=ADDRESS, len=SIZE), ZERO,
         via=nothing),
    call("pinsyscalls",  nr("pinsyscalls"),  None,       partial("accepted; calls are served from anywhere"),
         sig(base=ADDRESS, len=SIZE, pins=Unused("not enforced"), npins=S32), ZERO, via=nothing),
)
# fmt: on

MASKS = ("sigprocmask", "sigpending", "sigsuspend")
"""Calls whose masks travel in registers here."""

SERVED = exported(
    (
        *OWN,
        *rows_process.served(
            rows_file.transfer(MASTER, fl, {}),
            rows_file.descriptors(MASTER, fl, k, IOCTLS),
            rows_file.status(MASTER, fl, k, la),
            rows_file.statfs(MASTER, la.STATFS),
            rows_file.names(MASTER, fl, STORED),
            rows_process.process(MASTER, fl, SYSCTL),
            [
                row
                for row in rows_process.signals(MASTER, fl, k.SIGNAL_KINDS)
                if row and row.name not in MASKS
            ],
            rows_process.time(MASTER, fl),
            rows_process.memory(MASTER, fl, {}),
        ),
    )
)
CALLS: tuple[Call, ...] = (*SERVED, *FUNCTIONS, *MASTER.rest(SERVED))
