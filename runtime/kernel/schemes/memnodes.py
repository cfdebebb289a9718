"""Nodes of a file system in memory: metadata, regular files as anonymous host files, symbolic links."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from weakref import WeakSet

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import (
    UTIME_NOW,
    UTIME_OMIT,
    FileType,
    Open,
    Stat,
    StatFs,
    Time,
    Times,
    time_ns,
)
from aot.personality.abi.neutral_files import Birth
from aot.record import dataclass, field
from runtime.kernel.assume import owner_of_new
from runtime.kernel.host import failure
from runtime.kernel.node import READ, WRITE, File, Node, total
from runtime.kernel.schemes.hostfile import HostFile
from runtime.kernel.schemes.shadows import Shadows

TMPFS = 0x0102_1994
NAME_MAX = 255
# of each file system in memory; Linux gives tmpfs a half, here there are two and guests besides
CAPACITY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
ATTRIBUTES = 1 << 17  # bytes of extended attributes one file may have
_NEVER = Time(0, 0)


@dataclass(slots=True)
class Volume:
    """What all nodes of one file system share."""

    now_ns: Callable[[], int]
    dev: int
    uid: int = 0
    gid: int = 0
    read_only: bool = False
    last_ino: int = 0
    shadows: Shadows | None = None  # of directories that are watched
    capacity: int = CAPACITY  # bytes all files may take
    files: WeakSet[MemFile] = field(default_factory=WeakSet)
    credit: int = 0  # bytes that may surely be written before `files` have to be looked at

    def used(self) -> int:
        """Bytes that files take, without their holes."""
        return sum(os.fstat(file.fd).st_blocks for file in self.files if file.fd >= 0) * 512

    def take(self, size: int) -> None:
        """`size` bytes will be written. Raises NOSPC when there is no room for them."""
        if size > self.credit:
            self.credit = max(self.capacity - self.used(), 0)
            if size > self.credit:
                raise Errno(E.NOSPC)
        self.credit -= size

    def next_ino(self) -> int:
        """A fresh inode number."""
        self.last_ino += 1
        return self.last_ino

    def check_writable(self) -> None:
        """Raises ROFS on a read-only file system."""
        if self.read_only:
            raise Errno(E.ROFS)


@dataclass(slots=True, eq=False)
class MemNode(Node):
    """Metadata every node has."""

    volume: Volume
    kind: FileType
    mode: int
    uid: int = 0
    gid: int = 0
    nlink: int = 1
    ino: int = 0
    atime: Time = _NEVER
    mtime: Time = _NEVER
    ctime: Time = _NEVER
    born: Time = _NEVER
    extended: Mapping[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ino = self.volume.next_ino()
        self.uid, self.gid = owner_of_new(self.volume.uid, self.volume.gid)
        self.born = self.atime = self.mtime = self.ctime = time_ns(self.volume.now_ns())

    def size(self) -> int:
        """Length in bytes."""
        return 0

    def stat(self) -> Stat:
        size = self.size()
        return Stat(
            self.volume.dev, self.ino, self.kind << 12 | self.mode, self.nlink, self.uid, self.gid, 0, size,
            4096, -(-size // 4096) * 8, self.atime, self.mtime, self.ctime, self.ctime,
        )  # fmt: skip

    def touched(self) -> None:
        """The contents changed now."""
        self.mtime = self.ctime = time_ns(self.volume.now_ns())

    def set_mode(self, mode: int) -> None:
        self.volume.check_writable()
        self.mode = mode & 0o7777
        self.ctime = time_ns(self.volume.now_ns())

    def set_owner(self, uid: int, gid: int) -> None:
        self.volume.check_writable()
        self.uid = self.uid if uid == -1 else uid & 0xFFFF_FFFF
        self.gid = self.gid if gid == -1 else gid & 0xFFFF_FFFF
        self.ctime = time_ns(self.volume.now_ns())

    def set_times(self, times: Times) -> None:
        self.volume.check_writable()
        now = time_ns(self.volume.now_ns())
        self.atime = _chosen(times.atime, self.atime, now)
        self.mtime = _chosen(times.mtime, self.mtime, now)

    def attributes(self) -> Iterable[bytes]:
        return tuple(self.extended)

    def get_attribute(self, name: bytes) -> bytes:
        try:
            return self.extended[name]
        except KeyError:
            raise Errno(E.NODATA) from None

    def set_attribute(self, name: bytes, value: bytes, how: int) -> None:
        self.volume.check_writable()
        if how & 1 and name in self.extended:
            raise Errno(E.EXIST)
        if how & 2 and name not in self.extended:
            raise Errno(E.NODATA)
        if sum(map(len, self.extended.values())) + len(value) > ATTRIBUTES:
            raise Errno(E.NOSPC)
        self.extended = {**self.extended, name: value}

    def remove_attribute(self, name: bytes) -> None:
        self.volume.check_writable()
        if name not in self.extended:
            raise Errno(E.NODATA)
        self.extended = {k: v for k, v in self.extended.items() if k != name}

    def birth(self) -> Birth:
        return Birth(self.born)

    def statfs(self) -> StatFs:
        blocks = self.volume.capacity // 4096
        free = max(blocks - self.volume.used() // 4096, 0)
        return StatFs(TMPFS, 4096, blocks, free, free, 1 << 16, 1 << 15)


def _chosen(time: Time, current: Time, now: Time) -> Time:
    if time.nsec == UTIME_OMIT:
        return current
    return now if time.nsec == UTIME_NOW else time


class MemOpenFile(HostFile):
    """An open memory file: a host file that keeps its node's times."""

    def __init__(self, node: MemFile, flags: Open, fd: int) -> None:
        super().__init__(node, flags, fd)
        self.mem = node

    def make_room(self, size: int) -> None:
        self.mem.volume.take(size)

    def write(self, buf: Buffers) -> int:
        self.mem.volume.take(total(buf))
        count = super().write(buf)
        self.mem.touched()
        return count

    def write_at(self, buf: Buffers, offset: int) -> int:
        self.mem.volume.take(total(buf))
        count = super().write_at(buf, offset)
        self.mem.touched()
        return count

    def truncate(self, length: int) -> None:
        super().truncate(length)
        self.mem.touched()

    def stat(self) -> Stat:
        return self.mem.stat()


