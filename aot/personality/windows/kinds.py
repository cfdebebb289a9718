"""Argument kinds of NT and Win32: handles, UNICODE_STRING, OBJECT_ATTRIBUTES, IO_STATUS_BLOCK, text."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, In, InInt, Int, Mem, Out, OutInt
from aot.personality.windows.state import fd_of
from aot.personality.windows.text import from_wide
from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class Handle(In):
    """A file handle: parameter is the descriptor."""

    @property
    def load(self) -> Callable[..., Any]:
        return lambda word, mem: fd_of(word)


@dataclass(frozen=True, slots=True)
class Process(In):
    """A handle of the calling process itself, the only one there is: parameter is 0."""

    @property
    def load(self) -> Callable[..., Any]:
        def process(word: int, mem: Mem) -> int:
            if word & 0xFFFF_FFFF != 0xFFFF_FFFF:
                raise Errno(E.BADF)
            return 0

        return process


@dataclass(frozen=True, slots=True)
class Attributes:
    """OBJECT_ATTRIBUTES as read: `root` is a handle or 0, `name` None when there is none."""

    root: int
    name: str | None
    flags: int


def unicode_string(word: int, mem: Mem) -> str:
    """The text of a UNICODE_STRING."""
    size, _, buffer = struct.unpack("<HH4xQ", mem.read(word, 16))
    if size % 2:
        raise Errno(E.BAD_NAME)
    return from_wide(mem.read(buffer, size)) if size else ""


@dataclass(frozen=True, slots=True)
class ObjectAttributes(In):
    """POBJECT_ATTRIBUTES: parameter is Attributes, None for null."""

    @property
    def load(self) -> Callable[..., Any]:
        def attributes(word: int, mem: Mem) -> Attributes | None:
            if not word:
                return None
            if word % 8:
                raise Errno(E.MISALIGNED)
            length, root, name, flags = struct.unpack("<I4xQQI", mem.read(word, 28))
            if length != 48:
                raise Errno(E.INVAL)
            return Attributes(root, unicode_string(name, mem) if name else None, flags)

        return attributes

    def show(self, word: int, mem: Mem) -> str:
        try:
            found = self.load(word, mem)
        except Errno:
            return hex(word)
        return "NULL" if found is None else repr(found.name)


@dataclass(frozen=True, slots=True)
class UnicodeString(In):
    """PUNICODE_STRING: parameter is its text."""

    @property
    def load(self) -> Callable[..., Any]:
        return unicode_string

    def show(self, word: int, mem: Mem) -> str:
        try:
            return repr(unicode_string(word, mem))
        except Errno:
            return hex(word)


def wide_at(word: int, mem: Mem, limit: int = 1 << 16) -> str:
    """The NUL-terminated UTF-16 text at an address."""
    out = bytearray()
    while len(out) < 2 * limit:
        # never across a page: the next one need not be mapped
        room = 4096 - (word + len(out)) % 4096
        chunk = mem.read(word + len(out), min(room, 256) & -2 or 2)
        for at in range(0, len(chunk), 2):
            if chunk[at] == 0 and chunk[at + 1] == 0:
                return from_wide(bytes(out + chunk[:at]))
        out += chunk
    raise Errno(E.NAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Wide(In):
    """LPCWSTR: parameter is str, None for null when optional."""

    optional: bool = False

    @property
    def load(self) -> Callable[..., Any]:
        optional = self.optional

        def wide(word: int, mem: Mem) -> str | None:
            if optional and not word:
                return None
            return wide_at(word, mem)

        return wide

    def show(self, word: int, mem: Mem) -> str:
        try:
            return "NULL" if not word else repr(wide_at(word, mem))
        except Errno:
            return hex(word)


@dataclass(frozen=True, slots=True)
class Iosb(Out):
    """PIO_STATUS_BLOCK: status 0 and `of` (or the result itself) as Information."""

    of: str = ""
    fixed: int | None = None

    @property
    def attr(self) -> str:
        return self.of

    @property
    def probe(self) -> tuple[int, bool]:
        return 16, False

    @property
    def store(self) -> Callable[..., int | None]:
        fixed = self.fixed

        def store(word: int, value: Any, mem: Mem) -> None:
            mem.write(word, struct.pack("<QQ", 0, int(value) if fixed is None else fixed))

        return store


@dataclass(frozen=True, slots=True)
class Address(In):
    """A guest address that the row itself follows: parameter is the address."""

    def expression(self, word: str) -> str:
        return word


@dataclass(frozen=True, slots=True)
class Place(In):
    """Where the row stores `size` bytes itself: proven writable before anything happens."""

    size: int
    optional: bool = False

    @property
    def load(self) -> Callable[..., Any]:
        size, optional = self.size, self.optional

        def place(word: int, mem: Mem) -> int:
            if word or not optional:
                mem.probe(word, size, True)
            return word

        return place


HANDLE = Handle()
PROCESS = Process()
OBJECT = ObjectAttributes()
UNICODE = UnicodeString()
WIDE = Wide()
WIDE_OPT = Wide(optional=True)
ULONG = Int(32, signed=False)
ACCESS = HEX32
POINTER = Address()
OUT_WORD = Place(8)
OUT_WORD_OPT = Place(8, optional=True)
OUT_LONG = Place(4)
OUT_LONG_OPT = Place(4, optional=True)
RAW = Int(64, signed=False, base=16)  # a handle or a size
OUT_HANDLE = OutInt(64, of="handle")
OFFSET_OPT = InInt(64, signed=True, optional=True)
