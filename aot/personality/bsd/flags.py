"""Flag words and enumerations that the BSDs share.

From: sys/sys/fcntl.h, sys/sys/mman.h, sys/sys/signal.h, sys/sys/resource.h of FreeBSD, NetBSD and OpenBSD.
"""

from __future__ import annotations

from aot.personality.abi.flags import Choice, FlagMap
from aot.personality.abi.kinds import Pick
from aot.personality.abi.neutral import LockOp, MapFlag, MaskHow, Open, Resource, Whence, Who
from aot.personality.abi.signals import Signal

Ignored = tuple[tuple[str, int, str], ...]

OPEN_BITS = (
    ("O_NONBLOCK", 0x4, Open.NONBLOCK),
    ("O_APPEND", 0x8, Open.APPEND),
    ("O_SYNC", 0x80, Open.SYNC),
    ("O_NOFOLLOW", 0x100, Open.NOFOLLOW),
    ("O_CREAT", 0x200, Open.CREATE),
    ("O_TRUNC", 0x400, Open.TRUNCATE),
    ("O_EXCL", 0x800, Open.EXCLUSIVE),
    ("O_NOCTTY", 0x8000, Open.NOCTTY),
)
OPEN_IGNORED: Ignored = (
    ("O_SHLOCK", 0x10, "no lock is taken"),
    ("O_EXLOCK", 0x20, "no lock is taken"),
    ("O_ASYNC", 0x40, "no SIGIO"),
)
ACCESS_MODE = Choice(0x3, (
    ("O_RDONLY", 0, Open.READ),
    ("O_WRONLY", 1, Open.WRITE),
    ("O_RDWR", 2, Open.READ | Open.WRITE),
))  # fmt: skip
SHARING = Choice(0x3, (
    ("0", 0, MapFlag.PRIVATE),
    ("MAP_SHARED", 1, MapFlag.SHARED),
    ("MAP_PRIVATE", 2, MapFlag.PRIVATE),
))  # fmt: skip

LOCK = FlagMap(
    "flock",
    bits=(
        ("LOCK_SH", 1, LockOp.SHARED),
        ("LOCK_EX", 2, LockOp.EXCLUSIVE),
        ("LOCK_NB", 4, LockOp.NONBLOCK),
        ("LOCK_UN", 8, LockOp.UNLOCK),
    ),
    neutral=LockOp,
)
WHENCE = Pick((("SEEK_SET", 0, Whence.SET), ("SEEK_CUR", 1, Whence.CUR), ("SEEK_END", 2, Whence.END)))
MASK_HOW = Pick((
    ("SIG_BLOCK", 1, MaskHow.BLOCK), ("SIG_UNBLOCK", 2, MaskHow.UNBLOCK), ("SIG_SETMASK", 3, MaskHow.SET),
))  # fmt: skip
RESOURCE = Pick((
    ("RLIMIT_CPU", 0, Resource.CPU), ("RLIMIT_FSIZE", 1, Resource.FSIZE), ("RLIMIT_DATA", 2, Resource.DATA),
    ("RLIMIT_STACK", 3, Resource.STACK), ("RLIMIT_CORE", 4, Resource.CORE), ("RLIMIT_RSS", 5, Resource.RSS),
    ("RLIMIT_MEMLOCK", 6, Resource.MEMLOCK), ("RLIMIT_NPROC", 7, Resource.NPROC),
    ("RLIMIT_NOFILE", 8, Resource.NOFILE),
))  # fmt: skip
RESOURCE_AS = Pick((*RESOURCE.values, ("RLIMIT_AS", 10, Resource.AS)))
WHO = Pick((("RUSAGE_SELF", 0, Who.SELF), ("RUSAGE_CHILDREN", -1, Who.CHILDREN)))
WHO_THREAD = Pick((*WHO.values, ("RUSAGE_THREAD", 1, Who.THREAD)))

SIGNAL_NUMBERS = {
    Signal.EMT: 7, Signal.BUS: 10, Signal.SYS: 12, Signal.URG: 16, Signal.STOP: 17, Signal.TSTP: 18,
    Signal.CONT: 19, Signal.CHLD: 20, Signal.TTIN: 21, Signal.TTOU: 22, Signal.IO: 23, Signal.XCPU: 24,
    Signal.XFSZ: 25, Signal.VTALRM: 26, Signal.PROF: 27, Signal.WINCH: 28, Signal.INFO: 29,
    Signal.USR1: 30, Signal.USR2: 31,
}  # fmt: skip


def prot(*ignored: tuple[str, int, str]) -> FlagMap:
    """ABI bits to rights X 1, W 2, R 4."""
    bits = (("PROT_READ", 1, 4), ("PROT_WRITE", 2, 2), ("PROT_EXEC", 4, 1))
    return FlagMap("prot", bits, ignored=ignored)
