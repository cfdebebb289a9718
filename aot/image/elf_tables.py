"""The tables of an ELF file: sections, symbols, relocations, versions. Standard library only.

Every table is one struct, so a table is read by one loop; a file can hold hundreds of thousands of rows. What a
table says is never trusted: rows outside the file do not exist, and no name is read twice.
From: the System V gABI; the GNU symbol versioning and hash table extensions; elf.h (SHT_*, DT_*).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Final, NamedTuple

from aot.errors import ImageError
from aot.image.elf_headers import EHDR, ElfHeaders
from aot.image.model import Arch, Segment

SHDR: Final = struct.Struct("<IIQQQQIIQQ")
SYMBOL: Final = struct.Struct("<IBBHQQ")  # name, info, other, section, value, size
RELA: Final = struct.Struct("<QQq")  # place, info, addend
REL: Final = struct.Struct("<QQ")
VERNEED: Final = struct.Struct("<HHIII")  # version, count, file, first auxiliary, next
VERNAUX: Final = struct.Struct("<IHHII")  # hash, flags, index, name, next

SHT_SYMTAB, SHT_NOBITS, SHT_DYNSYM = 2, 8, 11
DT_PLTRELSZ, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_STRSZ = 2, 4, 5, 6, 7, 8, 10
DT_REL, DT_RELSZ, DT_PLTREL, DT_JMPREL, DT_RELRSZ, DT_RELR = 17, 18, 20, 23, 35, 36
DT_GNU_HASH, DT_VERSYM, DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
NAMES: Final = 8  # bytes of names that may be read for each byte of a string table
RELR_BITS: Final = 63  # places that one bitmap word of DT_RELR speaks of
RELATIVE: Final = {Arch.X86_64: 8, Arch.AARCH64: 1027}  # R_*_RELATIVE, from the psABI of each architecture


class Section(NamedTuple):
    """One section header; `size` bytes at `offset` of the file, none when they would lie outside."""

    name: str
    type: int
    address: int
    offset: int
    size: int
    link: int


class RawSymbol(NamedTuple):
    """One row of a symbol table."""

    name: str
    info: int
    section: int
    value: int
    size: int

    @property
    def kind(self) -> int:
        """STT_*."""
        return self.info & 0xF


class Relocation(NamedTuple):
    """One dynamic relocation; `symbol` is an index into the dynamic symbols, 0 for none."""

    place: int
    type: int
    symbol: int
    addend: int


class Names:
    """A string table."""

    def __init__(self, table: bytes) -> None:
        self._table = table
        self._known: dict[int, str] = {}
        self._left = NAMES * len(table)

    def __getitem__(self, offset: int) -> str:
        """The name at `offset`, empty outside. Raises ImageError when names overlap without end."""
        name = self._known.get(offset)
        if name is None:
            end = self._table.find(b"\0", offset)
            raw = self._table[offset : end if end >= 0 else len(self._table)]
            self._left -= len(raw)
            if self._left < 0:
                raise ImageError("malformed ELF: its names overlap without end")
            name = self._known[offset] = raw.decode("utf-8", "replace")
        return name


class ElfTables:
    """The tables of one file, each read when it is first asked for."""

    def __init__(
        self, raw: bytes, headers: ElfHeaders, tags: dict[int, int], segments: tuple[Segment, ...]
    ) -> None:
        self.sections = read_sections(raw)
        self.tags = tags
        self._raw = raw
        self._segments = segments
        self._relative = RELATIVE[headers.arch]

    def loaded(self, address: int, size: int | None = None) -> bytes:
        """File-backed bytes from `address`, to the end of its segment unless `size` says less."""
        for segment in self._segments:
            if segment.address <= address < segment.end:
                at = address - segment.address
                return segment.data[at : None if size is None else at + size]
        return b""

    def section(self, name: str) -> Section | None:
        """The first section of a name."""
        return next((s for s in self.sections if s.name == name), None)

    @cached_property
    def symbols(self) -> list[RawSymbol]:
        """The rows of .symtab."""
        table = next((s for s in self.sections if s.type == SHT_SYMTAB), None)
        if table is None or table.link >= len(self.sections):
            return []
        names = self.sections[table.link]
        return _symbols(self._content(table), Names(self._content(names)))

    @cached_property
    def dynamic_symbols(self) -> list[RawSymbol]:
        """The rows of the dynamic symbol table, which only its hash tables or sections measure."""
        address, tags = self.tags.get(DT_SYMTAB, 0), self.tags
        if not address:
            return []
        names = Names(self.loaded(tags.get(DT_STRTAB, 0), tags.get(DT_STRSZ, 0)))
        return _symbols(self.loaded(address, self._dynamic_count * SYMBOL.size), names)

    @cached_property
    def relocations(self) -> list[Relocation]:
        """What a dynamic linker applies, in the order of the tables."""
        tags, out = self.tags, list[Relocation]()
        wide = tags.get(DT_PLTREL, DT_RELA) == DT_RELA
        out += self._rows(DT_RELA, DT_RELASZ, RELA)
        out += self._rows(DT_REL, DT_RELSZ, REL)
        out += (
            self._in_place(place, self._relative, 0)
            for place in relative_places(self._table(DT_RELR, DT_RELRSZ))
        )
        out += self._rows(DT_JMPREL, DT_PLTRELSZ, RELA if wide else REL)
        return out

    @cached_property
    def version_libraries(self) -> dict[int, str]:
        """Symbol version index -> needed library (DT_VERNEED)."""
        tags, out = self.tags, dict[int, str]()
        names = Names(self.loaded(tags.get(DT_STRTAB, 0), tags.get(DT_STRSZ, 0)))
        body = self.loaded(tags[DT_VERNEED]) if tags.get(DT_VERNEED) else b""
        at = 0
        for _ in range(min(tags.get(DT_VERNEEDNUM, 0), len(body) // VERNEED.size)):
            if at + VERNEED.size > len(body):
                break
            _, count, file, first, following = VERNEED.unpack_from(body, at)
            where = at + first
            for _ in range(count):
                if where + VERNAUX.size > len(body):
                    break
                _, _, index, _, step = VERNAUX.unpack_from(body, where)
                out[index & 0x7FFF] = names[file]
                where += step
                if not step:
                    break
            at += following
            if not following:
                break
        return out

    def version(self, symbol: int) -> int:
        """The version index of a dynamic symbol; 0 when symbols have none."""
        address = self.tags.get(DT_VERSYM, 0)
        return int.from_bytes(self.loaded(address + 2 * symbol, 2), "little") & 0x7FFF if address else 0

    def _content(self, section: Section) -> bytes:
        if section.type == SHT_NOBITS:
            return b""
        return self._raw[section.offset : section.offset + section.size]

    @property
    def _dynamic_count(self) -> int:
        table = next((s for s in self.sections if s.type == SHT_DYNSYM), None)
        if table is not None and table.address == self.tags[DT_SYMTAB]:
            return table.size // SYMBOL.size
        if self.tags.get(DT_HASH):
            head = self.loaded(self.tags[DT_HASH], 8)
            return int.from_bytes(head[4:], "little")  # nchain
        if self.tags.get(DT_GNU_HASH):
            return _gnu_count(self.loaded(self.tags[DT_GNU_HASH]))
        return max((r.symbol for r in self.relocations), default=-1) + 1

    def _table(self, at: int, size: int) -> bytes:
        """The bytes of a table by the tags of its address and size; empty when there is none."""
        return self.loaded(self.tags[at], self.tags.get(size, 0)) if self.tags.get(at) else b""

    def _rows(self, at: int, size: int, form: struct.Struct) -> Iterator[Relocation]:
        body = self._table(at, size)
        body = body[: len(body) - len(body) % form.size]
        if form is RELA:
            for place, info, addend in form.iter_unpack(body):
                yield Relocation(place, info & 0xFFFF_FFFF, info >> 32, addend)
        else:
            for place, info in form.iter_unpack(body):
                yield self._in_place(place, info & 0xFFFF_FFFF, info >> 32)

    def _in_place(self, place: int, kind: int, symbol: int) -> Relocation:
        """A relocation whose addend is what it replaces."""
        return Relocation(place, kind, symbol, int.from_bytes(self.loaded(place, 8), "little", signed=True))


def read_sections(raw: bytes) -> tuple[Section, ...]:
    """Every section header. None when the table is not in the file: nothing that runs a program reads it."""
    header = EHDR.unpack_from(raw)
    offset, width, count, names = header[6], header[11], header[12], header[13]
    if not offset or width != SHDR.size or offset + SHDR.size > len(raw):
        return ()
    first = SHDR.unpack_from(raw, offset)
    count = count or first[5]  # more than 65279 sections
    names = first[6] if names == 0xFFFF else names  # SHN_XINDEX
    if offset + count * SHDR.size > len(raw):
        return ()
    rows = list(SHDR.iter_unpack(raw[offset : offset + count * SHDR.size]))
    table = b""
    if names < count:
        table = raw[rows[names][4] : rows[names][4] + rows[names][5]]
    text = Names(table)
    return tuple(
        Section(text[row[0]], row[1], row[3], row[4], row[5] if _inside(row, len(raw)) else 0, row[6])
        for row in rows
    )


def _inside(row: tuple[int, ...], size: int) -> bool:
    return row[1] == SHT_NOBITS or row[4] + row[5] <= size


def _symbols(body: bytes, names: Names) -> list[RawSymbol]:
    body = body[: len(body) - len(body) % SYMBOL.size]
    return [
        RawSymbol(names[name], info, section, value, size)
        for name, info, _, section, value, size in SYMBOL.iter_unpack(body)
    ]


def _gnu_count(body: bytes) -> int:
    """Symbols of a table that a DT_GNU_HASH describes: one past the end of its last chain."""
    if len(body) < 16:
        return 0
    buckets, offset, blooms, _ = struct.unpack_from("<4I", body)
    at = 16 + 8 * blooms
    heads = body[at : at + 4 * buckets]
    at += 4 * buckets
    last = max((int(head) for (head,) in struct.iter_unpack("<I", heads[: len(heads) & ~3])), default=0)
    if last < offset:
        return int(offset)
    while at + 4 * (last - offset) + 4 <= len(body):
        if body[at + 4 * (last - offset)] & 1:
            return last + 1
        last += 1
    return 0


def relative_places(body: bytes) -> Iterator[int]:
    """Places of relative relocations: an address, then bitmaps of the words that follow it."""
    where = 0
    for (word,) in struct.iter_unpack("<Q", body[: len(body) - len(body) % 8]):
        if not word & 1:
            yield word
            where = word + 8
            continue
        for bit in range(RELR_BITS):
            if word >> (bit + 1) & 1:
                yield where + 8 * bit
        where += 8 * RELR_BITS
