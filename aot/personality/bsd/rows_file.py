"""Rows about files that FreeBSD, NetBSD and OpenBSD share; a system without a call simply has no such row.

Columns: name, op, status, arguments; the number comes from the system's own table of names.
From: sys/kern/syscalls.master of the three.
"""

from __future__ import annotations

from types import ModuleType

from aot.personality.abi.call import FULL, STORED, ZERO, Call, Ret, call, partial, sig
from aot.personality.abi.errors import E
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import (
    FD,
    LENGTH,
    MODE,
    OFFSET,
    PATH,
    S32,
    Args,
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
from aot.personality.abi.layout import Layout
from aot.personality.abi.neutral import CWD, At
from aot.personality.abi.op import Op
from aot.personality.bsd import kinds as k
from aot.personality.bsd.layouts import ENDS
from aot.personality.bsd.master import Master

OUT = {"buf": OutBytes("nbyte", partial=True), "nbyte": LENGTH}
IN = {"buf": InBytes("nbyte", partial=True), "nbyte": LENGTH}
NONE = At(0)
SELECTOR = Unused("selector")
IOV_OUT = {"iovp": To("buf", Vector("iovcnt", write=True)), "iovcnt": Length(32)}
IOV_IN = {"iovp": To("buf", Vector("iovcnt", write=False)), "iovcnt": Length(32)}
PAD = {"PAD": Unused("aligns the 64-bit argument behind it on 32-bit systems")}


def fcntl(flags: FlagMap, cloexec: int) -> dict[int, Call]:
    """The rows of fcntl(2) by command; F_DUPFD_CLOEXEC differs between systems."""
    dup = sig(fd=FD, cmd=SELECTOR, arg=To("lowest", S32))
    plain = sig(fd=FD, cmd=SELECTOR, arg=Unused("none"))
    return {
        0: call("F_DUPFD", None, Op.DUP, FULL, dup, cloexec=False),
        cloexec: call("F_DUPFD_CLOEXEC", None, Op.DUP, FULL, dup, cloexec=True),
        1: call("F_GETFD", None, Op.FCNTL_GETFD, FULL, plain),
        2: call("F_SETFD", None, Op.FCNTL_SETFD, FULL,
                sig(fd=FD, cmd=SELECTOR, arg=To("cloexec", Int(1, signed=False))), ZERO),
        3: call("F_GETFL", None, Op.FCNTL_GETFL, FULL, plain, Ret("r", flags=flags)),
        4: call("F_SETFL", None, Op.FCNTL_SETFL, FULL,
                sig(fd=FD, cmd=SELECTOR, arg=To("flags", Bits(flags))), ZERO),
    }  # fmt: skip


# fmt: off
def transfer(m: Master, fl: ModuleType, pad: Args) -> list[Call | None]:
    """Reading and writing; `pad` stands before an offset where the system has it."""
    return [
        m.row("read",     Op.READ,   FULL, sig(fd=FD, **OUT)),
        m.row("write",    Op.WRITE,  FULL, sig(fd=FD, **IN)),
        m.row("readv",    Op.READ,   FULL, sig(fd=FD, **IOV_OUT)),
        m.row("writev",   Op.WRITE,  FULL, sig(fd=FD, **IOV_IN)),
        m.row("preadv",   Op.PREAD,  FULL, sig(fd=FD, **IOV_OUT, **pad, offset=OFFSET)),
        m.row("pwritev",  Op.PWRITE, FULL, sig(fd=FD, **IOV_IN, **pad, offset=OFFSET)),
        m.row("pread",    Op.PREAD,  FULL, sig(fd=FD, **OUT, **pad, offset=OFFSET)),
        m.row("pwrite",   Op.PWRITE, FULL, sig(fd=FD, **IN, **pad, offset=OFFSET)),
        m.row("lseek",    Op.SEEK,   FULL, sig(fd=FD, **pad, offset=OFFSET, whence=fl.WHENCE)),
        m.row("truncate", Op.TRUNCATE, FULL, sig(path=PATH, **pad, length=OFFSET), ZERO),
        m.row("ftruncate", Op.FTRUNCATE, FULL, sig(fd=FD, **pad, length=OFFSET), ZERO),
        m.row("fsync",    Op.FSYNC,  FULL, sig(fd=FD), ZERO, data_only=False),
        m.row("fdatasync", Op.FSYNC, FULL, sig(fd=FD), ZERO, data_only=True),
        m.row("sync",     Op.SYNC,   FULL, None, ZERO),
    ]


def descriptors(m: Master, fl: ModuleType, own: ModuleType, ioctls: dict[int, Call]) -> list[Call | None]:
    """Opening, closing, copying and waiting for descriptors."""
    flags = Bits(fl.OPEN)
    return [
        m.row("open",     Op.OPENAT, partial("no locks"), sig(path=PATH, flags=flags, mode=MODE), dirfd=CWD),
        m.row("openat",   Op.OPENAT, partial("no locks"),
              sig(fd=To("dirfd", FD), path=PATH, flag=To("flags", flags), mode=MODE)),
        m.row("close",    Op.CLOSE,  FULL, sig(fd=FD), ZERO),
        m.row("dup",      Op.DUP,    FULL, sig(fd=FD), lowest=0, cloexec=False),
        m.row("dup2",     Op.DUP_TO, FULL, sig(**{"from": To("fd", FD), "to": To("newfd", FD)}),
              cloexec=False, distinct=False),
        m.row("pipe2",    Op.PIPE,   FULL, sig(fildes=OutStruct(ENDS), flags=Bits(fl.PIPE)), ZERO),
        m.row("ioctl",    None,      partial("terminals and FIO*"), by=("com", ioctls), otherwise=E.NOTTY),
        m.row("flock",    Op.FLOCK,  FULL, sig(fd=FD, how=To("operation", Bits(fl.LOCK))), ZERO),
        m.row("poll",     Op.POLL,   FULL, sig(fds=k.POLLFDS, nfds=Length(32), timeout=Millis()),
              sigmask=None),
        m.row("ppoll",    Op.POLL,   FULL,
              sig(fds=k.POLLFDS, nfds=Length(32), ts=To("timeout", k.TIME_IN_OPT),
                  set=To("sigmask", own.SIGNAL_KINDS.set_opt))),
    ]


def status(m: Master, fl: ModuleType, own: ModuleType, la: ModuleType) -> list[Call | None]:
    """What a file is, and changing it."""
    at_stat, at_access = Bits(fl.AT_STAT), Bits(fl.AT_ACCESS)
    return [
        m.row("stat",     Op.STATAT, FULL, sig(path=PATH, ub=own.STAT_OUT), ZERO, dirfd=CWD, flags=NONE),
        m.row("lstat",    Op.STATAT, FULL, sig(path=PATH, ub=own.STAT_OUT), ZERO, dirfd=CWD,
              flags=At.NOFOLLOW),
        m.row("fstat",    Op.FSTAT,  FULL, sig(fd=FD, sb=own.STAT_OUT), ZERO),
        m.row("fstatat",  Op.STATAT, FULL,
              sig(fd=To("dirfd", FD), path=PATH, buf=own.STAT_OUT, flag=To("flags", at_stat)), ZERO),
        m.row("getdents", Op.GETDENTS, FULL,
              sig(fd=FD, buf=To("sink", Records(la.DIRENT, "count")), count=LENGTH), Ret("r.used")),
        m.row("getdirentries", Op.GETDENTS, FULL,
              sig(fd=FD, buf=To("sink", Records(la.DIRENT, "count")), count=LENGTH,
                  basep=OutInt(64, of="base", optional=True)), Ret("r.used")),
        m.row("access",   Op.FACCESSAT, FULL, sig(path=PATH, amode=To("access", S32)), ZERO,
              dirfd=CWD, flags=NONE),
        m.row("faccessat", Op.FACCESSAT, FULL,
              sig(fd=To("dirfd", FD), path=PATH, amode=To("access", S32), flag=To("flags", at_access)), ZERO),
        m.row("umask",    Op.UMASK,  FULL, sig(newmask=To("mask", MODE))),
        m.row("chmod",    Op.FCHMODAT, FULL, sig(path=PATH, mode=MODE), ZERO, dirfd=CWD, flags=NONE),
        m.row("fchmod",   Op.FCHMOD, FULL, sig(fd=FD, mode=MODE), ZERO),
        m.row("fchmodat", Op.FCHMODAT, FULL,
              sig(fd=To("dirfd", FD), path=PATH, mode=MODE, flag=To("flags", at_stat)), ZERO),
        m.row("chown",    Op.FCHOWNAT, FULL, sig(path=PATH, uid=S32, gid=S32), ZERO, dirfd=CWD, flags=NONE),
        m.row("lchown",   Op.FCHOWNAT, FULL, sig(path=PATH, uid=S32, gid=S32), ZERO, dirfd=CWD,
              flags=At.NOFOLLOW),
        m.row("fchown",   Op.FCHOWN, FULL, sig(fd=FD, uid=S32, gid=S32), ZERO),
        m.row("fchownat", Op.FCHOWNAT, FULL,
              sig(fd=To("dirfd", FD), path=PATH, uid=S32, gid=S32, flag=To("flags", at_stat)), ZERO),
        m.row("utimes",   Op.UTIMENSAT, FULL, sig(path=PATH, tptr=To("times", k.FILE_TIMEVALS)), ZERO,
              dirfd=CWD, flags=NONE),
        m.row("futimes",  Op.UTIMENSAT, FULL, sig(fd=To("dirfd", FD), tptr=To("times", k.FILE_TIMEVALS)),
              ZERO, path=None, flags=NONE),
        m.row("futimens", Op.UTIMENSAT, FULL, sig(fd=To("dirfd", FD), times=own.TIMES_IN_OPT), ZERO,
              path=None, flags=NONE),
        m.row("utimensat", Op.UTIMENSAT, FULL,
              sig(fd=To("dirfd", FD), path=PATH, times=own.TIMES_IN_OPT, flag=To("flags", at_stat)), ZERO),
    ]


def statfs(m: Master, layout: Layout) -> list[Call | None]:
    """Facts about file systems, where they come as struct statfs."""
    return [
        m.row("statfs",   Op.STATFS, partial("no mount names"), sig(path=PATH, buf=OutStruct(layout)), ZERO),
        m.row("fstatfs",  Op.FSTATFS, partial("no mount names"), sig(fd=FD, buf=OutStruct(layout)), ZERO),
    ]


def names(m: Master, fl: ModuleType, getcwd: Ret) -> list[Call | None]:
    """Making, moving and removing names; `getcwd` is what that call answers."""
    return [
        m.row("link",     Op.LINKAT, FULL, sig(path=To("oldpath", PATH), link=To("newpath", PATH)), ZERO,
              olddirfd=CWD, newdirfd=CWD, flags=At.FOLLOW),
        m.row("linkat",   Op.LINKAT, FULL,
              sig(fd1=To("olddirfd", FD), path1=To("oldpath", PATH), fd2=To("newdirfd", FD),
                  path2=To("newpath", PATH), flag=To("flags", Bits(fl.AT_LINK))), ZERO),
        m.row("unlink",   Op.UNLINKAT, FULL, sig(path=PATH), ZERO, dirfd=CWD, flags=NONE),
        m.row("unlinkat", Op.UNLINKAT, FULL,
              sig(fd=To("dirfd", FD), path=PATH, flag=To("flags", Bits(fl.AT_UNLINK))), ZERO),
        m.row("rmdir",    Op.UNLINKAT, FULL, sig(path=PATH), ZERO, dirfd=CWD, flags=At.REMOVEDIR),
        m.row("mkdir",    Op.MKDIRAT, FULL, sig(path=PATH, mode=MODE), ZERO, dirfd=CWD),
        m.row("mkdirat",  Op.MKDIRAT, FULL, sig(fd=To("dirfd", FD), path=PATH, mode=MODE), ZERO),
        m.row("rename",   Op.RENAMEAT, FULL,
              sig(**{"from": To("oldpath", PATH), "to": To("newpath", PATH)}), ZERO,
              olddirfd=CWD, newdirfd=CWD, replace=True),
        m.row("renameat", Op.RENAMEAT, FULL,
              sig(oldfd=To("olddirfd", FD), old=To("oldpath", PATH), newfd=To("newdirfd", FD),
                  new=To("newpath", PATH)), ZERO, replace=True),
        m.row("symlink",  Op.SYMLINKAT, FULL, sig(path=To("target", PATH), link=To("path", PATH)), ZERO,
              dirfd=CWD),
        m.row("symlinkat", Op.SYMLINKAT, FULL,
              sig(path1=To("target", PATH), fd=To("dirfd", FD), path2=To("path", PATH)), ZERO),
        m.row("readlink", Op.READLINKAT, FULL, sig(path=PATH, buf=OutData("count"), count=LENGTH),
              STORED, dirfd=CWD),
        m.row("readlinkat", Op.READLINKAT, FULL,
              sig(fd=To("dirfd", FD), path=PATH, buf=OutData("bufsize"), bufsize=LENGTH), STORED),
        m.row("chdir",    Op.CHDIR,  FULL, sig(path=PATH), ZERO),
        m.row("fchdir",   Op.FCHDIR, FULL, sig(fd=FD), ZERO),
        m.row("__getcwd", Op.GETCWD, FULL,
              sig(buf=OutData("buflen", short=E.RANGE, end=b"\0"), buflen=LENGTH), getcwd),
    ]
# fmt: on
