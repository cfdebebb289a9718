"""OpenBSD's flag words and enumerations as maps onto the neutral ones.

From: sys/sys/fcntl.h, sys/sys/mman.h, sys/sys/_time.h, sys/sys/signal.h, sys/sys/resource.h, OpenBSD 7.
"""

from __future__ import annotations

from aot.personality.abi.flags import Choice, FlagMap
from aot.personality.abi.kinds import Pick
from aot.personality.abi.neutral import Advice, At, Clock, MapFlag, Open
from aot.personality.abi.signals import Signal, SignalMap
from aot.personality.bsd.flags import (
    ACCESS_MODE,
    LOCK,
    MASK_HOW,
    OPEN_BITS,
    OPEN_IGNORED,
    RESOURCE,
    SHARING,
    SIGNAL_NUMBERS,
    WHENCE,
    WHO_THREAD,
    prot,
)

__all__ = [
    "ADVICE", "AT_ACCESS", "AT_LINK", "AT_STAT", "AT_UNLINK", "CLOCK", "LOCK", "MAP", "MASK_HOW", "OPEN",
    "PIPE", "PROT", "RESOURCE", "SIGNALS", "WHENCE", "WHO",
]  # fmt: skip

OPEN = FlagMap(
    "open",
    bits=(*OPEN_BITS, ("O_CLOEXEC", 0x10000, Open.CLOEXEC), ("O_DIRECTORY", 0x20000, Open.DIRECTORY)),
    choices=(ACCESS_MODE,),
    ignored=(*OPEN_IGNORED, ("O_CLOFORK", 0x40000, "the descriptor is inherited")),
    neutral=Open,
)
PIPE = FlagMap(
    "pipe2",
    bits=(("O_NONBLOCK", 0x4, Open.NONBLOCK), ("O_CLOEXEC", 0x10000, Open.CLOEXEC)),
    ignored=(("O_CLOFORK", 0x40000, "the descriptor is inherited"),),
    neutral=Open,
)

MAP = FlagMap(
    "mmap",
    bits=(("MAP_ANON", 0x1000, MapFlag.ANONYMOUS), ("MAP_STACK", 0x4000, MapFlag.STACK)),
    choices=(
        SHARING,
        Choice(0x810, (
            ("0", 0, 0),
            ("MAP_FIXED", 0x10, MapFlag.FIXED),
            ("__MAP_NOREPLACE", 0x800, MapFlag.FIXED_NOREPLACE),
            ("MAP_FIXED|__MAP_NOREPLACE", 0x810, MapFlag.FIXED_NOREPLACE),
        )),
    ),
    ignored=(
        ("__MAP_NOFAULT", 0x2000, "an absent page of a file is a fault"),
        ("MAP_CONCEAL", 0x8000, "no core files"),
    ),
    neutral=MapFlag,
)  # fmt: skip

AT_STAT = FlagMap("fstatat", bits=(("AT_SYMLINK_NOFOLLOW", 0x2, At.NOFOLLOW),), neutral=At)
AT_ACCESS = FlagMap("faccessat", bits=(("AT_EACCESS", 0x1, At.EACCESS),), neutral=At)
AT_UNLINK = FlagMap("unlinkat", bits=(("AT_REMOVEDIR", 0x8, At.REMOVEDIR),), neutral=At)
AT_LINK = FlagMap("linkat", bits=(("AT_SYMLINK_FOLLOW", 0x4, At.FOLLOW),), neutral=At)

CLOCK = Pick((
    ("CLOCK_REALTIME", 0, Clock.REALTIME), ("CLOCK_PROCESS_CPUTIME_ID", 2, Clock.PROCESS),
    ("CLOCK_MONOTONIC", 3, Clock.MONOTONIC), ("CLOCK_THREAD_CPUTIME_ID", 4, Clock.THREAD),
    ("CLOCK_UPTIME", 5, Clock.MONOTONIC), ("CLOCK_BOOTTIME", 6, Clock.BOOT),
))  # fmt: skip
ADVICE = Pick((
    ("MADV_NORMAL", 0, Advice.HINT), ("MADV_RANDOM", 1, Advice.HINT), ("MADV_SEQUENTIAL", 2, Advice.HINT),
    ("MADV_WILLNEED", 3, Advice.HINT),
    ("MADV_DONTNEED", 4, Advice.HINT),  # keeps the contents, unlike Linux's
    ("MADV_SPACEAVAIL", 5, Advice.HINT), ("MADV_FREE", 6, Advice.FREE),
))  # fmt: skip

SIGNALS = SignalMap({**SIGNAL_NUMBERS, Signal.THR: 32})
PROT = prot()
WHO = WHO_THREAD
