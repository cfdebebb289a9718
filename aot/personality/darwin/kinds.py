"""Darwin's own argument kinds: its structs to and from neutral values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.kinds import In, InStruct, Int, Mem, Path
from aot.personality.abi.neutral import CWD, Clock, SigAction, Stat
from aot.personality.bsd import kinds as shared
from aot.personality.bsd.words import OutAs
from aot.personality.darwin import layouts as la
from aot.personality.darwin.flags import AT_FDCWD, SIGNALS
from aot.record import dataclass

_MASK = 0xFFFF_FFFF
_FD = Int(32, signed=True)


@dataclass(frozen=True, slots=True)
class DirFd(In):
    """The directory of a relative path: AT_FDCWD has a number of its own."""

    @property
    def load(self) -> Callable[..., Any]:
        return lambda word, mem: CWD if word & _MASK == AT_FDCWD & _MASK else _FD.load(word, mem)

    def show(self, word: int, mem: Mem) -> str:
        return "AT_FDCWD" if word & _MASK == AT_FDCWD & _MASK else _FD.show(word, mem)


@dataclass(frozen=True, slots=True)
class SetWord(In):
    """A signal set passed by value: parameter is a neutral mask."""

    @property
    def load(self) -> Callable[..., Any]:
        decode = SIGNALS.decode_mask
        return lambda word, mem: decode(word & _MASK)


def _device(major: int, minor: int) -> int:
    return (major & 0xFF) << 24 | minor & 0xFF_FFFF


def _stat(found: Stat) -> Stat:
    return Stat(
        _device(found.dev_major, found.dev_minor), found.ino, found.mode, found.nlink, found.uid, found.gid,
        _device(found.rdev_major, found.rdev_minor), found.size, found.blksize, found.blocks,
        found.atime, found.mtime, found.ctime, found.btime, found.flags, found.gen,
    )  # fmt: skip


def _kernel_action(handler: int, restorer: int, mask: int, flags: int) -> SigAction:
    return SigAction(handler, shared.translate(flags, shared.SA), restorer, SIGNALS.decode_mask(mask))


DIRFD = DirFd()
SIGNAL_KINDS = shared.SignalKinds(SIGNALS, 4, la.SIGACTION)
ACTION_IN = InStruct(la.KSIGACTION, _kernel_action, optional=True)
SIGSET_WORD = SetWord()
STAT_OUT = OutAs(la.STAT64, _stat)
TIMES_IN_OPT = shared.file_times(now=-1, omit=-2)
TIMEVAL_OUT_OPT = OutAs(la.TIMEVAL, lambda time: time, optional=True)
RAW = Int(64, signed=False, base=16)  # a pointer the row looks at itself
TEXT_OPT = Path(limit=1 << 24, optional=True)
REALTIME = Clock.REALTIME
