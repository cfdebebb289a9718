"""Linux structs of fcntl, inotify and openat2. From: asm-generic/fcntl.h, linux/{inotify,openat2,stat}.h."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.kinds import In, InOutStruct, InStruct, Mem
from aot.personality.abi.layout import S16, S32, S64, U16, U32, U64, F, Layout, Record, pad
from aot.personality.abi.neutral_files import Owner, RecordLock
from aot.record import dataclass

FLOCK = Layout("flock", 32, (
    F("l_type", S16, "kind"), F("l_whence", S16, "whence"), pad(4), F("l_start", S64, "start"),
    F("l_len", S64, "length"), F("l_pid", S32, "pid"), pad(4),
))  # fmt: skip
OWNER = Layout("f_owner_ex", 8, (F("type", S32, "kind"), F("pid", S32, "id")))


def _time(name: str, attr: str) -> tuple[F, F, F]:
    return F(f"{name}.tv_sec", S64, f"{attr}.sec"), F(f"{name}.tv_nsec", U32, f"{attr}.nsec"), pad(4)


STATX = Layout("statx", 256, (
    F("stx_mask", U32, "mask"), F("stx_blksize", U32, "stat.blksize"),
    F("stx_attributes", U64, "birth.attributes"), F("stx_nlink", U32, "stat.nlink"),
    F("stx_uid", U32, "stat.uid"), F("stx_gid", U32, "stat.gid"), F("stx_mode", U16, "stat.mode"), pad(2),
    F("stx_ino", U64, "stat.ino"), F("stx_size", U64, "stat.size"), F("stx_blocks", U64, "stat.blocks"),
    F("stx_attributes_mask", U64, "birth.attributes_mask"),
    *_time("stx_atime", "stat.atime"), *_time("stx_btime", "birth.time"), *_time("stx_ctime", "stat.ctime"),
    *_time("stx_mtime", "stat.mtime"),
    F("stx_rdev_major", U32, "stat.rdev_major"), F("stx_rdev_minor", U32, "stat.rdev_minor"),
    F("stx_dev_major", U32, "stat.dev_major"), F("stx_dev_minor", U32, "stat.dev_minor"),
    F("stx_mnt_id", U64, "mount"), F("stx_dio_mem_align", U32, "birth.memory_align"),
    F("stx_dio_offset_align", U32, "birth.offset_align"), pad(96),
))  # fmt: skip
DIRENT_HEAD = Layout("linux_dirent", 18, (
    F("d_ino", U64, "ino"), F("d_off", S64, "offset"), F("d_reclen", U16),
))  # fmt: skip
DIRENT = Record(head=DIRENT_HEAD, tail="name", reclen="d_reclen", last="type")
IN_FLOCK = InStruct(FLOCK, RecordLock)
FLOCK_CELL = InOutStruct(FLOCK, RecordLock)
IN_OWNER = InStruct(OWNER, Owner)
GROUP, PROCESS = 2, 1  # F_OWNER_PGRP, F_OWNER_PID


@dataclass(frozen=True, slots=True)
class OwnerWord(In):
    """A process, or the negative number of a group."""

    @property
    def load(self) -> Callable[..., Any]:
        def owner(word: int, mem: Mem) -> Owner:
            number = ((word & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000
            return Owner(GROUP, -number) if number < 0 else Owner(PROCESS, number)

        return owner

    def show(self, word: int, mem: Mem) -> str:
        return str(((word & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000)


OWNER_WORD = OwnerWord()
