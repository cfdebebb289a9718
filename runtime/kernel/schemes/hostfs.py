"""Files of the host below one directory; nothing here follows a link or goes up."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import UTIME_NOW, UTIME_OMIT, FileType, Open, Stat, StatFs, Time, Times
from aot.personality.abi.neutral_files import Birth
from runtime.kernel import hostcalls
from runtime.kernel.assume import as_caller
from runtime.kernel.directory import DirectoryFile
from runtime.kernel.host import UMASK, failure, open_beneath, rename_new
from runtime.kernel.node import DIRECTORY, Directory, File, Link, Node
from runtime.kernel.schemes.hostfile import HostFile, HostStream, neutral_stat

_ALWAYS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = (
    (Open.CREATE, os.O_CREAT),
    (Open.EXCLUSIVE, os.O_EXCL),
    (Open.TRUNCATE, os.O_TRUNC),
    (Open.APPEND, os.O_APPEND),
    (Open.DIRECTORY, os.O_DIRECTORY),
    (Open.SYNC, os.O_SYNC),
    (Open.DATA_SYNC, os.O_DSYNC),
    (Open.DIRECT, os.O_DIRECT),
    (Open.NOATIME, os.O_NOATIME),
)
_CACHE: dict[int, int] = {}


def host_flags(flags: Open) -> int:
    """Host open(2) flags of neutral ones."""
    found = _CACHE.get(int(flags))
    if found is None:
        found = os.O_RDWR if flags & Open.READ else os.O_WRONLY
        if not flags & Open.WRITE:
            found = os.O_RDONLY
        for neutral, bit in _OPEN:
            if flags & neutral:
                found |= bit
        _CACHE[int(flags)] = found = found | _ALWAYS
    return found


@as_caller
class HostNode(Node):
    """A host file at rest, held by an O_PATH descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)

    @property
    def descriptor(self) -> int | None:
        return self.fd

    @property
    def magic(self) -> str:
        """The one host path that names exactly this file."""
        return f"/proc/self/fd/{self.fd}"

    def stat(self) -> Stat:
        try:
            return neutral_stat(os.fstat(self.fd))
        except OSError as error:
            raise failure(error) from None

    def open(self, flags: Open) -> File:
        try:
            wanted = host_flags(flags & ~(Open.CREATE | Open.EXCLUSIVE)) & ~os.O_NOFOLLOW
            return opened(self, flags, os.open(self.magic, wanted))
        except OSError as error:
            raise failure(error) from None

    def set_mode(self, mode: int) -> None:
        try:
            os.chmod(self.magic, mode)
        except OSError as error:
            raise failure(error) from None

    def set_owner(self, uid: int, gid: int) -> None:
        try:
            os.chown(self.magic, _id(uid), _id(gid))
        except OSError as error:
            raise failure(error) from None

    def set_times(self, times: Times) -> None:
        try:
            now = os.fstat(self.fd)
            atime = _time_ns(times.atime, now.st_atime_ns)
            mtime = _time_ns(times.mtime, now.st_mtime_ns)
            os.utime(self.magic, ns=(atime, mtime))
        except OSError as error:
            raise failure(error) from None

    def truncate(self, length: int) -> None:
        try:
            os.truncate(self.magic, length)
        except OSError as error:
            raise failure(error) from None

    def statfs(self) -> StatFs:
        try:
            return StatFs(*hostcalls.fstatfs(self.fd))
        except OSError as error:
            raise failure(error) from None

    def attributes(self) -> Iterable[bytes]:
        try:
            return [os.fsencode(name) for name in os.listxattr(self.magic)]
        except OSError as error:
            raise failure(error) from None

    def get_attribute(self, name: bytes) -> bytes:
        try:
            return os.getxattr(self.magic, name)
        except OSError as error:
            raise failure(error) from None

    def set_attribute(self, name: bytes, value: bytes, how: int) -> None:
        try:
            os.setxattr(self.magic, name, value, how)
        except OSError as error:
            raise failure(error) from None

    def remove_attribute(self, name: bytes) -> None:
        try:
            os.removexattr(self.magic, name)
        except OSError as error:
            raise failure(error) from None

    def watched(self) -> str | None:
        return self.magic

    def birth(self) -> Birth:
        try:
            found = hostcalls.statx(self.fd)
        except OSError as error:
            raise failure(error) from None
        return Birth(Time(found[13], found[14]), found[2], found[10], found[24], found[25])

    def access(self, rights: int) -> None:
        try:
            allowed = os.access(self.magic, rights, effective_ids=True)
        except OSError as error:
            raise failure(error) from None
        if not allowed:
            raise Errno(E.ACCES)


