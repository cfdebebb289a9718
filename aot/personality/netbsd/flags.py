"""NetBSD's flag words and enumerations as maps onto the neutral ones.

From: sys/sys/fcntl.h, sys/sys/mman.h, sys/sys/time.h, sys/sys/signal.h, sys/sys/resource.h, NetBSD 10.
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
    RESOURCE_AS,
    SHARING,
    SIGNAL_NUMBERS,
    WHENCE,
    WHO,
    prot,
)

__all__ = [
    "ADVICE", "AT_ACCESS", "AT_LINK", "AT_STAT", "AT_UNLINK", "CLOCK", "LOCK", "MAP", "MASK_HOW", "OPEN",
    "PIPE", "PROT", "RESOURCE", "SIGNALS", "WHENCE", "WHO",
]  # fmt: skip

OPEN = FlagMap(
    "open",
    bits=(*OPEN_BITS, ("O_DIRECTORY", 0x200000, Open.DIRECTORY), ("O_CLOEXEC", 0x400000, Open.CLOEXEC)),
    choices=(ACCESS_MODE,),
    ignored=(
        *OPEN_IGNORED,
        ("O_DSYNC", 0x10000, "O_SYNC without the metadata"),
        ("O_RSYNC", 0x20000, "reads are never behind writes"),
        ("O_ALT_IO", 0x40000, "one way of input and output"),
        ("O_DIRECT", 0x80000, "a hint"),
        ("O_SEARCH", 0x800000, "search-only descriptors read as well"),
        ("O_NOSIGPIPE", 0x1000000, "no signal is sent"),
        ("O_REGULAR", 0x2000000, "other files are opened as well"),
        ("O_EXEC", 0x4000000, "execute-only descriptors read as well"),
        ("O_CLOFORK", 0x8000000, "the descriptor is inherited"),
    ),
    lenient=True,
    neutral=Open,
)
PIPE = FlagMap(
    "pipe2",
    bits=(("O_NONBLOCK", 0x4, Open.NONBLOCK), ("O_CLOEXEC", 0x400000, Open.CLOEXEC)),
    ignored=(("O_NOSIGPIPE", 0x1000000, "no signal is sent"),),
    neutral=Open,
)

MAP = FlagMap(
    "mmap",
    bits=(
        ("MAP_NORESERVE", 0x40, MapFlag.NORESERVE),
        ("MAP_ANON", 0x1000, MapFlag.ANONYMOUS),
        ("MAP_STACK", 0x2000, MapFlag.STACK | MapFlag.ANONYMOUS),
    ),
    choices=(SHARING, Choice(0x10, (("0", 0, 0), ("MAP_FIXED", 0x10, MapFlag.FIXED)))),
    ignored=(
        ("MAP_REMAPDUP", 0x4, "for mremap"),
        ("MAP_RENAME", 0x20, "no effect"),
        ("MAP_INHERIT", 0x80, "mappings are inherited by fork anyway"),
        ("MAP_HASSEMAPHORE", 0x200, "no effect on this architecture"),
        ("MAP_TRYFIXED", 0x400, "a hint, as every address is"),
        ("MAP_WIRED", 0x800, "memory is never paged out"),
        ("MAP_ALIGNMENT_MASK", 0xFF000000, "a hint: a mapping is page aligned"),
    ),
    neutral=MapFlag,
)

AT_STAT = FlagMap("fstatat", bits=(("AT_SYMLINK_NOFOLLOW", 0x200, At.NOFOLLOW),), neutral=At)
AT_ACCESS = FlagMap(
    "faccessat",
    bits=(("AT_EACCESS", 0x100, At.EACCESS), ("AT_SYMLINK_NOFOLLOW", 0x200, At.NOFOLLOW)),
    neutral=At,
)
AT_UNLINK = FlagMap("unlinkat", bits=(("AT_REMOVEDIR", 0x800, At.REMOVEDIR),), neutral=At)
AT_LINK = FlagMap("linkat", bits=(("AT_SYMLINK_FOLLOW", 0x400, At.FOLLOW),), neutral=At)

CLOCK = Pick((
    ("CLOCK_REALTIME", 0, Clock.REALTIME), ("CLOCK_VIRTUAL", 1, Clock.PROCESS),
    ("CLOCK_PROF", 2, Clock.PROCESS), ("CLOCK_MONOTONIC", 3, Clock.MONOTONIC),
    ("CLOCK_THREAD_CPUTIME_ID", 0x20000000, Clock.THREAD),
    ("CLOCK_PROCESS_CPUTIME_ID", 0x40000000, Clock.PROCESS),
))  # fmt: skip
ADVICE = Pick((
    ("MADV_NORMAL", 0, Advice.HINT), ("MADV_RANDOM", 1, Advice.HINT), ("MADV_SEQUENTIAL", 2, Advice.HINT),
    ("MADV_WILLNEED", 3, Advice.HINT),
    ("MADV_DONTNEED", 4, Advice.HINT),  # keeps the contents, unlike Linux's
    ("MADV_SPACEAVAIL", 5, Advice.HINT), ("MADV_FREE", 6, Advice.FREE),
))  # fmt: skip

SIGNALS = SignalMap({**SIGNAL_NUMBERS, Signal.PWR: 32})
PROT = prot(("PROT_MPROTECT(7)", 0x38, "rights may be raised later"))
RESOURCE = Pick((*RESOURCE_AS.values,))
