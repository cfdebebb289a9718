"""The kinds of guest memory: buffers, vectors, structs, integers behind pointers, records, arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds_base import MAX_IO, SHOWN, Buffers, In, Mem, Out, quoted
from aot.personality.abi.layout import Layout, LayoutSet, Record
from aot.record import dataclass, replace


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


@dataclass(frozen=True, slots=True)
class OutInts(Out):
    """A sequence of integers the op returns; the sibling `cap` counts them, 0 asks how many there are.

    store returns their number; too small a cap raises `short`.
    """

    bits: int
    cap: str
    short: E = E.INVAL

    @property
    def sibling(self) -> str:
        return self.cap

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
class InInt(In):
    """An integer of `bits` behind a pointer: parameter is its value, None for null when optional."""

    bits: int
    signed: bool = False
    optional: bool = False

    @property
    def load(self) -> Callable[..., Any]:
        size, signed, optional = self.bits // 8, self.signed, self.optional

        def in_int(word: int, mem: Mem) -> int | None:
            if optional and not word:
                return None
            return int.from_bytes(mem.read(word, size), "little", signed=signed)

        return in_int

    def show(self, word: int, mem: Mem) -> str:
        if self.optional and not word:
            return "NULL"
        try:
            return f"[{hex(int.from_bytes(mem.read(word, self.bits // 8), 'little'))}]"
        except Errno:
            return hex(word)


@dataclass(slots=True)
class Cell:
    """An integer behind a pointer that the op reads and may change (a file offset)."""

    value: int
    address: int
    size: int
    mem: Mem

    def put(self, value: int) -> None:
        """Write the integer back to the guest."""
        self.value = value
        self.mem.write(self.address, (value & ((1 << 8 * self.size) - 1)).to_bytes(self.size, "little"))


@dataclass(frozen=True, slots=True)
class InOutInt(In):
    """A signed integer of `bits` behind a pointer, in and out: parameter is a Cell, None for null."""

    bits: int = 64

    @property
    def load(self) -> Callable[..., Any]:
        size = self.bits // 8

        def cell(word: int, mem: Mem) -> Cell | None:
            if not word:
                return None
            mem.probe(word, size, True)
            return Cell(int.from_bytes(mem.read(word, size), "little", signed=True), word, size, mem)

        return cell


@dataclass(slots=True)
class Slots:
    """The elements of a guest array, and the way to put changed ones back."""

    items: list[Any]
    address: int
    layout: Layout
    mem: Mem

    def put(self, index: int, value: Any) -> None:
        """Write one element back to the guest."""
        self.items[index] = value
        self.mem.write(self.address + index * self.layout.size, self.layout.encode(value))


@dataclass(frozen=True, slots=True)
class Array(In):
    """`count` (a sibling) structs in and, when `write`, out again: parameter is Slots."""

    layout: Layout | LayoutSet
    make: Callable[..., Any]
    count: str
    write: bool = False
    limit: int = 65536

    @property
    def sibling(self) -> str:
        return self.count

    def for_column(self, column: str) -> Array:
        if isinstance(self.layout, LayoutSet):
            return replace(self, layout=self.layout.of(column))
        return self

    @property
    def load(self) -> Callable[..., Any]:
        assert isinstance(self.layout, Layout), "row was not compiled for a column"
        layout, make, write, limit = self.layout, self.make, self.write, self.limit

        def array(word: int, count: int, mem: Mem) -> Slots:
            if count > limit:
                raise Errno(E.INVAL)
            size = layout.size
            raw = mem.read(word, count * size) if count else b""
            if write and count:
                mem.probe(word, count * size, True)
            items = [make(**layout.decode(raw[i : i + size])) for i in range(0, len(raw), size)]
            return Slots(items, word, layout, mem)

        return array
