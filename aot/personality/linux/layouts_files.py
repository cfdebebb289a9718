"""Linux structs of fcntl, inotify and openat2. From: asm-generic/fcntl.h, linux/{inotify,openat2,stat}.h."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.kinds import In, InOutStruct, InStruct, Mem
from aot.personality.abi.layout import S16, S32, S64, F, Layout, pad
from aot.personality.abi.neutral_files import Owner, RecordLock
from aot.record import dataclass

FLOCK = Layout("flock", 32, (
    F("l_type", S16, "kind"), F("l_whence", S16, "whence"), pad(4), F("l_start", S64, "start"),
    F("l_len", S64, "length"), F("l_pid", S32, "pid"), pad(4),
))  # fmt: skip
OWNER = Layout("f_owner_ex", 8, (F("type", S32, "kind"), F("pid", S32, "id")))
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
