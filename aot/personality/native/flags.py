"""Native flag words and choices: the neutral values themselves."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag
from typing import Any

from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds import Bits, Pick
from aot.personality.abi.neutral import (
    Advice,
    At,
    Clock,
    LockOp,
    MapFlag,
    MaskHow,
    MemoryLock,
    Open,
    Remap,
    Resource,
    Whence,
    Who,
)
from aot.personality.abi.neutral_files import Allocate, Resolve
from aot.personality.abi.neutral_memory import IpcKind, SemWord
from aot.personality.abi.neutral_socket import Family, Msg, Shut, SocketKind
from aot.personality.abi.neutral_sockopt import SockOpt


def flag_map(enum: type[IntFlag]) -> FlagMap:
    """The identity map over a neutral flag type."""
    bits = tuple((f"{enum.__name__.upper()}_{m.name}", m.value, m.value) for m in enum)
    return FlagMap(enum.__name__.lower(), bits, neutral=enum)


def choice(enum: type[Enum]) -> Pick:
    """One member of a neutral enum: by value when it is an integer, else by position."""
    integers = issubclass(enum, IntEnum)
    values: list[tuple[str, int, Any]] = [
        (f"{enum.__name__.upper()}_{m.name}", m.value if integers else i, m) for i, m in enumerate(enum)
    ]
    return Pick(tuple(values))


OPEN_MAP = flag_map(Open)
OPEN = Bits(OPEN_MAP)
MAP = Bits(flag_map(MapFlag))
AT = Bits(flag_map(At))
REMAP = Bits(flag_map(Remap))
MEMORY_LOCK = Bits(flag_map(MemoryLock))
LOCK = Bits(flag_map(LockOp))
ALLOCATE = Bits(flag_map(Allocate))
RESOLVE = Bits(flag_map(Resolve))
WHENCE = choice(Whence)
CLOCK = choice(Clock)
MASK_HOW = choice(MaskHow)
RESOURCE = choice(Resource)
WHO = choice(Who)
ADVICE = choice(Advice)
IPC_KIND = choice(IpcKind)
SEM_WORD = choice(SemWord)
PROT_MAP = FlagMap("prot", (("PROT_READ", 1, 4), ("PROT_WRITE", 2, 2), ("PROT_EXEC", 4, 1)))
"""Native bits to rights X 1, W 2, R 4."""
PROT = Bits(PROT_MAP)
BOOL = Pick((("FALSE", 0, False), ("TRUE", 1, True)))
BASE = Pick((("BASE_FS", 0, "fs"), ("BASE_GS", 1, "gs"), ("BASE_TPIDR", 2, "tpidr_el0")))

ENUMS: tuple[type[Enum], ...] = (
    Open, MapFlag, At, Remap, LockOp, Whence, Clock, MaskHow, Resource, Who, Advice, MemoryLock, IpcKind, SemWord,
    Family, SocketKind, Msg, Shut, SockOpt,
)  # fmt: skip
"""What the C header spells out."""
