"""Neutral values: what kernel ops take and return, independent of any ABI."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag, auto


class Open(IntFlag):
    """How a file is opened."""

    READ = auto()
    WRITE = auto()
    CREATE = auto()
    EXCLUSIVE = auto()
    TRUNCATE = auto()
    APPEND = auto()
    NONBLOCK = auto()
    CLOEXEC = auto()
    DIRECTORY = auto()
    NOFOLLOW = auto()
    NOCTTY = auto()
    SYNC = auto()
    PATH = auto()
    TMPFILE = auto()
    NO_DIRECTORY = auto()  # NT FILE_NON_DIRECTORY_FILE


class MapFlag(IntFlag):
    """How memory is mapped."""

    SHARED = auto()
    PRIVATE = auto()
    FIXED = auto()
    FIXED_NOREPLACE = auto()
    ANONYMOUS = auto()
    NORESERVE = auto()
    GROWSDOWN = auto()
    STACK = auto()
    POPULATE = auto()
    RESERVE = auto()  # address range only (MAP_GUARD, MEM_RESERVE)


class At(IntFlag):
    """Modifiers of calls that take a directory and a path."""

    NOFOLLOW = auto()
    REMOVEDIR = auto()
    EACCESS = auto()
    FOLLOW = auto()
    EMPTY_PATH = auto()


class Whence(IntEnum):
    """Origin of a seek."""

    SET = 0
    CUR = 1
    END = 2
    DATA = 3
    HOLE = 4


class Clock(IntEnum):
    """Clocks of the kernel."""

    REALTIME = 0
    MONOTONIC = 1
    PROCESS = 2
    THREAD = 3
    BOOT = 4


class FileType(IntEnum):
    """File type of a directory entry; values of S_IFMT >> 12."""

    UNKNOWN = 0
    FIFO = 1
    CHAR = 2
    DIR = 4
    BLOCK = 6
    REGULAR = 8
    LINK = 10
    SOCKET = 12


CWD = -100
"""Directory descriptor of the current directory."""


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds and nanoseconds; 0 <= nsec < 1e9."""

    sec: int
    nsec: int


@dataclass(frozen=True, slots=True)
class Stat:
    """Facts about a file. `blocks` are 512 bytes; mode is the POSIX word with S_IFMT bits."""

    dev: int
    ino: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev: int
    size: int
    blksize: int
    blocks: int
    atime: Time
    mtime: Time
    ctime: Time
    btime: Time = Time(0, 0)
    flags: int = 0
    gen: int = 0


@dataclass(frozen=True, slots=True)
class DirEntry:
    """One entry of a directory; `offset` is the cookie to continue after it."""

    ino: int
    offset: int
    type: FileType
    name: bytes


@dataclass(frozen=True, slots=True)
class Utsname:
    """What uname answers; a personality replaces the system's name and release."""

    sysname: str
    nodename: str
    release: str
    version: str
    machine: str
    domainname: str = "(none)"


@dataclass(frozen=True, slots=True)
class SigAction:
    """Disposition of a signal; `handler` is 0 default, 1 ignore, else a guest address."""

    handler: int = 0
    flags: int = 0
    restorer: int = 0
    mask: int = 0


@dataclass(frozen=True, slots=True)
class SigStack:
    """Alternate signal stack."""

    address: int = 0
    size: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Rlimit:
    """Resource limit; None is no limit."""

    current: int | None
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Winsize:
    """Terminal size in cells and pixels."""

    rows: int
    cols: int
    xpixel: int = 0
    ypixel: int = 0


@dataclass(frozen=True, slots=True)
class Termios:
    """Terminal modes in host encoding (Linux c_*flag bits); personalities re-map what they show."""

    iflag: int
    oflag: int
    cflag: int
    lflag: int
    line: int
    cc: bytes


@dataclass(frozen=True, slots=True)
class Rusage:
    """Resource usage: user and system time, peak resident set in KiB."""

    utime: Time
    stime: Time
    maxrss: int = 0
    minflt: int = 0
    majflt: int = 0
    nvcsw: int = 0
    nivcsw: int = 0


@dataclass(frozen=True, slots=True)
class PollFd:
    """One entry of a poll: events wanted, events ready (POSIX bits of Linux)."""

    fd: int
    events: int
    revents: int = 0
