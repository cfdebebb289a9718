"""Linux's fcntl, and the commands of ioctl that any file has. Columns: command, op, status, arguments, result.

From: include/uapi/asm-generic/{fcntl,ioctls}.h, include/uapi/linux/{fcntl,fs}.h.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, ZERO, Call, Ret, call, sig, stub
from aot.personality.abi.errors import E
from aot.personality.abi.kinds import ADDRESS, FD, S32, U32, InInt, Kind, OutInt, OutStruct, To, Unused
from aot.personality.abi.op import Op
from aot.personality.linux import irregular_socket as irregular
from aot.personality.linux import layouts_files as lf
from aot.personality.linux.flags import FD_FLAGS, OPEN, OPEN_MAPS
from aot.personality.linux.vias_files import get_termio, set_termio

F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030
F_GETLK, F_SETLK, F_SETLKW, F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG = 5, 6, 7, 8, 9, 10, 11
F_SETOWN_EX, F_GETOWN_EX, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 15, 16, 36, 37, 38
F_SETLEASE, F_GETLEASE, F_NOTIFY, F_SETPIPE_SZ, F_GETPIPE_SZ = 1024, 1025, 1026, 1031, 1032
F_ADD_SEALS, F_GET_SEALS, F_GET_RW_HINT, F_SET_RW_HINT = 1033, 1034, 1035, 1036
F_GET_FILE_RW_HINT, F_SET_FILE_RW_HINT = 1037, 1038
F_UNLCK = 2
FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FIOASYNC = 0x541B, 0x5421, 0x5450, 0x5451, 0x5452
TIOCOUTQ, SIOCATMARK = 0x5411, 0x8905
TCSBRK, TCXONC, TCFLSH, TCSBRKP, TIOCSCTTY, TIOCNOTTY, TIOCGSID = (
    0x5409, 0x540A, 0x540B, 0x5425, 0x540E, 0x5422, 0x5429
)  # fmt: skip
TCGETA, TCSETA, TCSETAW, TCSETAF = 0x5405, 0x5406, 0x5407, 0x5408
TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER = 0x80045430, 0x40045431, 0x5441
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FICLONE, FICLONERANGE, BLKGETSIZE, BLKGETSIZE64 = (
    0x80086601, 0x40086602, 0x40049409, 0x4020940D, 0x1260, 0x80081272
)  # fmt: skip


def _fcntl(name: str, op: Op, arg: Kind | None, ret: Ret = ZERO, **fixed: Any) -> Call:
    args = {"fd": FD, "cmd": Unused(name)} | ({"arg": arg} if arg is not None else {})
    return call("fcntl", None, op, FULL, sig(**args), ret, **fixed)


# fmt: off
VALUE = Ret("r")
HINT_OUT, HINT_IN = OutInt(64), To("hint", InInt(64))
FCNTL = {
    F_DUPFD: _fcntl("F_DUPFD", Op.DUP, To("lowest", S32), VALUE, cloexec=False),
    F_DUPFD_CLOEXEC: _fcntl("F_DUPFD_CLOEXEC", Op.DUP, To("lowest", S32), VALUE, cloexec=True),
    F_GETFD: _fcntl("F_GETFD", Op.FCNTL_GETFD, None, VALUE),
    F_SETFD: _fcntl("F_SETFD", Op.FCNTL_SETFD, To("cloexec", FD_FLAGS)),
    F_GETFL: _fcntl("F_GETFL", Op.FCNTL_GETFL, None, Ret("r", flags=OPEN_MAPS)),
    F_SETFL: _fcntl("F_SETFL", Op.FCNTL_SETFL, To("flags", OPEN)),
    F_GETLK: _fcntl("F_GETLK", Op.RECORD_TEST, To("lock", lf.FLOCK_CELL), by_file=False),
    F_SETLK: _fcntl("F_SETLK", Op.RECORD_LOCK, To("lock", lf.IN_FLOCK), wait=False, by_file=False),
    F_SETLKW: _fcntl("F_SETLKW", Op.RECORD_LOCK, To("lock", lf.IN_FLOCK), wait=True, by_file=False),
    F_OFD_GETLK: _fcntl("F_OFD_GETLK", Op.RECORD_TEST, To("lock", lf.FLOCK_CELL), by_file=True),
    F_OFD_SETLK: _fcntl("F_OFD_SETLK", Op.RECORD_LOCK, To("lock", lf.IN_FLOCK), wait=False, by_file=True),
    F_OFD_SETLKW: _fcntl("F_OFD_SETLKW", Op.RECORD_LOCK, To("lock", lf.IN_FLOCK), wait=True, by_file=True),
    F_SETOWN: _fcntl("F_SETOWN", Op.FD_SETOWNER, To("owner", lf.OWNER_WORD)),
    F_GETOWN: _fcntl("F_GETOWN", Op.FD_GETOWNER, None, Ret("-r.id if r.kind == 2 else r.id")),
    F_SETOWN_EX: _fcntl("F_SETOWN_EX", Op.FD_SETOWNER, To("owner", lf.IN_OWNER)),
    F_GETOWN_EX: _fcntl("F_GETOWN_EX", Op.FD_GETOWNER, OutStruct(lf.OWNER)),
    F_SETSIG: _fcntl("F_SETSIG", Op.FD_SETSIGNAL, To("signal", S32)),
    F_GETSIG: _fcntl("F_GETSIG", Op.FD_GETSIGNAL, None, VALUE),
    F_SETPIPE_SZ: _fcntl("F_SETPIPE_SZ", Op.PIPE_SETSIZE, To("size", U32), VALUE),
    F_GETPIPE_SZ: _fcntl("F_GETPIPE_SZ", Op.PIPE_GETSIZE, None, VALUE),
    F_ADD_SEALS: _fcntl("F_ADD_SEALS", Op.SEALS_ADD, To("seals", U32)),
    F_GET_SEALS: _fcntl("F_GET_SEALS", Op.SEALS_GET, None, VALUE),
    F_GET_RW_HINT: _fcntl("F_GET_RW_HINT", Op.RW_HINT_GET, HINT_OUT),
    F_SET_RW_HINT: _fcntl("F_SET_RW_HINT", Op.RW_HINT_SET, HINT_IN),
    F_GETLEASE: _fcntl("F_GETLEASE", Op.FCNTL_GETFD, None, Ret(str(F_UNLCK))),
    F_SETLEASE: stub("fcntl", None, E.INVAL, "no leases"),
    F_NOTIFY: stub("fcntl", None, E.INVAL, "inotify replaced it"),
}


def _ioctl(name: str, op: Op, arg: Kind | None, ret: Ret = ZERO, **fixed: Any) -> Call:
    args = {"fd": FD, "cmd": Unused(name)} | ({"arg": arg} if arg is not None else {})
    return call("ioctl", None, op, FULL, sig(**args), ret, **fixed)


def _termio(name: str, when: int | None) -> Call:
    """The old form of terminal modes."""
    args = sig(fd=FD, cmd=Unused(name), arg=To("at", ADDRESS))
    if when is None:
        return call("ioctl", None, None, FULL, args, ZERO, via=get_termio)
    return call("ioctl", None, None, FULL, args, ZERO, via=set_termio, when=when)


IOCTL = {
    TCGETA: _termio("TCGETA", None),
    TCSETA: _termio("TCSETA", 0),
    TCSETAW: _termio("TCSETAW", 1),
    TCSETAF: _termio("TCSETAF", 2),
    TIOCSCTTY: _ioctl("TIOCSCTTY", Op.TTY_CONTROL, To("steal", S32)),
    TIOCNOTTY: _ioctl("TIOCNOTTY", Op.TTY_GIVE_UP, None),
    TIOCGSID: _ioctl("TIOCGSID", Op.TTY_GETSID, OutInt(32)),
    TCFLSH: _ioctl("TCFLSH", Op.TTY_FLUSH, To("queue", S32)),
    TCSBRK: _ioctl("TCSBRK", Op.TTY_BREAK, To("drain", S32)),
    TCSBRKP: _ioctl("TCSBRKP", Op.TTY_BREAK, Unused("how long, in tenths of a second"), drain=0),
    TCXONC: _ioctl("TCXONC", Op.TTY_FLOW, To("action", S32)),
    TIOCGPTN: _ioctl("TIOCGPTN", Op.PTY_NUMBER, OutInt(32)),
    TIOCSPTLCK: _ioctl("TIOCSPTLCK", Op.PTY_LOCK, To("locked", InInt(32))),
    TIOCGPTPEER: _ioctl("TIOCGPTPEER", Op.PTY_PEER, To("flags", OPEN), VALUE),
    FIONREAD: _ioctl("FIONREAD", Op.FIONREAD, OutInt(32)),
    TIOCOUTQ: _ioctl("TIOCOUTQ", Op.SOCK_OUTQ, OutInt(32)),
    SIOCATMARK: _ioctl("SIOCATMARK", Op.SOCKATMARK, OutInt(32)),
    irregular.SIOCGIFCONF: call("ioctl", None, None, FULL,
                                sig(fd=FD, cmd=Unused("SIOCGIFCONF"), arg=ADDRESS), ZERO,
                                via=irregular.interface_list),
    **{request: call("ioctl", None, None, FULL, sig(fd=FD, cmd=Unused("SIOCGIF*"), arg=ADDRESS), ZERO,
                     via=irregular.interface, request=request)
       for request in (irregular.SIOCGIFNAME, *irregular.FACTS)},
    FIOCLEX: _ioctl("FIOCLEX", Op.FCNTL_SETFD, None, cloexec=True),
    FIONCLEX: _ioctl("FIONCLEX", Op.FCNTL_SETFD, None, cloexec=False),
    FIONBIO: _ioctl("FIONBIO", Op.SET_NONBLOCK, To("on", InInt(32))),
    FIOASYNC: _ioctl("FIOASYNC", Op.SET_ASYNC, To("on", InInt(32))),
    FS_IOC_GETFLAGS: _ioctl("FS_IOC_GETFLAGS", Op.FLAGS_GET, OutInt(32)),
    FS_IOC_SETFLAGS: _ioctl("FS_IOC_SETFLAGS", Op.FLAGS_SET, To("flags", InInt(32))),
    FICLONE: stub("ioctl", None, E.OPNOTSUPP, "extents are never shared"),
    FICLONERANGE: stub("ioctl", None, E.OPNOTSUPP, "extents are never shared"),
}
# fmt: on
