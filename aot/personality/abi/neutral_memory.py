"""Neutral values of memory, shared segments, semaphores and messages."""

from __future__ import annotations

from enum import Enum

from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of somebody's memory: address and bytes."""

    base: int
    size: int


class IpcKind(Enum):
    """Objects that processes name by keys."""

    SHM = 0
    SEM = 1
    MSG = 2


class SemWord(Enum):
    """What can be asked of one semaphore."""

    VALUE = 0
    PID = 1  # of the last operation
    RISING = 2  # how many wait for it to rise
    ZERO = 3  # how many wait for it to be zero


@dataclass(frozen=True, slots=True)
class IpcSettings:
    """What the owner of an object may change; `room` are the bytes a message queue may hold."""

    uid: int
    gid: int
    mode: int
    room: int = 0


@dataclass(frozen=True, slots=True)
class SemOperation:
    """One operation on a set: a change of `amount`, or a wait for zero. flags: 0o4000 no wait, 0o10000 undo."""

    index: int
    amount: int
    flags: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A message: its type (or priority), and its bytes; None where they are too long to be one."""

    kind: int
    text: bytes | None


@dataclass(frozen=True, slots=True)
class QueueShape:
    """Attributes of a POSIX message queue. flags: 0o4000 no wait."""

    flags: int = 0
    most: int = 10
    size: int = 8192
    count: int = 0
