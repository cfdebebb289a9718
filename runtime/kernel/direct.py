"""What the kernel lets machine code see of itself: descriptors and translated pages, as arrays of words.

The CPU backend may answer calls without entering Python (runtime/cpu/routines.c). It reads two things the
kernel keeps current: of each descriptor what it is, and of each page where it is. Both arrays hold a part of
what Python's own tables hold, never more: what is not in them is served in Python.

    descriptor   bits 31:0 host descriptor, 39:32 Direct, 40 may be read, 41 may be written; 0: ask Python
    page         two words: page number + 1 (0: none), arena offset - address; PAGES of them by low page bits
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.kernel.node import File

PAGES = 256
DESCRIPTORS = 1024
CAN_READ, CAN_WRITE = 1 << 40, 1 << 41
M64 = (1 << 64) - 1
TRANSFERS = ("read", "write", "read_at", "write_at", "seek")


class Direct(IntEnum):
    """How machine code may serve a file, said by its class in `direct`."""

    NO = 0
    HOST = 1  # every transfer is the host's own call on `host_fd`, which never waits
    NULL = 2  # the null device
    ZERO = 3
    STREAM = 4  # as HOST, without positions; AGAIN of the host means that Python has to wait


_KINDS: dict[type, bool] = {}


def _faithful(cls: type[File]) -> bool:
    """Whether a class still transfers the way the class that declared `direct` does."""
    known = _KINDS.get(cls)
    if known is None:
        owner = next(c for c in cls.__mro__ if "direct" in vars(c))
        known = _KINDS[cls] = all(getattr(cls, name) is getattr(owner, name) for name in TRANSFERS)
    return known


def word_of(file: File) -> int:
    """The word of a descriptor that means `file`."""
    if not file.direct or file.asks or not _faithful(type(file)):
        return 0
    word = (file.host_fd or 0) | file.direct << 32
    return word | (CAN_READ if file.can_read else 0) | (CAN_WRITE if file.can_write else 0)


class Descriptors:
    """The words of one process's descriptors."""

    __slots__ = ("words",)

    def __init__(self, words: array[int] | None = None) -> None:
        self.words = words or array("Q", bytes(8 * DESCRIPTORS))

    @property
    def address(self) -> int:
        """Where the words are in this process."""
        return self.words.buffer_info()[0]

    def set(self, fd: int, file: File | None) -> None:
        """`fd` means `file` from now on, or nothing."""
        if fd < DESCRIPTORS:
            self.words[fd] = word_of(file) if file is not None else 0

    def copy(self) -> Descriptors:
        """The words of a forked process."""
        return Descriptors(self.words[:])


class Translations(dict[int, int]):
    """Page number -> `arena offset - address`, with the newest of each slot shown to machine code."""

    __slots__ = ("words",)

    def __init__(self) -> None:
        super().__init__()
        self.words = array("Q", bytes(16 * PAGES))

    @property
    def address(self) -> int:
        """Where the words are in this process."""
        return self.words.buffer_info()[0]

    def __setitem__(self, page: int, delta: int) -> None:
        super().__setitem__(page, delta)
        at = 2 * (page % PAGES)
        self.words[at], self.words[at + 1] = page + 1, delta & M64

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self.words[:] = array("Q", bytes(16 * PAGES))

    def drop(self, first: int, end: int) -> None:
        """Forget pages [first, end)."""
        for page in range(first, end):
            if super().pop(page, None) is not None:
                at = 2 * (page % PAGES)
                if self.words[at] == page + 1:
                    self.words[at] = 0

    def pop(self, page: int, *default: int) -> int:  # type: ignore[override]
        """Forget one page."""
        found = self.get(page, *default)
        self.drop(page, page + 1)
        return found
