"""The bases of argument kinds and the kinds of plain words: integers, flags, choices, paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.flags import FlagMap, FlagSet
from aot.personality.abi.neutral import Time
from aot.record import dataclass, replace

Buffers = tuple[memoryview, ...]
"""Guest memory without a copy: one view per physically contiguous run, ready for readv/writev."""

MAX_IO = 0x7FFF_F000
"""Largest transfer of one call, bytes (what Linux caps a count to)."""

SHOWN = 32
"""Bytes of a buffer that a trace line shows."""


class Mem(Protocol):
    """Guest memory as the ABI layer sees it; an access without the right raises Errno(FAULT)."""

    def read(self, address: int, size: int, /) -> bytes: ...
    def write(self, address: int, data: bytes, /) -> None: ...
    def cstr(self, address: int, limit: int = ..., /) -> bytes: ...
    def load_u64(self, address: int, /) -> int: ...
    def probe(self, address: int, size: int, write: bool, /) -> None: ...
    def buffers(self, address: int, size: int, write: bool, partial: bool = ..., /) -> Buffers: ...


class Kind:
    """Base of all kinds. `sibling` names another argument whose word `load`/`store` also gets."""

    __slots__ = ()
    sized_by: ClassVar[str] = ""
    """The field that holds the sibling's name."""

    @property
    def sibling(self) -> str:
        return getattr(self, self.sized_by) if self.sized_by else ""

    def for_column(self, column: str) -> Kind:
        return self

    def show(self, word: int, mem: Mem) -> str:
        return hex(word)


class In(Kind):
    """A word that becomes one op parameter: load(word[, sibling word], mem)."""

    __slots__ = ()

    @property
    def load(self) -> Callable[..., Any]:
        raise TypeError(f"{type(self).__name__} has no loader")

    def expression(self, word: str) -> str | None:
        """Python source for the value when no call is needed, else None."""
        return None


class Out(Kind):
    """An address that receives (part of) the op's result: store(word[, sibling word], value, mem)."""

    __slots__ = ()

    @property
    def store(self) -> Callable[..., int | None]:
        raise TypeError(f"{type(self).__name__} has no store")

    @property
    def attr(self) -> str:
        """Attribute of the op's result that this argument receives; empty for the result itself."""
        return ""

    @property
    def probe(self) -> tuple[int, bool] | None:
        """(bytes that must be writable before the op runs, null allowed), or None when variable."""
        return None


@dataclass(frozen=True, slots=True)
class Int(In):
    """An integer of `bits`, sign-extended when `signed`; `unit` and `base` are for people."""

    bits: int
    signed: bool
    unit: str = ""
    base: int = 10

    def expression(self, word: str) -> str:
        mask, half = (1 << self.bits) - 1, 1 << (self.bits - 1)
        if self.signed:
            return f"(({word} & {mask:#x} ^ {half:#x}) - {half:#x})"
        return word if self.bits == 64 else f"({word} & {mask:#x})"

    @property
    def load(self) -> Callable[..., Any]:
        mask, half = (1 << self.bits) - 1, (1 << (self.bits - 1) if self.signed else 0)
        return lambda word, mem: ((word & mask) ^ half) - half

    def show(self, word: int, mem: Mem) -> str:
        value: int = self.load(word, mem)
        return hex(value) if self.base == 16 else str(value)


@dataclass(frozen=True, slots=True)
class Length(In):
    """The length of a sibling buffer, bytes: not an op parameter of its own."""

    bits: int = 64

    def show(self, word: int, mem: Mem) -> str:
        return str(word & ((1 << self.bits) - 1))


@dataclass(frozen=True, slots=True)
class Bits(In):
    """A flag word decoded through a FlagMap."""

    map: FlagMap | FlagSet
    bits: int = 32

    def for_column(self, column: str) -> Bits:
        if isinstance(self.map, FlagSet):
            return replace(self, map=self.map.of(column))
        return self

    @property
    def load(self) -> Callable[..., Any]:
        assert isinstance(self.map, FlagMap), "row was not compiled for a column"
        mask, decode = (1 << self.bits) - 1, self.map.decode
        return lambda word, mem: decode(word & mask)

    def show(self, word: int, mem: Mem) -> str:
        assert isinstance(self.map, FlagMap), "row was not compiled for a column"
        return self.map.show(word & ((1 << self.bits) - 1))


