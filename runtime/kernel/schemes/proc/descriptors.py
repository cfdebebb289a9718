"""/proc/<pid>/fd and fdinfo: what the descriptors of a process are open on."""

from __future__ import annotations

import os
from collections.abc import Iterator

from aot.personality.abi.neutral import FileType, Open, Whence
from runtime.kernel.context import Process
from runtime.kernel.locks import END, READ, Held
from runtime.kernel.node import PATH, File, Jump, Link, Node
from runtime.kernel.schemes.proc.nodes import Facts, Listing, TextNode

_STD = {0: b"/dev/stdin", 1: b"/dev/stdout", 2: b"/dev/stderr"}
# include/uapi/asm-generic/fcntl.h
_BITS = ((Open.CREATE, 0o100), (Open.APPEND, 0o2000), (Open.NONBLOCK, 0o4000), (Open.DATA_SYNC, 0o10000),
         (Open.ASYNC, 0o20000), (Open.DIRECT, 0o40000), (Open.LARGE, 0o100000), (Open.DIRECTORY, 0o200000),
         (Open.NOFOLLOW, 0o400000), (Open.NOATIME, 0o1000000), (Open.SYNC, 0o4000000),
         (Open.PATH, 0o10000000))  # fmt: skip
_OWN_LINES = (b"pos:", b"flags:", b"mnt_id:", b"ino:", b"lock:")


class FdDirectory(Listing):
    """/proc/<pid>/fd: a link for every descriptor; following it opens what the descriptor is open on."""

    descriptors = True

    def __init__(self, facts: Facts, process: Process) -> None:
        super().__init__(facts)
        self.process = process

    def file(self, name: bytes) -> File | None:
        """The open file behind a name."""
        return self.process.files.open.get(int(name)) if _is_number(name) else None

    def target(self, name: bytes) -> Link | None:
        file = self.file(name)
        if file is None:
            return None
        text = target_of(file, int(name))
        if file.path and self.process.names.jail is not None:
            text = self.process.names.shown(text)
        return Jump(file.node, text, file.read_only, file.spot, file.reopen, file.place)

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        for fd in sorted(self.process.files.open):
            yield b"%d" % fd, FileType.LINK


def _is_number(name: bytes) -> bool:
    return name.isdigit() and (name == b"0" or not name.startswith(b"0")) and len(name) < 10


def target_of(file: File, fd: int) -> bytes:
    """What the link of a descriptor says."""
    if file.path:
        gone = file.place is not None and file.node.descriptor is not None and not file.stat().nlink
        return file.path + b" (deleted)" if gone and not file.path.endswith(b"(deleted)") else file.path
    st = file.stat()
    kind = st.mode >> 12
    if kind in (FileType.FIFO, FileType.SOCKET):
        return b"%s:[%d]" % (b"pipe" if kind == FileType.FIFO else b"socket", st.ino)
    return _STD.get(fd, b"/dev/tty")


class InfoDirectory(Listing):
    """/proc/<pid>/fdinfo: position, flags, locks of every descriptor, and what its kind adds."""

    def __init__(self, facts: Facts, process: Process) -> None:
        super().__init__(facts)
        self.process = process

    def node(self, name: bytes) -> Node | None:
        if not _is_number(name) or int(name) not in self.process.files.open:
            return None
        fd = int(name)
        facts = Facts(self.facts.ino + 2, 0o400, self.facts.uid, self.facts.gid)
        return TextNode(facts, lambda: info_of(self.process, fd))

    def names(self) -> Iterator[tuple[bytes, FileType]]:
        for fd in sorted(self.process.files.open):
            yield b"%d" % fd, FileType.REGULAR


def info_of(process: Process, fd: int) -> bytes:
    """The text of one descriptor; empty when it is closed. From: fs/proc/fd.c seq_show."""
    file = process.files.open.get(fd)
    if file is None:
        return b""
    flags = int(file.flags)
    access = 2 if file.flags & Open.READ and file.flags & Open.WRITE else 1 if file.flags & Open.WRITE else 0
    word = (0 if flags & PATH else access) | sum(
        bit for flag, bit in _BITS if file.flags & flag and bit != 0o100
    )
    if fd in process.files.cloexec:
        word |= 0o2000000
    at = file.seek(0, Whence.CUR) if file.seekable and not flags & PATH else 0
    mount = file.place.spot.mount.number if file.place is not None else 0
    lines = [b"pos:\t%d\nflags:\t0%o\nmnt_id:\t%d\nino:\t%d\n" % (at, word, mount, file.stat().ino)]
    lines += [b"lock:\t" + line for line in _locks(process, file)]
    return b"".join(lines) + _more(file)


def _more(file: File) -> bytes:
    """What the host says of an event descriptor of its own."""
    if file.host_fd is None or file.place is not None:
        return b""
    with open(f"/proc/self/fdinfo/{file.host_fd}", "rb") as text:
        return b"".join(line for line in text if not line.startswith(_OWN_LINES))


def _locks(process: Process, file: File) -> list[bytes]:
    """The locks that this process holds on a file through this descriptor."""
    found: list[bytes] = []
    for key, locks in process.kernel.locks.files.items():
        for held in locks.held:
            if held.owner is file or (held.owner is process.files and key == _key(file)):
                found.append(lock_line(len(found) + 1, held, file))
    return found


def _key(file: File) -> tuple[object, ...]:
    host = file.lock_fd()
    if host is None:
        return ("node", id(file.node))
    st = os.fstat(host)
    return ("host", st.st_dev, st.st_ino)


def lock_line(number: int, held: Held, file: File) -> bytes:
    """One lock as /proc/locks shows it. From: fs/locks.c lock_get_status."""
    whole = isinstance(held.owner, File) and held.pid != -1
    kind = b"FLOCK " if whole else b"OFDLCK" if held.pid == -1 else b"POSIX "
    st = file.stat()
    end = b"EOF" if held.end >= END else b"%d" % (held.end - 1)
    return b"%d: %s ADVISORY  %s %d %02x:%02x:%d %d %s\n" % (
        number, kind, b"READ " if held.kind == READ else b"WRITE", held.pid, st.dev_major, st.dev_minor,
        st.ino, held.start, end,
    )  # fmt: skip
