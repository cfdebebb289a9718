"""Open directories: a snapshot of the entries, listed record by record."""

from __future__ import annotations

from collections.abc import Callable

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers, Sink
from aot.personality.abi.neutral import DirEntry, FileType, Listed, Open, Whence
from runtime.kernel.node import Directory, File


class DirectoryFile(File):
    """An open directory. `extra` are mount points that lie in it."""

    seekable = True

    def __init__(self, node: Directory, flags: Open, fd: int | None = None) -> None:
        super().__init__(node, flags)
        self.directory = node
        self.extra: tuple[bytes, ...] = ()
        self.above: Callable[[], int] | None = None  # the inode of the directory above it
        self.at = 0
        self._entries: list[DirEntry] | None = None

    @classmethod
    def on(cls, node: Directory, flags: Open) -> DirectoryFile:
        """Open `node`; directories cannot be opened for writing."""
        if flags & Open.WRITE or flags & (Open.CREATE | Open.TRUNCATE):
            raise Errno(E.ISDIR)
        if flags & Open.NO_DIRECTORY:
            raise Errno(E.ISDIR)
        return cls(node, flags)

    def read(self, buf: Buffers) -> int:
        raise Errno(E.ISDIR)

    def write(self, buf: Buffers) -> int:
        raise Errno(E.BADF)

    def read_at(self, buf: Buffers, offset: int) -> int:
        raise Errno(E.ISDIR)

    def seek(self, offset: int, whence: Whence) -> int:
        """Position by the cookie of an entry; 0 rewinds and looks again."""
        if whence is Whence.CUR:
            offset += self.at
        elif whence is not Whence.SET:
            raise Errno(E.INVAL)
        if offset < 0:
            raise Errno(E.INVAL)
        if offset == 0:
            self._entries = None
        self.at = offset
        return offset

    def lock_fd(self) -> int | None:
        return self.directory.descriptor

    def snapshot(self) -> list[DirEntry]:
        """Every entry: . and .., then the scheme's order, then mount points it does not list."""
        if self._entries is None:
            found = {name: (kind, ino) for name, kind, ino in self.directory.entries()}
            for name in self.extra:
                found.setdefault(name, (FileType.DIR, 1))
            own = self.directory.stat().ino
            above = self._above(own)
            names = [(b".", FileType.DIR, own), (b"..", FileType.DIR, above)]
            names += [(name, *found[name]) for name in found]
            self._entries = [DirEntry(ino, i + 1, kind, name) for i, (name, kind, ino) in enumerate(names)]
        return self._entries

    def _above(self, own: int) -> int:
        """The inode of `..`; its own where the directory above cannot be looked at."""
        if self.above is None:
            return own
        try:
            return self.above()
        except Errno:
            return own

    def list(self, sink: Sink) -> Listed:
        """Put entries into `sink` until it is full. Raises INVAL when not even one fits."""
        base = self.at
        for entry in self.snapshot()[self.at :]:
            if not sink.add(entry):
                if not sink.used:
                    raise Errno(E.INVAL)
                break
            self.at = entry.offset
        return Listed(sink.used, base)
