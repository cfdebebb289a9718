"""FreeBSD's flag words and enumerations as maps onto the neutral ones.

From: sys/sys/fcntl.h, sys/sys/mman.h, sys/sys/_clock_id.h, sys/sys/signal.h, sys/sys/resource.h, FreeBSD 14.
"""

from __future__ import annotations

from aot.personality.abi.errors import E
from aot.personality.abi.flags import Choice, FlagMap
from aot.personality.abi.kinds import Pick
from aot.personality.abi.neutral import Advice, At, Clock, MapFlag, Open, Whence
from aot.personality.abi.signals import Signal, SignalMap
from aot.personality.bsd.flags import (
    ACCESS_MODE,
    OPEN_BITS,
    OPEN_IGNORED,
    RESOURCE_AS,
    SHARING,
    SIGNAL_NUMBERS,
    WHO_THREAD,
    prot,
)
from aot.personality.bsd.flags import LOCK as LOCK
from aot.personality.bsd.flags import MASK_HOW as MASK_HOW
from aot.personality.bsd.flags import WHENCE as BSD_WHENCE

OPEN = FlagMap(
    "open",
    bits=(
        *OPEN_BITS,
        ("O_DIRECTORY", 0x20000, Open.DIRECTORY),
        ("O_CLOEXEC", 0x100000, Open.CLOEXEC),
        ("O_PATH", 0x400000, Open.PATH),
    ),
    choices=(ACCESS_MODE,),
    ignored=(
        *OPEN_IGNORED,
        ("O_DIRECT", 0x10000, "a hint"),
        ("O_EXEC", 0x40000, "execute-only descriptors read as well"),
        ("O_TTY_INIT", 0x80000, "terminals start in their default modes"),
        ("O_VERIFY", 0x200000, "no verified exec"),
        ("O_RESOLVE_BENEATH", 0x800000, "paths never leave their mount"),
        ("O_DSYNC", 0x1000000, "O_SYNC without the metadata"),
        ("O_EMPTY_PATH", 0x2000000, "an empty path is refused"),
        ("O_CLOFORK", 0x8000000, "the descriptor is inherited"),
    ),
    lenient=True,
    neutral=Open,
)  # fmt: skip

PIPE = FlagMap(
    "pipe2",
    bits=(("O_NONBLOCK", 0x4, Open.NONBLOCK), ("O_CLOEXEC", 0x100000, Open.CLOEXEC)),
    neutral=Open,
)

MAP = FlagMap(
    "mmap",
    bits=(
        ("MAP_STACK", 0x400, MapFlag.STACK | MapFlag.ANONYMOUS),
        ("MAP_ANON", 0x1000, MapFlag.ANONYMOUS),
        ("MAP_GUARD", 0x2000, MapFlag.RESERVE | MapFlag.ANONYMOUS | MapFlag.PRIVATE),
        ("MAP_PREFAULT_READ", 0x40000, MapFlag.POPULATE),
    ),
    choices=(
        SHARING,
        Choice(0x4010, (
            ("0", 0, 0),
            ("MAP_FIXED", 0x10, MapFlag.FIXED),
            ("MAP_FIXED|MAP_EXCL", 0x4010, MapFlag.FIXED_NOREPLACE),
        )),
    ),
    ignored=(
        ("MAP_HASSEMAPHORE", 0x200, "no effect on this architecture"),
        ("MAP_NOSYNC", 0x800, "a hint"),
        ("MAP_NOCORE", 0x20000, "no core files"),
        ("MAP_ALIGNMENT_MASK", 0xFF000000, "a hint: a mapping is page aligned"),
    ),
    neutral=MapFlag,
)  # fmt: skip

AT_STAT = FlagMap(
    "fstatat", bits=(("AT_SYMLINK_NOFOLLOW", 0x200, At.NOFOLLOW), ("AT_EMPTY_PATH", 0x4000, At.EMPTY_PATH)),
    ignored=(("AT_RESOLVE_BENEATH", 0x2000, "paths never leave their mount"),), neutral=At,
)  # fmt: skip
AT_ACCESS = FlagMap(
    "faccessat",
    bits=(("AT_EACCESS", 0x100, At.EACCESS), ("AT_SYMLINK_NOFOLLOW", 0x200, At.NOFOLLOW),
          ("AT_EMPTY_PATH", 0x4000, At.EMPTY_PATH)),
    ignored=(("AT_RESOLVE_BENEATH", 0x2000, "paths never leave their mount"),), neutral=At,
)  # fmt: skip
AT_UNLINK = FlagMap(
    "unlinkat", bits=(("AT_REMOVEDIR", 0x800, At.REMOVEDIR),),
    ignored=(("AT_RESOLVE_BENEATH", 0x2000, "paths never leave their mount"),), neutral=At,
)  # fmt: skip
AT_LINK = FlagMap(
    "linkat", bits=(("AT_SYMLINK_FOLLOW", 0x400, At.FOLLOW), ("AT_EMPTY_PATH", 0x4000, At.EMPTY_PATH)),
    ignored=(("AT_RESOLVE_BENEATH", 0x2000, "paths never leave their mount"),), neutral=At,
)  # fmt: skip

WHENCE = Pick((*BSD_WHENCE.values, ("SEEK_DATA", 3, Whence.DATA), ("SEEK_HOLE", 4, Whence.HOLE)))

CLOCK = Pick((
    ("CLOCK_REALTIME", 0, Clock.REALTIME), ("CLOCK_VIRTUAL", 1, Clock.PROCESS), ("CLOCK_PROF", 2,
        Clock.PROCESS),
    ("CLOCK_MONOTONIC", 4, Clock.MONOTONIC), ("CLOCK_UPTIME", 5, Clock.MONOTONIC),
    ("CLOCK_UPTIME_PRECISE", 7, Clock.MONOTONIC), ("CLOCK_UPTIME_FAST", 8, Clock.MONOTONIC),
    ("CLOCK_REALTIME_PRECISE", 9, Clock.REALTIME), ("CLOCK_REALTIME_FAST", 10, Clock.REALTIME),
    ("CLOCK_MONOTONIC_PRECISE", 11, Clock.MONOTONIC), ("CLOCK_MONOTONIC_FAST", 12, Clock.MONOTONIC),
    ("CLOCK_SECOND", 13, Clock.REALTIME), ("CLOCK_THREAD_CPUTIME_ID", 14, Clock.THREAD),
    ("CLOCK_PROCESS_CPUTIME_ID", 15, Clock.PROCESS),
))  # fmt: skip

ADVICE = Pick((
    ("MADV_NORMAL", 0, Advice.HINT), ("MADV_RANDOM", 1, Advice.HINT), ("MADV_SEQUENTIAL", 2, Advice.HINT),
    ("MADV_WILLNEED", 3, Advice.HINT),
    ("MADV_DONTNEED", 4, Advice.HINT),  # keeps the contents, unlike Linux's
    ("MADV_FREE", 5, Advice.FREE), ("MADV_NOSYNC", 6, Advice.HINT), ("MADV_AUTOSYNC", 7, Advice.HINT),
    ("MADV_NOCORE", 8, Advice.HINT), ("MADV_CORE", 9, Advice.HINT), ("MADV_PROTECT", 10, Advice.HINT),
), unknown=E.INVAL)  # fmt: skip

SIGNALS = SignalMap({**SIGNAL_NUMBERS, Signal.THR: 32})
PROT = prot(("PROT_MAX(7)", 0x70000, "rights may be raised later"))
RESOURCE, WHO = RESOURCE_AS, WHO_THREAD
