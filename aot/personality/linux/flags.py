"""Linux flag words and choices.

From: include/uapi/asm-generic/{fcntl,mman,resource}.h, arch/arm64/include/uapi/asm/fcntl.h.
"""

from __future__ import annotations

from aot.personality.abi.flags import Choice, FlagMap, FlagSet
from aot.personality.abi.kinds import Bits, Pick
from aot.personality.abi.neutral import (
    At,
    Clock,
    LockOp,
    MaskHow,
    Open,
    Resource,
    Whence,
    Who,
)
from aot.personality.linux.columns import AARCH64, X86_64

ACCESS = Choice(3, (
    ("O_RDONLY", 0, Open.READ), ("O_WRONLY", 1, Open.WRITE), ("O_RDWR", 2, Open.READ | Open.WRITE),
    ("O_ACCMODE", 3, Open.READ | Open.WRITE),
))  # fmt: skip


def _open(directory: int, nofollow: int, direct: int, largefile: int) -> FlagMap:
    """The open flags: four of them move between architectures. Unknown bits are ignored, as open(2) does."""
    return FlagMap(
        "open",
        (
            ("O_CREAT", 0o100, Open.CREATE), ("O_EXCL", 0o200, Open.EXCLUSIVE),
            ("O_NOCTTY", 0o400, Open.NOCTTY),
            ("O_TRUNC", 0o1000, Open.TRUNCATE), ("O_APPEND", 0o2000, Open.APPEND),
            ("O_NONBLOCK", 0o4000, Open.NONBLOCK), ("O_DSYNC", 0o10000, Open.DATA_SYNC),
            ("O_DIRECTORY", directory, Open.DIRECTORY), ("O_NOFOLLOW", nofollow, Open.NOFOLLOW),
            ("O_CLOEXEC", 0o2000000, Open.CLOEXEC), ("O_PATH", 0o10000000, Open.PATH),
            ("__O_TMPFILE", 0o20000000, Open.TMPFILE), ("__O_SYNC", 0o4000000, Open.SYNC),
            ("O_ASYNC", 0o20000, Open.ASYNC), ("O_DIRECT", direct, Open.DIRECT),
            ("O_LARGEFILE", largefile, Open.LARGE), ("O_NOATIME", 0o1000000, Open.NOATIME),
        ),
        (ACCESS,),
        lenient=True,
        neutral=Open,
    )  # fmt: skip


