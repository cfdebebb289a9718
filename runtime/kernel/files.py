"""A process's descriptors: lowest free number first, close-on-exec each, descriptions shared by dup."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from aot.personality.abi.errors import E, Errno
from aot.record import dataclass, field, replace
from runtime.kernel.direct import Descriptors
from runtime.kernel.node import File

if TYPE_CHECKING:
    from runtime.kernel.locks import LockTable

LIMIT = 1024
"""Default number of descriptors of a process."""


@dataclass(slots=True)
class FileTable:
    """Descriptor -> open file. `limit` is the soft RLIMIT_NOFILE, `most` what the host can bear."""

    limit: int = LIMIT
    most: int = 1 << 20
    sharers: int = 1  # processes that have this very table
    total: int | None = None  # open files of all processes
    open: dict[int, File] = field(default_factory=dict)
    cloexec: set[int] = field(default_factory=set)
    locks: LockTable | None = None  # where this process holds record locks
    largest: int | None = None  # bytes: what RLIMIT_FSIZE lets a file grow to
    direct: Descriptors = field(default_factory=Descriptors)  # what machine code sees of `open`
    _users: dict[int, int] = field(default_factory=dict)  # id(file) -> descriptors
    _free: list[int] = field(default_factory=list)  # heap of closed numbers below _next
    _next: int = 0  # lowest number never used

    def get(self, fd: int) -> File:
        """The open file behind a descriptor. Raises BADF."""
        try:
            return self.open[fd]
        except KeyError:
            raise Errno(E.BADF) from None

    def add(self, file: File, *, cloexec: bool = False, lowest: int = 0) -> int:
        """Give `file` the lowest free number from `lowest` on. Raises MFILE or NFILE (the file stays open)."""
        fd = self._lowest(lowest)
        self._set(fd, file, cloexec=cloexec)
        return fd

    def _lowest(self, lowest: int) -> int:
        if lowest >= self.limit:
            raise Errno(E.INVAL if lowest else E.MFILE)
        if lowest == 0:
            while self._free:
                fd = heappop(self._free)
                if fd >= self.limit:
                    heappush(self._free, fd)
                    raise Errno(E.MFILE)
                if fd not in self.open:
                    return fd
        fd = max(lowest, self._next if lowest == 0 else 0)
        while fd in self.open:
            fd += 1
        if fd >= self.limit:
            raise Errno(E.MFILE)
        return fd

    def _set(self, fd: int, file: File, *, cloexec: bool) -> None:
        if self.total is not None and len(self._users) >= self.total and id(file) not in self._users:
            heappush(self._free, fd)
            raise Errno(E.NFILE)
        self.open[fd] = file
        self.direct.set(fd, None if self.largest is not None else file)
        self._users[id(file)] = self._users.get(id(file), 0) + 1
        if cloexec:
            self.cloexec.add(fd)
        while self._next <= fd:
            if self._next not in self.open:
                heappush(self._free, self._next)
            self._next += 1

    def restrict(self, largest: int | None) -> None:
        """Set the largest size of a file; machine code knows nothing of it."""
        self.largest = largest
        for fd, file in self.open.items():
            self.direct.set(fd, None if largest is not None else file)

    def close(self, fd: int) -> None:
        """Forget a descriptor; the file is closed with its last one. Raises BADF."""
        try:
            file = self.open.pop(fd)
        except KeyError:
            raise Errno(E.BADF) from None
        self.direct.set(fd, None)
        self.cloexec.discard(fd)
        heappush(self._free, fd)
        if self.locks is not None:
            self.locks.closed(self, file)
        self.release(file)

    def hold(self, file: File) -> None:
        """Use a file without a descriptor (it is in a message); every process's table counts the same users."""
        self._users[id(file)] = self._users.get(id(file), 0) + 1

    def release(self, file: File) -> None:
        """Give up one use of a file; it is closed with the last."""
        left = self._users[id(file)] - 1
        if left:
            self._users[id(file)] = left
        else:
            del self._users[id(file)]
            if file.locks is not None:
                file.locks.forget(file)
            file.close()

    def users(self, file: File) -> int:
        """How many descriptors and messages mean a file."""
        return self._users.get(id(file), 0)

    def put(self, fd: int, file: File, *, cloexec: bool) -> None:
        """Make `fd` mean `file`, closing what it meant before. Raises BADF for a number out of range."""
        if not 0 <= fd < self.limit:
            raise Errno(E.BADF)
        old = self.open.get(fd)
        self._users[id(file)] = self._users.get(id(file), 0) + 1  # survives closing its own number
        if old is not None:
            self.close(fd)
        self._users[id(file)] -= 1
        self._set(fd, file, cloexec=cloexec)

    def close_all(self, *, only_cloexec: bool = False) -> None:
        """Close everything (exit) or what does not survive exec."""
        for fd in sorted(self.cloexec if only_cloexec else self.open):
            self.close(fd)

    def copy(self) -> FileTable:
        """The table of a forked process: descriptions are shared, `_users` counts both."""
        twin = replace(
            self, open=dict(self.open), cloexec=set(self.cloexec), _free=list(self._free), locks=None
        )
        twin.direct = self.direct.copy()
        for file in self.open.values():
            self._users[id(file)] += 1
        return twin
