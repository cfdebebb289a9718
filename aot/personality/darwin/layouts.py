"""Darwin's structs, the same on x86_64 and arm64.

From: bsd/sys/stat.h, dirent.h, mount.h, signal.h, _types/_timeval.h, termios.h of XNU.
"""

from __future__ import annotations

from aot.personality.abi.layout import S32, S64, U8, U16, U32, U64, F, Layout, Record, pad, timespec
from aot.personality.bsd.layouts import ITIMERVAL, POLLFD, RLIMIT, RUSAGE, STACK, TIMESPEC, WINSIZE

STAT64 = Layout("stat", 144, (
    F("st_dev", U32, "dev"), F("st_mode", U16, "mode"), F("st_nlink", U16, "nlink"), F("st_ino", U64, "ino"),
    F("st_uid", U32, "uid"), F("st_gid", U32, "gid"), F("st_rdev", U32, "rdev"), pad(4),
    *timespec("st_atimespec", "atime"), *timespec("st_mtimespec", "mtime"),
    *timespec("st_ctimespec", "ctime"), *timespec("st_birthtimespec", "btime"),
    F("st_size", S64, "size"),
    F("st_blocks", S64, "blocks"),  # unit: 512 B
    F("st_blksize", S32, "blksize"), F("st_flags", U32, "flags"), F("st_gen", U32, "gen"), pad(20),
))  # fmt: skip

DIRENT_HEAD = Layout("dirent", 24, (
    F("d_ino", U64, "ino"), F("d_seekoff", U64, "offset"), F("d_reclen", U16), F("d_namlen", U16),
    F("d_type", U8, "type"), pad(3),
))  # fmt: skip
DIRENT = Record(DIRENT_HEAD, tail="name", reclen="d_reclen", namelen="d_namlen", tail_at=21)

STATFS = Layout("statfs", 2168, (
    F("f_bsize", U32, "frsize"), F("f_iosize", S32, "bsize"), F("f_blocks", U64, "blocks"),
    F("f_bfree", U64, "bfree"), F("f_bavail", U64, "bavail"), F("f_files", U64, "files"),
    F("f_ffree", U64, "ffree"), F("f_fsid", U64, "fsid"), F("f_owner", U32), F("f_type", U32),
    F("f_flags", U32), F("f_fssubtype", U32), F("f_fstypename", "16s"), F("f_mntonname", "1024s"),
    F("f_mntfromname", "1024s"), F("f_flags_ext", U32), pad(28),
))  # fmt: skip

TIMEVAL = Layout("timeval", 16, (F("tv_sec", S64, "sec"), F("tv_usec", S32, "usec"), pad(4)))
SIGACTION = Layout("sigaction", 16, (
    F("__sigaction_u", U64, "handler"), F("sa_mask", U32, "mask"), F("sa_flags", U32, "flags"),
))  # fmt: skip
KSIGACTION = Layout("__sigaction", 24, (
    F("__sigaction_u", U64, "handler"), F("sa_tramp", U64, "restorer"), F("sa_mask", U32, "mask"),
    F("sa_flags", U32, "flags"),
))  # fmt: skip
TERMIOS = Layout("termios", 72, (
    F("c_iflag", U64, "iflag"), F("c_oflag", U64, "oflag"), F("c_cflag", U64, "cflag"),
    F("c_lflag", U64, "lflag"), F("c_cc", "20s", "cc"), pad(4), F("c_ispeed", U64, value=38400),
    F("c_ospeed", U64, value=38400),
))  # fmt: skip
TIMEBASE = Layout("mach_timebase_info", 8, (F("numer", U32, "numer"), F("denom", U32, "denom")))

LAYOUTS = (
    STAT64, DIRENT_HEAD, STATFS, TIMEVAL, SIGACTION, KSIGACTION, TERMIOS, TIMEBASE, TIMESPEC, RLIMIT, RUSAGE,
    ITIMERVAL, POLLFD, STACK, WINSIZE,
)  # fmt: skip
