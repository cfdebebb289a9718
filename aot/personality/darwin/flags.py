"""Darwin's flag words and enumerations as maps onto the neutral ones.

From: bsd/sys/fcntl.h, bsd/sys/mman.h, bsd/sys/unistd.h, bsd/sys/signal.h, bsd/sys/resource.h of XNU, time.h of Libc.
"""

from __future__ import annotations

from aot.personality.abi.flags import Choice, FlagMap
from aot.personality.abi.kinds import Pick
from aot.personality.abi.neutral import Advice, At, Clock, MapFlag, Open, Resource, Whence
from aot.personality.abi.signals import SignalMap
from aot.personality.bsd.flags import ACCESS_MODE, LOCK, MASK_HOW, SHARING, SIGNAL_NUMBERS, WHO, prot
from aot.personality.bsd.flags import WHENCE as BSD_WHENCE

__all__ = ["LOCK", "MASK_HOW", "WHO"]

OPEN = FlagMap(
    "open",
    bits=(
        ("O_NONBLOCK", 0x4, Open.NONBLOCK),
        ("O_APPEND", 0x8, Open.APPEND),
        ("O_SYNC", 0x80, Open.SYNC),
        ("O_NOFOLLOW", 0x100, Open.NOFOLLOW),
        ("O_CREAT", 0x200, Open.CREATE),
        ("O_TRUNC", 0x400, Open.TRUNCATE),
        ("O_EXCL", 0x800, Open.EXCLUSIVE),
        ("O_NOCTTY", 0x20000, Open.NOCTTY),
        ("O_DIRECTORY", 0x100000, Open.DIRECTORY),
        ("O_CLOEXEC", 0x1000000, Open.CLOEXEC),
    ),
    choices=(ACCESS_MODE,),
    ignored=(
        ("O_SHLOCK", 0x10, "no lock is taken"),
        ("O_EXLOCK", 0x20, "no lock is taken"),
        ("O_ASYNC", 0x40, "no SIGIO"),
        ("O_EVTONLY", 0x8000, "no events"),
        ("O_SYMLINK", 0x200000, "links are followed"),
        ("O_DSYNC", 0x400000, "O_SYNC without the metadata"),
        ("O_CLOFORK", 0x8000000, "the descriptor is inherited"),
        ("O_NOFOLLOW_ANY", 0x20000000, "links in the middle of a path are followed"),
    ),
    lenient=True,
    neutral=Open,
)

MAP = FlagMap(
    "mmap",
    bits=(
        ("MAP_FIXED", 0x10, MapFlag.FIXED),
        ("MAP_NORESERVE", 0x40, MapFlag.NORESERVE),
        ("MAP_ANON", 0x1000, MapFlag.ANONYMOUS),
    ),
    choices=(Choice(SHARING.mask, SHARING.values[1:]),),
    ignored=(
        ("MAP_RENAME", 0x20, "no effect"),
        ("MAP_RESERVED0080", 0x80, "no effect"),
        ("MAP_NOEXTEND", 0x100, "no effect"),
        ("MAP_HASSEMAPHORE", 0x200, "no effect on this architecture"),
        ("MAP_NOCACHE", 0x400, "a hint"),
        ("MAP_JIT", 0x800, "any memory may become code"),
        ("MAP_RESILIENT_CODESIGN", 0x2000, "no signatures"),
        ("MAP_RESILIENT_MEDIA", 0x4000, "a hint"),
        ("MAP_TRANSLATED_ALLOW_EXECUTE", 0x20000, "no effect"),
        ("MAP_UNIX03", 0x40000, "no effect"),
    ),
    neutral=MapFlag,
)

_BENEATH = ("AT_RESOLVE_BENEATH", 0x2000, "paths never leave their mount")
_ANY = ("AT_SYMLINK_NOFOLLOW_ANY", 0x800, "links in the middle of a path are followed")
_NOFOLLOW = ("AT_SYMLINK_NOFOLLOW", 0x20, At.NOFOLLOW)
AT_STAT = FlagMap(
    "fstatat", bits=(_NOFOLLOW,), ignored=(("AT_REALDEV", 0x200, "no file system hides its device"), _ANY, _BENEATH),
    neutral=At,
)  # fmt: skip
AT_ACCESS = FlagMap(
    "faccessat", bits=(("AT_EACCESS", 0x10, At.EACCESS), _NOFOLLOW), ignored=(_ANY, _BENEATH), neutral=At
)
AT_UNLINK = FlagMap(
    "unlinkat", bits=(("AT_REMOVEDIR", 0x80, At.REMOVEDIR),), ignored=(_ANY, _BENEATH), neutral=At
)
AT_LINK = FlagMap(
    "linkat", bits=(("AT_SYMLINK_FOLLOW", 0x40, At.FOLLOW),), ignored=(_ANY, _BENEATH), neutral=At
)
AT_FDCWD = -2

WHENCE = Pick((*BSD_WHENCE.values, ("SEEK_HOLE", 3, Whence.HOLE), ("SEEK_DATA", 4, Whence.DATA)))

CLOCK = Pick((
    ("CLOCK_REALTIME", 0, Clock.REALTIME), ("CLOCK_MONOTONIC_RAW", 4, Clock.MONOTONIC),
    ("CLOCK_MONOTONIC_RAW_APPROX", 5, Clock.MONOTONIC), ("CLOCK_MONOTONIC", 6, Clock.MONOTONIC),
    ("CLOCK_UPTIME_RAW", 8, Clock.MONOTONIC), ("CLOCK_UPTIME_RAW_APPROX", 9, Clock.MONOTONIC),
    ("CLOCK_PROCESS_CPUTIME_ID", 12, Clock.PROCESS), ("CLOCK_THREAD_CPUTIME_ID", 16, Clock.THREAD),
))  # fmt: skip

RESOURCE = Pick((
    ("RLIMIT_CPU", 0, Resource.CPU), ("RLIMIT_FSIZE", 1, Resource.FSIZE), ("RLIMIT_DATA", 2, Resource.DATA),
    ("RLIMIT_STACK", 3, Resource.STACK), ("RLIMIT_CORE", 4, Resource.CORE), ("RLIMIT_AS", 5, Resource.AS),
    ("RLIMIT_MEMLOCK", 6, Resource.MEMLOCK), ("RLIMIT_NPROC", 7, Resource.NPROC),
    ("RLIMIT_NOFILE", 8, Resource.NOFILE),
))  # fmt: skip

ADVICE = Pick((
    ("MADV_NORMAL", 0, Advice.HINT), ("MADV_RANDOM", 1, Advice.HINT), ("MADV_SEQUENTIAL", 2, Advice.HINT),
    ("MADV_WILLNEED", 3, Advice.HINT),
    ("MADV_DONTNEED", 4, Advice.HINT),  # keeps the contents, unlike Linux's
    ("MADV_FREE", 5, Advice.FREE), ("MADV_FREE_REUSABLE", 7, Advice.FREE), ("MADV_FREE_REUSE", 8, Advice.HINT),
    ("MADV_CAN_REUSE", 9, Advice.FREE), ("MADV_PAGEOUT", 10, Advice.HINT),
))  # fmt: skip

SIGNALS = SignalMap(SIGNAL_NUMBERS)
PROT = prot()
PIPE = OPEN
"""Darwin has no pipe2; the shared rows name its flags all the same."""
