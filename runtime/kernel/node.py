"""What a scheme offers: nodes (files at rest), directories, and open files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import FileType, Open, Stat, StatFs, Times, Whence
from aot.personality.abi.neutral_files import Birth, Owner
from aot.record import dataclass, replace
from runtime.kernel.direct import Direct

if TYPE_CHECKING:
    from runtime.kernel.locks import LockTable
    from runtime.kernel.namespace import Place, Spot

POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL = 1, 4, 8, 16, 32
"""Readiness bits of neutral polls."""

# flag words as plain integers: an operation on an IntFlag costs 2 µs, and these are on every call's way
READ, WRITE, PATH = int(Open.READ), int(Open.WRITE), int(Open.PATH)
CREATE, EXCLUSIVE, TRUNCATE = int(Open.CREATE), int(Open.EXCLUSIVE), int(Open.TRUNCATE)
NOFOLLOW, DIRECTORY, NO_DIRECTORY = int(Open.NOFOLLOW), int(Open.DIRECTORY), int(Open.NO_DIRECTORY)
CLOEXEC, TMPFILE = int(Open.CLOEXEC), int(Open.TMPFILE)

NOBODY = Owner(1, 0)
PART = 1 << 20  # bytes made at once

S_IFMT = 0o170000
S_IFLNK = 0o120000
S_IFDIR = 0o040000
S_IFREG = 0o100000


class Node:
    """A file at rest. What a scheme does not support is refused the way kernels refuse it."""

    @property
    def descriptor(self) -> int | None:
        """The host's descriptor of this very file, if it has one."""
        return None

    def stat(self) -> Stat:
        raise Errno(E.NOSYS)

    def open(self, flags: Open) -> File:
        """A new open file on this node."""
        raise Errno(E.NXIO)

    def set_mode(self, mode: int) -> None:
        raise Errno(E.PERM)

    def set_owner(self, uid: int, gid: int) -> None:
        """Change owner and group; -1 leaves one alone."""
        raise Errno(E.PERM)

    def set_times(self, times: Times) -> None:
        raise Errno(E.PERM)

    def truncate(self, length: int) -> None:
        raise Errno(E.INVAL)

    def statfs(self) -> StatFs:
        return StatFs(type=0x0102_1994, bsize=4096, blocks=0, bfree=0, bavail=0, files=0, ffree=0)

    def attributes(self) -> Iterable[bytes]:
        """Names of the extended attributes. Raises OPNOTSUPP where there are none."""
        raise Errno(E.OPNOTSUPP)

    def get_attribute(self, name: bytes) -> bytes:
        raise Errno(E.OPNOTSUPP)

    def set_attribute(self, name: bytes, value: bytes, how: int) -> None:
        """`how` 1: there must be none, 2: there must be one."""
        raise Errno(E.OPNOTSUPP)

    def remove_attribute(self, name: bytes) -> None:
        raise Errno(E.OPNOTSUPP)

    def watched(self) -> str | None:
        """The host's path of what changes when this does; None: nothing ever does."""
        return None

    def birth(self) -> Birth:
        """What only statx tells."""
        return Birth(self.stat().btime)

    def access(self, rights: int) -> None:
        """Raises ACCES when the host (or scheme) refuses read 4, write 2 or execute 1."""


@dataclass(frozen=True, slots=True)
class Jump:
    """What a link in /proc leads to: a file itself. `text` is what it shows, `spot` where a directory is.

    `opens` makes the open file where that takes more than the node.
    """

    node: Node
    text: bytes
    read_only: bool = False
    spot: Spot | None = None
    opens: Callable[[Open], File] | None = None
    place: Place | None = None  # where the file was opened

    def open(self, flags: Open) -> File:
        """Open the file. Raises ACCES for more than its descriptor could do."""
        return self.node.open(flags) if self.opens is None else self.opens(flags)


Link = bytes | Jump
"""What a symbolic link leads to: a path, or (in /proc) a file itself."""


class Directory(Node):
    """A directory. Names are single components; b"." is the directory itself."""

    descriptors = False  # whether its names stand for open files

    def descend(self, name: bytes) -> Directory:
        """The directory called `name`; a link raises LOOP, another file NOTDIR."""
        node = self.lookup(name)
        if isinstance(node, Directory):
            return node
        raise Errno(E.LOOP if self.readlink(name) is not None else E.NOTDIR)

    def descend_far(self, path: bytes) -> Directory | None:
        """Several components at once when no link is met; None: go step by step."""
        return None

    def lookup(self, name: bytes) -> Node:
        """The node called `name`, links not followed. Raises NOENT."""
        raise Errno(E.NOENT)

    def readlink(self, name: bytes) -> Link | None:
        """Target when `name` is a symbolic link, else None."""
        return None

    def stat_at(self, name: bytes) -> Stat:
        """Facts about `name`, links not followed."""
        return self.lookup(name).stat()

    def open_at(self, name: bytes, flags: Open, mode: int) -> File:
        """Open (or create) `name`; a link raises LOOP."""
        try:
            node = self.lookup(name)
        except Errno as error:
            if error.code is E.NOENT and flags & Open.CREATE:
                raise Errno(E.ROFS) from None
            raise
        if flags & Open.CREATE and flags & Open.EXCLUSIVE:
            raise Errno(E.EXIST)
        return node.open(flags)

    def entries(self) -> Iterable[tuple[bytes, FileType, int]]:
        """(name, type, inode) of everything but . and .."""
        return ()

    def mkdir(self, name: bytes, mode: int) -> None:
        raise Errno(E.ROFS)

    def mknod(self, name: bytes, mode: int, dev: int) -> None:
        raise Errno(E.PERM)

    def unlink(self, name: bytes, *, directory: bool) -> None:
        raise Errno(E.ROFS)

    def symlink(self, name: bytes, target: bytes) -> None:
        raise Errno(E.ROFS)

    def link(self, name: bytes, source: Directory, old: bytes) -> None:
        """Make `name` another name of `old` in `source`."""
        raise Errno(E.ROFS)

    def rename(self, name: bytes, target: Directory, new: bytes, *, replace: bool) -> None:
        raise Errno(E.ROFS)

    def exchange(self, name: bytes, target: Directory, new: bytes) -> None:
        """Swap two names."""
        raise Errno(E.INVAL)

    def link_node(self, name: bytes, node: Node) -> None:
        """Give an open file a name."""
        raise Errno(E.XDEV)

    def open_unnamed(self, flags: Open, mode: int) -> File:
        """A new file without a name."""
        raise Errno(E.OPNOTSUPP)


