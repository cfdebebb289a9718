"""Named pipes in memory: a nameless pipe of the host, opened anew for every end."""

from __future__ import annotations

import os

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import FileType, Open, Stat
from runtime.kernel.host import failure
from runtime.kernel.node import File
from runtime.kernel.schemes.hostfile import HostStream
from runtime.kernel.schemes.memfs import MemNode, Volume


class MemFifo(MemNode):
    """A named pipe. Its descriptor is no end of the pipe, it only names it."""

    __slots__ = ("fd",)

    def __init__(self, volume: Volume, mode: int) -> None:
        self.fd = -1
        super().__init__(volume, FileType.FIFO, mode)
        try:
            ends = os.pipe2(os.O_CLOEXEC)
            try:
                self.fd = os.open(f"/proc/self/fd/{ends[0]}", os.O_PATH | os.O_CLOEXEC)
            finally:
                for end in ends:
                    os.close(end)
        except OSError as error:
            raise failure(error) from None

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)

    def open(self, flags: Open) -> File:
        if flags & Open.DIRECTORY:
            raise Errno(E.NOTDIR)
        access = os.O_RDWR if flags & Open.READ and flags & Open.WRITE else os.O_RDONLY
        if flags & Open.WRITE and not flags & Open.READ:
            access = os.O_WRONLY
        try:
            fd = os.open(f"/proc/self/fd/{self.fd}", access | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise failure(error) from None
        return MemFifoFile(self, flags, fd, polite=False)


class MemFifoFile(HostStream):
    """An open end."""

    def stat(self) -> Stat:
        return self.node.stat()
