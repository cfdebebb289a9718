"""Calls of the host that Python does not have, through its C library. All raise OSError."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_INT, _LONG, _TEXT, _SIZE = ctypes.c_int, ctypes.c_longlong, ctypes.c_char_p, ctypes.c_size_t
AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW = 0x1000, 0x100
STATX_ALL = 0xFFF | 0x1000 | 0x2000  # basic facts, birth, mount id, direct-transfer alignment
_STATX = struct.Struct("=IIQIIIHxxQQQQ" + "qI4x" * 4 + "IIIIQII")  # struct statx, the part that is used
_STATFS = struct.Struct("=qqQQQQQ8sqqq")  # struct statfs, 64 bits


def _call(name: str, *kinds: Any, result_kind: Any = _INT) -> Callable[..., int]:
    """A function of the C library that answers -1 and sets errno."""

    def call(*args: Any) -> int:
        found: Any = getattr(_LIBC, name, None)
        if found is None:
            raise OSError(38, os.strerror(38))
        found.argtypes, found.restype = kinds, result_kind
        result: int = found(*args)
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    return call


fallocate = _call("fallocate", _INT, _INT, _LONG, _LONG)
"""(fd, mode bits of Linux, offset, length)"""
sync_file_range = _call("sync_file_range", _INT, _LONG, _LONG, ctypes.c_uint)
"""(fd, offset, length, flag bits of Linux)"""
syncfs = _call("syncfs", _INT)
"""(fd)"""
tee = _call("tee", _INT, _INT, _SIZE, ctypes.c_uint, result_kind=ctypes.c_ssize_t)
"""(from, to, bytes, flag bits): how many bytes were copied"""
inotify_init = _call("inotify_init1", _INT)
"""(flag bits): a descriptor"""
inotify_add = _call("inotify_add_watch", _INT, _TEXT, ctypes.c_uint)
"""(fd, path, event mask): a watch"""
inotify_remove = _call("inotify_rm_watch", _INT, _INT)
"""(fd, watch)"""
_renameat2 = _call("renameat2", _INT, _TEXT, _INT, _TEXT, ctypes.c_uint)
_statx = _call("statx", _INT, _TEXT, _INT, ctypes.c_uint, ctypes.c_void_p)
_fstatfs = _call("fstatfs", _INT, ctypes.c_void_p)


def exchange(old_dir: int, old: bytes, new_dir: int, new: bytes) -> None:
    """Swap two names."""
    _renameat2(old_dir, old, new_dir, new, 2)


def statx(fd: int) -> tuple[int, ...]:
    """mask, blksize, attributes, nlink, uid, gid, mode, ino, size, blocks, attributes_mask, atime (sec, nsec),
    btime, ctime, mtime, rdev major and minor, dev major and minor, mount id, memory and offset alignment."""
    buffer = ctypes.create_string_buffer(256)
    _statx(fd, b"", AT_EMPTY_PATH, STATX_ALL, buffer)
    return _STATX.unpack_from(buffer.raw)


def fstatfs(fd: int) -> tuple[int, ...]:
    """type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags."""
    buffer = ctypes.create_string_buffer(256)
    _fstatfs(fd, buffer)
    found = _STATFS.unpack_from(buffer.raw)
    return (*found[:7], int.from_bytes(found[7], "little"), *found[8:])
