"""Standard input, output and error: the descriptors this process was started with."""

from __future__ import annotations

import os
import stat

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Open
from runtime.kernel.context import Kernel
from runtime.kernel.node import File
from runtime.kernel.schemes.dev import NullFile, null_node
from runtime.kernel.schemes.hostfile import HostFile, HostStream, StreamNode
from runtime.kernel.schemes.hosttty import HostTerminal


class StdFile(HostFile):
    """A regular file given as a standard stream; the host keeps the descriptor."""

    def reopen(self, flags: Open) -> File:
        return shared(self, flags)

    def close(self) -> None:
        """The descriptor belongs to the host."""


class StdStream(HostStream):
    """A terminal, pipe or socket given as a standard stream; the host keeps the descriptor."""

    def reopen(self, flags: Open) -> File:
        return shared(self, flags)

    def close(self) -> None:
        """The descriptor belongs to the host."""


class StdTerminal(HostTerminal):
    """The terminal of the host, given as a standard stream."""

    def reopen(self, flags: Open) -> File:
        return shared(self, flags)

    def close(self) -> None:
        """The descriptor belongs to the host."""


def shared(file: File, flags: Open) -> File:
    """The same open file: a new one could do more than the guest was given. Raises ACCES for more."""
    if flags & Open.DIRECTORY:
        raise Errno(E.NOTDIR)
    if flags & (Open.READ | Open.WRITE) & ~file.flags:
        raise Errno(E.ACCES)
    return file


def standard_file(fd: int, flags: Open, kernel: Kernel | None = None) -> File:
    """The open file for host descriptor `fd`; a closed one becomes the null device."""
    try:
        st = os.fstat(fd)
    except OSError:
        return _null(flags)
    node = StreamNode(fd)
    if stat.S_ISREG(st.st_mode):
        return StdFile(node, flags, fd)
    if stat.S_ISCHR(st.st_mode) and st.st_rdev == os.makedev(1, 3):
        return _null(flags)
    if os.isatty(fd):
        return StdTerminal(node, flags, fd, kernel, polite=True)
    return StdStream(node, flags, fd, polite=True)


def _null(flags: Open) -> File:
    """The null device, by its name."""
    file = NullFile(null_node(), flags)
    file.path = b"/dev/null"
    return file


def standard_files(kernel: Kernel | None = None) -> tuple[File, File, File]:
    """Descriptors 0, 1 and 2."""
    both = Open.READ | Open.WRITE
    terminal = [both if os.isatty(fd) else None for fd in range(3)]
    return (
        standard_file(0, terminal[0] or Open.READ, kernel),
        standard_file(1, terminal[1] or Open.WRITE, kernel),
        standard_file(2, terminal[2] or Open.WRITE, kernel),
    )
