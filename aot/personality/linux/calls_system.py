"""Linux calls on processes, time, signals and the machine.

Columns: name, x86_64, aarch64, op, status, arguments.
Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, ZERO, Call, Ret, call, partial, sig
from aot.personality.abi.kinds import (
    ADDRESS,
    LENGTH,
    Must,
    OutBytes,
    OutInt,
    OutStruct,
    To,
    Unused,
)
from aot.personality.abi.neutral import Clock
from aot.personality.abi.op import Op
from aot.personality.linux import layouts as la
from aot.personality.linux.columns import nr
from aot.personality.linux.flags import (
    SLEEP,
)
from aot.personality.linux.irregular import nanosleep
from aot.personality.linux.kinds import CLOCK_ID

# fmt: off
PROCESS = (
    call("uname",       nr(63, 160),  Op.UNAME,   FULL, sig(name=OutStruct(la.UTSNAME)), ZERO,
         sysname="Linux", release="6.1.0", version="#1 SMP helctic-aot",
         machines={"x86_64": "x86_64", "aarch64": "aarch64"}),
    call("sysinfo",     nr(99, 179),  Op.SYSINFO, FULL, sig(info=OutStruct(la.SYSINFO)), ZERO),
    call("getrandom",   nr(318, 278), Op.RANDOM,  FULL,
         sig(buf=OutBytes("count", partial=True), count=LENGTH, flags=Must((0, 1, 2, 4, 5), "GRND_*",
         bits=32))),
)
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
    call("clock_gettime", nr(228, 113), Op.CLOCK_GETTIME, FULL, sig(which_clock=To("clock", CLOCK_ID),
         tp=la.OUT_TIME), ZERO),
    call("clock_getres", nr(229, 114), Op.CLOCK_GETRES, FULL, sig(which_clock=To("clock", CLOCK_ID),
         tp=la.OUT_TIME_OPT), ZERO),
    call("clock_settime", nr(227, 112), Op.CLOCK_SETTIME, partial("the clock is the host's: EPERM"),
         sig(which_clock=To("clock", CLOCK_ID), tp=To("time", la.IN_TIME)), ZERO),
    call("clock_nanosleep", nr(230, 115), None, FULL,
         sig(which_clock=To("clock", CLOCK_ID), flags=To("absolute", SLEEP), rqtp=To("time", la.IN_TIME),
             rmtp=To("left", ADDRESS)), ZERO, via=nanosleep),
    call("nanosleep",   nr(35, 101),  None, FULL,
         sig(rqtp=To("time", la.IN_TIME), rmtp=To("left", ADDRESS)), ZERO, via=nanosleep,
         clock=Clock.MONOTONIC, absolute=False),
    call("gettimeofday", nr(96, 169), Op.CLOCK_GETTIME, FULL,
         sig(tv=OutStruct(la.TIMEVAL, optional=True), tz=Unused("no kernel timezone")), ZERO,
         clock=Clock.REALTIME),
    call("time",        nr(201, None), Op.CLOCK_GETTIME, FULL, sig(tloc=OutInt(64, of="sec", optional=True)),
         Ret("r.sec"), clock=Clock.REALTIME),
)
ANSWERED = (
    call("arch_prctl",  nr(158, None), None, FULL, by=("option", ARCH_PRCTL)),
)
# fmt: on

CALLS: tuple[Call, ...] = (*PROCESS, *TIME, *ANSWERED)
