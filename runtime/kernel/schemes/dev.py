"""The usual devices: null, zero, full, random, tty, and the links to descriptors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import FileType, Open, Stat, Time, Whence
from runtime.kernel.direct import Direct
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.host import failure
from runtime.kernel.node import Directory, File, Link, Node, fill_random, total
from runtime.kernel.schemes.hosttty import HostTerminal
from runtime.kernel.schemes.pty import Master, SlaveNode, controlling, open_slave

if TYPE_CHECKING:
    from runtime.kernel.context import Kernel
    from runtime.kernel.namespace import Namespace

DEV = 6
"""Device number of this file system."""
_NEVER = Time(0, 0)


class DeviceNode(Node):
    """A character device."""

    def __init__(self, name: bytes, rdev: int, ino: int, make: Callable[[Node, Open], File]) -> None:
        self.name, self.rdev, self.ino, self.make = name, rdev, ino, make

    def stat(self) -> Stat:
        mode = FileType.CHAR << 12 | 0o666
        return Stat(DEV, self.ino, mode, 1, 0, 0, self.rdev, 0, 4096, 0, _NEVER, _NEVER, _NEVER)

    def open(self, flags: Open) -> File:
        if flags & Open.DIRECTORY:
            raise Errno(E.NOTDIR)
        return self.make(self, flags)

    def truncate(self, length: int) -> None:
        raise Errno(E.INVAL)


ZEROES = bytes(1 << 16)


class NullFile(File):
    """/dev/null."""

    seekable = True
    direct = Direct.NULL

    def read(self, buf: Buffers) -> int:
        return 0

    def write(self, buf: Buffers) -> int:
        size = 0
        for piece in buf:
            size += len(piece)
        return size

    def read_at(self, buf: Buffers, offset: int) -> int:
        return self.read(buf)

    def write_at(self, buf: Buffers, offset: int) -> int:
        return self.write(buf)

    def seek(self, offset: int, whence: Whence) -> int:
        return 0


class ZeroFile(NullFile):
    """/dev/zero."""

    direct = Direct.ZERO

    def read(self, buf: Buffers) -> int:
        for piece in buf:
            for at in range(0, len(piece), len(ZEROES)):
                part = piece[at : at + len(ZEROES)]
                part[:] = ZEROES[: len(part)]
        return total(buf)


class FullFile(ZeroFile):
    """/dev/full."""

    def write(self, buf: Buffers) -> int:
        raise Errno(E.NOSPC)


class RandomFile(NullFile):
    """/dev/random and /dev/urandom."""

    def __init__(self, node: Node, flags: Open, random: Any) -> None:
        super().__init__(node, flags)
        self.random = random

    def read(self, buf: Buffers) -> int:
        return fill_random(buf, self.random)


def open_tty(node: Node, flags: Open, kernel: Kernel | None = None) -> File:
    """The controlling terminal of the host process, if it has one."""
    access = os.O_RDWR if flags & Open.READ and flags & Open.WRITE else os.O_RDONLY
    if flags & Open.WRITE and not flags & Open.READ:
        access = os.O_WRONLY
    try:
        fd = os.open("/dev/tty", access | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise failure(error) from None
    return HostTerminal(node, flags, fd, kernel, polite=False)


def null_node() -> DeviceNode:
    """The null device on its own."""
    return DeviceNode(b"null", os.makedev(1, 3), 3, NullFile)


LINKS = {
    b"fd": b"/proc/self/fd",
    b"stdin": b"/proc/self/fd/0",
    b"stdout": b"/proc/self/fd/1",
    b"stderr": b"/proc/self/fd/2",
}


class LinkNode(Node):
    """A symbolic link of a synthetic directory."""

    def __init__(self, target: bytes, ino: int) -> None:
        self.target, self.ino = target, ino

    def stat(self) -> Stat:
        mode = FileType.LINK << 12 | 0o777
        return Stat(DEV, self.ino, mode, 1, 0, 0, 0, len(self.target), 4096, 0, _NEVER, _NEVER, _NEVER)


def _kernel(names: Namespace | None) -> Kernel:
    if names is None or names.owner is None:
        raise Errno(E.NXIO)
    return names.owner.kernel


class DevDirectory(Directory):
    """/dev."""

    def __init__(self, random: Any, names: Namespace | None = None) -> None:
        def random_file(node: Node, flags: Open) -> File:
            return RandomFile(node, flags, random)

        def tty_file(node: Node, flags: Open) -> File:
            kernel = None if names is None else _kernel(names)
            pair = None if kernel is None else controlling(kernel)
            return open_tty(node, flags, kernel) if pair is None else open_slave(pair, SlaveNode(pair), flags)

        def master_file(node: Node, flags: Open) -> File:
            return Master(node, flags, _kernel(names))

        table: tuple[tuple[bytes, int, int, Callable[[Node, Open], File]], ...] = (
            (b"null", 1, 3, NullFile),
            (b"zero", 1, 5, ZeroFile),
            (b"full", 1, 7, FullFile),
            (b"random", 1, 8, random_file),
            (b"urandom", 1, 9, random_file),
            (b"tty", 5, 0, tty_file),
            (b"ptmx", 5, 2, master_file),
        )
        self.nodes: dict[bytes, Node] = {
            name: DeviceNode(name, os.makedev(major, minor), i + 2, make)
            for i, (name, major, minor, make) in enumerate(table)
        }
        for i, (name, target) in enumerate(LINKS.items()):
            self.nodes[name] = LinkNode(target, 20 + i)

    def stat(self) -> Stat:
        mode = FileType.DIR << 12 | 0o755
        return Stat(DEV, 1, mode, 2, 0, 0, 0, 0, 4096, 0, _NEVER, _NEVER, _NEVER)

    def lookup(self, name: bytes) -> Node:
        if name == b".":
            return self
        try:
            return self.nodes[name]
        except KeyError:
            raise Errno(E.NOENT) from None

    def readlink(self, name: bytes) -> Link | None:
        node = self.nodes.get(name)
        return node.target if isinstance(node, LinkNode) else None

    def open_at(self, name: bytes, flags: Open, mode: int) -> File:
        if isinstance(self.nodes.get(name), LinkNode):
            raise Errno(E.LOOP)
        return super().open_at(name, flags, mode)

    def open(self, flags: Open) -> File:
        return DirectoryFile.on(self, flags)

    def entries(self) -> Iterable[tuple[bytes, FileType, int]]:
        for name, node in self.nodes.items():
            st = node.stat()
            yield name, FileType(st.mode >> 12), st.ino
