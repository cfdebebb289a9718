"""Struct layouts: a C struct of one ABI, declared once, compiled once into a codec."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.record import dataclass, field

U8, U16, U32, U64, S8, S16, S32, S64 = "B", "H", "I", "Q", "b", "h", "i", "q"


class LayoutError(Exception):
    """A declared layout disagrees with its declared size."""


@dataclass(frozen=True, slots=True)
class F:
    """One field: the ABI's name, its struct-module code, the neutral attribute it carries.

    An empty attribute is padding or a field this ABI has and we always write as `value`.
    """

    name: str
    code: str
    attr: str = ""
    value: int = 0

    @property
    def size(self) -> int:
        return struct.calcsize("<" + self.code)


def pad(size: int) -> F:
    """`size` bytes that carry nothing."""
    return F("", f"{size}x")


def text(name: str, size: int, attr: str) -> F:
    """A NUL-padded character array carrying a neutral str or bytes."""
    return F(name, f"{size}s", attr)


def timespec(name: str, attr: str, sec: str = S64, nsec: str = S64) -> tuple[F, F]:
    """A {tv_sec, tv_nsec} pair carrying one neutral Time."""
    return F(f"{name}.tv_sec", sec, f"{attr}.sec"), F(f"{name}.tv_nsec", nsec, f"{attr}.nsec")


def _getter(f: F) -> Callable[[Any], Any]:
    if not f.attr:
        constant: int | bytes = b"" if f.code.endswith("s") else f.value
        return lambda _: constant
    get = attrgetter(f.attr)
    if f.code.endswith("s"):

        def as_bytes(value: Any) -> bytes:
            raw = get(value)
            return raw.encode() if isinstance(raw, str) else bytes(raw)

        return as_bytes
    return get


def _codec(fields: Iterable[F], kept: Callable[[F], object]) -> struct.Struct:
    """A codec of the kept fields; the others are padding, which packs as zero and unpacks as nothing."""
    return struct.Struct("<" + "".join(f.code if kept(f) else f"{f.size}x" for f in fields))


def _written(f: F) -> bool:
    return bool(f.attr or f.value)


def _all_values(fields: list[F]) -> Callable[[Any], Iterable[Any]]:
    """One function for all values: a single attrgetter when every field is a plain number."""
    if len(fields) > 1 and all(f.attr and not f.code.endswith("s") for f in fields):
        return attrgetter(*(f.attr for f in fields))
    getters = tuple(_getter(f) for f in fields)
    return lambda value: [get(value) for get in getters]


@dataclass(frozen=True, slots=True)
class Layout:
    """A C struct. `size` is checked against the fields when the module is imported."""

    name: str
    size: int
    fields: tuple[F, ...]
    _pack: Callable[..., bytes] = field(init=False, repr=False, compare=False)
    _values: Callable[[Any], Iterable[Any]] = field(init=False, repr=False, compare=False)
    _unpack: Callable[[bytes], tuple[Any, ...]] = field(init=False, repr=False, compare=False)
    _attributes: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        written = [f for f in self.fields if _written(f)]
        read = [f for f in self.fields if f.attr]
        writer, reader = _codec(self.fields, _written), _codec(self.fields, attrgetter("attr"))
        if writer.size != self.size:
            raise LayoutError(f"{self.name}: fields sum to {writer.size}, declared {self.size}")
        put: Any = object.__setattr__
        put(self, "_pack", writer.pack)
        put(self, "_values", _all_values(written))
        put(self, "_unpack", reader.unpack)
        put(self, "_attributes", tuple(f.attr for f in read))

    def encode(self, value: Any) -> bytes:
        """Bytes of a neutral value. Raises Errno(OVERFLOW) when a field cannot hold it."""
        try:
            return self._pack(*self._values(value))
        except struct.error:
            raise Errno(E.OVERFLOW) from None

    def decode(self, raw: bytes) -> dict[str, Any]:
        """{neutral attribute: value} of the carrying fields."""
        return dict(zip(self._attributes, self._unpack(raw), strict=True))

    def offsets(self) -> dict[str, int]:
        """Field name -> byte offset, for comparison with a compiler's answer."""
        out, at = {}, 0
        for f in self.fields:
            if f.name:
                out[f.name] = at
            at += f.size
        return out


@dataclass(frozen=True, slots=True)
class LayoutSet:
    """One struct, one layout per column; a column without a layout is an error, not a default."""

    by_column: Mapping[str, Layout]

    def of(self, column: str) -> Layout:
        return self.by_column[column]


def align_up(value: int, align: int) -> int:
    """`value` rounded up to a multiple of `align` (a power of two)."""
    return (value + align - 1) & -align


@dataclass(frozen=True, slots=True)
class Record:
    """A variable-length struct: a fixed head, then the bytes of `tail`, NUL-terminated, padded to `align`.

    `reclen` names the head's field that holds the whole record's length, `namelen` (optional) the
    field that holds the tail's length without NUL. `tail_at` is the tail's offset when it starts
    before the head's padded end. `last` is carried in the record's last byte.
    """

    head: Layout
    tail: str
    reclen: str
    align: int = 8
    namelen: str = ""
    tail_at: int | None = None
    last: str = ""

    def encode(self, value: Any) -> bytes:
        """Bytes of one record."""
        start = self.head.size if self.tail_at is None else self.tail_at
        name: bytes = attrgetter(self.tail)(value)
        size = align_up(start + len(name) + (2 if self.last else 1), self.align)
        raw = bytearray(self.head.encode(value)[:start])
        raw += name + bytes(size - start - len(name))
        offsets = self.head.offsets()
        codes = {f.name: f.code for f in self.head.fields}
        struct.pack_into("<" + codes[self.reclen], raw, offsets[self.reclen], size)
        if self.last:
            raw[-1] = attrgetter(self.last)(value)
        if self.namelen:
            struct.pack_into("<" + codes[self.namelen], raw, offsets[self.namelen], len(name))
        return bytes(raw)
