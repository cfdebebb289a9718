"""Processes and their signals as open files."""

from __future__ import annotations

from collections.abc import Callable

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SigInfo
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Open
from runtime.kernel.context import Context, Kernel, Process
from runtime.kernel.node import POLLIN, fill, total
from runtime.kernel.schemes.events import QuietFile
from runtime.kernel.signals import take


class PidFile(QuietFile):
    """What pidfd_open gives; it means the same process for ever."""

    def __init__(self, process: Process, flags: Open) -> None:
        super().__init__(Open.WRITE | flags)
        self.process = process
        self.name = b"anon_inode:[pidfd]"

    def ready(self, events: int) -> int:
        """Whether the process has ended."""
        ended = self.process.status is not None
        self.edges = int(ended)
        return events & POLLIN if ended else 0

    def read(self, buf: Buffers) -> int:
        raise Errno(E.INVAL)

    def alive(self) -> Process:
        """The process. Raises SRCH once it was waited for."""
        process = self.process
        if process.kernel.processes.get(process.pid) is not process:
            raise Errno(E.SRCH)
        return process


class SignalFile(QuietFile):
    """Signals that are read: those of `mask` which are pending for whoever reads. `encode` makes a record."""

    def __init__(self, kernel: Kernel, mask: int, flags: Open, encode: Callable[[SigInfo], bytes]) -> None:
        super().__init__(flags)
        self.kernel, self.mask, self.encode = kernel, mask, encode
        self.name = b"anon_inode:[signalfd]"

    def _reader(self) -> Context:
        ctx = self.kernel.current
        assert ctx is not None, "nobody reads"
        return ctx

    def ready(self, events: int) -> int:
        """Whether the reader has one of the signals pending."""
        ctx = self._reader()
        self.edges = self.kernel.arrivals
        return events & POLLIN if (ctx.pending | ctx.process.pending) & self.mask else 0

    def read(self, buf: Buffers) -> int:
        """As many records as fit and are there."""
        record = len(self.encode(SigInfo(1)))
        room = total(buf) // record
        if not room:
            raise Errno(E.INVAL)
        found = bytearray()
        while len(found) < room * record and (info := take(self._reader(), self.mask)):
            found += self.encode(info)
        if not found:
            self.wait()
        return fill(buf, bytes(found))
