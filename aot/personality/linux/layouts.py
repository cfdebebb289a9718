"""Linux struct layouts. From: include/uapi, 64-bit; compared with a compiler's answers in tests."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.kinds import InStruct, OutStruct
from aot.personality.abi.layout import (
    S32,
    S64,
    U8,
    U16,
    U32,
    U64,
    F,
    Layout,
    LayoutSet,
    Record,
    pad,
    text,
    timespec,
)
from aot.personality.abi.neutral import (
    Itimer,
    PollFd,
    Rlimit,
    SigAction,
    SigStack,
    Termios,
    Time,
    Times,
    Winsize,
)
from aot.personality.linux.columns import AARCH64, X86_64

_STAT_TIMES = (*timespec("st_atim", "atime"), *timespec("st_mtim", "mtime"), *timespec("st_ctim", "ctime"))
STAT_X86_64 = Layout("stat", 144, (
    F("st_dev", U64, "dev"), F("st_ino", U64, "ino"), F("st_nlink", U64, "nlink"), F("st_mode", U32, "mode"),
    F("st_uid", U32, "uid"), F("st_gid", U32, "gid"), pad(4), F("st_rdev", U64, "rdev"),
    F("st_size", S64, "size"), F("st_blksize", S64, "blksize"), F("st_blocks", S64, "blocks"),
    *_STAT_TIMES, pad(24),
))  # fmt: skip
STAT_GENERIC = Layout("stat", 128, (
    F("st_dev", U64, "dev"), F("st_ino", U64, "ino"), F("st_mode", U32, "mode"), F("st_nlink", U32, "nlink"),
    F("st_uid", U32, "uid"), F("st_gid", U32, "gid"), F("st_rdev", U64, "rdev"), pad(8),
    F("st_size", S64, "size"), F("st_blksize", S32, "blksize"), pad(4), F("st_blocks", S64, "blocks"),
    *_STAT_TIMES, pad(8),
))  # fmt: skip
STAT = LayoutSet({X86_64: STAT_X86_64, AARCH64: STAT_GENERIC})
TIMESPEC = Layout("timespec", 16, (F("tv_sec", S64, "sec"), F("tv_nsec", S64, "nsec")))
TIMESPECS = Layout("timespecs", 32, (*timespec("[0]", "atime"), *timespec("[1]", "mtime")))
TIMEVAL = Layout("timeval", 16, (F("tv_sec", S64, "sec"), F("tv_usec", S64, "usec")))
TIMEVALS = Layout("timevals", 32, (
    F("[0].tv_sec", S64, "asec"), F("[0].tv_usec", S64, "ausec"),
    F("[1].tv_sec", S64, "msec"), F("[1].tv_usec", S64, "musec"),
))  # fmt: skip
UTIMBUF = Layout("utimbuf", 16, (F("actime", S64, "actime"), F("modtime", S64, "modtime")))
TIMEZONE = Layout("timezone", 8, (F("tz_minuteswest", S32), F("tz_dsttime", S32)))
UTSNAME = Layout("utsname", 390, tuple(
    text(n, 65, n) for n in ("sysname", "nodename", "release", "version", "machine", "domainname")
))  # fmt: skip
# the kernel's own sigaction (not libc's): arm64 keeps sa_restorer in the struct too
SIGACTION = Layout("kernel_sigaction", 32, (
    F("sa_handler", U64, "handler"), F("sa_flags", U64, "flags"),
    F("sa_restorer", U64, "restorer"), F("sa_mask", U64, "mask"),
))  # fmt: skip
SIGSTACK = Layout("stack_t", 24, (
    F("ss_sp", U64, "address"), F("ss_flags", U32, "flags"), pad(4), F("ss_size", U64, "size"),
))  # fmt: skip
RLIMIT = Layout("rlimit", 16, (
    F("rlim_cur", U64, "current_word"), F("rlim_max", U64, "maximum_word"),
))  # fmt: skip
WINSIZE = Layout("winsize", 8, (
    F("ws_row", U16, "rows"), F("ws_col", U16, "cols"), F("ws_xpixel", U16, "xpixel"),
    F("ws_ypixel", U16, "ypixel"),
))  # fmt: skip
# the kernel's termios (NCCS 19), not libc's
TERMIOS = Layout("kernel_termios", 36, (
    F("c_iflag", U32, "iflag"), F("c_oflag", U32, "oflag"), F("c_cflag", U32, "cflag"),
    F("c_lflag", U32, "lflag"), F("c_line", U8, "line"), text("c_cc", 19, "cc"),
))  # fmt: skip
RUSAGE = Layout("rusage", 144, (
    F("ru_utime.tv_sec", S64, "utime.sec"), F("ru_utime.tv_usec", S64, "utime.usec"),
    F("ru_stime.tv_sec", S64, "stime.sec"), F("ru_stime.tv_usec", S64, "stime.usec"),
    F("ru_maxrss", S64, "maxrss"), F("ru_ixrss", S64), F("ru_idrss", S64), F("ru_isrss", S64),
    F("ru_minflt", S64, "minflt"), F("ru_majflt", S64, "majflt"), F("ru_nswap", S64), F("ru_inblock", S64),
    F("ru_oublock", S64), F("ru_msgsnd", S64), F("ru_msgrcv", S64), F("ru_nsignals", S64),
    F("ru_nvcsw", S64, "nvcsw"), F("ru_nivcsw", S64, "nivcsw"),
))  # fmt: skip
POLLFD = Layout("pollfd", 8, (F("fd", S32, "fd"), F("events", U16, "events"), F("revents", U16, "revents")))
ENDS = Layout("pipefd", 8, (F("[0]", S32, "read"), F("[1]", S32, "write")))
STATFS = Layout("statfs", 120, (
    F("f_type", S64, "type"), F("f_bsize", S64, "bsize"), F("f_blocks", U64, "blocks"),
    F("f_bfree", U64, "bfree"), F("f_bavail", U64, "bavail"), F("f_files", U64, "files"),
    F("f_ffree", U64, "ffree"), F("f_fsid", U64, "fsid"), F("f_namelen", S64, "namelen"),
    F("f_frsize", S64, "frsize"), F("f_flags", S64, "flags"), pad(32),
))  # fmt: skip
SYSINFO = Layout("sysinfo", 112, (
    F("uptime", S64, "uptime"), F("loads[0]", U64), F("loads[1]", U64), F("loads[2]", U64),
    F("totalram", U64, "totalram"), F("freeram", U64, "freeram"), F("sharedram", U64),
    F("bufferram", U64, "bufferram"), F("totalswap", U64), F("freeswap", U64), F("procs", U16, "procs"),
    F("pad", U16), pad(4), F("totalhigh", U64), F("freehigh", U64), F("mem_unit", U32, value=1), pad(4),
))  # fmt: skip
ITIMER = Layout("itimerval", 32, (
    F("it_interval.tv_sec", S64, "interval.sec"), F("it_interval.tv_usec", S64, "interval.usec"),
    F("it_value.tv_sec", S64, "value.sec"), F("it_value.tv_usec", S64, "value.usec"),
))  # fmt: skip
DIRENT64_HEAD = Layout("linux_dirent64", 19, (
    F("d_ino", U64, "ino"), F("d_off", S64, "offset"), F("d_reclen", U16), F("d_type", U8, "type"),
))  # fmt: skip
DIRENT64 = Record(head=DIRENT64_HEAD, tail="name", reclen="d_reclen")


def make_times(**words: int) -> Times:
    """Times from two timespecs."""
    return Times(Time(words["atime.sec"], words["atime.nsec"]), Time(words["mtime.sec"], words["mtime.nsec"]))


def make_times_us(asec: int, ausec: int, msec: int, musec: int) -> Times:
    """Times from two timevals."""
    return Times(Time(asec, ausec * 1000), Time(msec, musec * 1000))


def make_times_s(actime: int, modtime: int) -> Times:
    """Times from a utimbuf."""
    return Times(Time(actime, 0), Time(modtime, 0))


def make_time_us(sec: int, usec: int) -> Time:
    """A Time from a timeval."""
    return Time(sec, usec * 1000)


def make_itimer(**words: Any) -> Itimer:
    """An Itimer from an itimerval."""
    return Itimer(
        Time(words["interval.sec"], words["interval.usec"] * 1000),
        Time(words["value.sec"], words["value.usec"] * 1000),
    )


def make_rlimit(current_word: int, maximum_word: int) -> Rlimit:
    """A limit; RLIM_INFINITY is no limit."""
    return Rlimit.from_words(current_word, maximum_word)


IN_TIME = InStruct(TIMESPEC, Time)
IN_TIME_OPT = InStruct(TIMESPEC, Time, optional=True)
IN_TIMEVAL_OPT = InStruct(TIMEVAL, make_time_us, optional=True)
IN_TIMES_OPT = InStruct(TIMESPECS, make_times, optional=True)
IN_TIMEVALS_OPT = InStruct(TIMEVALS, make_times_us, optional=True)
IN_UTIMBUF_OPT = InStruct(UTIMBUF, make_times_s, optional=True)
IN_SIGACTION = InStruct(SIGACTION, SigAction, optional=True)
IN_SIGSTACK = InStruct(SIGSTACK, SigStack, optional=True)
IN_RLIMIT = InStruct(RLIMIT, make_rlimit)
IN_RLIMIT_OPT = InStruct(RLIMIT, make_rlimit, optional=True)
IN_WINSIZE = InStruct(WINSIZE, Winsize)
IN_TERMIOS = InStruct(TERMIOS, Termios)
IN_ITIMER = InStruct(ITIMER, make_itimer)
OUT_STAT = OutStruct(STAT)
OUT_TIME = OutStruct(TIMESPEC)
OUT_TIME_OPT = OutStruct(TIMESPEC, optional=True)
POLLFD_MAKE = PollFd