class MemFile(MemNode):
    """A regular file. `at` is the directory and name it was last given."""

    __slots__ = ("at", "fd")

    def __init__(self, volume: Volume, mode: int, data: bytes = b"") -> None:
        self.fd, self.at = -1, (0, b"")
        super().__init__(volume, FileType.REGULAR, mode)
        try:
            self.fd = os.memfd_create("memfs", os.MFD_CLOEXEC)
            volume.files.add(self)
            if data:
                os.pwrite(self.fd, data, 0)
        except OSError as error:
            raise failure(error) from None

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)

    def size(self) -> int:
        return os.fstat(self.fd).st_size

    @property
    def descriptor(self) -> int | None:
        return self.fd

    def watched(self) -> str | None:
        return f"/proc/self/fd/{self.fd}"

    def touched(self) -> None:
        super().touched()
        if self.volume.shadows is not None:
            self.volume.shadows.change(*self.at)

    def open(self, flags: Open) -> File:
        if flags & Open.DIRECTORY:
            raise Errno(E.NOTDIR)
        bits = int(flags)
        access = os.O_RDWR if bits & READ and bits & WRITE else os.O_RDONLY
        if bits & WRITE:
            self.volume.check_writable()
            access = access if bits & READ else os.O_WRONLY
        access |= os.O_APPEND if flags & Open.APPEND else 0
        try:
            fd = os.open(f"/proc/self/fd/{self.fd}", access | os.O_CLOEXEC)
            if flags & Open.TRUNCATE and bits & WRITE:
                os.ftruncate(fd, 0)
                self.touched()
        except OSError as error:
            raise failure(error) from None
        return MemOpenFile(self, flags, fd)

    def truncate(self, length: int) -> None:
        self.volume.check_writable()
        try:
            os.ftruncate(self.fd, length)
        except OSError as error:
            raise failure(error) from None
        self.touched()


class MemLink(MemNode):
    """A symbolic link."""

    __slots__ = ("target",)

    def __init__(self, volume: Volume, target: bytes) -> None:
        super().__init__(volume, FileType.LINK, 0o777)
        self.target = target

    def size(self) -> int:
        return len(self.target)
