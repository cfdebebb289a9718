"""The kinds of plain guest memory: buffers, vectors, returned bytes and integers, records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds_base import MAX_IO, SHOWN, Buffers, In, Mem, Out, quoted
from aot.personality.abi.layout import Layout, LayoutSet, Record
from aot.record import dataclass, replace

ITEMS = 4096
"""Most structs that one call stores."""
STRING = 1 << 17
"""Longest string of a list, bytes."""


@dataclass(frozen=True, slots=True)
class InBytes(In):
    """Guest bytes the op reads: parameter is Buffers. `length` names the sibling with the size."""

    length: str
    partial: bool = False

    sized_by = "length"

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

    sized_by = "cap"

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

    sized_by = "count"

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
class OutData(Out):
    """Bytes the op returns, stored up to the sibling `cap`; store returns how many were.

    `short` is raised when the value does not fit (None: truncate silently); `end` is appended. With `asks` no
    room at all asks for the length.
    """

    cap: str
    of: str = ""
    short: E | None = None
    end: bytes = b""
    optional: bool = False
    asks: bool = False

    sized_by = "cap"

    @property
    def attr(self) -> str:
        return self.of

    @property
    def store(self) -> Callable[..., int | None]:
        short, end, optional, asks = self.short, self.end, self.optional, self.asks

        def store(word: int, cap: int, value: bytes, mem: Mem) -> int:
            if optional and not word:
                return 0
            data = value + end
            if asks and not cap:
                return len(data)
            if len(data) > cap:
                if short is not None:
                    raise Errno(short)
                data = data[:cap]
            mem.write(word, data)
            return len(data)

        return store


@dataclass(frozen=True, slots=True)
class OutInts(Out):
    """A sequence of integers the op returns; the sibling `cap` counts them, 0 asks how many there are.

    store returns their number; too small a cap raises `short`.
    """

    bits: int
    cap: str
    short: E = E.INVAL

    sized_by = "cap"

    @property
    def store(self) -> Callable[..., int | None]:
        size, short = self.bits // 8, self.short

        def store(word: int, cap: int, values: tuple[int, ...], mem: Mem) -> int:
            if cap:
                if cap < len(values):
                    raise Errno(short)
                if values:
                    mem.write(word, b"".join(v.to_bytes(size, "little") for v in values))
            return len(values)

        return store


@dataclass(frozen=True, slots=True)
class InInts(In):
    """`count` (a sibling) signed integers of `bits`: parameter is a tuple."""

    bits: int
    count: str
    limit: int = 64

    sized_by = "count"

    @property
    def load(self) -> Callable[..., Any]:
        size, limit = self.bits // 8, self.limit

        def in_ints(word: int, count: int, mem: Mem) -> tuple[int, ...]:
            if count > limit:
                raise Errno(E.INVAL)
            raw = mem.read(word, size * count) if count else b""
            return tuple(
                int.from_bytes(raw[at : at + size], "little", signed=True) for at in range(0, len(raw), size)
            )

        return in_ints


@dataclass(frozen=True, slots=True)
class OutItems(Out):
    """Structs the op returns; the sibling `cap` counts places. store returns how many there are."""

    layout: Layout
    cap: str

    sized_by = "cap"

    @property
    def store(self) -> Callable[..., int | None]:
        encode = self.layout.encode

        def store(word: int, cap: int, values: tuple[Any, ...], mem: Mem) -> int:
            if cap and values:
                mem.write(word, b"".join(encode(value) for value in values[:cap]))
            return len(values)

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

    sized_by = "cap"

    @property
    def load(self) -> Callable[..., Any]:
        encode = self.record.encode

        def sink(word: int, cap: int, mem: Mem) -> Sink:
            if cap:
                mem.probe(word, 1, True)
            return Sink(word, cap, encode, mem)

        return sink


@dataclass(frozen=True, slots=True)
class Items(In):
    """An array that the op fills with up to `count` (a sibling) structs: parameter is a Sink."""

    layout: Layout | LayoutSet
    count: str

    sized_by = "count"

    def for_column(self, column: str) -> Items:
        return replace(self, layout=self.layout.of(column)) if isinstance(self.layout, LayoutSet) else self

    @property
    def load(self) -> Callable[..., Any]:
        assert isinstance(self.layout, Layout), "row was not compiled for a column"
        encode, size = self.layout.encode, self.layout.size

        def items(word: int, count: int, mem: Mem) -> Sink:
            room = min(count & 0x7FFF_FFFF, ITEMS) * size
            if room:
                mem.probe(word, size, True)
            return Sink(word, room, encode, mem)

        return items


@dataclass(frozen=True, slots=True)
class Strings(In):
    """A list of pointers to strings, ended by null: parameter is a tuple of bytes, empty for null."""

    limit: int = 4096

    @property
    def load(self) -> Callable[..., Any]:
        limit = self.limit

        def strings(word: int, mem: Mem) -> tuple[bytes, ...]:
            found: list[bytes] = []
            while word and (at := mem.load_u64(word + 8 * len(found))):
                if len(found) >= limit:
                    raise Errno(E.TOOBIG)
                found.append(mem.cstr(at, STRING))
            return tuple(found)

        return strings

    def show(self, word: int, mem: Mem) -> str:
        try:
            return "[" + ", ".join(quoted(s) for s in self.load(word, mem)[:SHOWN]) + "]"
        except Errno:
            return hex(word)
