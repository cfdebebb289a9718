"""The kinds of socket calls: addresses, places for addresses, message headers with their control data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.flags import FlagMap
from aot.personality.abi.kinds_base import MAX_IO, Buffers, In, Length, Mem
from aot.personality.abi.layout import Layout, align_up
from aot.personality.abi.neutral_socket import (
    Control,
    Extra,
    Fact,
    Made,
    Msg,
    PacketInfo,
    Rights,
    Sender,
    SocketKind,
    SocketName,
)
from aot.personality.abi.sockaddr import STORAGE, AddressFormat
from aot.record import dataclass

MAX_CONTROL = 1 << 17
"""Most bytes of control data in one message (more is NOBUFS)."""
PIECES = 1024


@dataclass(frozen=True, slots=True)
class NameIn(In):
    """A socket address the guest passes: parameter is a SocketName, None for null. `length` names its length."""

    format: AddressFormat
    length: str
    optional: bool = False

    sized_by = "length"

    @property
    def load(self) -> Callable[..., Any]:
        decode, optional = self.format.decode, self.optional

        def name_in(word: int, size: int, mem: Mem) -> SocketName | None:
            size &= 0xFFFF_FFFF
            if optional and not (word and size):
                return None
            if size > STORAGE:
                raise Errno(E.INVAL)
            return decode(mem.read(word, size))

        return name_in

    def show(self, word: int, mem: Mem) -> str:
        return hex(word)


@dataclass(frozen=True, slots=True)
class MadeIn(In):
    """What a new socket is: its kind in the low bits, flags in the others. Raises INVAL for unknown flags."""

    kinds: Mapping[int, SocketKind]
    flags: FlagMap
    mask: int

    @property
    def load(self) -> Callable[..., Any]:
        def made_in(word: int, mem: Mem) -> Made:
            flags = self.flags.decode(word & 0xFFFF_FFFF & ~self.mask)
            return Made(self.kinds.get(word & self.mask, SocketKind.OTHER), flags)

        return made_in


@dataclass(frozen=True, slots=True)
class Room(Length):
    """The address of the length of a sibling: how much room there is, then how much was used."""

    bits: int = 64

    def show(self, word: int, mem: Mem) -> str:
        return hex(word)


@dataclass(slots=True)
class NameSlot:
    """Where an op puts a socket address; checked before the op runs."""

    address: int
    length: int  # address of the length, an unsigned 32-bit word
    room: int
    format: AddressFormat
    mem: Mem

    def put(self, name: SocketName | None) -> None:
        """Store as much as fits, and the length it has in full (0: there is no address)."""
        raw = b"" if name is None else self.format.encode(name)
        if self.room and raw:
            self.mem.write(self.address, raw[: self.room])
        self.mem.write(self.length, len(raw).to_bytes(4, "little"))


@dataclass(frozen=True, slots=True)
class NameOut(In):
    """A place for a socket address, its length behind the sibling `length`: a NameSlot, None for null."""

    format: AddressFormat
    length: str
    optional: bool = True

    sized_by = "length"

    @property
    def load(self) -> Callable[..., Any]:
        form, optional = self.format, self.optional

        def name_out(word: int, length: int, mem: Mem) -> NameSlot | None:
            if optional and not word:
                return None
            room = int.from_bytes(mem.read(length, 4), "little", signed=True)
            if room < 0:
                raise Errno(E.INVAL)
            mem.probe(length, 4, True)
            room = min(room, STORAGE)
            if room:
                mem.probe(word, room, True)
            return NameSlot(word, length, room, form, mem)

        return name_out


@dataclass(frozen=True, slots=True)
class MessageFormat:
    """How a system writes a message header and control data.

    The header's fields are name, name_size, pieces, count, control, control_size and flags. A control
    header is {length, level, type}; `wide` lengths have 64 bits. Types: (level, type) of what is neutral.
    """

    address: AddressFormat
    header: Layout
    wide: bool
    align: int
    flags: FlagMap
    rights: tuple[int, int]
    sender: tuple[int, int] | None = None  # struct {pid, uid, gid}
    packet4: tuple[int, int] | None = None  # struct in_pktinfo
    packet6: tuple[int, int] | None = None  # struct in6_pktinfo
    facts: tuple[tuple[Extra, tuple[int, int], int], ...] = ()  # fact, (level, type), bytes

    @property
    def head(self) -> int:
        """Bytes before the data of a control message."""
        return align_up(16 if self.wide else 12, self.align)


@dataclass(slots=True)
class Message:
    """What a guest sends."""

    name: SocketName | None
    data: Buffers
    control: tuple[Control, ...]


@dataclass(slots=True)
class MessageSlot:
    """Where an op puts a message it received."""

    data: Buffers
    named: bool  # there is a place for the sender's address
    address: int
    fields: dict[str, int]
    format: MessageFormat
    mem: Mem
    used: int = 0
    cut: bool = False  # not all control data fitted

    def _room(self) -> int:
        return max(self.fields["control_size"] - self.used - self.format.head, 0)

    def rights(self, *, behind_sender: bool) -> int:
        """How many descriptors there is room for, behind what says who sent them."""
        before = align_up(self.format.head + 12, self.format.align) if behind_sender else 0
        return max(self._room() - before, 0) // 4

    def add(self, control: Control) -> None:
        """Store one piece of control data, cut to the room there is."""
        f = self.format
        kind: tuple[int, int] | None
        match control:
            case Rights():
                kind, raw = f.rights, b"".join(fd.to_bytes(4, "little") for fd in control.fds)
            case Sender():
                kind = f.sender
                raw = b"".join((n & 0xFFFF_FFFF).to_bytes(4, "little") for n in control)
            case Fact():
                kind, raw = self._fact(control)
            case PacketInfo():
                kind, raw = self._packet(control)
        if kind is None:
            return
        room = self.fields["control_size"] - self.used
        if room < f.head:
            self.cut = True
            return
        self.cut = self.cut or f.head + len(raw) > room
        size = min(f.head + len(raw), room)
        width = 8 if f.wide else 4
        head = size.to_bytes(width, "little") + kind[0].to_bytes(4, "little") + kind[1].to_bytes(4, "little")
        self.mem.write(self.fields["control"] + self.used, (head.ljust(f.head, b"\0") + raw)[:size])
        self.used = min(self.used + align_up(size, f.align), self.fields["control_size"])

    def _fact(self, fact: Fact) -> tuple[tuple[int, int] | None, bytes]:
        for extra, kind, size in self.format.facts:
            if extra is fact.extra:
                return kind, (fact.value & (1 << 8 * size) - 1).to_bytes(size, "little")
        return None, b""

    def _packet(self, info: PacketInfo) -> tuple[tuple[int, int] | None, bytes]:
        index = info.interface.to_bytes(4, "little")
        if len(info.host) == 4:
            return self.format.packet4, index + info.host * 2
        return self.format.packet6, info.host + index

    def finish(self, name: SocketName | None, flags: Msg) -> None:
        """Store the sender's address, the length of the control data and what happened."""
        offsets, codes = self.format.header.offsets(), {x.name: x.size for x in self.format.header.fields}
        if self.named:
            raw = b"" if name is None else self.format.address.encode(name)
            self.mem.write(self.fields["name"], raw[: self.fields["name_size"]])
            self._put(offsets["msg_namelen"], codes["msg_namelen"], len(raw))
        if self.cut:
            flags |= Msg.CTRUNC
        self._put(offsets["msg_controllen"], codes["msg_controllen"], self.used)
        self._put(offsets["msg_flags"], codes["msg_flags"], self.format.flags.encode(int(flags)))

    def _put(self, offset: int, size: int, value: int) -> None:
        self.mem.write(self.address + offset, value.to_bytes(size, "little"))