def _id(number: int) -> int:
    """A user or group as the host takes it: -1 leaves it alone, other negative ones are large ids."""
    return -1 if number == -1 else number & 0xFFFF_FFFF


def _time_ns(time: Time, current: int) -> int:
    if time.nsec == UTIME_OMIT:
        return current
    return current if time.nsec == UTIME_NOW else time.ns


def opened(node: Node, flags: Open, fd: int) -> File:
    """The open file for a fresh host descriptor."""
    kind = stat.S_IFMT(os.fstat(fd).st_mode)
    if kind in (stat.S_IFREG, stat.S_IFBLK):
        if int(flags) & DIRECTORY:
            os.close(fd)
            raise Errno(E.NOTDIR)
        return HostFile(node, flags, fd)
    if kind == stat.S_IFDIR:
        directory = HostDirectory(fd)
        return DirectoryFile.on(directory, flags)
    return HostStream(node, flags, fd, polite=False)


@as_caller
class LateNode(HostNode):
    """The node of an open host file: operations go through the file's own descriptor."""

    def open(self, flags: Open) -> File:
        wanted = host_flags(flags & ~(Open.CREATE | Open.EXCLUSIVE)) & ~os.O_NOFOLLOW
        try:
            fd = os.open(self.magic, wanted)
        except OSError as error:
            raise failure(error) from None
        return opened(LateNode(fd), flags, fd)

    def __del__(self) -> None:
        """The descriptor belongs to the open file."""


