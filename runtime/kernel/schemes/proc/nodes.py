"""What /proc and /sys are made of: texts written when they are looked at, links, and directories of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import FileType, Open, Stat, StatFs, Time, Whence
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.node import Directory, File, Link, Node, fill, total

PROC_DEV, SYS_DEV = 7, 10
PROC_MAGIC, SYS_MAGIC = 0x9FA0, 0x6265_6572  # include/uapi/linux/magic.h
_NEVER = Time(0, 0)
Text = Callable[[], bytes]
Write = Callable[[bytes], None]


class Facts:
    """Inode number, owner and rights of a node without anything else to tell."""

    __slots__ = ("gid", "ino", "magic", "mode", "uid")

    def __init__(self, ino: int, mode: int, uid: int = 0, gid: int = 0, magic: int = PROC_MAGIC) -> None:
        self.ino, self.mode, self.uid, self.gid, self.magic = ino, mode, uid, gid, magic

    def stat(self, kind: FileType, size: int = 0, links: int = 1) -> Stat:
        """As a stat."""
        dev = PROC_DEV if self.magic == PROC_MAGIC else SYS_DEV
        mode = kind << 12 | self.mode
        return Stat(dev, self.ino, mode, links, self.uid, self.gid, 0, size, 1024, 0, _NEVER, _NEVER, _NEVER)


class TextFile(File):
    """A snapshot taken when the file was opened; taken again when it is read from the start."""

    seekable = True

    def __init__(self, node: Node, flags: Open, text: Text, write: Write | None) -> None:
        super().__init__(node, flags)
        self.text, self.write_text = text, write
        self.data, self.at = text() if flags & Open.READ else b"", 0

    def read(self, buf: Buffers) -> int:
        count = self.read_at(buf, self.at)
        self.at += count
        return count

    def read_at(self, buf: Buffers, offset: int) -> int:
        if offset == 0:
            self.data = self.text()
        return fill(buf, self.data[offset : offset + total(buf)])

    def write(self, buf: Buffers) -> int:
        if self.write_text is None:
            raise Errno(E.INVAL)
        self.write_text(b"".join(bytes(piece) for piece in buf))
        return total(buf)

    def write_at(self, buf: Buffers, offset: int) -> int:
        return self.write(buf)

    def seek(self, offset: int, whence: Whence) -> int:
        start = {Whence.SET: 0, Whence.CUR: self.at}.get(whence)
        if start is None or start + offset < 0:
            raise Errno(E.INVAL)
        self.at = start + offset
        return self.at

    def truncate(self, length: int) -> None:
        """What is written to such a file replaces it anyway."""


class TextNode(Node):
    """A file whose text is made when it is read, and that may take one."""

    def __init__(self, facts: Facts, text: Text, write: Write | None = None) -> None:
        self.facts, self.text, self.write = facts, text, write

    def stat(self) -> Stat:
        return self.facts.stat(FileType.REGULAR)

    def open(self, flags: Open) -> File:
        if flags & Open.DIRECTORY:
            raise Errno(E.NOTDIR)
        if flags & Open.WRITE and self.write is None:
            raise Errno(E.ACCES)
        return TextFile(self, flags, self.text, self.write)

    def truncate(self, length: int) -> None:
        if self.write is None:
            raise Errno(E.ACCES)

    def access(self, rights: int) -> None:
        if rights & 1 or (rights & 2 and self.write is None):
            raise Errno(E.ACCES)

    def statfs(self) -> StatFs:
        return StatFs(self.facts.magic, 4096, 0, 0, 0, 0, 0)


class LinkNode(Node):
    """A link; `stat` is about the link itself."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def stat(self) -> Stat:
        return self.facts.stat(FileType.LINK)


class Listing(Directory):
    """A directory whose names may change from one look to the next.

    Subclasses say which nodes, links and names there are.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def node(self, name: bytes) -> Node | None:
        """The node called `name`, if there is one."""
        return None

    def target(self, name: bytes) -> Link | None:
        """Where the link called `name` leads, if there is one."""
        return None

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        """Every name and what it is."""
        return iter(())

    def stat(self) -> Stat:
        return self.facts.stat(FileType.DIR, links=2)

    def statfs(self) -> StatFs:
        return StatFs(self.facts.magic, 4096, 0, 0, 0, 0, 0)

    def access(self, rights: int) -> None:
        if rights & 2:
            raise Errno(E.ACCES)

    def lookup(self, name: bytes) -> Node:
        if name == b".":
            return self
        found = self.node(name)
        if found is not None:
            return found
        if self.target(name) is None:
            raise Errno(E.NOENT)
        return LinkNode(Facts(self.facts.ino + 50, 0o777, self.facts.uid, self.facts.gid, self.facts.magic))

    def readlink(self, name: bytes) -> Link | None:
        return None if name == b"." else self.target(name)

    def open_at(self, name: bytes, flags: Open, mode: int) -> File:
        if name != b"." and self.target(name) is not None:
            raise Errno(E.LOOP)
        return super().open_at(name, flags, mode)

    def open(self, flags: Open) -> File:
        return DirectoryFile.on(self, flags)

    def entries(self) -> Iterable[tuple[bytes, FileType, int]]:
        return [(name, kind, self.facts.ino + 1) for name, kind in self.names()]


class Fixed(Listing):
    """A directory that was filled once: nodes, and links that are followed when they are met."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts)
        self.nodes: dict[bytes, Node] = {}
        self.links: dict[bytes, Callable[[], Link | None]] = {}

    def node(self, name: bytes) -> Node | None:
        return self.nodes.get(name)

    def target(self, name: bytes) -> Link | None:
        make = self.links.get(name)
        return make() if make is not None else None

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        for name in self.links:
            yield name, FileType.LINK
        for name, node in self.nodes.items():
            yield name, FileType(node.stat().mode >> 12)

    def add(self, path: str, text: Text | bytes, write: Write | None = None) -> None:
        """Add a text below this directory, with the directories that lead to it."""
        first, found, rest = path.partition("/")
        name, facts = first.encode(), self.facts
        if found:
            below = self.nodes.get(name)
            if below is None:
                below = Fixed(Facts(facts.ino + 100 * (len(self.nodes) + 1), 0o555, magic=facts.magic))
                self.nodes[name] = below
            assert isinstance(below, Fixed)
            below.add(rest, text, write)
            return
        made = text if callable(text) else _constant(text)
        mode = 0o644 if write is not None else 0o444
        self.nodes[name] = TextNode(
            Facts(facts.ino + len(self.nodes) + 1, mode, magic=facts.magic), made, write
        )


def _constant(text: bytes) -> Text:
    return lambda: text
