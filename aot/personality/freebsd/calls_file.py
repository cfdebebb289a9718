"""FreeBSD calls about files, directories and descriptors.

Columns: number (the same on both architectures), op, status, arguments. From: sys/kern/syscalls.master,
    FreeBSD 14.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, PAIR, STORED, ZERO, Ret, call, partial, sig
from aot.personality.abi.errors import E
from aot.personality.abi.kinds import (
    FD,
    HEX32,
    LENGTH,
    MODE,
    OFFSET,
    PATH,
    S32,
    Bits,
    InBytes,
    Int,
    Length,
    Millis,
    OutBytes,
    OutData,
    OutInt,
    OutStruct,
    Records,
    To,
    Unused,
    Vector,
)
from aot.personality.abi.neutral import CWD, At
from aot.personality.abi.op import Op
from aot.personality.freebsd import flags as fl
from aot.personality.freebsd import layouts as la
from aot.personality.freebsd.kinds import POLLFDS, SIGSET_OPT, STAT_OUT, TIME_IN_OPT, TIMES_IN_OPT
from aot.personality.freebsd.numbers import nr
from aot.personality.freebsd.terminal import IOCTLS
from aot.personality.freebsd.vias import close_range, closefrom, sendfile

OUT = {"buf": OutBytes("nbyte", partial=True), "nbyte": LENGTH}
IN = {"buf": InBytes("nbyte", partial=True), "nbyte": LENGTH}
OPEN = Bits(fl.OPEN)
NONE = At(0)
NO_FLAGS = Unused("reserved")

FCNTL = {
    0: call("F_DUPFD", None, Op.DUP, FULL, sig(fd=FD, cmd=Unused("selector"), arg=To("lowest", S32)),
        cloexec=False),
    17: call("F_DUPFD_CLOEXEC", None, Op.DUP, FULL,
             sig(fd=FD, cmd=Unused("selector"), arg=To("lowest", S32)), cloexec=True),
    1: call("F_GETFD", None, Op.FCNTL_GETFD, FULL, sig(fd=FD, cmd=Unused("selector"), arg=Unused("none"))),
    2: call("F_SETFD", None, Op.FCNTL_SETFD, FULL,
            sig(fd=FD, cmd=Unused("selector"), arg=To("cloexec", Int(1, signed=False))), ZERO),
    3: call("F_GETFL", None, Op.FCNTL_GETFL, FULL, sig(fd=FD, cmd=Unused("selector"), arg=Unused("none")),
            Ret("r", flags=fl.OPEN)),
    4: call("F_SETFL", None, Op.FCNTL_SETFL, FULL, sig(fd=FD, cmd=Unused("selector"), arg=To("flags",
        OPEN)), ZERO),
    10: call("F_DUP2FD", None, Op.DUP_TO, FULL,
             sig(fd=FD, cmd=Unused("selector"), arg=To("newfd", FD)), cloexec=False, distinct=False),
    18: call("F_DUP2FD_CLOEXEC", None, Op.DUP_TO, FULL,
             sig(fd=FD, cmd=Unused("selector"), arg=To("newfd", FD)), cloexec=True, distinct=False),
}  # fmt: skip

# fmt: off
TRANSFER = (
    call("read",     nr(3),   Op.READ,     FULL, sig(fd=FD, **OUT)),
    call("write",    nr(4),   Op.WRITE,    FULL, sig(fd=FD, **IN)),
    call("readv",    nr(120), Op.READ,     FULL, sig(fd=FD, iovp=To("buf", Vector("iovcnt", write=True)),
                                                     iovcnt=Length(32))),
    call("writev",   nr(121), Op.WRITE,    FULL, sig(fd=FD, iovp=To("buf", Vector("iovcnt", write=False)),
                                                     iovcnt=Length(32))),
    call("preadv",   nr(289), Op.PREAD,    FULL, sig(fd=FD, iovp=To("buf", Vector("iovcnt", write=True)),
                                                     iovcnt=Length(32), offset=OFFSET)),
    call("pwritev",  nr(290), Op.PWRITE,   FULL, sig(fd=FD, iovp=To("buf", Vector("iovcnt", write=False)),
                                                     iovcnt=Length(32), offset=OFFSET)),
    call("pread",    nr(475), Op.PREAD,    FULL, sig(fd=FD, **OUT, offset=OFFSET)),
    call("pwrite",   nr(476), Op.PWRITE,   FULL, sig(fd=FD, **IN, offset=OFFSET)),
    call("lseek",    nr(478), Op.SEEK,     FULL, sig(fd=FD, offset=OFFSET, whence=fl.WHENCE)),
    call("sendfile", nr(393), None, partial("no sockets: answers ENOTSOCK as FreeBSD does for anything else"),
         sig(fd=FD, s=FD, offset=OFFSET, nbytes=Unused("nothing is sent"), hdtr=Unused("nothing is sent"),
             sbytes=To("sbytes", Int(64, signed=False, base=16)), flags=Unused("nothing is sent")),
         via=sendfile),
)
OPENING = (
    call("open",     nr(5),   Op.OPENAT,   partial("no locks, no verified exec"),
         sig(path=PATH, flags=OPEN, mode=MODE), dirfd=CWD),
    call("openat",   nr(499), Op.OPENAT,   partial("no locks, no verified exec"),
         sig(fd=To("dirfd", FD), path=PATH, flag=To("flags", OPEN), mode=MODE)),
    call("close",    nr(6),   Op.CLOSE,    FULL, sig(fd=FD), ZERO),
    call("freebsd12_closefrom", nr(509), None,       FULL, sig(lowfd=S32), ZERO, via=closefrom),
    call("close_range", nr(575), None,     partial("flags are refused"),
         sig(lowfd=HEX32, highfd=HEX32, flags=S32), ZERO, via=close_range),
    call("dup",      nr(41),  Op.DUP,      FULL, sig(fd=FD), lowest=0, cloexec=False),
    call("dup2",     nr(90),  Op.DUP_TO,   FULL, sig(**{"from": To("fd", FD), "to": To("newfd", FD)}),
         cloexec=False, distinct=False),
    call("freebsd10_pipe", nr(42), Op.PIPE, FULL, None, PAIR, flags=0),
    call("pipe2",    nr(542), Op.PIPE,     FULL, sig(fildes=OutStruct(la.ENDS), flags=Bits(fl.PIPE)), ZERO),
    call("fcntl",    nr(92),  None,        partial("no record locks"), by=("cmd", FCNTL)),
    call("ioctl",    nr(54),  None,        partial("terminals and FIO*"), by=("com", IOCTLS),
         otherwise=E.NOTTY),
    call("flock",    nr(131), Op.FLOCK,    FULL, sig(fd=FD, how=To("operation", Bits(fl.LOCK))), ZERO),
    call("fsync",    nr(95),  Op.FSYNC,    FULL, sig(fd=FD), ZERO, data_only=False),
    call("fdatasync", nr(550), Op.FSYNC,   FULL, sig(fd=FD), ZERO, data_only=True),
    call("poll",     nr(209), Op.POLL,     FULL, sig(fds=POLLFDS, nfds=Length(32), timeout=Millis()),
         sigmask=None),
    call("ppoll",    nr(545), Op.POLL,     FULL, sig(fds=POLLFDS, nfds=Length(32), ts=To("timeout",
         TIME_IN_OPT),
                                                     set=To("sigmask", SIGSET_OPT))),
)
STATUS = (
    call("fstat",    nr(551), Op.FSTAT,    FULL, sig(fd=FD, sb=STAT_OUT), ZERO),
    call("fstatat",  nr(552), Op.STATAT,   FULL,
         sig(fd=To("dirfd", FD), path=PATH, buf=STAT_OUT, flag=To("flags", Bits(fl.AT_STAT))), ZERO),
    call("getdirentries", nr(554), Op.GETDENTS, FULL,
         sig(fd=FD, buf=To("sink", Records(la.DIRENT, "count")), count=LENGTH,
             basep=OutInt(64, of="base", optional=True)), Ret("r.used")),
    call("statfs",   nr(555), Op.STATFS,   partial("no mount names"), sig(path=PATH,
         buf=OutStruct(la.STATFS)), ZERO),
    call("fstatfs",  nr(556), Op.FSTATFS,  partial("no mount names"), sig(fd=FD, buf=OutStruct(la.STATFS)),
         ZERO),
    call("access",   nr(33),  Op.FACCESSAT, FULL, sig(path=PATH, amode=To("access", S32)), ZERO,
         dirfd=CWD, flags=NONE),
    call("eaccess",  nr(376), Op.FACCESSAT, FULL, sig(path=PATH, amode=To("access", S32)), ZERO,
         dirfd=CWD, flags=At.EACCESS),
    call("faccessat", nr(489), Op.FACCESSAT, FULL,
         sig(fd=To("dirfd", FD), path=PATH, amode=To("access", S32), flag=To("flags", Bits(fl.AT_ACCESS))),
             ZERO),
    call("umask",    nr(60),  Op.UMASK,    FULL, sig(newmask=To("mask", MODE))),
    call("chmod",    nr(15),  Op.FCHMODAT, FULL, sig(path=PATH, mode=MODE), ZERO, dirfd=CWD, flags=NONE),
    call("fchmod",   nr(124), Op.FCHMOD,   FULL, sig(fd=FD, mode=MODE), ZERO),
    call("fchmodat", nr(490), Op.FCHMODAT, FULL,
         sig(fd=To("dirfd", FD), path=PATH, mode=MODE, flag=To("flags", Bits(fl.AT_STAT))), ZERO),
    call("chown",    nr(16),  Op.FCHOWNAT, FULL, sig(path=PATH, uid=S32, gid=S32), ZERO, dirfd=CWD,
         flags=NONE),
    call("lchown",   nr(254), Op.FCHOWNAT, FULL, sig(path=PATH, uid=S32, gid=S32), ZERO,
         dirfd=CWD, flags=At.NOFOLLOW),
    call("fchown",   nr(123), Op.FCHOWN,   FULL, sig(fd=FD, uid=S32, gid=S32), ZERO),
    call("fchownat", nr(491), Op.FCHOWNAT, FULL,
         sig(fd=To("dirfd", FD), path=PATH, uid=S32, gid=S32, flag=To("flags", Bits(fl.AT_STAT))), ZERO),
    call("futimens", nr(546), Op.UTIMENSAT, FULL, sig(fd=To("dirfd", FD), times=TIMES_IN_OPT), ZERO,
         path=None, flags=NONE),
    call("utimensat", nr(547), Op.UTIMENSAT, FULL,
         sig(fd=To("dirfd", FD), path=PATH, times=TIMES_IN_OPT, flag=To("flags", Bits(fl.AT_STAT))), ZERO),
)
NAMES = (
    call("link",     nr(9),   Op.LINKAT,   FULL, sig(path=To("oldpath", PATH), link=To("newpath", PATH)),
         ZERO,
         olddirfd=CWD, newdirfd=CWD, flags=At.FOLLOW),
    call("linkat",   nr(495), Op.LINKAT,   FULL,
         sig(fd1=To("olddirfd", FD), path1=To("oldpath", PATH), fd2=To("newdirfd", FD), path2=To("newpath",
             PATH),
             flag=To("flags", Bits(fl.AT_LINK))), ZERO),
    call("unlink",   nr(10),  Op.UNLINKAT, FULL, sig(path=PATH), ZERO, dirfd=CWD, flags=NONE),
    call("unlinkat", nr(503), Op.UNLINKAT, FULL,
         sig(fd=To("dirfd", FD), path=PATH, flag=To("flags", Bits(fl.AT_UNLINK))), ZERO),
    call("rmdir",    nr(137), Op.UNLINKAT, FULL, sig(path=PATH), ZERO, dirfd=CWD, flags=At.REMOVEDIR),
    call("mkdir",    nr(136), Op.MKDIRAT,  FULL, sig(path=PATH, mode=MODE), ZERO, dirfd=CWD),
    call("mkdirat",  nr(496), Op.MKDIRAT,  FULL, sig(fd=To("dirfd", FD), path=PATH, mode=MODE), ZERO),
    call("rename",   nr(128), Op.RENAMEAT, FULL, sig(**{"from": To("oldpath", PATH), "to": To("newpath",
         PATH)}), ZERO,
         olddirfd=CWD, newdirfd=CWD, replace=True),
    call("renameat", nr(501), Op.RENAMEAT, FULL,
         sig(oldfd=To("olddirfd", FD), old=To("oldpath", PATH), newfd=To("newdirfd", FD), new=To("newpath",
             PATH)),
         ZERO, replace=True),
    call("symlink",  nr(57),  Op.SYMLINKAT, FULL, sig(path=To("target", PATH), link=To("path", PATH)), ZERO,
         dirfd=CWD),
    call("symlinkat", nr(502), Op.SYMLINKAT, FULL,
         sig(path1=To("target", PATH), fd=To("dirfd", FD), path2=To("path", PATH)), ZERO),
    call("readlink", nr(58),  Op.READLINKAT, FULL, sig(path=PATH, buf=OutData("count"), count=LENGTH),
         STORED, dirfd=CWD),
    call("readlinkat", nr(500), Op.READLINKAT, FULL,
         sig(fd=To("dirfd", FD), path=PATH, buf=OutData("bufsize"), bufsize=LENGTH), STORED),
    call("chdir",    nr(12),  Op.CHDIR,    FULL, sig(path=PATH), ZERO),
    call("fchdir",   nr(13),  Op.FCHDIR,   FULL, sig(fd=FD), ZERO),
    call("__getcwd", nr(326), Op.GETCWD,   FULL, sig(buf=OutData("buflen", short=E.RANGE, end=b"\0"),
         buflen=LENGTH), ZERO),
    call("truncate", nr(479), Op.TRUNCATE, FULL, sig(path=PATH, length=OFFSET), ZERO),
    call("ftruncate", nr(480), Op.FTRUNCATE, FULL, sig(fd=FD, length=OFFSET), ZERO),
    call("sync",     nr(36),  Op.SYNC,     FULL, None, ZERO),
)
# fmt: on

FILE_CALLS = (*TRANSFER, *OPENING, *STATUS, *NAMES)
