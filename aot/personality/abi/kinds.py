"""Argument kinds: what a raw register word means, in which direction, in which unit.

A kind is a value; the compiler (compile.py) turns the kinds of a row into one generated handler.
`In` kinds become op parameters, `Out` kinds receive the op's result, `Length` belongs to a sibling
buffer, `Unused` is knowingly ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.layout import Layout, LayoutSet, Record

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
    def buffers(
        self, address: int, size: int, write: bool, partial: bool = ..., /
    ) -> Buffers: ...


class Kind:
    """Base of all kinds. `sibling` names another argument whose word `load`/`store` also gets."""

    __slots__ = ()

    @property
    def sibling(self) -> str:
        return ""

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

    map: FlagMap
    bits: int = 32

    @property
    def load(self) -> Callable[..., Any]:
        mask, decode = (1 << self.bits) - 1, self.map.decode
        return lambda word, mem: decode(word & mask)

    def show(self, word: int, mem: Mem) -> str:
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
class InBytes(In):
    """Guest bytes the op reads: parameter is Buffers. `length` names the sibling with the size."""

    length: str
    partial: bool = False

    @property
    def sibling(self) -> str:
        return self.length

    @property
    def load(self) -> Callable[..., Any]:
        partial = self.partial

        def in_bytes(word: int, size: int, mem: Mem) -> Buffers:
            return mem.buffers(word, min(size, MAX_IO), False, partial)

        return in_bytes

    def show_with(self, word: int, size: int, mem: Mem) -> str:
        try:
            shown = mem.read(word, min(size, SHOWN))
        except Errno:
            return hex(word)
        return quoted(shown) + ("..." if size > SHOWN else "")


@dataclass(frozen=True, slots=True)
class OutBytes(In):
    """Guest bytes the op fills: parameter is writable Buffers, probed before the op runs.

    `partial` passes the accessible prefix of a range whose end is not writable (what Linux and the
    BSDs copy); an inaccessible first byte is always Errno(FAULT).
    """

    cap: str
    partial: bool = False

    @property
    def sibling(self) -> str:
        return self.cap

    @property
    def load(self) -> Callable[..., Any]:
        partial = self.partial

        def out_bytes(word: int, size: int, mem: Mem) -> Buffers:
            return mem.buffers(word, min(size, MAX_IO), True, partial)

        return out_bytes


@dataclass(frozen=True, slots=True)
class Vector(In):
    """An iovec array: parameter is Buffers over all its pieces. `count` names the sibling."""

    count: str
    write: bool
    limit: int = 1024

    @property
    def sibling(self) -> str:
        return self.count

    @property
    def load(self) -> Callable[..., Any]:
        write, limit = self.write, self.limit

        def vector(word: int, count: int, mem: Mem) -> Buffers:
            if (count & 0xFFFFFFFF) > limit:
                raise Errno(E.INVAL)
            out: list[memoryview] = []
            left = MAX_IO
            for i in range(count & 0xFFFFFFFF):
                base, size = mem.load_u64(word + 16 * i), mem.load_u64(word + 16 * i + 8)
                if size >> 63:
                    raise Errno(E.INVAL)
                size = min(size, left)
                left -= size
                if size:
                    out += mem.buffers(base, size, write)
            return tuple(out)

        return vector


@dataclass(frozen=True, slots=True)
class InStruct(In):
    """A struct the guest passes: parameter is make(**decoded attributes). Null -> None if optional."""

    layout: Layout | LayoutSet
    make: Callable[..., Any]
    optional: bool = False

    def for_column(self, column: str) -> InStruct:
        if isinstance(self.layout, LayoutSet):
            return replace(self, layout=self.layout.of(column))
        return self

    @property
    def load(self) -> Callable[..., Any]:
        assert isinstance(self.layout, Layout), "row was not compiled for a column"
        layout, make, optional = self.layout, self.make, self.optional

        def in_struct(word: int, mem: Mem) -> Any:
            if optional and not word:
                return None
            return make(**layout.decode(mem.read(word, layout.size)))

        return in_struct

    def show(self, word: int, mem: Mem) -> str:
        if self.optional and not word:
            return "NULL"
        assert isinstance(self.layout, Layout)
        try:
            fields = self.layout.decode(mem.read(word, self.layout.size))
        except Errno:
            return hex(word)
        return "{" + ", ".join(f"{k}={v}" for k, v in fields.items()) + "}"


@dataclass(frozen=True, slots=True)
class OutStruct(Out):
    """A struct the kernel fills in from `of` (an attribute of the result; empty: the result)."""

    layout: Layout | LayoutSet
    of: str = ""
    optional: bool = False

    def for_column(self, column: str) -> OutStruct:
        if isinstance(self.layout, LayoutSet):
            return replace(self, layout=self.layout.of(column))
        return self

    @property
    def attr(self) -> str:
        return self.of

    @property
    def probe(self) -> tuple[int, bool]:
        assert isinstance(self.layout, Layout), "row was not compiled for a column"
        return self.layout.size, self.optional

    @property
    def store(self) -> Callable[..., int | None]:
        assert isinstance(self.layout, Layout), "row was not compiled for a column"
        encode = self.layout.encode

        def store(word: int, value: Any, mem: Mem) -> None:
            if word:
                mem.write(word, encode(value))

        return store


@dataclass(frozen=True, slots=True)
class OutInt(Out):
    """An integer of `bits` stored at the address; null is skipped when optional."""

    bits: int
    of: str = ""
    optional: bool = False

    @property
    def attr(self) -> str:
        return self.of

    @property
    def probe(self) -> tuple[int, bool]:
        return self.bits // 8, self.optional

    @property
    def store(self) -> Callable[..., int | None]:
        size, mask = self.bits // 8, (1 << self.bits) - 1

        def store(word: int, value: int, mem: Mem) -> None:
            if word:
                mem.write(word, (int(value) & mask).to_bytes(size, "little"))

        return store


@dataclass(frozen=True, slots=True)
class OutData(Out):
    """Bytes the op returns, stored up to the sibling `cap`; store returns how many were.

    `short` is raised when the value does not fit (None: truncate silently); `end` is appended.
    """

    cap: str
    of: str = ""
    short: E | None = None
    end: bytes = b""
    optional: bool = False

    @property
    def sibling(self) -> str:
        return self.cap

    @property
    def attr(self) -> str:
        return self.of

    @property
    def store(self) -> Callable[..., int | None]:
        short, end, optional = self.short, self.end, self.optional

        def store(word: int, cap: int, value: bytes, mem: Mem) -> int:
            if optional and not word:
                return 0
            data = value + end
            if len(data) > cap:
                if short is not None:
                    raise Errno(short)
                data = data[:cap]
            mem.write(word, data)
            return len(data)

        return store


@dataclass(slots=True)
class Sink:
    """Where an op puts variable-length records one by one until the guest's buffer is full."""

    address: int
    room: int
    encode: Callable[[Any], bytes]
    mem: Mem
    used: int = 0

    def add(self, value: Any) -> bool:
        """Append one record; False (and nothing written) when it does not fit."""
        raw = self.encode(value)
        if self.used + len(raw) > self.room:
            return False
        self.mem.write(self.address + self.used, raw)
        self.used += len(raw)
        return True


@dataclass(frozen=True, slots=True)
class Records(In):
    """A buffer of variable-length records: parameter is a Sink over the sibling `cap` bytes."""

    record: Record
    cap: str

    @property
    def sibling(self) -> str:
        return self.cap

    @property
    def load(self) -> Callable[..., Any]:
        encode = self.record.encode

        def sink(word: int, cap: int, mem: Mem) -> Sink:
            if cap:
                mem.probe(word, 1, True)
            return Sink(word, cap, encode, mem)

        return sink


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
