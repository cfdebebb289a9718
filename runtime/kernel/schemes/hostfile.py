"""Open files that are host descriptors: regular files, pipes, terminals."""

from __future__ import annotations

import array
import fcntl
import os
import select
import termios

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import FileType, Open, Stat, Time, Whence
from runtime.kernel.direct import Direct
from runtime.kernel.host import failure, ready
from runtime.kernel.leave import Block
from runtime.kernel.node import POLLIN, POLLOUT, File, Node

PIECES = 1024
"""Most pieces the host takes in one vectored call."""
_WHENCE = {
    Whence.SET: os.SEEK_SET,
    Whence.CUR: os.SEEK_CUR,
    Whence.END: os.SEEK_END,
    Whence.DATA: os.SEEK_DATA,
    Whence.HOLE: os.SEEK_HOLE,
}
_BILLION = 1_000_000_000


def neutral_stat(st: os.stat_result) -> Stat:
    """Host facts as a neutral value."""
    return Stat(
        st.st_dev,
        st.st_ino,
        st.st_mode,
        st.st_nlink,
        st.st_uid,
        st.st_gid,
        st.st_rdev,
        st.st_size,
        st.st_blksize,
        st.st_blocks,
        Time(*divmod(st.st_atime_ns, _BILLION)),
        Time(*divmod(st.st_mtime_ns, _BILLION)),
        ctime := Time(*divmod(st.st_ctime_ns, _BILLION)),
        ctime,
    )


class HostFile(File):
    """A seekable host file. Its transfers and positions are the host's own calls, and nothing more: machine
    code makes them too (runtime/cpu/routines.c), so what is added here has to be added there."""

    seekable = True
    direct = Direct.HOST

    def __init__(self, node: Node, flags: Open, fd: int) -> None:
        super().__init__(node, flags)
        self.fd = self.host_fd = fd

    def read(self, buf: Buffers) -> int:
        try:
            return os.readv(self.fd, buf if len(buf) <= PIECES else buf[:PIECES])
        except OSError as error:
            raise failure(error) from None

    def write(self, buf: Buffers) -> int:
        try:
            return os.writev(self.fd, buf if len(buf) <= PIECES else buf[:PIECES])
        except OSError as error:
            raise failure(error) from None

    def read_at(self, buf: Buffers, offset: int) -> int:
        try:
            return os.preadv(self.fd, buf[:PIECES], offset)
        except OSError as error:
            raise failure(error) from None

    def write_at(self, buf: Buffers, offset: int) -> int:
        try:
            return os.pwritev(self.fd, buf[:PIECES], offset)
        except OSError as error:
            raise failure(error) from None

    def seek(self, offset: int, whence: Whence) -> int:
        try:
            return os.lseek(self.fd, offset, _WHENCE[whence])
        except OSError as error:
            raise failure(error) from None
        except OverflowError:  # a stream moved it by what it had read ahead
            raise Errno(E.INVAL) from None

    def stat(self) -> Stat:
        try:
            return neutral_stat(os.fstat(self.fd))
        except OSError as error:
            raise failure(error) from None

    def truncate(self, length: int) -> None:
        try:
            os.ftruncate(self.fd, length)
        except OSError as error:
            raise failure(error) from None

    def available(self) -> int:
        count = array.array("i", [0])
        try:
            fcntl.ioctl(self.fd, termios.FIONREAD, count)
        except OSError as error:
            raise failure(error) from None
        return count[0]

    def close(self) -> None:
        os.close(self.fd)


class HostStream(HostFile):
    """A pipe, terminal or socket of the host: what may have to wait.

    `polite` descriptors are shared with the world outside, so their O_NONBLOCK is not ours to set and
    readiness is asked before each transfer.
    """

    seekable = False
    fills = True
    direct = Direct.NO

    def __init__(self, node: Node, flags: Open, fd: int, *, polite: bool) -> None:
        super().__init__(node, flags, fd)
        self.polite = polite

    def _wait(self, events: int) -> None:
        if self.flags & Open.NONBLOCK:
            raise Errno(E.AGAIN)
        raise Block(fds=((self.fd, events),), restarts=True)

    def read(self, buf: Buffers) -> int:
        if self.polite and not ready(self.fd, select.POLLIN):
            self._wait(select.POLLIN)
        try:
            return os.readv(self.fd, buf[:PIECES])
        except BlockingIOError:
            self._wait(select.POLLIN)
        except OSError as error:
            raise failure(error) from None
        raise AssertionError("_wait always raises")

    def write(self, buf: Buffers) -> int:
        if self.polite and not ready(self.fd, select.POLLOUT):
            self._wait(select.POLLOUT)
        try:
            return os.writev(self.fd, buf[:PIECES])
        except BlockingIOError:
            self._wait(select.POLLOUT)
        except OSError as error:
            raise failure(error) from None
        raise AssertionError("_wait always raises")

    def unsent(self) -> int:
        """Bytes a terminal has not shown yet."""
        count = array.array("i", [0])
        try:
            fcntl.ioctl(self.fd, termios.TIOCOUTQ, count)
        except OSError as error:
            raise failure(error) from None
        return count[0]

    def ready(self, events: int) -> int:
        return ready(self.fd, events & (POLLIN | POLLOUT | 0x3C3))

    def seek(self, offset: int, whence: Whence) -> int:
        raise Errno(E.SPIPE)

    def read_at(self, buf: Buffers, offset: int) -> int:
        raise Errno(E.SPIPE)

    def write_at(self, buf: Buffers, offset: int) -> int:
        raise Errno(E.SPIPE)


class StreamNode(Node):
    """The node of a stream (or anonymous file) that has no place in any directory."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @property
    def descriptor(self) -> int | None:
        return self.fd

    def open(self, flags: Open) -> File:
        """Open a pipe or anonymous file again. Raises NXIO for what cannot be."""
        if flags & Open.DIRECTORY:
            raise Errno(E.NOTDIR)
        kind = stream_type(self.fd)
        if kind not in (FileType.FIFO, FileType.REGULAR):
            raise Errno(E.NXIO)
        both = flags & Open.READ and flags & Open.WRITE
        access = os.O_RDWR if both else os.O_WRONLY if flags & Open.WRITE else os.O_RDONLY
        access |= os.O_TRUNC if flags & Open.TRUNCATE else 0
        access |= os.O_APPEND if flags & Open.APPEND else 0
        try:
            fd = os.open(f"/proc/self/fd/{self.fd}", access | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            raise failure(error) from None
        if kind is FileType.REGULAR:
            return HostFile(StreamNode(fd), flags, fd)
        return HostStream(StreamNode(fd), flags, fd, polite=False)

    def stat(self) -> Stat:
        try:
            return neutral_stat(os.fstat(self.fd))
        except OSError as error:
            raise failure(error) from None


def stream_type(fd: int) -> FileType:
    """File type of a host descriptor."""
    return FileType(os.fstat(fd).st_mode >> 12)
