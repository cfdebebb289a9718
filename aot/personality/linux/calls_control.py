"""Linux calls with a selector: fcntl, ioctl, futex. Columns: command, op, status, arguments, result.

From: include/uapi/asm-generic/{fcntl,ioctls}.h, include/uapi/linux/futex.h.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, ZERO, Call, call, partial, sig
from aot.personality.abi.errors import E
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    S32,
    U32,
    InInt,
    Kind,
    OutInt,
    OutStruct,
    To,
    Unused,
)
from aot.personality.abi.neutral import Clock
from aot.personality.abi.op import Op
from aot.personality.linux import layouts as la
from aot.personality.linux.calls_fcntl import FCNTL
from aot.personality.linux.calls_fcntl import IOCTL as FILE_IOCTL
from aot.personality.linux.columns import nr

TCGETS, TCSETS, TCSETSW, TCSETSF = 0x5401, 0x5402, 0x5403, 0x5404
TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ, TIOCSWINSZ = 0x540F, 0x5410, 0x5413, 0x5414
ANY = 0xFFFF_FFFF
"""FUTEX_BITSET_MATCH_ANY."""


def _cmd(name: str) -> Unused:
    return Unused(name)


# fmt: off
IOCTL = {
    TCGETS: call("ioctl", None, Op.TTY_GETATTR, FULL,
                 sig(fd=FD, cmd=_cmd("TCGETS"), arg=OutStruct(la.TERMIOS)), ZERO),
    TCSETS: call("ioctl", None, Op.TTY_SETATTR, FULL,
                 sig(fd=FD, cmd=_cmd("TCSETS"), arg=To("modes", la.IN_TERMIOS)), ZERO, when=0),
    TCSETSW: call("ioctl", None, Op.TTY_SETATTR, FULL,
                  sig(fd=FD, cmd=_cmd("TCSETSW"), arg=To("modes", la.IN_TERMIOS)), ZERO, when=1),
    TCSETSF: call("ioctl", None, Op.TTY_SETATTR, FULL,
                  sig(fd=FD, cmd=_cmd("TCSETSF"), arg=To("modes", la.IN_TERMIOS)), ZERO, when=2),
    TIOCGPGRP: call("ioctl", None, Op.TTY_GETPGRP, FULL, sig(fd=FD, cmd=_cmd("TIOCGPGRP"), arg=OutInt(32)),
    ZERO),
    TIOCSPGRP: call("ioctl", None, Op.TTY_SETPGRP, FULL,
                    sig(fd=FD, cmd=_cmd("TIOCSPGRP"), arg=To("pgrp", InInt(32, signed=True))), ZERO),
    TIOCGWINSZ: call("ioctl", None, Op.TTY_GETSIZE, FULL,
                     sig(fd=FD, cmd=_cmd("TIOCGWINSZ"), arg=OutStruct(la.WINSIZE)), ZERO),
    TIOCSWINSZ: call("ioctl", None, Op.TTY_SETSIZE, FULL,
                     sig(fd=FD, cmd=_cmd("TIOCSWINSZ"), arg=To("size", la.IN_WINSIZE)), ZERO),
    **FILE_IOCTL,
}


def _wait(name: str, clock: Clock) -> Call:
    return call("futex", None, Op.PARK, FULL,
                sig(uaddr=To("address", ADDRESS), op=_cmd(name), val=To("expected", U32),
                utime=To("timeout", la.IN_TIME_OPT)),
                ZERO, size=4, mask=ANY, absolute=False, clock=clock)


def _wait_bitset(name: str, clock: Clock) -> Call:
    return call("futex", None, Op.PARK, FULL,
                sig(uaddr=To("address", ADDRESS), op=_cmd(name), val=To("expected", U32),
                utime=To("timeout", la.IN_TIME_OPT),
                    uaddr2=_cmd("unused"), val3=To("mask", U32)), ZERO, size=4, absolute=True, clock=clock)


def _wake(name: str) -> Call:
    return call("futex", None, Op.UNPARK, FULL,
                sig(uaddr=To("address", ADDRESS), op=_cmd(name), val=To("count", S32)), mask=ANY)


def _wake_bitset(name: str) -> Call:
    return call("futex", None, Op.UNPARK, FULL,
                sig(uaddr=To("address", ADDRESS), op=_cmd(name), val=To("count", S32), utime=_cmd("unused"),
                    uaddr2=_cmd("unused"), val3=To("mask", U32)))


def _requeue(name: str, compared: Kind, **fixed: Any) -> Call:
    return call("futex", None, Op.REQUEUE, FULL,
                sig(uaddr=To("address", ADDRESS), op=_cmd(name), val=To("wake", S32), utime=To("move", S32),
                    uaddr2=To("target", ADDRESS), val3=compared), **fixed)


def _lock(name: str, clock: Clock) -> Call:
    return call("futex", None, Op.PI_LOCK, FULL,
                sig(uaddr=To("address", ADDRESS), op=_cmd(name), val=_cmd("unused"),
                    utime=To("timeout", la.IN_TIME_OPT)), ZERO, clock=clock, wait=True)


WAKE, PRIVATE, REALTIME = 1, 0x80, 0x100
FUTEX = {
    base | private: row
    for private in (0, PRIVATE)
    for base, row in {
        0: _wait("FUTEX_WAIT", Clock.MONOTONIC),
        WAKE: _wake("FUTEX_WAKE"),
        3: _requeue("FUTEX_REQUEUE", _cmd("not compared"), expected=None),
        4: _requeue("FUTEX_CMP_REQUEUE", To("expected", U32)),
        5: call("futex", None, Op.UNPARK_OP, FULL,
                sig(uaddr=To("address", ADDRESS), op=_cmd("FUTEX_WAKE_OP"), val=To("count", S32),
                    utime=To("more", S32), uaddr2=To("target", ADDRESS), val3=To("change", U32))),
        6: _lock("FUTEX_LOCK_PI", Clock.REALTIME),
        7: call("futex", None, Op.PI_UNLOCK, FULL, sig(uaddr=To("address", ADDRESS), op=_cmd("FUTEX_UNLOCK_PI")),
                ZERO),
        8: call("futex", None, Op.PI_LOCK, FULL, sig(uaddr=To("address", ADDRESS), op=_cmd("FUTEX_TRYLOCK_PI")),
                ZERO, timeout=None, clock=Clock.REALTIME, wait=False),
        13: _lock("FUTEX_LOCK_PI2", Clock.MONOTONIC),
        6 | REALTIME: _lock("FUTEX_LOCK_PI", Clock.REALTIME),
        13 | REALTIME: _lock("FUTEX_LOCK_PI2|FUTEX_CLOCK_REALTIME", Clock.REALTIME),
        9: _wait_bitset("FUTEX_WAIT_BITSET", Clock.MONOTONIC),
        10: _wake_bitset("FUTEX_WAKE_BITSET"),
        0 | REALTIME: _wait("FUTEX_WAIT|FUTEX_CLOCK_REALTIME", Clock.REALTIME),
        9 | REALTIME: _wait_bitset("FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME", Clock.REALTIME),
    }.items()
}
CALLS: tuple[Call, ...] = (
    call("fcntl", nr(72, 25),  None, partial("no leases, no F_NOTIFY, no SIGIO"), by=("cmd", FCNTL)),
    call("ioctl", nr(16, 29),  None, partial("terminals, and what any file has"), by=("cmd", IOCTL),
         otherwise=E.NOTTY),
    call("futex", nr(202, 98), None, partial("no FUTEX_*_REQUEUE_PI; nobody inherits a priority"), by=("op", FUTEX),
         otherwise=E.NOSYS),
)
# fmt: on
