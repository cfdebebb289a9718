"""Structs that FreeBSD, NetBSD and OpenBSD lay out alike on 64-bit architectures.

From: sys/sys/time.h, signal.h, resource.h, poll.h, _termios.h or termios.h, ttycom.h, exec.h.
"""

from __future__ import annotations

from aot.personality.abi.layout import S32, S64, U16, U32, U64, F, Layout, pad, timespec

TIMESPEC = Layout("timespec", 16, (F("tv_sec", S64, "sec"), F("tv_nsec", S64, "nsec")))
TIMEVAL = Layout("timeval", 16, (F("tv_sec", S64, "sec"), F("tv_usec", S64, "usec")))
TIMESPECS = Layout("timespec[2]", 32, (*timespec("atim", "atime"), *timespec("mtim", "mtime")))
TIMEVALS = Layout("timeval[2]", 32, (
    F("atim.tv_sec", S64, "atime.sec"), F("atim.tv_usec", S64, "atime.usec"),
    F("mtim.tv_sec", S64, "mtime.sec"), F("mtim.tv_usec", S64, "mtime.usec"),
))  # fmt: skip
STACK = Layout("stack_t", 24, (
    F("ss_sp", U64, "address"), F("ss_size", U64, "size"), F("ss_flags", S32, "flags"), pad(4),
))  # fmt: skip
RUSAGE = Layout("rusage", 144, (
    F("ru_utime.tv_sec", S64, "utime.sec"), F("ru_utime.tv_usec", S64, "utime.usec"),
    F("ru_stime.tv_sec", S64, "stime.sec"), F("ru_stime.tv_usec", S64, "stime.usec"),
    F("ru_maxrss", S64, "maxrss"), F("ru_ixrss", S64), F("ru_idrss", S64), F("ru_isrss", S64),
    F("ru_minflt", S64, "minflt"), F("ru_majflt", S64, "majflt"), F("ru_nswap", S64), F("ru_inblock", S64),
    F("ru_oublock", S64), F("ru_msgsnd", S64), F("ru_msgrcv", S64), F("ru_nsignals", S64),
    F("ru_nvcsw", S64, "nvcsw"), F("ru_nivcsw", S64, "nivcsw"),
))  # fmt: skip
RLIMIT = Layout("rlimit", 16, (F("rlim_cur", S64, "current"), F("rlim_max", S64, "maximum")))
ITIMERVAL = Layout("itimerval", 32, (
    F("it_interval.tv_sec", S64, "interval.sec"), F("it_interval.tv_usec", S64, "interval.usec"),
    F("it_value.tv_sec", S64, "value.sec"), F("it_value.tv_usec", S64, "value.usec"),
))  # fmt: skip
POLLFD = Layout("pollfd", 8, (F("fd", S32, "fd"), F("events", "h", "events"), F("revents", "h", "revents")))
WINSIZE = Layout("winsize", 8, (
    F("ws_row", U16, "rows"), F("ws_col", U16, "cols"), F("ws_xpixel", U16, "xpixel"),
    F("ws_ypixel", U16, "ypixel"),
))  # fmt: skip
TERMIOS = Layout("termios", 44, (
    F("c_iflag", U32, "iflag"), F("c_oflag", U32, "oflag"), F("c_cflag", U32, "cflag"),
    F("c_lflag", U32, "lflag"), F("c_cc", "20s", "cc"), F("c_ispeed", U32, value=38400),
    F("c_ospeed", U32, value=38400),
))  # fmt: skip
ENDS = Layout("int[2]", 8, (F("read", S32, "read"), F("write", S32, "write")))
PS_STRINGS = Layout("ps_strings", 32, (
    F("ps_argvstr", U64, "argv"), F("ps_nargvstr", U32, "argc"), pad(4), F("ps_envstr", U64, "env"),
    F("ps_nenvstr", U32, "envc"), pad(4),
))  # fmt: skip

SHARED = (
    TIMESPEC, TIMEVAL, STACK, RUSAGE, RLIMIT, ITIMERVAL, POLLFD, WINSIZE, TERMIOS, PS_STRINGS,
)  # fmt: skip
