"""The host system as the kernel sees it: its errors by name, its clocks, and the calls Python lacks."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import select
import struct
import time
from typing import Protocol

from aot.personality.abi.errors import E, Errno

_SPELLED = {"E2BIG": E.TOOBIG, "ENOTSUP": E.OPNOTSUPP, "EWOULDBLOCK": E.AGAIN, "EDEADLOCK": E.DEADLK}
_BY_NUMBER: dict[int, E] = {}
for _number, _name in errno.errorcode.items():
    _code = _SPELLED.get(_name) or E.__members__.get(_name[1:])
    if _code is not None:
        _BY_NUMBER[_number] = _code

SYS_OPENAT2 = 437  # the same on every architecture
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH = 2, 4, 8
_LIBC = ctypes.CDLL(None, use_errno=True)
_SYSCALL = _LIBC.syscall
_SYSCALL.restype = ctypes.c_long
_SYSCALL.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)

RENAME_NOREPLACE = 1
_RENAMEAT2 = getattr(_LIBC, "renameat2", None)  # glibc has it since 2.28, musl does not
if _RENAMEAT2 is not None:
    _RENAMEAT2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)


def _read_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def more_descriptors() -> int:
    """Let this process open as many files as it may; how many of them a guest can be given.

    One guest file can take two of the host's, and the interpreter opens modules when it first needs them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return WANTED // 2 if soft == resource.RLIM_INFINITY else max(soft // 2 - RESERVED, 8)


WANTED, RESERVED = 1 << 20, 32

UMASK = _read_umask()
"""File mode bits the host itself removes."""


def failure(error: OSError) -> Errno:
    """The neutral error of a host error, by its name; one the kernel does not know is an I/O error."""
    return Errno(_BY_NUMBER.get(error.errno or 0, E.IO))


def open_beneath(dir_fd: int, path: bytes, flags: int) -> int:
    """Open below a directory without meeting a link or leaving it. Raises OSError."""
    how = struct.pack("<QQQ", flags, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
    fd: int = _SYSCALL(SYS_OPENAT2, dir_fd, path, how, len(how))
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return fd


def rename_new(old_dir: int, old: bytes, new_dir: int, new: bytes) -> None:
    """Rename without replacing anything. Raises OSError."""
    if _RENAMEAT2 is None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if _RENAMEAT2(old_dir, old, new_dir, new, RENAME_NOREPLACE) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def ready(fd: int, events: int) -> int:
    """Which of `events` (and errors) a host descriptor has now."""
    poll = select.poll()
    poll.register(fd, events)
    found = poll.poll(0)
    return found[0][1] if found else 0


class Host(Protocol):
    """Times and entropy of the host; tests give a fake."""

    def realtime_ns(self) -> int: ...
    def monotonic_ns(self) -> int: ...
    def boot_ns(self) -> int: ...
    def cpu_ns(self) -> int: ...
    def thread_ns(self) -> int: ...


class RealHost:
    """The machine this runs on."""

    realtime_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)
    cpu_ns = staticmethod(time.process_time_ns)
    thread_ns = staticmethod(time.thread_time_ns)

    @staticmethod
    def boot_ns() -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