class File:
    """An open file description: what descriptors share after dup."""

    seekable = False
    host_fd: int | None = None  # descriptor that can be polled and mapped
    direct: int = Direct.NO  # whether machine code may serve transfers; see direct.py
    read_only = False  # came from a read-only mount
    fills = False  # a write that may wait goes on until everything is written
    gathers = False  # a set of other files
    asks = False  # a socket: its transfers want to know who calls

    def __init__(self, node: Node, flags: Open) -> None:
        self.node, self.flags = node, flags
        bits = int(flags)
        self.can_read = bits & READ and not bits & PATH
        self.can_write = bits & WRITE and not bits & PATH
        self.spot: Spot | None = None  # where a directory is in the namespace
        self.place: Place | None = None  # what it was opened by
        self.name = b""  # what /proc/self/fd says of a file without a place
        self.locks: LockTable | None = None  # where it holds locks of its own
        self.owner = NOBODY  # who is told by a signal that it is ready
        self.signal = 0  # which one; 0: the usual

    def make_room(self, size: int) -> None:
        """`size` bytes of the file will be filled otherwise than by writing. Raises NOSPC."""

    @property
    def path(self) -> bytes:
        """Absolute guest path it was opened by; empty when it has none."""
        return self.name if self.place is None else self.place.text

    @path.setter
    def path(self, value: bytes) -> None:
        self.name, self.place = value, None

    def read(self, buf: Buffers) -> int:
        raise Errno(E.INVAL)

    def write(self, buf: Buffers) -> int:
        raise Errno(E.INVAL)

    def read_by(self, ctx: Any, buf: Buffers) -> int:
        """read for a context, of a file that `asks`."""
        return self.read(buf)

    def write_by(self, ctx: Any, buf: Buffers) -> int:
        """write for a context, of a file that `asks`."""
        return self.write(buf)

    def read_at(self, buf: Buffers, offset: int) -> int:
        raise Errno(E.SPIPE)

    def write_at(self, buf: Buffers, offset: int) -> int:
        raise Errno(E.SPIPE)

    def seek(self, offset: int, whence: Whence) -> int:
        raise Errno(E.SPIPE)

    def stat(self) -> Stat:
        return self.node.stat()

    def truncate(self, length: int) -> None:
        raise Errno(E.INVAL)

    def ready(self, events: int) -> int:
        """Which of `events` are there now (errors always count)."""
        return events & (POLLIN | POLLOUT)

    def stirred(self) -> bool:
        """Whether a set of files holds a ready one that its own host descriptor does not know of."""
        return False

    def due_ns(self) -> int | None:
        """When it becomes ready by itself, on the monotonic clock."""
        return None

    def available(self) -> int:
        """Bytes that can be read without waiting."""
        raise Errno(E.NOTTY)

    def reopen(self, flags: Open) -> File:
        """Another open file on the same node, as /proc/self/fd gives it."""
        return self.node.open(flags)

    def lock_fd(self) -> int | None:
        """The host's descriptor whose locks are this file's, if the host has one."""
        return self.host_fd

    def close(self) -> None:
        """The last descriptor is gone."""


class PathFile(File):
    """An open file that only stands for a place (O_PATH): nothing is transferred."""

    def ready(self, events: int) -> int:
        return POLLNVAL

    def seek(self, offset: int, whence: Whence) -> int:
        raise Errno(E.BADF)


def total(buf: Buffers) -> int:
    """Bytes in all pieces."""
    size = 0
    for piece in buf:
        size += len(piece)
    return size


def fill(buf: Buffers, data: bytes) -> int:
    """Copy `data` into the pieces; how much fitted."""
    at = 0
    for piece in buf:
        part = data[at : at + len(piece)]
        piece[: len(part)] = part
        at += len(part)
        if at >= len(data):
            break
    return at


def fill_random(buf: Buffers, source: Any) -> int:
    """Random bytes in all pieces, a part at a time: a guest may ask for gigabytes."""
    for piece in buf:
        for at in range(0, len(piece), PART):
            part = piece[at : at + PART]
            part[:] = source.randbytes(len(part))
    return total(buf)


def with_type(stat: Stat, kind: FileType) -> Stat:
    """The same facts with another file type."""
    return replace(stat, mode=stat.mode & ~S_IFMT | kind << 12)
