"""Neutral values of file calls beyond reading and writing: record locks, what statx tells, watched files."""

from __future__ import annotations

from enum import IntEnum, IntFlag, auto
from typing import NamedTuple

from aot.personality.abi.neutral import Stat, Time
from aot.record import dataclass


class LockKind(IntEnum):
    """What a record lock does; the values are those of struct flock on Linux."""

    READ = 0
    WRITE = 1
    UNLOCK = 2


@dataclass(frozen=True, slots=True)
class RecordLock:
    """A range of a file to lock: `length` 0 reaches to the end, a negative one lies before `start`.

    `kind` and `whence` are the words the guest gave; `pid` is who holds it (-1: a description does).
    """

    kind: int
    whence: int
    start: int
    length: int
    pid: int = 0


class Resolve(IntFlag):
    """How a path may be resolved."""

    NO_XDEV = auto()
    NO_MAGICLINKS = auto()
    NO_SYMLINKS = auto()
    BENEATH = auto()
    IN_ROOT = auto()
    CACHED = auto()


@dataclass(frozen=True, slots=True)
class OpenHow:
    """The words of openat2's struct, before they are checked."""

    flags: int
    mode: int
    resolve: int


class Allocate(IntFlag):
    """What happens to a range of a file; none of them: it is made writable and the file grows."""

    KEEP_SIZE = auto()
    PUNCH_HOLE = auto()
    COLLAPSE = auto()
    ZERO = auto()
    INSERT = auto()
    UNSHARE = auto()


class Owner(NamedTuple):
    """Who is told by a signal that a descriptor is ready: nobody 0, else an id and what it names."""

    kind: int  # 0 context, 1 process, 2 group (F_OWNER_* of Linux)
    id: int


@dataclass(frozen=True, slots=True)
class Birth:
    """When a file was made, and what its file system says of it (STATX_ATTR_* of Linux)."""

    time: Time
    attributes: int = 0
    attributes_mask: int = 0
    memory_align: int = 0
    offset_align: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a file. `mask` says which of it is true (STATX_* of Linux)."""

    stat: Stat
    birth: Birth
    mount: int
    mask: int


class Handle(NamedTuple):
    """A number that stands for a file, and the number of the mount it is on."""

    number: int
    mount: int
