"""Darwin's own calls about files and descriptors; the rows it shares with the BSDs are in bsd/rows_file.py.

From: bsd/kern/syscalls.master, bsd/sys/fcntl.h, bsd/sys/ttycom.h of XNU.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, PAIR, ZERO, Call, call, partial, sig
from aot.personality.abi.kinds import FD, InStruct, OutStruct, To, Unused
from aot.personality.abi.op import Op
from aot.personality.bsd import kinds as bk
from aot.personality.bsd import rows_file as shared
from aot.personality.bsd.layouts import ENDS
from aot.personality.bsd.rows_process import served
from aot.personality.bsd.terminal import OFLAG, ioctls
from aot.personality.bsd.words import OutAs
from aot.personality.darwin import flags as fl
from aot.personality.darwin import kinds as k
from aot.personality.darwin import layouts as la
from aot.personality.darwin import vias
from aot.personality.darwin.fails import SYSTEM_CALL
from aot.personality.darwin.numbers import MASTER, NAMED, bsd, symbols
from aot.record import replace

_PLAIN = sig(fd=FD, cmd=shared.SELECTOR, arg=Unused("none"))
_HINT = partial("a hint")
FCNTL = {
    **shared.fcntl(fl.OPEN, cloexec=67),
    45: call("F_RDAHEAD", None, Op.FCNTL_GETFD, _HINT, _PLAIN, ZERO),
    48: call("F_NOCACHE", None, Op.FCNTL_GETFD, _HINT, _PLAIN, ZERO),
    50: call("F_GETPATH", None, None, FULL, sig(fd=FD, cmd=shared.SELECTOR, arg=To("out", k.RAW)), ZERO,
             via=vias.get_path),
    51: call("F_FULLFSYNC", None, Op.FSYNC, FULL, _PLAIN, ZERO, data_only=False),
    73: call("F_SETNOSIGPIPE", None, Op.FCNTL_GETFD, partial("no SIGPIPE is sent"), _PLAIN, ZERO),
}  # fmt: skip


def _wide(row: Call) -> Call:
    """A terminal row with Darwin's struct termios, whose words are 64 bits."""
    args = dict(row.args)
    for name, kind in row.args.items():
        if isinstance(kind, OutAs):
            args[name] = replace(kind, layout=la.TERMIOS)
        elif isinstance(kind, To) and isinstance(kind.kind, InStruct) and kind.param == "modes":
            args[name] = To("modes", replace(kind.kind, layout=la.TERMIOS))
    return replace(row, args=args)


def _ioctls() -> dict[int, Call]:
    """The BSDs' requests; those with a struct termios carry its size in their number."""
    size = 0x1FFF_0000
    return {
        (request & ~size | la.TERMIOS.size << 16 if request >> 16 & 0x1FFF == 44 else request): _wide(row)
        for request, row in ioctls(OFLAG).items()
    }


IOCTLS = _ioctls()
LIBRARY_ONLY: dict[str, int | None] = {}

# fmt: off
OWN = (
    call("pipe",     bsd(42), Op.PIPE, FULL, None, PAIR, flags=0),
    call("pipe",     LIBRARY_ONLY, Op.PIPE, FULL, sig(fildes=OutStruct(ENDS)), ZERO, symbols=symbols("pipe"),
         fail=SYSTEM_CALL, flags=0),
    call("fcntl",    bsd(92), None, partial("no record locks"), by=("cmd", FCNTL), symbols=symbols("fcntl"),
         fail=SYSTEM_CALL, named=NAMED["fcntl"]),
    call("futimes",  bsd(139), Op.UTIMENSAT, FULL,
         sig(fd=To("dirfd", FD), tptr=To("times", bk.FILE_TIMEVALS)), ZERO, symbols=symbols("futimes"),
         fail=SYSTEM_CALL, path=None, flags=shared.NONE),
)
NO_CANCEL = {
    "read": 396, "write": 397, "open": 398, "close": 399, "msync": 405, "fsync": 408, "readv": 411,
    "writev": 412, "pread": 414, "pwrite": 415, "poll": 417, "openat": 464, "preadv": 542, "pwritev": 543,
    "wait4": 400, "fcntl": 406,
}
"""Calls that exist a second time without being a cancellation point."""
# fmt: on


def without_cancel(rows: tuple[Call, ...]) -> tuple[Call, ...]:
    """The second numbers of rows that have one."""
    twice = [row for row in rows if row.name in NO_CANCEL and row.numbers]
    return tuple(
        replace(row, name=f"{row.name}_nocancel", symbols=(), numbers=bsd(NO_CANCEL[row.name]))
        for row in twice
    )


_ROWS = (
    *OWN,
    *served(
        shared.transfer(MASTER, fl, {}),
        shared.descriptors(MASTER, fl, k, IOCTLS),
        shared.status(MASTER, fl, k, la),
        shared.names(MASTER, fl, ZERO),
    ),
)
FILE_CALLS = (*_ROWS, *without_cancel(_ROWS))
