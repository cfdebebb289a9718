"""Darwin's own calls about processes, threads, signals, time and memory, and its Mach traps.

From: bsd/kern/syscalls.master, osfmk/kern/syscall_sw.c, osfmk/i386/machdep_call.c, osfmk/arm64/sleh.c of XNU.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, VALUE, ZERO, Call, Level, Ret, Status, call, partial, sig
from aot.personality.abi.errors import E
from aot.personality.abi.gate import ErrorStyle
from aot.personality.abi.kinds import (
    ADDRESS,
    LENGTH,
    S32,
    SIZE,
    U32,
    U64,
    Args,
    Int,
    OutBytes,
    OutStruct,
    To,
    Unused,
)
from aot.personality.abi.op import Op
from aot.personality.bsd import rows_process as shared
from aot.personality.bsd.vias import getentropy
from aot.personality.darwin import flags as fl
from aot.personality.darwin import kinds as k
from aot.personality.darwin import layouts as la
from aot.personality.darwin import vias
from aot.personality.darwin.calls_file import without_cancel
from aot.personality.darwin.fails import KERN_RETURN, SYSTEM_CALL
from aot.personality.darwin.names import MACH
from aot.personality.darwin.numbers import AARCH64, MASTER, PLATFORM, bsd, mach, machdep, symbols
from aot.personality.darwin.sysctl import NODES
from aot.record import dataclass

PLAIN = ErrorStyle.PLAIN
STATUS = To("status", Int(8, signed=False))
S = k.SIGNAL_KINDS
NAME = {"old": ADDRESS, "oldlenp": ADDRESS, "new": ADDRESS, "newlen": SIZE}


@dataclass(frozen=True, slots=True)
class Timebase:
    """Nanoseconds per tick, as a fraction."""

    numer: int = 1
    denom: int = 1


def _timebase(ctx: Any, ops: Any) -> Timebase:
    return Timebase()


def trap(
    name: str, number: int, args: Args, via: Any = None, op: Op | None = None, ret: Ret = ZERO, **more: Any
) -> Call:
    """A Mach trap: a kern_return_t or a value, no flag touched."""
    plain = name.removesuffix("_trap").removeprefix("_kernelrpc_")
    more = {"symbols": (f"_{plain}",), **more}
    return call(name, mach(number), op, FULL, args, ret, via=via, style=PLAIN, fail=KERN_RETURN, **more)


# fmt: off
BSD_CALLS = (
    call("exit",     bsd(1),   Op.EXIT,  FULL, sig(rval=STATUS), symbols=("__exit", "__Exit")),
    call("kill",     bsd(37),  Op.KILL,  FULL,
         sig(pid=S32, signum=To("signal", S.number), posix=Unused("both ways are the same here")), ZERO),
    call("sigaction", bsd(46), Op.SIGACTION, FULL,
         sig(signum=To("signal", S.number), nsa=To("action", k.ACTION_IN), osa=S.action_out), ZERO),
    call("sigprocmask", bsd(48), Op.SIGPROCMASK, FULL,
         sig(how=fl.MASK_HOW, mask=S.set_opt, omask=S.set_out_opt), ZERO, symbols=symbols("sigprocmask"),
         fail=SYSTEM_CALL),
    call("__pthread_sigmask", bsd(329), Op.SIGPROCMASK, FULL,
         sig(how=fl.MASK_HOW, set=To("mask", S.set_opt), oset=S.set_out_opt), ZERO),
    call("sigsuspend", bsd(111), Op.SIGSUSPEND, FULL, sig(mask=k.SIGSET_WORD), ZERO),
    call("gettimeofday", bsd(116), None, partial("no time zone"),
         sig(tp=ADDRESS, tzp=Unused("no time zone"), mach_absolute_time=To("absolute", ADDRESS)), ZERO,
         via=vias.time_of_day),
    call("sysctl",   bsd(202), None, partial("the nodes of sysctl.py, read only"),
         sig(name=ADDRESS, namelen=U32, **NAME), symbols=("_sysctl",), fail=SYSTEM_CALL, via=NODES.sysctl),
    call("sysctlbyname", bsd(274), None, partial("the nodes of sysctl.py, read only"),
         sig(name=ADDRESS, namelen=U64, **NAME), via=NODES.sysctlbyname),
    call("__semwait_signal", bsd(334), None, partial("sleeps only"),
         sig(cond_sem=Unused("no semaphores"), mutex_sem=Unused("no semaphores"), timeout=S32, relative=S32,
             tv_sec=Int(64, signed=True), tv_nsec=S32), ZERO, via=vias.sem_wait_signal),
    call("mlock",    bsd(203), Op.MSYNC, partial("nothing is ever paged out"), sig(**shared.RANGE), ZERO,
         symbols=("_mlock",), fail=SYSTEM_CALL),
    call("munlock",  bsd(204), Op.MSYNC, partial("nothing is ever paged out"), sig(**shared.RANGE), ZERO,
         symbols=("_munlock",), fail=SYSTEM_CALL),
    call("thread_selfid", bsd(372), Op.GETTID, FULL),
    call("bsdthread_terminate", bsd(361), None, partial("no port and no semaphore is signalled"),
         sig(stackaddr=To("stack", ADDRESS), freesize=To("size", SIZE), port=Unused("no ports"),
             sema_or_ulock=Unused("nobody waits there")), ZERO, via=vias.bsdthread_terminate),
    call("getentropy", bsd(500), None, FULL, sig(buffer=To("buf", OutBytes("size")), size=LENGTH), ZERO,
         symbols=("_getentropy",), fail=SYSTEM_CALL, via=getentropy),
    call("ulock_wait", bsd(515), None, partial("ULF_* flags but for waking all are ignored"),
         sig(operation=U32, addr=ADDRESS, value=U64, timeout=U32), symbols=("___ulock_wait",), fail=SYSTEM_CALL,
         via=vias.ulock_wait),
    call("ulock_wake", bsd(516), None, partial("no single thread is woken"),
         sig(operation=U32, addr=ADDRESS, wake_value=Unused("any waiter")), symbols=("___ulock_wake",),
         fail=SYSTEM_CALL, via=vias.ulock_wake),
    call("ulock_wait2", bsd(544), None, partial("ULF_* flags but for waking all are ignored"),
         sig(operation=U32, addr=ADDRESS, value=U64, timeout=U64, value2=Unused("no owner")),
         symbols=("___ulock_wait2",), fail=SYSTEM_CALL, via=vias.ulock_wait2),
)
MACH_CALLS = (
    trap("_kernelrpc_mach_vm_allocate_trap", 10,
         sig(target=U32, addr=ADDRESS, size=U64, flags=S32), vias.vm_allocate),
    trap("_kernelrpc_mach_vm_deallocate_trap", 12, sig(target=U32, addr=ADDRESS, size=U64), vias.vm_deallocate),
    trap("_kernelrpc_mach_vm_protect_trap", 14,
         sig(target=U32, addr=ADDRESS, size=U64, set_maximum=To("maximum", S32), prot=S32), vias.vm_protect),
    trap("mach_reply_port",  26, {}, vias.port(vias.REPLY_PORT), ret=VALUE),
    trap("thread_self_trap", 27, {}, vias.port(vias.THREAD_PORT), ret=VALUE, symbols=("_mach_thread_self",)),
    trap("task_self_trap",   28, {}, vias.port(vias.TASK_PORT), ret=VALUE, symbols=("_mach_task_self",)),
    trap("host_self_trap",   29, {}, vias.port(vias.HOST_PORT), ret=VALUE, symbols=("_mach_host_self",)),
    trap("_kernelrpc_mach_port_deallocate_trap", 18, sig(target=Unused("one task"), name=Unused("no ports")),
         vias.port(0)),
    trap("swtch_pri",        59, sig(pri=Unused("one priority")), op=Op.YIELD),
    trap("swtch",            60, {}, op=Op.YIELD),
    trap("thread_switch",    61, sig(thread_name=Unused("the scheduler chooses"), option=Unused("a hint"),
         option_time=Unused("a hint")), op=Op.YIELD),
    trap("mach_timebase_info_trap", 89, sig(info=OutStruct(la.TIMEBASE)), _timebase),
    trap("mach_wait_until_trap", 90, sig(deadline=U64), vias.wait_until),
)
OTHER_CALLS = (
    call("thread_fast_set_cthread_self64", machdep(3), Op.SET_TLS, FULL, sig(self=To("address", ADDRESS)), Ret("0x0F"),
         style=PLAIN, fail=KERN_RETURN, base="gs"),
    call("mach_absolute_time", {AARCH64: -3 & 0xFFFF_FFFF}, None, FULL, {}, VALUE, via=vias.absolute_ns, style=PLAIN,
         fail=KERN_RETURN, symbols=("_mach_absolute_time", "_mach_approximate_time")),
    call("mach_continuous_time", {AARCH64: -4 & 0xFFFF_FFFF}, None, FULL, {}, VALUE, via=vias.absolute_ns, style=PLAIN,
         fail=KERN_RETURN, symbols=("_mach_continuous_time",)),
)
# fmt: on


def refused(name: str, numbers: dict[str, int | None], note: str) -> Call:
    """A Mach or platform call that is not built: KERN_INVALID_ARGUMENT, no flag touched."""
    return call(name, numbers, None, Status(Level.ABSENT, note, E.NOSYS), style=PLAIN, fail=KERN_RETURN)


def rest(rows: tuple[Call, ...]) -> tuple[Call, ...]:
    """Every number no row serves, by name."""
    taken = {number for row in rows for number in row.numbers.values()}
    traps = tuple(
        refused(name, mach(number), "not built")
        for number, name in MACH.items()
        if -number & 0xFFFF_FFFF not in taken
    )
    platform = refused(
        "platform_syscall", {AARCH64: PLATFORM}, "cache and thread register calls, chosen by x3"
    )
    ldt = tuple(
        refused(n, machdep(i), "no local descriptor table")
        for i, n in ((5, "i386_set_ldt64"), (6, "i386_get_ldt64"))
    )
    return (*MASTER.rest(rows), *traps, platform, *ldt)


_SHARED = shared.served(
    shared.process(MASTER, fl, NODES),
    [row for row in shared.signals(MASTER, fl, S) if row and row.name in ("sigaltstack", "sigpending")],
    shared.time(MASTER, fl),
    shared.memory(MASTER, fl, {}),
)
_ROWS = (*BSD_CALLS, *_SHARED)
PROCESS_CALLS = (*_ROWS, *MACH_CALLS, *OTHER_CALLS, *without_cancel(_ROWS))
