"""Writes the native ELF: the guest's patched segments at their addresses, the launcher, the manifest.

Layout of the file: ELF header, Helctic note, program headers and launcher (one PT_LOAD, the launcher's), then
every guest segment at an offset congruent to its address, then manifest, section names and section headers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aot.errors import RewriteError
from aot.image.launcher.code import CODE
from aot.image.model import Arch, Prot, Segment
from aot.image.native_reader import EHDR, IDENT, NOTE, PHDR, PT_LOAD, PT_NOTE, SHDR
from aot.image.words import align_up
from aot.manifest import NOTE_NAME, NOTE_TYPE, PAGE, SECTION, Manifest, Reservation, encode
from aot.record import dataclass, replace

LOWEST = 0x10000  # vm.mmap_min_addr: Linux kills a program that maps anything below as a normal user
ZERO_LIMIT = 256 << 20  # bytes of zero fill; Linux kills what obviously overcommits
USER_TOP = 0x7FFF_0000_0000  # below the stack of a 47-bit address space
PT_GNU_STACK = 0x6474E551
ET_EXEC, ET_DYN = 2, 3
MACHINES = {Arch.X86_64: 62, Arch.AARCH64: 183}
SHT_PROGBITS, SHT_STRTAB, SHT_NOTE, SHT_NOBITS = 1, 3, 7, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    align: int = 1


def split_mappable(
    segments: Sequence[Segment], *, pie: bool
) -> tuple[tuple[Segment, ...], tuple[Reservation, ...]]:
    """(what may be a PT_LOAD, what only the manifest can say), both in address order."""
    loadable: list[Segment] = []
    reserved: list[Reservation] = []
    for segment in sorted(segments, key=lambda s: s.address):
        cut = segment.address
        if not segment.data and segment.prot == Prot.NONE:
            cut = segment.end
        elif not pie:
            cut = min(max(cut, LOWEST), segment.end)
        if cut > segment.address:
            reserved.append(_reserve(segment, segment.address, cut))
        stop = segment.end
        zeroes = align_up(max(segment.address + len(segment.data), cut), PAGE)
        if stop - zeroes > ZERO_LIMIT:
            stop = zeroes
            reserved.append(_reserve(segment, max(stop, cut), segment.end))
        if cut < stop:
            data = segment.data[cut - segment.address :]
            loadable.append(replace(segment, address=cut, size=stop - cut, data=data))
    return tuple(loadable), tuple(reserved)


def _reserve(segment: Segment, start: int, end: int) -> Reservation:
    data = segment.data[start - segment.address : end - segment.address]
    return Reservation(start, end - start, int(segment.prot), data.hex())


def emit(
    manifest: Manifest, segments: Sequence[Segment], *, arch: Arch, pie: bool, personality: int
) -> bytes:
    """The bytes of the native ELF; the manifest's `reservations` and `launcher` are filled in here."""
    loadable, reserved = split_mappable(segments, pie=pie)
    if not loadable:
        raise RewriteError("nothing of this image can be mapped by an ELF file")
    note = _note(manifest.version, personality)
    phoff = align_up(EHDR.size + len(note), 8)
    code_at = align_up(phoff + PHDR.size * (len(loadable) + 3), 16)
    head_size = code_at + len(CODE[arch])
    base = _launcher_address(loadable, reserved, head_size)
    manifest = replace(manifest, reservations=reserved, launcher=(base, head_size))

    phdrs = [(base, _phdr(PT_LOAD, Prot.R | Prot.X, 0, (base, head_size, head_size), PAGE))]
    sections = [
        _Section(".note.helctic", SHT_NOTE, SHF_ALLOC, base + EHDR.size, EHDR.size, len(note), 4),
        _Section(
            ".helctic.launcher", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, base + code_at, code_at,
            len(CODE[arch]), 16,
        ),
    ]  # fmt: skip
    parts, end = [b""], head_size  # the first part is written last
    for index, segment in enumerate(loadable):
        data = _file_bytes(segment)
        offset = end + (segment.address - end) % PAGE
        if data:
            parts += (bytes(offset - end), data)
            end = offset + len(data)
        row = _phdr(PT_LOAD, segment.prot, offset, (segment.address, len(data), segment.size), PAGE)
        phdrs.append((segment.address, row))
        sections += _segment_sections(segment, index, offset, len(data))
    table = [_phdr(PT_NOTE, Prot.R, EHDR.size, (base + EHDR.size, len(note), len(note)), 4)]
    table += [row for _, row in sorted(phdrs)]
    table.append(_phdr(PT_GNU_STACK, Prot.R | Prot.W, 0, (0, 0, 0), 16))

    raw = encode(manifest)
    sections.append(_Section(SECTION, SHT_PROGBITS, 0, 0, end, len(raw)))
    table_bytes, shoff = _section_table(end + len(raw), sections)
    parts += (raw, table_bytes)
    kind = ET_DYN if pie else ET_EXEC
    header = EHDR.pack(
        IDENT.ljust(16, b"\0"), kind, MACHINES[arch], 1, base + code_at, phoff, shoff, 0,
        EHDR.size, PHDR.size, len(table), SHDR.size, len(sections) + 2, len(sections) + 1,
    )  # fmt: skip
    head = (header + note).ljust(phoff, b"\0") + b"".join(table)
    parts[0] = head.ljust(code_at, b"\0") + CODE[arch]
    return b"".join(parts)