OPEN_MAPS = FlagSet({
    X86_64: _open(0o200000, 0o400000, 0o40000, 0o100000),
    AARCH64: _open(0o40000, 0o100000, 0o200000, 0o400000),
})  # fmt: skip
OPEN = Bits(OPEN_MAPS)
PIPE_MAP = FlagMap(
    "pipe", (("O_NONBLOCK", 0o4000, Open.NONBLOCK), ("O_CLOEXEC", 0o2000000, Open.CLOEXEC)), neutral=Open
)
PIPE = Bits(PIPE_MAP)
MEMFD = Bits(
    FlagMap(
        "memfd",
        (("MFD_CLOEXEC", 1, Open.CLOEXEC), ("MFD_ALLOW_SEALING", 2, Open.SEALABLE),
         ("MFD_NOEXEC_SEAL", 8, Open.NOEXEC)),
        ignored=(("MFD_EXEC", 16, "the default"),),
        neutral=Open,
    )
)  # fmt: skip
DUP3 = Bits(FlagMap("dup3", (("O_CLOEXEC", 0o2000000, 1),)))
FD_FLAGS = Bits(FlagMap("fd", (("FD_CLOEXEC", 1, 1),), lenient=True))
_AT_FOLLOW = ("AT_SYMLINK_FOLLOW", 0x400, At.FOLLOW)
_AT_NOFOLLOW = ("AT_SYMLINK_NOFOLLOW", 0x100, At.NOFOLLOW)
_AT_EMPTY = ("AT_EMPTY_PATH", 0x1000, At.EMPTY_PATH)
_AUTOMOUNT = ("AT_NO_AUTOMOUNT", 0x800, "nothing is automounted")
_STATX_SYNC = ("AT_STATX_SYNC_TYPE", 0x6000, "attributes are the host's")
AT_STAT = Bits(FlagMap("at", (_AT_NOFOLLOW, _AT_EMPTY), ignored=(_AUTOMOUNT, _STATX_SYNC), neutral=At))
AT_UNLINK = Bits(FlagMap("at", (("AT_REMOVEDIR", 0x200, At.REMOVEDIR),), neutral=At))
AT_ACCESS = Bits(FlagMap("at", (_AT_NOFOLLOW, _AT_EMPTY, ("AT_EACCESS", 0x200, At.EACCESS)), neutral=At))
AT_LINK = Bits(FlagMap("at", (_AT_FOLLOW, _AT_EMPTY), neutral=At))
AT_OWNER = Bits(FlagMap("at", (_AT_NOFOLLOW, _AT_EMPTY), neutral=At))
LOCK = Bits(
    FlagMap(
        "flock",
        (("LOCK_SH", 1, LockOp.SHARED), ("LOCK_EX", 2, LockOp.EXCLUSIVE),
         ("LOCK_NB", 4, LockOp.NONBLOCK), ("LOCK_UN", 8, LockOp.UNLOCK)),
        neutral=LockOp,
    )
)  # fmt: skip
WHENCE = Pick((
    ("SEEK_SET", 0, Whence.SET), ("SEEK_CUR", 1, Whence.CUR), ("SEEK_END", 2, Whence.END),
    ("SEEK_DATA", 3, Whence.DATA), ("SEEK_HOLE", 4, Whence.HOLE),
))  # fmt: skip
CLOCK = Pick((
    ("CLOCK_REALTIME", 0, Clock.REALTIME), ("CLOCK_MONOTONIC", 1, Clock.MONOTONIC),
    ("CLOCK_PROCESS_CPUTIME_ID", 2, Clock.PROCESS), ("CLOCK_THREAD_CPUTIME_ID", 3, Clock.THREAD),
    ("CLOCK_MONOTONIC_RAW", 4, Clock.MONOTONIC), ("CLOCK_REALTIME_COARSE", 5, Clock.REALTIME),
    ("CLOCK_MONOTONIC_COARSE", 6, Clock.MONOTONIC), ("CLOCK_BOOTTIME", 7, Clock.BOOT),
    ("CLOCK_REALTIME_ALARM", 8, Clock.REALTIME), ("CLOCK_BOOTTIME_ALARM", 9, Clock.BOOT),
))  # fmt: skip
SLEEP = Pick((("0", 0, False), ("TIMER_ABSTIME", 1, True)))
MASK_HOW = Pick((
    ("SIG_BLOCK", 0, MaskHow.BLOCK), ("SIG_UNBLOCK", 1, MaskHow.UNBLOCK), ("SIG_SETMASK", 2, MaskHow.SET),
))  # fmt: skip
RESOURCE = Pick((
    ("RLIMIT_CPU", 0, Resource.CPU), ("RLIMIT_FSIZE", 1, Resource.FSIZE), ("RLIMIT_DATA", 2, Resource.DATA),
    ("RLIMIT_STACK", 3, Resource.STACK), ("RLIMIT_CORE", 4, Resource.CORE), ("RLIMIT_RSS", 5, Resource.RSS),
    ("RLIMIT_NPROC", 6, Resource.NPROC), ("RLIMIT_NOFILE", 7, Resource.NOFILE),
    ("RLIMIT_MEMLOCK", 8, Resource.MEMLOCK), ("RLIMIT_AS", 9, Resource.AS),
    ("RLIMIT_LOCKS", 10, Resource.LOCKS),
    ("RLIMIT_SIGPENDING", 11, Resource.SIGPENDING), ("RLIMIT_MSGQUEUE", 12, Resource.MSGQUEUE),
    ("RLIMIT_NICE", 13, Resource.NICE), ("RLIMIT_RTPRIO", 14, Resource.RTPRIO),
    ("RLIMIT_RTTIME", 15, Resource.RTTIME),
))  # fmt: skip
WHO = Pick((
    ("RUSAGE_SELF", 0, Who.SELF), ("RUSAGE_CHILDREN", -1, Who.CHILDREN), ("RUSAGE_THREAD", 1, Who.THREAD),
))  # fmt: skip
