"""Files in memory: a tree of nodes whose contents are anonymous host files, so they can be mapped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

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
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.host import failure
from runtime.kernel.node import READ, WRITE, Directory, File, Link, Node
from runtime.kernel.schemes.hostfile import HostFile

TMPFS = 0x0102_1994
NAME_MAX = 255
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

    def set_owner(self, uid: int, gid: int) -> None:
        self.volume.check_writable()
        self.uid, self.gid = (self.uid if uid == -1 else uid), (self.gid if gid == -1 else gid)

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
        return StatFs(TMPFS, 4096, 1 << 18, 1 << 17, 1 << 17, 1 << 16, 1 << 15)


def _chosen(time: Time, current: Time, now: Time) -> Time:
    if time.nsec == UTIME_OMIT:
        return current
    return now if time.nsec == UTIME_NOW else time


class MemOpenFile(HostFile):
    """An open memory file: a host file that keeps its node's times."""

    def __init__(self, node: MemFile, flags: Open, fd: int) -> None:
        super().__init__(node, flags, fd)
        self.mem = node

    def write(self, buf: Buffers) -> int:
        count = super().write(buf)
        self.mem.touched()
        return count

    def write_at(self, buf: Buffers, offset: int) -> int:
        count = super().write_at(buf, offset)
        self.mem.touched()
        return count

    def truncate(self, length: int) -> None:
        super().truncate(length)
        self.mem.touched()

    def stat(self) -> Stat:
        return self.mem.stat()


class MemFile(MemNode):
    """A regular file."""

    __slots__ = ("fd",)

    def __init__(self, volume: Volume, mode: int, data: bytes = b"") -> None:
        self.fd = -1
        super().__init__(volume, FileType.REGULAR, mode)
        try:
            self.fd = os.memfd_create("memfs", os.MFD_CLOEXEC)
            if data:
                os.pwrite(self.fd, data, 0)
        except OSError as error:
            raise failure(error) from None

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)

    def size(self) -> int:
        return os.fstat(self.fd).st_size

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


