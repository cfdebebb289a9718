"""Linux calls on paths and open files. Columns: name, x86_64, aarch64, op, status, arguments, result.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from aot.personality.abi.call import FULL, STORED, ZERO, Call, Ret, call, partial, sig
from aot.personality.abi.errors import E
from aot.personality.abi.kinds import (
    ADDRESS,
    FD,
    LENGTH,
    MODE,
    OFFSET,
    PATH,
    S32,
    SIZE,
    U32,
    U64,
    Array,
    InBytes,
    InInt,
    InOutInt,
    Length,
    Millis,
    Must,
    OutBytes,
    OutData,
    OutStruct,
    Path,
    Records,
    To,
    Unused,
    Vector,
)
from aot.personality.abi.neutral import CWD, At, Open
from aot.personality.abi.op import Op
from aot.personality.linux import layouts as la
from aot.personality.linux.columns import nr
from aot.personality.linux.flags import (
    AT_ACCESS,
    AT_LINK,
    AT_OWNER,
    AT_STAT,
    AT_UNLINK,
    DUP3,
    LOCK,
    MEMFD,
    OPEN,
    PIPE,
    WHENCE,
)
from aot.personality.linux.irregular import pselect, select

OUT = OutBytes("count", partial=True)
IN = InBytes("count", partial=True)
PATH_OPT = Path(optional=True)
DEV = U64
NONE = At(0)
NO_OPEN = Open(0)
LENGTH32 = Length(32)
IOV_OUT, IOV_IN = Vector("vlen", write=True), Vector("vlen", write=False)
HIGH = Unused("offsets are 64 bits wide")

# fmt: off
READ_WRITE = (
    call("read",       nr(0, 63),    Op.READ,   FULL, sig(fd=FD, buf=OUT, count=LENGTH)),
    call("write",      nr(1, 64),    Op.WRITE,  FULL, sig(fd=FD, buf=IN, count=LENGTH)),
    call("pread64",    nr(17, 67),   Op.PREAD,  FULL, sig(fd=FD, buf=OUT, count=LENGTH, pos=To("offset",
         OFFSET))),
    call("pwrite64",   nr(18, 68),   Op.PWRITE, FULL, sig(fd=FD, buf=IN, count=LENGTH, pos=To("offset",
         OFFSET))),
    call("readv",      nr(19, 65),   Op.READ,   FULL, sig(fd=FD, vec=To("buf", IOV_OUT), vlen=LENGTH)),
    call("writev",     nr(20, 66),   Op.WRITE,  FULL, sig(fd=FD, vec=To("buf", IOV_IN), vlen=LENGTH)),
    call("preadv",     nr(295, 69),  Op.PREAD,  FULL,
         sig(fd=FD, vec=To("buf", IOV_OUT), vlen=LENGTH, pos_l=To("offset", OFFSET), pos_h=HIGH)),
    call("pwritev",    nr(296, 70),  Op.PWRITE, FULL,
         sig(fd=FD, vec=To("buf", IOV_IN), vlen=LENGTH, pos_l=To("offset", OFFSET), pos_h=HIGH)),
    call("lseek",      nr(8, 62),    Op.SEEK,   FULL, sig(fd=FD, offset=OFFSET, whence=WHENCE)),
    call("sendfile",   nr(40, 71),   Op.SENDFILE, FULL,
         sig(out_fd=FD, in_fd=FD, offset=InOutInt(64), count=SIZE)),
    call("copy_file_range", nr(326, 285), Op.COPY_RANGE, FULL,
         sig(fd_in=To("in_fd", FD), off_in=To("in_offset", InOutInt(64)), fd_out=To("out_fd", FD),
             off_out=To("out_offset", InOutInt(64)), len=To("count", SIZE), flags=Must((0,),
             "no flag exists", 32))),
)
OPENING = (
    call("open",       nr(2, None),  Op.OPENAT, FULL, sig(filename=To("path", PATH), flags=OPEN, mode=MODE),
         dirfd=CWD),
    call("openat",     nr(257, 56),  Op.OPENAT, FULL, sig(dfd=To("dirfd", FD), filename=To("path", PATH),
         flags=OPEN, mode=MODE)),
    call("creat",      nr(85, None), Op.OPENAT, FULL, sig(pathname=To("path", PATH), mode=MODE),
         dirfd=CWD, flags=Open.WRITE | Open.CREATE | Open.TRUNCATE),
    call("close",      nr(3, 57),    Op.CLOSE,  FULL, sig(fd=FD), ZERO),
    call("pipe",       nr(22, None), Op.PIPE,   FULL, sig(fildes=OutStruct(la.ENDS)), ZERO, flags=NO_OPEN),
    call("pipe2",      nr(293, 59),  Op.PIPE,   FULL, sig(fildes=OutStruct(la.ENDS), flags=PIPE), ZERO),
    call("dup",        nr(32, 23),   Op.DUP,    FULL, sig(fildes=To("fd", FD)), lowest=0, cloexec=False),
    call("dup2",       nr(33, None), Op.DUP_TO, FULL, sig(oldfd=To("fd", FD), newfd=FD), cloexec=False,
         distinct=False),
    call("dup3",       nr(292, 24),  Op.DUP_TO, FULL,
         sig(oldfd=To("fd", FD), newfd=FD, flags=To("cloexec", DUP3)), distinct=True),
    call("memfd_create", nr(319, 279), Op.MEMFD, partial("no huge pages"), sig(uname=To("name",
         PATH), flags=MEMFD)),
    call("flock",      nr(73, 32),   Op.FLOCK,  FULL, sig(fd=FD, cmd=To("operation", LOCK)), ZERO),
)
STATUS = (
    call("stat",       nr(4, None),  Op.STATAT, FULL, sig(filename=To("path", PATH), statbuf=la.OUT_STAT),
         ZERO,
         dirfd=CWD, flags=NONE),
    call("lstat",      nr(6, None),  Op.STATAT, FULL, sig(filename=To("path", PATH), statbuf=la.OUT_STAT),
         ZERO,
         dirfd=CWD, flags=At.NOFOLLOW),
    call("fstat",      nr(5, 80),    Op.FSTAT,  FULL, sig(fd=FD, statbuf=la.OUT_STAT), ZERO),
    call("newfstatat", nr(262, 79),  Op.STATAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH), statbuf=la.OUT_STAT, flag=To("flags",
         AT_STAT)), ZERO),
    call("statfs",     nr(137, 43),  Op.STATFS, FULL, sig(path=PATH, buf=OutStruct(la.STATFS)), ZERO),
    call("fstatfs",    nr(138, 44),  Op.FSTATFS, FULL, sig(fd=FD, buf=OutStruct(la.STATFS)), ZERO),
    call("access",     nr(21, None), Op.FACCESSAT, FULL, sig(filename=To("path", PATH), mode=To("access",
         U32)), ZERO,
         dirfd=CWD, flags=NONE),
    call("faccessat",  nr(269, 48),  Op.FACCESSAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH), mode=To("access", U32)), ZERO, flags=NONE),
    call("faccessat2", nr(439, 439), Op.FACCESSAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH), mode=To("access", U32), flags=AT_ACCESS), ZERO),
    call("readlink",   nr(89, None), Op.READLINKAT, FULL,
         sig(path=PATH, buf=OutData("bufsiz"), bufsiz=LENGTH32), STORED, dirfd=CWD),
    call("readlinkat", nr(267, 78),  Op.READLINKAT, FULL,
         sig(dfd=To("dirfd", FD), path=PATH, buf=OutData("bufsiz"), bufsiz=LENGTH32), STORED),
    call("getdents64", nr(217, 61),  Op.GETDENTS, FULL,
         sig(fd=FD, dirent=To("sink", Records(la.DIRENT64, "count")), count=LENGTH32), Ret("r.used")),
    call("getcwd",     nr(79, 17),   Op.GETCWD, FULL,
         sig(buf=OutData("size", short=E.RANGE, end=b"\0"), size=LENGTH), STORED),
    call("chdir",      nr(80, 49),   Op.CHDIR,  FULL, sig(filename=To("path", PATH)), ZERO),
    call("fchdir",     nr(81, 50),   Op.FCHDIR, FULL, sig(fd=FD), ZERO),
)
CHANGING = (
    call("rename",     nr(82, None), Op.RENAMEAT, FULL, sig(oldname=To("oldpath", PATH),
         newname=To("newpath", PATH)), ZERO,
         olddirfd=CWD, newdirfd=CWD, replace=True),
    call("renameat",   nr(264, 38),  Op.RENAMEAT, FULL,
         sig(olddfd=To("olddirfd", FD), oldname=To("oldpath", PATH), newdfd=To("newdirfd", FD),
             newname=To("newpath", PATH)), ZERO, replace=True),
    call("mkdir",      nr(83, None), Op.MKDIRAT, FULL, sig(pathname=To("path", PATH), mode=MODE), ZERO,
         dirfd=CWD),
    call("mkdirat",    nr(258, 34),  Op.MKDIRAT, FULL, sig(dfd=To("dirfd", FD), pathname=To("path", PATH),
         mode=MODE), ZERO),
    call("mknod",      nr(133, None), Op.MKNODAT, FULL, sig(filename=To("path", PATH), mode=MODE, dev=DEV),
         ZERO, dirfd=CWD),
    call("mknodat",    nr(259, 33),  Op.MKNODAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH), mode=MODE, dev=DEV), ZERO),
    call("rmdir",      nr(84, None), Op.UNLINKAT, FULL, sig(pathname=To("path", PATH)), ZERO, dirfd=CWD,
         flags=At.REMOVEDIR),
    call("unlink",     nr(87, None), Op.UNLINKAT, FULL, sig(pathname=To("path", PATH)), ZERO, dirfd=CWD,
         flags=NONE),
    call("unlinkat",   nr(263, 35),  Op.UNLINKAT, FULL,
         sig(dfd=To("dirfd", FD), pathname=To("path", PATH), flag=To("flags", AT_UNLINK)), ZERO),
    call("link",       nr(86, None), Op.LINKAT, FULL, sig(oldname=To("oldpath", PATH), newname=To("newpath",
         PATH)), ZERO,
         olddirfd=CWD, newdirfd=CWD, flags=NONE),
    call("linkat",     nr(265, 37),  Op.LINKAT, FULL,
         sig(olddfd=To("olddirfd", FD), oldname=To("oldpath", PATH), newdfd=To("newdirfd", FD),
             newname=To("newpath", PATH), flags=AT_LINK), ZERO),
    call("symlink",    nr(88, None), Op.SYMLINKAT, FULL, sig(oldname=To("target", PATH), newname=To("path",
         PATH)), ZERO, dirfd=CWD),
    call("symlinkat",  nr(266, 36),  Op.SYMLINKAT, FULL,
         sig(oldname=To("target", PATH), newdfd=To("dirfd", FD), newname=To("path", PATH)), ZERO),
    call("chmod",      nr(90, None), Op.FCHMODAT, FULL, sig(filename=To("path", PATH), mode=MODE), ZERO,
         dirfd=CWD, flags=NONE),
    call("fchmod",     nr(91, 52),   Op.FCHMOD, FULL, sig(fd=FD, mode=MODE), ZERO),
    call("fchmodat",   nr(268, 53),  Op.FCHMODAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH), mode=MODE), ZERO, flags=NONE),
    call("fchmodat2",  nr(452, 452), Op.FCHMODAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH), mode=MODE, flags=AT_OWNER), ZERO),
    call("chown",      nr(92, None), Op.FCHOWNAT, FULL, sig(filename=To("path", PATH), user=To("uid", S32),
         group=To("gid", S32)), ZERO,
         dirfd=CWD, flags=NONE),
    call("fchown",     nr(93, 55),   Op.FCHOWN, FULL, sig(fd=FD, user=To("uid", S32), group=To("gid", S32)),
         ZERO),
    call("lchown",     nr(94, None), Op.FCHOWNAT, FULL, sig(filename=To("path", PATH), user=To("uid", S32),
         group=To("gid", S32)), ZERO,
         dirfd=CWD, flags=At.NOFOLLOW),
    call("fchownat",   nr(260, 54),  Op.FCHOWNAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH), user=To("uid", S32), group=To("gid", S32),
             flag=To("flags", AT_OWNER)), ZERO),
    call("utimensat",  nr(280, 88),  Op.UTIMENSAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH_OPT), utimes=To("times", la.IN_TIMES_OPT),
         flags=AT_OWNER), ZERO),
    call("utime",      nr(132, None), Op.UTIMENSAT, FULL,
         sig(filename=To("path", PATH), times=la.IN_UTIMBUF_OPT), ZERO, dirfd=CWD, flags=NONE),
    call("utimes",     nr(235, None), Op.UTIMENSAT, FULL,
         sig(filename=To("path", PATH), utimes=To("times", la.IN_TIMEVALS_OPT)), ZERO, dirfd=CWD, flags=NONE),
    call("futimesat",  nr(261, None), Op.UTIMENSAT, FULL,
         sig(dfd=To("dirfd", FD), filename=To("path", PATH_OPT), utimes=To("times", la.IN_TIMEVALS_OPT)),
         ZERO, flags=NONE),
    call("truncate",   nr(76, 45),   Op.TRUNCATE, FULL, sig(path=PATH, length=OFFSET), ZERO),
    call("ftruncate",  nr(77, 46),   Op.FTRUNCATE, FULL, sig(fd=FD, length=OFFSET), ZERO),
    call("fsync",      nr(74, 82),   Op.FSYNC,  FULL, sig(fd=FD), ZERO, data_only=False),
    call("fdatasync",  nr(75, 83),   Op.FSYNC,  FULL, sig(fd=FD), ZERO, data_only=True),
    call("sync",       nr(162, 81),  Op.SYNC,   FULL, None, ZERO),
    call("umask",      nr(95, 166),  Op.UMASK,  FULL, sig(mask=MODE)),
)
WAITING: tuple[Call, ...] = (
    call("poll",       nr(7, None),  Op.POLL,   FULL,
         sig(ufds=To("fds", Array(la.POLLFD, la.POLLFD_MAKE, "nfds", write=True)), nfds=LENGTH32,
             timeout_msecs=To("timeout", Millis())), sigmask=None),
    call("ppoll",      nr(271, 73),  Op.POLL,   partial("the remaining time is not written back"),
         sig(fds=Array(la.POLLFD, la.POLLFD_MAKE, "nfds", write=True), nfds=LENGTH32, tsp=To("timeout",
         la.IN_TIME_OPT),
             sigmask=InInt(64, optional=True), sigsetsize=Unused("8"))),
)
SELECT = {"inp": ADDRESS, "outp": ADDRESS, "exp": ADDRESS}
WAITING += (
    call("select",     nr(23, None), None, partial("the remaining time is not written back"),
         sig(n=S32, **SELECT, tvp=To("timeout", la.IN_TIMEVAL_OPT)), via=select),
    call("pselect6",   nr(270, 72),  None, partial("the remaining time is not written back"),
         sig(n=S32, **SELECT, tsp=To("timeout", la.IN_TIME_OPT), sig=To("mask", ADDRESS)), via=pselect),
)
# fmt: on

CALLS: tuple[Call, ...] = (*READ_WRITE, *OPENING, *STATUS, *CHANGING, *WAITING)