@as_caller
class HostDirectory(HostNode, Directory):
    """A host directory."""

    def descend(self, name: bytes) -> Directory:
        try:
            return HostDirectory(os.open(name, _PATH | os.O_DIRECTORY, dir_fd=self.fd))
        except NotADirectoryError:
            raise Errno(E.LOOP if self.readlink(name) is not None else E.NOTDIR) from None
        except OSError as error:
            raise failure(error) from None

    def descend_far(self, path: bytes) -> Directory | None:
        try:
            return HostDirectory(open_beneath(self.fd, path, _PATH | os.O_DIRECTORY))
        except OSError:  # a link, a missing part, no such host call: the slow walk finds out which
            return None

    def lookup(self, name: bytes) -> Node:
        try:
            fd = os.open(name, _PATH, dir_fd=self.fd)
            is_dir = stat.S_ISDIR(os.fstat(fd).st_mode)
        except OSError as error:
            raise failure(error) from None
        return HostDirectory(fd) if is_dir else HostNode(fd)

    def readlink(self, name: bytes) -> Link | None:
        try:
            return os.readlink(name, dir_fd=self.fd)
        except OSError as error:
            code = failure(error)
            if code.code is E.INVAL:
                return None
            raise code from None

    def stat_at(self, name: bytes) -> Stat:
        try:
            return neutral_stat(os.stat(name, dir_fd=self.fd, follow_symlinks=False))
        except OSError as error:
            raise failure(error) from None

    def open_at(self, name: bytes, flags: Open, mode: int) -> File:
        try:
            fd = os.open(name, host_flags(flags), mode, dir_fd=self.fd)
            if mode & UMASK and flags & Open.CREATE:
                _fix_mode(fd, mode)
            return opened(LateNode(fd), flags, fd)
        except OSError as error:
            raise failure(error) from None

    def open(self, flags: Open) -> File:
        try:
            fd = os.open(b".", host_flags(flags) | os.O_DIRECTORY, dir_fd=self.fd)
        except OSError as error:
            raise failure(error) from None
        return DirectoryFile.on(HostDirectory(fd), flags)

    def entries(self) -> Iterable[tuple[bytes, FileType, int]]:
        try:
            if not fcntl.fcntl(self.fd, fcntl.F_GETFL) & os.O_PATH:
                return _scanned(self.fd)
            fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
            try:
                return _scanned(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise failure(error) from None

    def mkdir(self, name: bytes, mode: int) -> None:
        mask = os.umask(0)  # the guest's own has been applied
        try:
            os.mkdir(name, mode, dir_fd=self.fd)
        except OSError as error:
            raise failure(error) from None
        finally:
            os.umask(mask)

    def mknod(self, name: bytes, mode: int, dev: int) -> None:
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK):
            raise Errno(E.PERM)
        mask = os.umask(0)
        try:
            os.mknod(name, mode, dir_fd=self.fd)
        except OSError as error:
            raise failure(error) from None
        finally:
            os.umask(mask)

    def unlink(self, name: bytes, *, directory: bool) -> None:
        try:
            (os.rmdir if directory else os.unlink)(name, dir_fd=self.fd)
        except OSError as error:
            raise failure(error) from None

    def symlink(self, name: bytes, target: bytes) -> None:
        try:
            os.symlink(target, name, dir_fd=self.fd)
        except OSError as error:
            raise failure(error) from None

    def link(self, name: bytes, source: Directory, old: bytes) -> None:
        if not isinstance(source, HostDirectory):
            raise Errno(E.XDEV)
        try:
            os.link(old, name, src_dir_fd=source.fd, dst_dir_fd=self.fd, follow_symlinks=False)
        except OSError as error:
            raise failure(error) from None

    def link_node(self, name: bytes, node: Node) -> None:
        if not isinstance(node, HostNode):
            raise Errno(E.XDEV)
        try:
            os.link(node.magic, name, dst_dir_fd=self.fd, follow_symlinks=True)
        except OSError as error:
            raise failure(error) from None

    def open_unnamed(self, flags: Open, mode: int) -> File:
        try:
            wanted = host_flags(flags & ~(Open.CREATE | Open.DIRECTORY)) | os.O_TMPFILE
            fd = os.open(b".", wanted & ~os.O_NOFOLLOW, mode, dir_fd=self.fd)
            if mode & UMASK:
                _fix_mode(fd, mode)
        except OSError as error:
            raise failure(error) from None
        return HostFile(LateNode(fd), flags & ~(Open.TMPFILE | Open.DIRECTORY), fd)

    def exchange(self, name: bytes, target: Directory, new: bytes) -> None:
        if not isinstance(target, HostDirectory):
            raise Errno(E.XDEV)
        try:
            hostcalls.exchange(self.fd, name, target.fd, new)
        except OSError as error:
            raise failure(error) from None

    def rename(self, name: bytes, target: Directory, new: bytes, *, replace: bool) -> None:
        if not isinstance(target, HostDirectory):
            raise Errno(E.XDEV)
        try:
            if replace:
                os.rename(name, new, src_dir_fd=self.fd, dst_dir_fd=target.fd)
            else:
                rename_new(self.fd, name, target.fd, new)
        except OSError as error:
            raise failure(error) from None


def _fix_mode(fd: int, mode: int) -> None:
    """Undo the host's own umask on a file that was just created (nobody else has written it yet)."""
    st = os.fstat(fd)
    if stat.S_ISREG(st.st_mode) and st.st_size == 0 and st.st_mode & 0o7777 == mode & ~UMASK:
        os.fchmod(fd, mode)


def _scanned(fd: int) -> list[tuple[bytes, FileType, int]]:
    with os.scandir(fd) as found:
        return [(os.fsencode(e.name), _type_of(e), e.inode()) for e in found]


def _type_of(entry: os.DirEntry[str]) -> FileType:
    if entry.is_symlink():
        return FileType.LINK
    if entry.is_dir(follow_symlinks=False):
        return FileType.DIR
    if entry.is_file(follow_symlinks=False):
        return FileType.REGULAR
    return FileType(entry.stat(follow_symlinks=False).st_mode >> 12)


def host_root(path: str | os.PathLike[str]) -> HostDirectory:
    """The host directory at `path` as the root of a mount. Raises OSError."""
    return HostDirectory(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))


def host_file(path: str | os.PathLike[str]) -> HostNode:
    """One host file. Raises OSError."""
    return HostNode(os.open(path, os.O_PATH | os.O_CLOEXEC))
