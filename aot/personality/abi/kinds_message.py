"""Argument kinds of messages and sets of semaphores."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from aot.personality.abi.kinds_base import In, Mem, Out
from aot.personality.abi.neutral_memory import Letter
from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class Shorts(In):
    """Unsigned 16-bit numbers at an address, as many as the op asks for: parameter is a function of how many."""

    @property
    def load(self) -> Callable[..., Any]:
        def shorts(word: int, mem: Mem) -> Callable[[int], tuple[int, ...]]:
            return lambda count: struct.unpack(f"<{count}H", mem.read(word, 2 * count))

        return shorts


@dataclass(frozen=True, slots=True)
class One(In):
    """A signed 32-bit number in the word itself, given as `Shorts` gives them."""

    @property
    def load(self) -> Callable[..., Any]:
        def one(word: int, mem: Mem) -> Callable[[int], tuple[int, ...]]:
            value = ((word & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000
            return lambda _count: (value,)

        return one


@dataclass(frozen=True, slots=True)
class OutShorts(Out):
    """The op's result, numbers of 16 bits."""

    @property
    def store(self) -> Callable[..., int | None]:
        def shorts(word: int, values: tuple[int, ...], mem: Mem) -> None:
            mem.write(word, struct.pack(f"<{len(values)}H", *values))

        return shorts


@dataclass(frozen=True, slots=True)
class InLetter(In):
    """A struct msgbuf with `size` (a sibling) bytes of text: parameter is a Letter."""

    size: str
    most: int = 8192

    sized_by = "size"

    @property
    def load(self) -> Callable[..., Any]:
        most = self.most

        def letter(word: int, size: int, mem: Mem) -> Letter:
            kind = int.from_bytes(mem.read(word, 8), "little", signed=True)
            return Letter(kind, mem.read(word + 8, size) if size <= most else None)

        return letter


@dataclass(frozen=True, slots=True)
class OutLetter(Out):
    """The op's Letter as a struct msgbuf; stores how many bytes of text it had."""

    @property
    def store(self) -> Callable[..., int | None]:
        def letter(word: int, value: Letter, mem: Mem) -> int:
            text = value.text or b""
            mem.write(word, value.kind.to_bytes(8, "little", signed=True) + text)
            return len(text)

        return letter


@dataclass(frozen=True, slots=True)
class Text(In):
    """`size` (a sibling) bytes: parameter is the bytes, None when there are more than any message has."""

    size: str
    most: int = 1 << 24

    sized_by = "size"

    @property
    def load(self) -> Callable[..., Any]:
        most = self.most
        return lambda word, size, mem: mem.read(word, size) if size <= most else None


@dataclass(frozen=True, slots=True)
class OutText(Out):
    """The text of the op's Letter; stores how many bytes it had."""

    @property
    def store(self) -> Callable[..., int | None]:
        def text(word: int, value: Letter, mem: Mem) -> int:
            mem.write(word, value.text or b"")
            return len(value.text or b"")

        return text
