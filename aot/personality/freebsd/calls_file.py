"""FreeBSD's own calls about files and descriptors; the rows it shares with the other BSDs are in bsd/rows_file.py.

From: sys/kern/syscalls.master, FreeBSD 14.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, PAIR, ZERO, call, partial, sig
from aot.personality.abi.kinds import FD, HEX32, OFFSET, PATH, S32, Int, To, Unused
from aot.personality.abi.neutral import CWD, At
from aot.personality.abi.op import Op
from aot.personality.bsd import rows_file as shared
from aot.personality.bsd.kqueue import STATUS, Kqueue, kqueue
from aot.personality.bsd.rows_process import served
from aot.personality.bsd.terminal import OFLAG, ioctls
from aot.personality.bsd.vias import close_range, closefrom
from aot.personality.freebsd import flags as fl
from aot.personality.freebsd import kinds as k
from aot.personality.freebsd import layouts as la
from aot.personality.freebsd.errors import ERRORS
from aot.personality.freebsd.numbers import MASTER, nr
from aot.personality.freebsd.vias import sendfile

TO_FD = sig(fd=FD, cmd=shared.SELECTOR, arg=To("newfd", FD))
FCNTL = {
    **shared.fcntl(fl.OPEN, cloexec=17),
    10: call("F_DUP2FD", None, Op.DUP_TO, FULL, TO_FD, cloexec=False, distinct=False),
    18: call("F_DUP2FD_CLOEXEC", None, Op.DUP_TO, FULL, TO_FD, cloexec=True, distinct=False),
}
IOCTLS = ioctls(OFLAG)
KQUEUE = Kqueue(la.KEVENT, read=-1, write=-2, user=-11, errors=ERRORS)

# fmt: off
OWN = (
    call("sendfile", nr(393), None, partial("no sockets: answers ENOTSOCK as FreeBSD does for anything else"),
         sig(fd=FD, s=FD, offset=OFFSET, nbytes=Unused("nothing is sent"), hdtr=Unused("nothing is sent"),
             sbytes=To("sbytes", Int(64, signed=False, base=16)), flags=Unused("nothing is sent")),
         via=sendfile),
    call("freebsd12_closefrom", nr(509), None, FULL, sig(lowfd=S32), ZERO, via=closefrom),
    call("close_range", nr(575), None,     partial("flags are refused"),
         sig(lowfd=HEX32, highfd=HEX32, flags=S32), ZERO, via=close_range),
    call("freebsd10_pipe", nr(42), Op.PIPE, FULL, None, PAIR, flags=0),
    call("fcntl",    nr(92),  None,        partial("no record locks"), by=("cmd", FCNTL)),
    call("kqueue",   nr(362), None,        STATUS, via=kqueue),
    KQUEUE.row("kevent", nr(560)),
    call("eaccess",  nr(376), Op.FACCESSAT, FULL, sig(path=PATH, amode=To("access", S32)), ZERO,
         dirfd=CWD, flags=At.EACCESS),
)
# fmt: on

FILE_CALLS = (
    *OWN,
    *served(
        shared.transfer(MASTER, fl, {}),
        shared.descriptors(MASTER, fl, k, IOCTLS),
        shared.status(MASTER, fl, k, la),
        shared.statfs(MASTER, la.STATFS),
        shared.names(MASTER, fl, ZERO),
    ),
)