def _note(version: int, personality: int) -> bytes:
    name = NOTE_NAME.encode() + b"\0"
    desc = struct.pack("<II", version, personality)
    raw = NOTE.pack(len(name), len(desc), NOTE_TYPE) + name.ljust(align_up(len(name), 4), b"\0") + desc
    assert len(raw) % 4 == 0
    return raw


def _phdr(kind: int, prot: Prot, offset: int, place: tuple[int, int, int], align: int) -> bytes:
    """One program header; `place` is (address, bytes in the file, bytes in memory)."""
    address, filesz, memsz = place
    return PHDR.pack(kind, int(prot), offset, address, address, filesz, memsz, align)


def _file_bytes(segment: Segment) -> bytes:
    """The segment's bytes in the file. Linux zeroes the rest of the last page by writing to it, which
    fails where it may not write: there the zeroes stand in the file."""
    if segment.prot & Prot.W or not segment.data:
        return segment.data
    end = min(align_up(segment.address + len(segment.data), PAGE), segment.end)
    return segment.data.ljust(end - segment.address, b"\0")


def _launcher_address(loadable: Sequence[Segment], reserved: Sequence[Reservation], size: int) -> int:
    """A free page: behind everything with one page between, else below the first segment."""
    end = max(*(s.end for s in loadable), *(hole.address + hole.size for hole in reserved), 0)
    above = align_up(end, PAGE) + PAGE
    if above + size <= USER_TOP:
        return above
    below = (loadable[0].address - size) // PAGE * PAGE - PAGE
    if below < LOWEST:
        raise RewriteError("the image leaves no room for the launcher")
    return below


def _segment_sections(segment: Segment, index: int, offset: int, length: int) -> list[_Section]:
    """One section for the bytes of a segment, one for its zero fill."""
    name = segment.name or f"load{index}"
    name = name if name.startswith(".") else f".{name}"
    flags = SHF_ALLOC
    flags |= SHF_WRITE if segment.prot & Prot.W else 0
    flags |= SHF_EXECINSTR if segment.prot & Prot.X else 0
    found = []
    if length:
        found.append(_Section(name, SHT_PROGBITS, flags, segment.address, offset, length))
    if segment.size > length:
        at, size = segment.address + length, segment.size - length
        found.append(_Section(f"{name}.zero", SHT_NOBITS, flags, at, offset + length, size))
    return found


def _section_table(at: int, sections: Sequence[_Section]) -> tuple[bytes, int]:
    """(names and headers, offset of the headers) for a table whose names begin at offset `at`.

    The headers are a null one, those of `sections` and the names' own.
    """
    names = bytearray(b"\0")
    places: list[int] = []
    for name in [*(s.name for s in sections), ".shstrtab"]:
        places.append(len(names))
        names += name.encode() + b"\0"
    sections = [*sections, _Section(".shstrtab", SHT_STRTAB, 0, 0, at, len(names))]
    body = names + bytes(-(at + len(names)) % 8)
    shoff = at + len(body)
    body += bytes(SHDR.size)
    for place, s in zip(places, sections, strict=True):
        body += SHDR.pack(place, s.type, s.flags, s.address, s.offset, s.size, 0, 0, s.align, 0)
    return bytes(body), shoff