def _pieces(fields: dict[str, int], mem: Mem, *, write: bool) -> Buffers:
    count = fields["count"]
    if not 0 <= count <= PIECES:
        raise Errno(E.MSGSIZE)
    out: list[memoryview] = []
    left = MAX_IO
    raw = mem.read(fields["pieces"], 16 * count) if count else b""
    for at in range(0, len(raw), 16):
        base = int.from_bytes(raw[at : at + 8], "little")
        size = int.from_bytes(raw[at + 8 : at + 16], "little")
        if size >> 63:
            raise Errno(E.INVAL)
        size = min(size, left)
        left -= size
        if size:
            out += mem.buffers(base, size, write)
    return tuple(out)


def _fact_of(form: MessageFormat, level: int, kind: int) -> Extra | None:
    return next((extra for extra, number, _ in form.facts if number == (level, kind)), None)


def _controls(form: MessageFormat, fields: dict[str, int], mem: Mem) -> tuple[Control, ...]:
    size = fields["control_size"]
    if not size or not fields["control"]:
        return ()
    if size > MAX_CONTROL:
        raise Errno(E.NOBUFS)
    raw, at, found = mem.read(fields["control"], size), 0, list[Control]()
    width = 8 if form.wide else 4
    while at + form.head <= size:
        length = int.from_bytes(raw[at : at + width], "little")
        level = int.from_bytes(raw[at + width : at + width + 4], "little", signed=True)
        kind = int.from_bytes(raw[at + width + 4 : at + width + 8], "little", signed=True)
        if length < form.head or at + length > size:
            raise Errno(E.INVAL)
        data = raw[at + form.head : at + length]
        words = tuple(
            int.from_bytes(data[i : i + 4], "little", signed=True) for i in range(0, len(data) - 3, 4)
        )
        if (level, kind) == form.rights:
            found.append(Rights(words))
        elif (level, kind) == form.sender:
            if len(data) != 12:
                raise Errno(E.INVAL)
            found.append(Sender(*words))
        elif words and (fact := _fact_of(form, level, kind)):
            found.append(Fact(fact, words[0]))
        elif level == form.rights[0]:
            raise Errno(E.INVAL)
        at += align_up(length, form.align)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class MessageIn(In):
    """A message header with what it points to: parameter is a Message."""

    format: MessageFormat
    size: int = 56  # what a caller must be able to read

    @property
    def load(self) -> Callable[..., Any]:
        return lambda word, mem: message_in(self.format, word, mem)