@dataclass(slots=True, eq=False)
class MemDirectory(MemNode, Directory):
    """A directory; its children may also be nodes of other schemes.

    `facts` is a node whose stat is shown instead: the host directory that this one stands for.
    """

    kind: FileType = FileType.DIR
    mode: int = 0o755
    nlink: int = 2
    children: dict[bytes, Node] = field(default_factory=dict)
    facts: Node | None = None

    def stat(self) -> Stat:
        return MemNode.stat(self) if self.facts is None else self.facts.stat()

    def _child(self, name: bytes) -> Node:
        try:
            return self.children[name]
        except KeyError:
            raise Errno(E.NAMETOOLONG if len(name) > NAME_MAX else E.NOENT) from None

    def _new(self, name: bytes) -> None:
        self.volume.check_writable()
        if len(name) > NAME_MAX:
            raise Errno(E.NAMETOOLONG)
        if name in self.children or name == b".":
            raise Errno(E.EXIST)

    def lookup(self, name: bytes) -> Node:
        return self if name == b"." else self._child(name)

    def readlink(self, name: bytes) -> Link | None:
        node = self.lookup(name)
        return node.target if isinstance(node, MemLink) else None

    def open_at(self, name: bytes, flags: Open, mode: int) -> File:
        node = self if name == b"." else self.children.get(name)
        if node is None:
            if not flags & Open.CREATE:
                raise Errno(E.NOENT)
            self._new(name)
            node = self.children[name] = MemFile(self.volume, mode & 0o7777)
            self.touched()
            return node.open(flags)
        if flags & Open.CREATE and flags & Open.EXCLUSIVE:
            raise Errno(E.EXIST)
        if isinstance(node, MemLink):
            raise Errno(E.LOOP)
        return node.open(flags)

    def open(self, flags: Open) -> File:
        return DirectoryFile.on(self, flags)

    def entries(self) -> Iterable[tuple[bytes, FileType, int]]:
        for name, node in self.children.items():
            st = node.stat()
            yield name, FileType(st.mode >> 12), st.ino

    def mkdir(self, name: bytes, mode: int) -> None:
        self._new(name)
        self.children[name] = MemDirectory(self.volume, mode=mode & 0o7777)
        self.nlink += 1
        self.touched()

    def mknod(self, name: bytes, mode: int, dev: int) -> None:
        self._new(name)
        kind = mode >> 12 & 15
        if kind == FileType.SOCKET.value:
            self.children[name] = MemNode(self.volume, FileType.SOCKET, mode & 0o7777)
            self.touched()
            return
        if kind == FileType.FIFO.value:
            from runtime.kernel.schemes.memfifo import MemFifo  # noqa: PLC0415 - it is a node of this scheme

            self.children[name] = MemFifo(self.volume, mode & 0o7777)
            self.touched()
            return
        if kind not in (FileType.UNKNOWN.value, FileType.REGULAR.value):
            raise Errno(E.PERM)
        self.children[name] = MemFile(self.volume, mode & 0o7777)

    def unlink(self, name: bytes, *, directory: bool) -> None:
        self.volume.check_writable()
        node = self._child(name)
        _check_removable(node, directory=directory)
        del self.children[name]
        if isinstance(node, MemDirectory):
            self.nlink -= 1
            node.nlink = 0
        elif isinstance(node, MemNode):
            node.nlink -= 1
        self.touched()

    def symlink(self, name: bytes, target: bytes) -> None:
        self._new(name)
        self.children[name] = MemLink(self.volume, target)
        self.touched()

    def link(self, name: bytes, source: Directory, old: bytes) -> None:
        if not isinstance(source, MemDirectory) or source.volume is not self.volume:
            raise Errno(E.XDEV)
        self._new(name)
        node = source._child(old)
        if isinstance(node, MemDirectory) or not isinstance(node, MemNode):
            raise Errno(E.PERM)
        node.nlink += 1
        self.children[name] = node
        self.touched()

    def link_node(self, name: bytes, node: Node) -> None:
        if not isinstance(node, MemFile) or node.volume is not self.volume:
            raise Errno(E.XDEV)
        self._new(name)
        node.nlink += 1
        self.children[name] = node
        self.touched()

    def open_unnamed(self, flags: Open, mode: int) -> File:
        self.volume.check_writable()
        node = MemFile(self.volume, mode & 0o7777)
        node.nlink = 0
        return node.open(flags & ~(Open.TMPFILE | Open.DIRECTORY))

    def exchange(self, name: bytes, target: Directory, new: bytes) -> None:
        if not isinstance(target, MemDirectory) or target.volume is not self.volume:
            raise Errno(E.XDEV)
        self.volume.check_writable()
        one, other = self._child(name), target._child(new)
        for node, to in ((one, target), (other, self)):
            if isinstance(node, MemDirectory) and to.inside(node):
                raise Errno(E.INVAL)
        self.children[name], target.children[new] = other, one
        moved = isinstance(other, MemDirectory) - isinstance(one, MemDirectory)
        self.nlink, target.nlink = self.nlink + moved, target.nlink - moved
        self.touched()
        target.touched()

    def rename(self, name: bytes, target: Directory, new: bytes, *, replace: bool) -> None:
        if not isinstance(target, MemDirectory) or target.volume is not self.volume:
            raise Errno(E.XDEV)
        self.volume.check_writable()
        node, old = self._child(name), target.children.get(new)
        if old is not None and not replace:
            raise Errno(E.EXIST)
        if old is node:
            return
        if isinstance(node, MemDirectory) and target.inside(node):
            raise Errno(E.INVAL)
        if old is not None:
            _check_removable(old, directory=isinstance(node, MemDirectory))
            target.unlink(new, directory=isinstance(old, MemDirectory))
        del self.children[name]
        target.children[new] = node
        if isinstance(node, MemDirectory):
            self.nlink, target.nlink = self.nlink - 1, target.nlink + 1
        self.touched()
        target.touched()

    def inside(self, tree: MemDirectory) -> bool:
        """Whether this directory is `tree` or lies below it."""
        trees = [tree]
        while trees:
            tree = trees.pop()
            if self is tree:
                return True
            trees += [child for child in tree.children.values() if isinstance(child, MemDirectory)]
        return False


def _check_removable(node: Node, *, directory: bool) -> None:
    if isinstance(node, Directory) and not directory:
        raise Errno(E.ISDIR)
    if directory and not isinstance(node, Directory):
        raise Errno(E.NOTDIR)
    if isinstance(node, Directory) and (not isinstance(node, MemDirectory) or node.children):
        raise Errno(E.NOTEMPTY)
