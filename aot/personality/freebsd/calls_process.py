"""FreeBSD's own calls about processes and threads; what the BSDs share is in bsd/rows_process.py.

Columns: number (the same on both architectures), op, status, arguments. From: sys/kern/syscalls.master,
    FreeBSD 14.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, ZERO, call, partial, sig, stub
from aot.personality.abi.errors import E
from aot.personality.abi.kinds import ADDRESS, S32, S64, SIZE, InInt, OutInt, To, Unused
from aot.personality.abi.op import Op
from aot.personality.bsd import rows_process as shared
from aot.personality.bsd.vias import getgroups
from aot.personality.freebsd import flags as fl
from aot.personality.freebsd.kinds import SIGNAL_KINDS
from aot.personality.freebsd.numbers import AARCH64, MASTER, X86_64, nr
from aot.personality.freebsd.sync import UMTX
from aot.personality.freebsd.sysctl import SYSCTL
from aot.personality.freebsd.vias import cpuset_getaffinity, thr_exit, thr_new

SELECTOR = Unused("selector")
SIGNAL = To("signal", SIGNAL_KINDS.number)
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

# fmt: off
PROCESS = (
    call("freebsd14_getgroups", nr(79), None, FULL, sig(gidsetsize=S32, gidset=ADDRESS), via=getgroups),
    call("sysarch",  {X86_64: 165}, None,  partial("segment bases"), by=("op", SYSARCH)),
    stub("sysarch",  {AARCH64: 165}, E.INVAL, "nothing of it is known on this architecture"),
)
THREADS = (
    call("thr_self", nr(432), Op.GETTID,   FULL, sig(id=OutInt(64)), ZERO),
    call("thr_new",  nr(455), None,        partial("not suspended, no priority"),
         sig(param=ADDRESS, size=S32), ZERO, via=thr_new),
    call("thr_exit", nr(431), None,        FULL, sig(state=ADDRESS), via=thr_exit),
    call("thr_kill", nr(433), Op.TKILL,    FULL, sig(id=To("tid", S64), sig=SIGNAL), ZERO,
         pid=0),
    call("thr_kill2", nr(481), Op.TKILL,   FULL, sig(pid=S32, id=To("tid", S64), sig=SIGNAL), ZERO),
    call("_umtx_op", nr(454), None,        partial("waits and wakes; no kernel mutexes"), by=("op", UMTX)),
    call("cpuset_getaffinity", nr(487), None, partial("of the calling thread"),
         sig(level=Unused("one set"), which=Unused("one set"), id=Unused("one set"), cpusetsize=SIZE,
             mask=ADDRESS),
         via=cpuset_getaffinity),
)
# fmt: on

PROCESS_CALLS = (
    *PROCESS,
    *THREADS,
    *shared.served(
        shared.process(MASTER, fl, SYSCTL),
        shared.signals(MASTER, fl, SIGNAL_KINDS),
        shared.time(MASTER, fl),
        shared.memory(MASTER, fl, {}),
    ),
)