@dataclass(frozen=True, slots=True)
class MessageOut(In):
    """A message header that receives: parameter is a MessageSlot."""

    format: MessageFormat
    size: int = 56

    @property
    def load(self) -> Callable[..., Any]:
        return lambda word, mem: message_out(self.format, word, mem)


def message_in(form: MessageFormat, word: int, mem: Mem) -> Message:
    """The message whose header is at `word`. Raises FAULT, INVAL, MSGSIZE, NOBUFS."""
    fields = form.header.decode(mem.read(word, form.header.size))
    name, size = None, fields["name_size"]
    if fields["name"] and size:
        if size < 0:
            raise Errno(E.INVAL)
        name = form.address.decode(mem.read(fields["name"], min(size, STORAGE)))
    data = _pieces(fields, mem, write=False)
    return Message(name, data, _controls(form, fields, mem))


def message_out(form: MessageFormat, word: int, mem: Mem) -> MessageSlot:
    """The place for a message whose header is at `word`. Raises FAULT, INVAL, MSGSIZE."""
    fields = form.header.decode(mem.read(word, form.header.size))
    mem.probe(word, form.header.size, True)
    if fields["name_size"] < 0:
        raise Errno(E.INVAL)
    fields["name_size"] = min(fields["name_size"], STORAGE)
    if not fields["control"]:
        fields["control_size"] = 0
    data = _pieces(fields, mem, write=True)
    named = bool(fields["name"])
    if named and fields["name_size"]:
        mem.probe(fields["name"], fields["name_size"], True)
    return MessageSlot(data, named, word, fields, form, mem)
