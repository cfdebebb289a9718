"""Linux flag words and choices of memory calls.

From: include/uapi/asm-generic/{mman,mman-common}.h, arch/{x86,arm64}/include/uapi/asm/mman.h.
"""

from __future__ import annotations

from aot.personality.abi.flags import Choice, FlagMap, FlagSet
from aot.personality.abi.kinds import Bits, Pick
from aot.personality.abi.neutral import Advice, MapFlag, MemoryLock, Remap
from aot.personality.linux.columns import AARCH64, X86_64


def _map(*more: tuple[str, int, int]) -> FlagMap:
    """The flags of mmap; unknown bits are ignored, as mmap(2) does for all but MAP_SHARED_VALIDATE."""
    return FlagMap(
        "map",
        (
            ("MAP_FIXED", 0x10, MapFlag.FIXED), ("MAP_ANONYMOUS", 0x20, MapFlag.ANONYMOUS),
            ("MAP_GROWSDOWN", 0x100, MapFlag.GROWSDOWN), ("MAP_LOCKED", 0x2000, MapFlag.LOCKED),
            ("MAP_NORESERVE", 0x4000, MapFlag.NORESERVE), ("MAP_POPULATE", 0x8000, MapFlag.POPULATE),
            ("MAP_STACK", 0x20000, MapFlag.STACK), ("MAP_HUGETLB", 0x40000, MapFlag.HUGE),
            ("MAP_FIXED_NOREPLACE", 0x100000, MapFlag.FIXED_NOREPLACE),
            *more,
        ),
        (Choice(0xF, (("MAP_SHARED", 1, MapFlag.SHARED), ("MAP_PRIVATE", 2, MapFlag.PRIVATE),
                      ("MAP_SHARED_VALIDATE", 3, MapFlag.SHARED))),),
        ignored=(
            ("MAP_DENYWRITE", 0x800, "ignored by Linux"), ("MAP_EXECUTABLE", 0x1000, "ignored by Linux"),
            ("MAP_NONBLOCK", 0x10000, "a hint"), ("MAP_SYNC", 0x80000, "ignored without MAP_SHARED_VALIDATE"),
            ("MAP_UNINITIALIZED", 0x4000000, "always zeroed"),
        ),
        lenient=True,
        neutral=MapFlag,
    )  # fmt: skip


MAP = Bits(FlagSet({X86_64: _map(("MAP_32BIT", 0x40, MapFlag.LOW)), AARCH64: _map()}))


def _prot(*ignored: tuple[str, int, str], lenient: bool = False) -> FlagMap:
    bits = (("PROT_READ", 1, 4), ("PROT_WRITE", 2, 2), ("PROT_EXEC", 4, 1))
    more = () if lenient else (("PROT_GROWSDOWN", 0x1000000, 8),)
    sem = ("PROT_SEM", 8, "atomics always work")
    return FlagMap("prot", (*bits, *more), ignored=(sem, *ignored), lenient=lenient)


_BTI = ("PROT_BTI", 0x10, "branch targets are not checked")
PROT = Bits(FlagSet({X86_64: _prot(), AARCH64: _prot(_BTI)}))
"""ABI bits of mprotect to rights X 1, W 2, R 4; 8: from where the mapping begins that grows downwards."""
NEW_PROT = Bits(FlagSet({X86_64: _prot(lenient=True), AARCH64: _prot(_BTI, lenient=True)}))
"""The same of mmap, which ignores bits it does not know."""
REMAP = Bits(
    FlagMap(
        "mremap",
        (("MREMAP_MAYMOVE", 1, Remap.MAYMOVE), ("MREMAP_FIXED", 2, Remap.FIXED),
         ("MREMAP_DONTUNMAP", 4, Remap.DONTUNMAP)),
        neutral=Remap,
    )
)  # fmt: skip
SYNC = FlagMap("msync", (("MS_ASYNC", 1, 1), ("MS_INVALIDATE", 2, 2), ("MS_SYNC", 4, 4)))
LOCK_ALL = Bits(
    FlagMap(
        "mlockall",
        (("MCL_CURRENT", 1, MemoryLock.CURRENT), ("MCL_FUTURE", 2, MemoryLock.FUTURE),
         ("MCL_ONFAULT", 4, MemoryLock.ON_FAULT)),
        neutral=MemoryLock,
    )
)  # fmt: skip
ON_FAULT = Pick((("0", 0, False), ("MLOCK_ONFAULT", 1, True)))
_HINTS = (
    ("MADV_NORMAL", 0, Advice.HINT), ("MADV_RANDOM", 1, Advice.HINT), ("MADV_SEQUENTIAL", 2, Advice.HINT),
    ("MADV_WILLNEED", 3, Advice.HINT), ("MADV_MERGEABLE", 12, Advice.HINT),
    ("MADV_UNMERGEABLE", 13, Advice.HINT), ("MADV_HUGEPAGE", 14, Advice.HINT),
    ("MADV_NOHUGEPAGE", 15, Advice.HINT), ("MADV_DONTDUMP", 16, Advice.HINT),
    ("MADV_DODUMP", 17, Advice.HINT), ("MADV_COLD", 20, Advice.COLD), ("MADV_PAGEOUT", 21, Advice.COLD),
    ("MADV_COLLAPSE", 25, Advice.HINT),
)  # fmt: skip
ADVICE = Pick((
    *_HINTS,
    ("MADV_DONTNEED", 4, Advice.DONTNEED), ("MADV_FREE", 8, Advice.FREE), ("MADV_REMOVE", 9, Advice.REMOVE),
    ("MADV_DONTFORK", 10, Advice.DONTFORK), ("MADV_DOFORK", 11, Advice.DOFORK),
    ("MADV_WIPEONFORK", 18, Advice.WIPEONFORK), ("MADV_KEEPONFORK", 19, Advice.KEEPONFORK),
    ("MADV_POPULATE_READ", 22, Advice.POPULATE_READ), ("MADV_POPULATE_WRITE", 23, Advice.POPULATE_WRITE),
    ("MADV_DONTNEED_LOCKED", 24, Advice.DONTNEED_LOCKED),
    ("MADV_HWPOISON", 100, Advice.POISON), ("MADV_SOFT_OFFLINE", 101, Advice.POISON),
))  # fmt: skip
DISTANT_ADVICE = Pick((
    ("MADV_WILLNEED", 3, Advice.HINT), ("MADV_COLD", 20, Advice.COLD), ("MADV_PAGEOUT", 21, Advice.COLD),
    ("MADV_COLLAPSE", 25, Advice.HINT),
))  # fmt: skip
"""What one process may advise of another's memory."""
