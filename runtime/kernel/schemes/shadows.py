"""Shadows of watched directories in memory: directories of the host in which the same names come and go.

What the host's inotify says of a shadow is what the guest is told of the directory.
"""

from __future__ import annotations

import os
from contextlib import suppress

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import FileType
from aot.record import dataclass, field

BASE = "/dev/shm"
_OPEN: list[Shadows] = []  # what there is to clean up


@dataclass(slots=True, eq=False)
class Shadows:
    """The shadows of one file system in memory: directories below one of the host's, by inode."""

    base: str = ""
    known: dict[int, str] = field(default_factory=dict)

    def of(self, ino: int, names: list[tuple[bytes, FileType]]) -> str:
        """The shadow of a directory, made with the names that are in it now."""
        path = self.known.get(ino)
        if path is None:
            try:
                if not self.base:
                    _OPEN.append(self)
                    self.base = f"{BASE}/helctic-{os.getpid()}-{id(self):x}"
                    os.mkdir(self.base, 0o700)
                path = self.known[ino] = f"{self.base}/{ino}"
                os.mkdir(path, 0o700)
                for name, kind in names:
                    _make(path, name, kind)
            except OSError:
                raise Errno(E.NOSPC) from None  # what a host without room for watches says
        return path

    def add(self, ino: int, name: bytes, kind: FileType) -> None:
        """A name came into being."""
        path = self.known.get(ino)
        if path is not None:
            with suppress(OSError):
                _make(path, name, kind)

    def remove(self, ino: int, name: bytes) -> None:
        """A name is gone."""
        path = self.known.get(ino)
        if path is not None:
            _remove(os.fsencode(path) + b"/" + name)

    def move(self, ino: int, name: bytes, to: int, new: bytes, kind: FileType) -> None:
        """A name became another one, perhaps in another directory."""
        old, target = self.known.get(ino), self.known.get(to)
        if old is None and target is None:
            return
        if old is None:
            old = self.base
            with suppress(OSError):
                _make(old, name, kind)
        with suppress(OSError):
            os.rename(os.fsencode(old) + b"/" + name, os.fsencode(target or self.base) + b"/" + new)
        if target is None:
            _remove(os.fsencode(self.base) + b"/" + new)

    def change(self, ino: int, name: bytes) -> None:
        """A file was written."""
        path = self.known.get(ino)
        if path is not None:
            with suppress(OSError):
                os.truncate(os.fsencode(path) + b"/" + name, 0)

    def close(self) -> None:
        """Leave nothing on the host."""
        if not self.base:
            return
        with suppress(OSError):
            for path in self.known.values():
                for name in os.listdir(path):
                    _remove(os.fsencode(f"{path}/{name}"))
                os.rmdir(path)
            os.rmdir(self.base)
        self.base = ""


def close_all() -> None:
    """The run ends."""
    while _OPEN:
        _OPEN.pop().close()


def _make(path: str, name: bytes, kind: FileType) -> None:
    at = os.fsencode(path) + b"/" + name
    if kind is FileType.DIR:
        os.mkdir(at, 0o700)
    elif kind is FileType.LINK:
        os.symlink(b".", at)
    else:
        os.mknod(at, 0o600)


def _remove(at: bytes) -> None:
    with suppress(OSError):
        if os.path.isdir(at) and not os.path.islink(at):
            os.rmdir(at)
        else:
            os.unlink(at)
