"""Neutral values: what kernel ops take and return, independent of any ABI (flags in neutral_flags.py)."""

from __future__ import annotations

from typing import NamedTuple

from aot.personality.abi.neutral_flags import (
    Advice,
    At,
    Clock,
    FileType,
    LockOp,
    MapFlag,
    MaskHow,
    MemoryLock,
    Open,
    Remap,
    Resource,
    Whence,
    Who,
)
from aot.record import dataclass

# passed on from neutral_flags.py; what is defined here is public as well
__all__ = [
    "Advice",
    "At",
    "Clock",
    "FileType",
    "LockOp",
    "MapFlag",
    "MaskHow",
    "MemoryLock",
    "Open",
    "Remap",
    "Resource",
    "Whence",
    "Who",
]

CWD = -100
"""Directory descriptor of the current directory."""


# Time and Stat are made several times a call; a frozen value would cost four times as much to make
@dataclass(slots=True)
class Time:
    """Seconds and nanoseconds; 0 <= nsec < 1e9."""

    sec: int
    nsec: int

    @property
    def usec(self) -> int:
        return self.nsec // 1000

    @property
    def ns(self) -> int:
        """The whole value in nanoseconds."""
        return self.sec * 1_000_000_000 + self.nsec


def time_ns(ns: int) -> Time:
    """A Time from nanoseconds."""
    return Time(*divmod(ns, 1_000_000_000))


UTIME_NOW = (1 << 30) - 1
"""`nsec` of a file time that is set to the current time."""
UTIME_OMIT = (1 << 30) - 2
"""`nsec` of a file time that is left alone."""


@dataclass(frozen=True, slots=True)
class Times:
    """New access and modification times of a file; see UTIME_NOW and UTIME_OMIT."""

    atime: Time
    mtime: Time


@dataclass(slots=True)
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

    @property
    def dev_major(self) -> int:
        return major(self.dev)

    @property
    def dev_minor(self) -> int:
        return minor(self.dev)

    @property
    def rdev_major(self) -> int:
        return major(self.rdev)

    @property
    def rdev_minor(self) -> int:
        return minor(self.rdev)


def major(dev: int) -> int:
    """Major number of a neutral (Linux-encoded) device."""
    return (dev >> 8 & 0xFFF) | (dev >> 32 & ~0xFFF & 0xFFFFFFFF)


def minor(dev: int) -> int:
    """Minor number of a neutral (Linux-encoded) device."""
    return (dev & 0xFF) | (dev >> 12 & ~0xFF & 0xFFFFFFFF)


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


NO_LIMIT = 0xFFFF_FFFF_FFFF_FFFF
"""Word of a resource limit that is none."""


@dataclass(frozen=True, slots=True)
class Rlimit:
    """Resource limit; None is no limit."""

    current: int | None
    maximum: int | None

    @classmethod
    def from_words(cls, current: int, maximum: int) -> Rlimit:
        """From two words where the largest value means no limit."""
        return cls(*(None if word >= NO_LIMIT else word for word in (current, maximum)))

    @property
    def current_word(self) -> int:
        return NO_LIMIT if self.current is None else self.current

    @property
    def maximum_word(self) -> int:
        return NO_LIMIT if self.maximum is None else self.maximum


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


class Ends(NamedTuple):
    """The two descriptors of a pipe."""

    read: int
    write: int


class Listed(NamedTuple):
    """What a directory listing put into the guest's buffer: bytes, and the cookie it started at."""

    used: int
    base: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes a sendfile moved and the file offset behind them."""

    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class StatFs:
    """Facts about a file system. Sizes in blocks of `bsize` bytes."""

    type: int
    bsize: int
    blocks: int
    bfree: int
    bavail: int
    files: int
    ffree: int
    fsid: int = 0
    namelen: int = 255
    frsize: int = 4096
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Sysinfo:
    """Load and memory of the machine the guest sees, bytes."""

    uptime: int
    totalram: int
    freeram: int
    procs: int
    bufferram: int = 0


@dataclass(frozen=True, slots=True)
class Itimer:
    """An interval timer: period and time to the next expiry."""

    interval: Time
    value: Time


@dataclass(frozen=True, slots=True)
class EpollEvent:
    """Events wanted or found (Linux bits, EPOLLET and EPOLLONESHOT included) and the guest's own word."""

    events: int
    data: int


class Waited(NamedTuple):
    """A child that ended: its id (0: none has yet) and how (the wait status of Linux)."""

    pid: int
    status: int
