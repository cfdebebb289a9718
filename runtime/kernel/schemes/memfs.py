"""Files in memory: a tree of nodes whose contents are anonymous host files, so they can be mapped."""

from __future__ import annotations

from collections.abc import Iterable

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import FileType, Open, Stat
from aot.record import dataclass, field
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.node import Directory, File, Link, Node
from runtime.kernel.schemes.memnodes import NAME_MAX, TMPFS, MemFile, MemLink, MemNode, Volume
from runtime.kernel.schemes.shadows import Shadows

__all__ = ["TMPFS", "MemDirectory", "MemFile", "MemLink", "MemNode", "Volume"]


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

    def _put(self, name: bytes, node: MemNode) -> None:
        """Give a node a name here."""
        self.children[name] = node
        if isinstance(node, MemFile):
            node.at = self.ino, name
        if self.volume.shadows is not None:
            self.volume.shadows.add(self.ino, name, node.kind)
        self.touched()

    def watched(self) -> str | None:
        if self.volume.shadows is None:
            self.volume.shadows = Shadows()
        return self.volume.shadows.of(self.ino, [(name, kind) for name, kind, _ in self.entries()])

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
            node = MemFile(self.volume, mode & 0o7777)
            self._put(name, node)
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
        self.nlink += 1
        self._put(name, MemDirectory(self.volume, mode=mode & 0o7777))

    def mknod(self, name: bytes, mode: int, dev: int) -> None:
        self._new(name)
        kind = mode >> 12 & 15
        if kind == FileType.SOCKET.value:
            self._put(name, MemNode(self.volume, FileType.SOCKET, mode & 0o7777))
            return
        if kind == FileType.FIFO.value:
            from runtime.kernel.schemes.memfifo import MemFifo  # noqa: PLC0415 - it is a node of this scheme

            self._put(name, MemFifo(self.volume, mode & 0o7777))
            return
        if kind not in (FileType.UNKNOWN.value, FileType.REGULAR.value):
            raise Errno(E.PERM)
        self._put(name, MemFile(self.volume, mode & 0o7777))

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
        if self.volume.shadows is not None:
            self.volume.shadows.remove(self.ino, name)
        self.touched()

    def symlink(self, name: bytes, target: bytes) -> None:
        self._new(name)
        self._put(name, MemLink(self.volume, target))

    def link(self, name: bytes, source: Directory, old: bytes) -> None:
        if not isinstance(source, MemDirectory) or source.volume is not self.volume:
            raise Errno(E.XDEV)
        self._new(name)
        node = source._child(old)
        if isinstance(node, MemDirectory) or not isinstance(node, MemNode):
            raise Errno(E.PERM)
        node.nlink += 1
        self._put(name, node)

    def link_node(self, name: bytes, node: Node) -> None:
        if not isinstance(node, MemFile) or node.volume is not self.volume:
            raise Errno(E.XDEV)
        self._new(name)
        node.nlink += 1
        self._put(name, node)

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
        if isinstance(node, MemFile):
            node.at = target.ino, new
        if isinstance(node, MemDirectory):
            self.nlink, target.nlink = self.nlink - 1, target.nlink + 1
        if self.volume.shadows is not None:
            self.volume.shadows.move(self.ino, name, target.ino, new, FileType(node.stat().mode >> 12))
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