@dataclass(frozen=True, slots=True)
class Pick(In):
    """One of a few constants: (ABI name, ABI value, neutral value); others raise `unknown`."""

    values: tuple[tuple[str, int, Any], ...]
    bits: int = 32
    signed: bool = False
    unknown: E = E.INVAL

    @property
    def load(self) -> Callable[..., Any]:
        mask = (1 << self.bits) - 1
        by_value = {value & mask: neutral for _, value, neutral in self.values}
        unknown = self.unknown

        def pick(word: int, mem: Mem) -> Any:
            try:
                return by_value[word & mask]
            except KeyError:
                raise Errno(unknown) from None

        return pick

    def show(self, word: int, mem: Mem) -> str:
        mask = (1 << self.bits) - 1
        return next((n for n, v, _ in self.values if v & mask == word & mask), hex(word & mask))


@dataclass(frozen=True, slots=True)
class Millis(In):
    """A timeout in milliseconds as a signed int: parameter is a Time, None when negative (no timeout)."""

    @property
    def load(self) -> Callable[..., Any]:
        def millis(word: int, mem: Mem) -> Time | None:
            value = ((word & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000
            return None if value < 0 else Time(value // 1000, value % 1000 * 1_000_000)

        return millis

    def show(self, word: int, mem: Mem) -> str:
        return str(((word & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000)


@dataclass(frozen=True, slots=True)
class Must(Kind):
    """A word that has to be one of `values` (after masking to `bits`): not an op parameter."""

    values: tuple[int, ...]
    why: str
    bits: int = 64
    error: E = E.INVAL


@dataclass(frozen=True, slots=True)
class Path(In):
    """A NUL-terminated byte string of at most `limit` bytes. `optional`: null becomes None."""

    limit: int = 4096
    optional: bool = False

    @property
    def load(self) -> Callable[..., Any]:
        limit, optional = self.limit, self.optional

        def path(word: int, mem: Mem) -> bytes | None:
            if optional and not word:
                return None
            return mem.cstr(word, limit)

        return path

    def show(self, word: int, mem: Mem) -> str:
        try:
            return quoted(mem.cstr(word, self.limit))
        except Errno:
            return hex(word)


@dataclass(frozen=True, slots=True)
class To(In):
    """`kind`, delivered to the op under its neutral parameter name."""

    param: str
    kind: In

    @property
    def sibling(self) -> str:
        return self.kind.sibling

    @property
    def load(self) -> Callable[..., Any]:
        return self.kind.load

    def for_column(self, column: str) -> To:
        inner = self.kind.for_column(column)
        assert isinstance(inner, In)
        return replace(self, kind=inner)

    def expression(self, word: str) -> str | None:
        return self.kind.expression(word)

    def show(self, word: int, mem: Mem) -> str:
        return self.kind.show(word, mem)


@dataclass(frozen=True, slots=True)
class Unused(Kind):
    """An argument this ABI has and we deliberately ignore: listed with its reason, never guessed."""

    why: str


def quoted(raw: bytes) -> str:
    """Bytes as a C-like string literal."""
    return '"' + repr(raw)[2:-1].replace('"', '\\"') + '"'


def inner(kind: Kind) -> Kind:
    """The kind behind a To."""
    return kind.kind if isinstance(kind, To) else kind


Args = Mapping[str, Kind]

FD = Int(32, signed=True)
S32 = Int(32, signed=True)
U32 = Int(32, signed=False)
S64 = Int(64, signed=True)
U64 = Int(64, signed=False)
HEX32 = Int(32, signed=False, base=16)
ADDRESS = Int(64, signed=False, base=16)
SIZE = Int(64, signed=False, unit="bytes")
OFFSET = Int(64, signed=True, unit="bytes")
MODE = Int(32, signed=False, unit="mode")
LENGTH = Length()
PATH = Path()
