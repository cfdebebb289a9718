"""Argument kinds of the BSDs: signal numbers and sets, and structs that need translating."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.kinds import In, Mem, Out
from aot.personality.abi.layout import Layout
from aot.personality.abi.signals import SignalMap
from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class SignalNumber(In):
    """A signal by the system's own number; 0 stays 0."""

    map: SignalMap

    @property
    def load(self) -> Callable[..., Any]:
        decode = self.map.decode
        return lambda word, mem: decode(word & 0xFFFF_FFFF)

    def show(self, word: int, mem: Mem) -> str:
        return str(word & 0xFFFF_FFFF)


@dataclass(frozen=True, slots=True)
class InSet(In):
    """A pointer to a signal set whose first 64 bits count: parameter is a neutral mask."""

    map: SignalMap
    size: int
    optional: bool = False

    @property
    def load(self) -> Callable[..., Any]:
        decode, size, optional = self.map.decode_mask, self.size, self.optional

        def load(word: int, mem: Mem) -> int | None:
            if optional and not word:
                return None
            return decode(int.from_bytes(mem.read(word, size)[:8], "little"))

        return load


@dataclass(frozen=True, slots=True)
class OutSet(Out):
    """A pointer to a signal set that receives a neutral mask."""

    map: SignalMap
    size: int
    optional: bool = False

    @property
    def probe(self) -> tuple[int, bool]:
        return self.size, self.optional

    @property
    def store(self) -> Callable[..., int | None]:
        encode, size = self.map.encode_mask, self.size

        def store(word: int, value: int, mem: Mem) -> None:
            if word:
                mem.write(word, encode(value).to_bytes(size, "little"))

        return store


@dataclass(frozen=True, slots=True)
class OutAs(Out):
    """A struct the kernel fills from the result after `convert` put it into the system's own terms."""

    layout: Layout
    convert: Callable[[Any], Any]
    optional: bool = False

    @property
    def probe(self) -> tuple[int, bool]:
        return self.layout.size, self.optional

    @property
    def store(self) -> Callable[..., int | None]:
        encode, convert = self.layout.encode, self.convert

        def store(word: int, value: Any, mem: Mem) -> None:
            if word:
                mem.write(word, encode(convert(value)))

        return store
