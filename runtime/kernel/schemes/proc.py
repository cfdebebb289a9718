"""/proc as far as programs look at themselves: all of it is about the guest, nothing about the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import FileType, Open, Stat, Time, Whence
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.node import Directory, File, Jump, Link, Node, fill, total

if TYPE_CHECKING:
    from runtime.kernel.context import Process
    from runtime.kernel.namespace import Namespace

DEV = 7
_NEVER = Time(0, 0)
Text = Callable[["Process"], bytes]


def _stat(kind: FileType, mode: int, ino: int, size: int = 0) -> Stat:
    return Stat(DEV, ino, kind << 12 | mode, 1, 0, 0, 0, size, 1024, 0, _NEVER, _NEVER, _NEVER)


class TextFile(File):
    """A snapshot taken when the file was opened."""

    seekable = True

    def __init__(self, node: Node, flags: Open, data: bytes) -> None:
        super().__init__(node, flags)
        self.data, self.at = data, 0

    def read(self, buf: Buffers) -> int:
        count = fill(buf, self.data[self.at : self.at + total(buf)])
        self.at += count
        return count

    def read_at(self, buf: Buffers, offset: int) -> int:
        return fill(buf, self.data[offset : offset + total(buf)])

    def seek(self, offset: int, whence: Whence) -> int:
        start = {Whence.SET: 0, Whence.CUR: self.at, Whence.END: len(self.data)}.get(whence)
        if start is None or start + offset < 0:
            raise Errno(E.INVAL)
        self.at = start + offset
        return self.at


class TextNode(Node):
    """A file whose text is made when it is opened."""

    def __init__(self, ino: int, names: Namespace, text: Text) -> None:
        self.ino, self.names, self.text = ino, names, text

    def stat(self) -> Stat:
        return _stat(FileType.REGULAR, 0o444, self.ino)

    def open(self, flags: Open) -> File:
        if flags & Open.DIRECTORY:
            raise Errno(E.NOTDIR)
        if flags & Open.WRITE:
            raise Errno(E.ACCES)
        return TextFile(self, flags, self.text(owner(self.names)))


class LinkNode(Node):
    """A link; `stat` is about the link itself."""

    def __init__(self, ino: int, target: bytes) -> None:
        self.ino, self.target = ino, target

    def stat(self) -> Stat:
        return _stat(FileType.LINK, 0o777, self.ino)


def owner(names: Namespace) -> Process:
    """The process whose namespace this is."""
    if names.owner is None:
        raise Errno(E.NOENT)
    return names.owner


class ProcDirectory(Directory):
    """A directory of fixed entries: nodes, or link targets made on demand."""

    def __init__(self, ino: int, names: Namespace) -> None:
        self.ino, self.names = ino, names
        self.nodes: dict[bytes, Node] = {}
        self.links: dict[bytes, Callable[[], Link]] = {}

    def add(self, name: bytes, text: Text) -> None:
        """Add a text file."""
        self.nodes[name] = TextNode(self.ino * 100 + len(self.nodes), self.names, text)

    def stat(self) -> Stat:
        return _stat(FileType.DIR, 0o555, self.ino)

    def lookup(self, name: bytes) -> Node:
        if name == b".":
            return self
        if name in self.links:
            return LinkNode(self.ino * 100 + 50, _shown(self.links[name](), self.names))
        try:
            return self.nodes[name]
        except KeyError:
            raise Errno(E.NOENT) from None

    def readlink(self, name: bytes) -> Link | None:
        make = self.links.get(name)
        return make() if make else None

    def open_at(self, name: bytes, flags: Open, mode: int) -> File:
        if name in self.links:
            raise Errno(E.LOOP)
        return super().open_at(name, flags, mode)

    def open(self, flags: Open) -> File:
        return DirectoryFile.on(self, flags)

    def entries(self) -> Iterable[tuple[bytes, FileType, int]]:
        for name in self.links:
            yield name, FileType.LINK, self.ino * 100 + 50
        for name, node in self.nodes.items():
            yield name, FileType(node.stat().mode >> 12), node.stat().ino


def _shown(link: Link, names: Namespace) -> bytes:
    """What readlink prints for a link."""
    return link if isinstance(link, bytes) else link.text


class FdDirectory(Directory):
    """/proc/self/fd: opening an entry shares the open file, it grants no other access."""

    descriptors = True

    def __init__(self, ino: int, names: Namespace) -> None:
        self.ino, self.names = ino, names

    def _file(self, name: bytes) -> File:
        files = owner(self.names).files
        if not name.isdigit() or int(name) not in files.open:
            raise Errno(E.NOENT)
        return files.open[int(name)]

    def stat(self) -> Stat:
        return _stat(FileType.DIR, 0o500, self.ino)

    def lookup(self, name: bytes) -> Node:
        return self if name == b"." else LinkNode(self.ino * 100 + 1, self.link_text(name))

    def link_text(self, name: bytes) -> bytes:
        """What the link of a descriptor says."""
        file = self._file(name)
        if file.path:
            return file.path
        kind = FileType(file.stat().mode >> 12)
        return b"pipe:[%d]" % file.stat().ino if kind is FileType.FIFO else b"/dev/" + _STD.get(name, b"null")

    def readlink(self, name: bytes) -> Link | None:
        if name == b".":
            return None
        file = self._file(name)
        return Jump(file.node, self.link_text(name), file.read_only, file.spot, file.reopen, file.place)

    def open_at(self, name: bytes, flags: Open, mode: int) -> File:
        if name == b".":
            return self.open(flags)
        self._file(name)
        raise Errno(E.LOOP)

    def open(self, flags: Open) -> File:
        return DirectoryFile.on(self, flags)

    def entries(self) -> Iterable[tuple[bytes, FileType, int]]:
        for fd in owner(self.names).files.open:
            yield b"%d" % fd, FileType.LINK, self.ino * 100 + 1


_STD = {b"0": b"stdin", b"1": b"stdout", b"2": b"stderr"}


def _maps(process: Process) -> bytes:
    lines = []
    for r in process.mem.regions():
        rights = "".join(c if r.prot & bit else "-" for c, bit in (("r", 4), ("w", 2), ("x", 1)))
        kind = "s" if r.shared else "p"
        line = f"{r.start:08x}-{r.end:08x} {rights}{kind} {r.offset:08x} 00:00 0 "
        lines.append(f"{line:<73}{r.name}".rstrip() + "\n" if r.name else line + "\n")
    return "".join(lines).encode()


def _status(process: Process) -> bytes:
    ids, c = process.pid, process.creds
    name = process.exec_path.rpartition(b"/")[2][:15].decode("utf-8", "replace")
    return (
        f"Name:\t{name}\nState:\tR (running)\nTgid:\t{ids}\nPid:\t{ids}\nPPid:\t{process.ppid}\n"
        f"Uid:\t{c.uid}\t{c.euid}\t{c.euid}\t{c.euid}\nGid:\t{c.gid}\t{c.egid}\t{c.egid}\t{c.egid}\n"
        f"Threads:\t{len(process.contexts)}\n"
    ).encode()


def _line(process: Process) -> bytes:
    name = process.exec_path.rpartition(b"/")[2][:15]
    rest = b" ".join([b"0"] * 40)
    return b"%d (%s) R %d %d %d " % (process.pid, name, process.ppid, process.pid, process.pid) + rest + b"\n"


def _joined(key: str) -> Text:
    return lambda process: b"".join(item + b"\0" for item in process.data.get(key, ()))


def _fixed(text: bytes) -> Text:
    return lambda process: text


def _own(names: Namespace) -> ProcDirectory:
    """/proc/<pid>."""
    own = ProcDirectory(2, names)
    own.nodes[b"fd"] = FdDirectory(3, names)
    own.links[b"exe"] = lambda: (
        Jump(names.exec_node, owner(names).exec_path, read_only=True)
        if names.exec_node is not None
        else owner(names).exec_path
    )
    own.links[b"cwd"] = lambda: names.cwd.text
    own.links[b"root"] = lambda: b"/"
    own.add(b"cmdline", _joined("argv"))
    own.add(b"environ", _joined("env"))
    own.add(b"comm", lambda p: p.exec_path.rpartition(b"/")[2][:15] + b"\n")
    own.add(b"maps", _maps)
    own.add(b"status", _status)
    own.add(b"stat", _line)
    own.add(b"mounts", _mounts)
    return own


def _mounts(process: Process) -> bytes:
    lines = []
    for path, mount in sorted(process.names.mounts.items()):
        rights = b"ro" if mount.read_only else b"rw"
        lines.append(b"none /%s helctic %s 0 0\n" % (b"/".join(path), rights))
    return b"".join(lines)


class ProcRoot(ProcDirectory):
    """/proc."""

    def __init__(self, names: Namespace) -> None:
        super().__init__(1, names)
        self.own = _own(names)
        self.links[b"self"] = lambda: b"%d" % owner(names).pid
        self.links[b"mounts"] = lambda: b"self/mounts"
        self.add(b"meminfo", _fixed(b"MemTotal:        4194304 kB\nMemFree:         2097152 kB\n"
                                    b"MemAvailable:    2097152 kB\n"))  # fmt: skip
        self.add(b"cpuinfo", _fixed(b"processor\t: 0\n\n"))
        self.add(b"filesystems", _fixed(b"nodev\ttmpfs\n"))
        self.add(b"uptime", lambda p: b"%.2f 0.00\n" % (p.kernel.clocks.monotonic_ns() / 1e9))
        kernel = ProcDirectory(5, names)
        kernel.add(b"osrelease", _fixed(b"6.6.0\n"))
        kernel.add(b"random", _fixed(b"\n"))
        vm = ProcDirectory(6, names)
        vm.add(b"overcommit_memory", _fixed(b"0\n"))
        sys = ProcDirectory(4, names)
        sys.nodes |= {b"kernel": kernel, b"vm": vm}
        self.nodes[b"sys"] = sys

    def lookup(self, name: bytes) -> Node:
        if name.isdigit() and int(name) == owner(self.names).pid:
            return self.own
        return super().lookup(name)

    def entries(self) -> Iterable[tuple[bytes, FileType, int]]:
        yield from super().entries()
        yield b"%d" % owner(self.names).pid, FileType.DIR, self.own.ino
