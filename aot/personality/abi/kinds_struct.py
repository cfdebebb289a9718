"""The kinds of structured guest memory: structs, integers behind pointers, arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds_base import In, Mem, Out
from aot.personality.abi.layout import Layout, LayoutSet
from aot.record import dataclass, replace


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
    """A struct the kernel fills in from `of` (an attribute of the result; empty: the result) unless it is None."""

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
            if word and value is not None:
                mem.write(word, encode(value))

        return store


@dataclass(frozen=True, slots=True)
class OutInt(Out):
    """An integer of `bits` stored at the address; null is skipped when optional, and None is not stored."""

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

        def store(word: int, value: int | None, mem: Mem) -> None:
            if word and value is not None:
                mem.write(word, (int(value) & mask).to_bytes(size, "little"))

        return store


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
class StructCell:
    """A struct behind a pointer that the op reads and may replace (a record lock)."""

    value: Any
    address: int
    layout: Layout
    mem: Mem

    def put(self, value: Any) -> None:
        """Write the struct back to the guest."""
        self.value = value
        self.mem.write(self.address, self.layout.encode(value))


@dataclass(frozen=True, slots=True)
class InOutStruct(In):
    """A struct in and out: parameter is a StructCell."""

    layout: Layout | LayoutSet
    make: Callable[..., Any]

    def for_column(self, column: str) -> InOutStruct:
        if isinstance(self.layout, LayoutSet):
            return replace(self, layout=self.layout.of(column))
        return self

    @property
    def load(self) -> Callable[..., Any]:
        assert isinstance(self.layout, Layout), "row was not compiled for a column"
        layout, make = self.layout, self.make

        def cell(word: int, mem: Mem) -> StructCell:
            raw = mem.read(word, layout.size)
            mem.probe(word, layout.size, True)
            return StructCell(make(**layout.decode(raw)), word, layout, mem)

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

    sized_by = "count"

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
