"""libc and libpthread as rows: the calls under their C names, and the few functions that are none.

From: lib/libc/hidden/unistd.h and lib/libc/sys (which names are the calls themselves), lib/librthread; OpenBSD 7.
"""

from __future__ import annotations

from collections.abc import Iterable

from aot.personality.abi.call import FULL, VALUE, ZERO, Call, Ret, Status, call, partial, sig
from aot.personality.abi.kinds import ADDRESS, U32, Args, Int, OutInt, To, Unused
from aot.personality.abi.op import Op
from aot.personality.bsd.rows_process import served
from aot.personality.openbsd import flags as fl
from aot.personality.openbsd import threads as th
from aot.personality.openbsd.fails import ERRNO, NUMBER
from aot.personality.openbsd.kinds import SIGNAL_KINDS
from aot.record import replace

TRAPS_ONLY = frozenset({
    "exit", "sigprocmask", "sigpending", "sigsuspend", "sysarch", "__getcwd", "break", "__threxit",
    "__set_tcb", "__get_tcb",
})  # fmt: skip
"""Calls whose C function takes other arguments or does more, and those with a row an architecture."""
_MASKS = {"how": fl.MASK_HOW, "set": To("mask", SIGNAL_KINDS.set_opt), "oset": SIGNAL_KINDS.set_out_opt}


def exported(rows: Iterable[Call]) -> tuple[Call, ...]:
    """The rows of calls, callable by name as well: -1 and errno say that one failed."""
    return tuple(
        row if row.name in TRAPS_ONLY else replace(row, symbols=(row.name,), fail=ERRNO) for row in rows
    )


def _function(
    name: str, op: Op | None, status: Status, args: Args | None = None, ret: Ret = VALUE, **more: object
) -> Call:
    return call(name, None, op, status, args, ret, symbols=(name,), **more)  # type: ignore[arg-type]


STATUS = {"status": Int(8, signed=False)}
# fmt: off
FUNCTIONS = served([
    _function("__errno",  None,         FULL, via=th.errno),
    _function("exit",     Op.EXIT,      partial("no exit handlers"), sig(**STATUS)),
    _function("_exit",    Op.EXIT,      FULL, sig(**STATUS)),
    _function("getcwd",   None,         partial("the buffer is the caller's"), sig(buf=ADDRESS, size=ADDRESS),
              fail=th.NULL, via=th.getcwd),
    _function("usleep",   None,         FULL, sig(useconds=U32), ZERO, fail=ERRNO, via=th.usleep),
    _function("sigprocmask", Op.SIGPROCMASK, FULL, sig(**_MASKS), ZERO, fail=ERRNO),
    _function("pthread_sigmask", Op.SIGPROCMASK, FULL, sig(**_MASKS), ZERO, fail=NUMBER),
    _function("pthread_attr_init", None, partial("default attributes"), sig(attr=OutInt(64)), ZERO,
              fail=NUMBER, via=th.attr_init),
    _function("pthread_attr_destroy", None, FULL, sig(attr=Unused("nothing is kept")), ZERO, via=th.nothing),
    _function("pthread_attr_getstacksize", None, partial("the default"),
              sig(attr=Unused("one size"), stacksize=OutInt(64)), ZERO, fail=NUMBER, via=th.stack_size),
    _function("pthread_attr_setdetachstate", None, partial("threads are never joined"),
              sig(attr=Unused("nothing is kept"), detachstate=Unused("nobody joins")), ZERO, via=th.nothing),
    _function("pthread_create", None,   partial("detached; arm64: the start function must not return"),
              sig(thread=ADDRESS, attr=Unused("default attributes"), start=ADDRESS, arg=ADDRESS), ZERO,
              fail=NUMBER, via=th.create),
    _function("pthread_exit", None,     FULL, sig(retval=Unused("nobody joins")), via=th.finish),
])
# fmt: on
