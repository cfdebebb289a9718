"""Native struct layouts: every field 64 bits wide unless it is a character array or paired."""

from __future__ import annotations

from aot.personality.abi.frame import SigInfo
from aot.personality.abi.kinds import InStruct, OutStruct
from aot.personality.abi.layout import S32, S64, U8, U16, U32, U64, F, Layout, Record, text, timespec
from aot.personality.abi.neutral import (
    EpollEvent,
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

TIME = Layout("helctic_time", 16, (F("sec", S64, "sec"), F("nsec", S64, "nsec")))
TIMES = Layout("helctic_times", 32, (*timespec("atime", "atime"), *timespec("mtime", "mtime")))
STAT = Layout("helctic_stat", 152, (
    F("dev", U64, "dev"), F("ino", U64, "ino"), F("mode", U32, "mode"), F("nlink", U32, "nlink"),
    F("uid", U32, "uid"), F("gid", U32, "gid"), F("rdev", U64, "rdev"), F("size", S64, "size"),
    F("blksize", S64, "blksize"), F("blocks", S64, "blocks"),
    *timespec("atime", "atime"), *timespec("mtime", "mtime"), *timespec("ctime", "ctime"),
    *timespec("btime", "btime"), F("flags", U64, "flags"), F("gen", U64, "gen"), F("reserved", U64),
))  # fmt: skip
UTSNAME = Layout("helctic_utsname", 390, tuple(
    text(n, 65, n) for n in ("sysname", "nodename", "release", "version", "machine", "domainname")
))  # fmt: skip
SIGACTION = Layout("helctic_sigaction", 32, (
    F("handler", U64, "handler"), F("flags", U64, "flags"),
    F("restorer", U64, "restorer"), F("mask", U64, "mask"),
))  # fmt: skip
SIGSTACK = Layout("helctic_sigstack", 24, (
    F("address", U64, "address"), F("size", U64, "size"), F("flags", U64, "flags"),
))  # fmt: skip
RLIMIT = Layout("helctic_rlimit", 16, (F("current", U64, "current_word"), F("maximum", U64, "maximum_word")))
WINSIZE = Layout("helctic_winsize", 8, (
    F("rows", U16, "rows"), F("cols", U16, "cols"), F("xpixel", U16, "xpixel"), F("ypixel", U16, "ypixel"),
))  # fmt: skip
TERMIOS = Layout("helctic_termios", 36, (
    F("iflag", U32, "iflag"), F("oflag", U32, "oflag"), F("cflag", U32, "cflag"), F("lflag", U32, "lflag"),
    F("line", U8, "line"), text("cc", 19, "cc"),
))  # fmt: skip
RUSAGE = Layout("helctic_rusage", 72, (
    *timespec("utime", "utime"), *timespec("stime", "stime"), F("maxrss", S64, "maxrss"),
    F("minflt", S64, "minflt"), F("majflt", S64, "majflt"),
    F("nvcsw", S64, "nvcsw"), F("nivcsw", S64, "nivcsw"),
))  # fmt: skip
POLLFD = Layout("helctic_pollfd", 8, (
    F("fd", S32, "fd"), F("events", U16, "events"), F("revents", U16, "revents"),
))  # fmt: skip
ENDS = Layout("helctic_ends", 8, (F("read", S32, "read"), F("write", S32, "write")))
STATFS = Layout("helctic_statfs", 88, tuple(
    F(n, U64, n)
    for n in (
        "type", "bsize", "blocks", "bfree", "bavail", "files", "ffree", "fsid", "namelen", "frsize", "flags",
    )
))  # fmt: skip
SYSINFO = Layout("helctic_sysinfo", 40, tuple(
    F(n, U64, n) for n in ("uptime", "totalram", "freeram", "procs", "bufferram")
))  # fmt: skip
ITIMER = Layout("helctic_itimer", 32, (*timespec("interval", "interval"), *timespec("value", "value")))
DIRENT_HEAD = Layout("helctic_dirent", 19, (
    F("ino", U64, "ino"), F("offset", S64, "offset"), F("reclen", U16), F("type", U8, "type"),
))  # fmt: skip
DIRENT = Record(head=DIRENT_HEAD, tail="name", reclen="reclen")


def make_times(**words: int) -> Times:
    """Times from decoded fields."""
    return Times(Time(words["atime.sec"], words["atime.nsec"]), Time(words["mtime.sec"], words["mtime.nsec"]))


def make_itimer(**words: int) -> Itimer:
    """An Itimer from decoded fields."""
    return Itimer(
        Time(words["interval.sec"], words["interval.nsec"]), Time(words["value.sec"], words["value.nsec"])
    )


def make_rlimit(current_word: int, maximum_word: int) -> Rlimit:
    """A limit from its words; all ones is no limit."""
    return Rlimit.from_words(current_word, maximum_word)


IN_TIME = InStruct(TIME, Time)
IN_TIME_OPT = InStruct(TIME, Time, optional=True)
IN_TIMES_OPT = InStruct(TIMES, make_times, optional=True)
IN_SIGACTION = InStruct(SIGACTION, SigAction, optional=True)
IN_SIGSTACK = InStruct(SIGSTACK, SigStack, optional=True)
IN_RLIMIT = InStruct(RLIMIT, make_rlimit, optional=True)
IN_WINSIZE = InStruct(WINSIZE, Winsize)
IN_TERMIOS = InStruct(TERMIOS, Termios)
IN_ITIMER = InStruct(ITIMER, make_itimer)
OUT_TIME = OutStruct(TIME)
OUT_TIME_OPT = OutStruct(TIME, optional=True)
OUT_STAT = OutStruct(STAT)
OUT_RLIMIT_OPT = OutStruct(RLIMIT, optional=True)
POLLFD_MAKE = PollFd

MESSAGE = Layout("helctic_message", 56, (
    F("msg_name", U64, "name"), F("msg_namelen", S64, "name_size"), F("msg_iov", U64, "pieces"),
    F("msg_iovlen", U64, "count"), F("msg_control", U64, "control"), F("msg_controllen", U64, "control_size"),
    F("msg_flags", U64, "flags"),
))  # fmt: skip
INTERFACE = Layout("helctic_interface", 64, (
    F("number", U32, "number"), F("flags", U32, "flags"), F("mtu", U32, "mtu"), F("reserved", U32),
    text("name", 16, "name"), text("host", 16, "host"), text("mask", 16, "mask"),
))  # fmt: skip
STRUCTS = (
    TIME, TIMES, STAT, UTSNAME, SIGACTION, SIGSTACK, RLIMIT, WINSIZE, TERMIOS, RUSAGE, POLLFD, ENDS, MESSAGE, INTERFACE,
    STATFS,
    SYSINFO, ITIMER, DIRENT_HEAD,
)  # fmt: skip
"""What the C header spells out."""
EPOLL_EVENT = Layout("helctic_event", 16, (F("data", U64, "data"), F("events", U64, "events")))
IN_EPOLL = InStruct(EPOLL_EVENT, EpollEvent, optional=True)
SIGINFO = Layout("helctic_siginfo", 40, (
    F("signal", S64, "signal"), F("code", S64, "code"), F("pid", S64, "pid"), F("uid", S64, "uid"),
    F("value", U64, "value"),
))  # fmt: skip
IN_SIGINFO = InStruct(SIGINFO, SigInfo)
IN_SIGINFO_OPT = InStruct(SIGINFO, SigInfo, optional=True)
