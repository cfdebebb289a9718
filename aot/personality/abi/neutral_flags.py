"""Neutral flags and choices: what the words of a call mean, independent of any ABI."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag, auto


class Open(IntFlag):
    """How a file is opened."""

    READ = auto()
    WRITE = auto()
    CREATE = auto()
    EXCLUSIVE = auto()
    TRUNCATE = auto()
    APPEND = auto()
    NONBLOCK = auto()
    CLOEXEC = auto()
    DIRECTORY = auto()
    NOFOLLOW = auto()
    NOCTTY = auto()
    SYNC = auto()
    PATH = auto()
    TMPFILE = auto()
    NO_DIRECTORY = auto()  # NT FILE_NON_DIRECTORY_FILE
    SEMAPHORE = auto()  # of a counter: a read takes one
    DATA_SYNC = auto()  # writes wait for the disk, but not for the file's times
    DIRECT = auto()  # past the page cache
    NOATIME = auto()
    ASYNC = auto()  # a signal when it is ready
    LARGE = auto()  # opened with offsets of 64 bits
    SEALABLE = auto()  # an anonymous file whose changes can be forbidden
    NOEXEC = auto()  # an anonymous file that is never executed


class MapFlag(IntFlag):
    """How memory is mapped."""

    SHARED = auto()
    PRIVATE = auto()
    FIXED = auto()
    FIXED_NOREPLACE = auto()
    ANONYMOUS = auto()
    NORESERVE = auto()
    GROWSDOWN = auto()
    STACK = auto()
    POPULATE = auto()
    RESERVE = auto()  # address range only (MAP_GUARD, MEM_RESERVE)
    LOCKED = auto()
    LOW = auto()  # below 2 GiB
    HUGE = auto()  # pages larger than the page size
    SYNC = auto()  # of persistent memory


class At(IntFlag):
    """Modifiers of calls that take a directory and a path."""

    NOFOLLOW = auto()
    REMOVEDIR = auto()
    EACCESS = auto()
    FOLLOW = auto()
    EMPTY_PATH = auto()


class Whence(IntEnum):
    """Origin of a seek."""

    SET = 0
    CUR = 1
    END = 2
    DATA = 3
    HOLE = 4


class Clock(IntEnum):
    """Clocks of the kernel."""

    REALTIME = 0
    MONOTONIC = 1
    PROCESS = 2
    THREAD = 3
    BOOT = 4


class FileType(IntEnum):
    """File type of a directory entry; values of S_IFMT >> 12."""

    UNKNOWN = 0
    FIFO = 1
    CHAR = 2
    DIR = 4
    BLOCK = 6
    REGULAR = 8
    LINK = 10
    SOCKET = 12


class MaskHow(IntEnum):
    """How a signal mask changes."""

    BLOCK = 0
    UNBLOCK = 1
    SET = 2


class Resource(Enum):
    """What a resource limit is about."""

    CPU = "seconds of processor time"
    FSIZE = "bytes of a file"
    DATA = "bytes of data"
    STACK = "bytes of stack"
    CORE = "bytes of a core file"
    RSS = "bytes resident"
    NPROC = "processes"
    NOFILE = "open files"
    MEMLOCK = "bytes locked"
    AS = "bytes of address space"
    LOCKS = "file locks"
    SIGPENDING = "queued signals"
    MSGQUEUE = "bytes in message queues"
    NICE = "nice ceiling"
    RTPRIO = "real-time priority"
    RTTIME = "microseconds of real-time"


class Who(Enum):
    """Whose resource usage is asked for."""

    SELF = "process"
    CHILDREN = "waited-for children"
    THREAD = "calling thread"


class Advice(Enum):
    """What madvise may mean to this kernel."""

    HINT = "no effect"
    DONTNEED = "drop the contents; the range reads as zero (or as its file)"
    FREE = "contents may be dropped"
    REMOVE = "drop the contents, also of what is behind a shared mapping"
    DONTFORK = "a fork's copy does not have the range"
    DOFORK = "it does again"
    WIPEONFORK = "a fork's copy has the range empty"
    KEEPONFORK = "it has the contents again"
    POPULATE_READ = "make the pages present"
    POPULATE_WRITE = "make the pages present, to be written"
    COLD = "will not be used soon"
    DONTNEED_LOCKED = "as DONTNEED, locked or not"
    POISON = "treat the page as broken hardware"


class MemoryLock(IntFlag):
    """What locking all of memory means."""

    CURRENT = auto()
    FUTURE = auto()
    ON_FAULT = auto()  # pages when they are touched, not at once


class Remap(IntFlag):
    """How a mapping may be resized."""

    MAYMOVE = auto()
    FIXED = auto()
    DONTUNMAP = auto()


class LockOp(IntFlag):
    """Whole-file advisory locks."""

    SHARED = auto()
    EXCLUSIVE = auto()
    UNLOCK = auto()
    NONBLOCK = auto()
