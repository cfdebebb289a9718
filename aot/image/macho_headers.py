"""The Mach-O header and load commands: read and judged before anything else trusts the file."""

from __future__ import annotations

import struct
from itertools import pairwise

from aot.errors import ImageError
from aot.image.model import Arch, Prot, Segment
from aot.image.words import align_up
from aot.record import dataclass

HEADER = struct.Struct("<IIIIIIII")
COMMAND = struct.Struct("<II")
SEGMENT = struct.Struct("<II16sQQQQiiII")
SECTION = struct.Struct("<16s16sQQIIIIIIII")
LC_SEGMENT, LC_UNIXTHREAD, LC_SEGMENT_64, LC_ENCRYPTION_64 = 0x1, 0x5, 0x19, 0x2C
LC_MAIN = 0x8000_0028
S_ATTR_INSTRUCTIONS = 0x8000_0400  # S_ATTR_PURE_INSTRUCTIONS or S_ATTR_SOME_INSTRUCTIONS
MH_EXECUTE = 2
COMMANDS = 1 << 16  # most load commands
USER_TOP = 1 << 47
ZERO_LIMIT = 1 << 40  # bytes of one segment
VM_READ, VM_WRITE, VM_EXECUTE = 1, 2, 4
ARCHES = {0x0100_0007: Arch.X86_64, 0x0100_000C: Arch.AARCH64}
PAGES = {Arch.X86_64: 0x1000, Arch.AARCH64: 0x4000}
# (flavour, byte offset of the pc behind the command's 16 bytes). From: mach/machine/thread_status.h.
THREADS = {Arch.X86_64: (4, 16 * 8), Arch.AARCH64: (6, 32 * 8)}

# section types. From: mach-o/loader.h.
INIT_POINTERS, INIT_OFFSETS = 0x9, 0x16
TLV_REGULAR, TLV_ZEROFILL, TLV_VARIABLES = 0x11, 0x12, 0x13


@dataclass(frozen=True, slots=True)
class MachSection:
    """One section; `type` is the low byte of its flags, `code` says that it holds instructions."""

    name: str
    address: int
    size: int
    align: int
    type: int
    code: bool


@dataclass(frozen=True, slots=True)
class MachSegment:
    """One LC_SEGMENT_64."""

    name: str
    address: int
    size: int
    offset: int
    filesz: int
    prot: int
    sections: tuple[MachSection, ...]


@dataclass(frozen=True, slots=True)
class MachHeaders:
    """What the commands say, with every range known to lie inside the file."""

    arch: Arch
    base: int  # address of the header: __TEXT
    entry: int
    main: bool  # LC_MAIN: the entry is called as a function
    page_zero: int  # end of the range at 0 that must stay empty
    segments: tuple[MachSegment, ...]

    @property
    def sections(self) -> tuple[MachSection, ...]:
        return tuple(section for segment in self.segments for section in segment.sections)


def read_headers(raw: bytes) -> MachHeaders:
    """Headers of a thin 64-bit executable for a supported machine."""
    if len(raw) < HEADER.size:
        raise ImageError("truncated Mach-O: shorter than a Mach-O header")
    _, cpu, _, _, count, size, _, _ = HEADER.unpack_from(raw)
    arch = ARCHES[cpu]
    if HEADER.size + size > len(raw):
        raise ImageError("truncated Mach-O: its load commands are past the end of the file")
    commands = _commands(raw, count, size)
    mapped = [_segment(raw, body) for kind, body in commands if kind == LC_SEGMENT_64]
    if any(kind == LC_SEGMENT for kind, _ in commands):
        raise ImageError("malformed Mach-O: a 32-bit segment in a 64-bit file")
    for kind, body in commands:
        if kind == LC_ENCRYPTION_64 and len(body) >= 20 and int.from_bytes(body[16:20], "little"):
            raise ImageError("an encrypted Mach-O (App Store), which cannot be translated")
    page_zero, segments = _layout(mapped, arch)
    base = _base(segments)
    entry, main = _entry(commands, arch, base)
    return MachHeaders(arch, base, entry, main, page_zero, segments)


def _commands(raw: bytes, count: int, size: int) -> list[tuple[int, bytes]]:
    if count > COMMANDS:
        raise ImageError(f"malformed Mach-O: {count} load commands")
    at, end, out = HEADER.size, HEADER.size + size, []
    for _ in range(count):
        if at + COMMAND.size > end:
            raise ImageError("malformed Mach-O: more load commands than their size holds")
        kind, length = COMMAND.unpack_from(raw, at)
        if length < COMMAND.size or length % 8:
            raise ImageError(f"malformed Mach-O: a load command of {length} bytes")
        if at + length > end:
            raise ImageError("malformed Mach-O: a load command is past the end of the commands")
        out.append((kind, raw[at : at + length]))
        at += length
    return out


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def _segment(raw: bytes, body: bytes) -> MachSegment:
    if len(body) < SEGMENT.size:
        raise ImageError("malformed Mach-O: a segment command is too short")
    _, _, name, address, size, offset, filesz, _, prot, count, _ = SEGMENT.unpack_from(body)
    label = _text(name)
    if SEGMENT.size + SECTION.size * count > len(body):
        raise ImageError(f"malformed Mach-O: segment {label} has more sections than its command holds")
    if size and filesz > size:  # size 0: not mapped at all (Go's __DWARF)
        raise ImageError(f"malformed Mach-O: segment {label} is larger in the file than in memory")
    if offset + filesz > len(raw):
        raise ImageError(f"truncated Mach-O: segment {label} is past the end of the file")
    if address + size > USER_TOP or size > ZERO_LIMIT:
        raise ImageError(f"malformed Mach-O: segment {label} is outside the address space")
    sections = []
    for index in range(count):
        row = SECTION.unpack_from(body, SEGMENT.size + SECTION.size * index)
        align, flags = 1 << min(row[5], 15), row[8]
        holds = bool(flags & S_ATTR_INSTRUCTIONS)
        section = MachSection(_text(row[0]), row[2], row[3], align, flags & 0xFF, holds)
        if size and not address <= section.address <= section.address + section.size <= address + size:
            raise ImageError(f"malformed Mach-O: section {section.name} is outside its segment")
        sections.append(section)
    return MachSegment(label, address, size, offset, filesz, prot, tuple(sections))


def _layout(mapped: list[MachSegment], arch: Arch) -> tuple[int, tuple[MachSegment, ...]]:
    """(end of __PAGEZERO, the segments that are mapped, in address order)."""
    page, page_zero, kept = PAGES[arch], 0, []
    for segment in (s for s in mapped if s.size):
        if segment.address % page:
            raise ImageError(
                f"malformed Mach-O: segment {segment.name} begins at {segment.address:#x}, inside a page"
            )
        if segment.address == 0 and not segment.prot:
            if segment.filesz:
                raise ImageError("malformed Mach-O: __PAGEZERO has contents")
            page_zero = segment.size
        else:
            kept.append(segment)
    kept.sort(key=lambda s: s.address)
    for below, above in pairwise(kept):
        if below.address + align_up(below.size, page) > above.address:
            raise ImageError(f"malformed Mach-O: segments {below.name} and {above.name} overlap")
    if kept and kept[0].address < page_zero:
        raise ImageError(f"malformed Mach-O: segment {kept[0].name} lies in __PAGEZERO")
    return page_zero, tuple(kept)


def _base(segments: tuple[MachSegment, ...]) -> int:
    """The address of the header: that of the segment that maps the file's start."""
    for segment in segments:
        if segment.offset == 0 and segment.filesz:
            return segment.address
    raise ImageError("malformed Mach-O: no segment maps its header")


def _entry(commands: list[tuple[int, bytes]], arch: Arch, base: int) -> tuple[int, bool]:
    found = [(kind, body) for kind, body in commands if kind in (LC_MAIN, LC_UNIXTHREAD)]
    if not found:
        raise ImageError("malformed Mach-O: it has no entry point (LC_MAIN or LC_UNIXTHREAD)")
    if len(found) > 1:
        raise ImageError("malformed Mach-O: it has two entry points")
    kind, body = found[0]
    if kind == LC_MAIN:
        if len(body) < 24:
            raise ImageError("malformed Mach-O: LC_MAIN is too short")
        return base + int.from_bytes(body[8:16], "little"), True
    flavour, at = THREADS[arch]
    if len(body) < 16 + at + 8 or int.from_bytes(body[8:12], "little") != flavour:
        raise ImageError("malformed Mach-O: LC_UNIXTHREAD holds no register state of its machine")
    return int.from_bytes(body[16 + at : 24 + at], "little"), False


def load_segments(raw: bytes, headers: MachHeaders) -> tuple[Segment, ...]:
    """The segments as they are mapped: whole pages, rights as at start."""
    page, out = PAGES[headers.arch], []
    for segment in headers.segments:
        data = raw[segment.offset : segment.offset + segment.filesz]
        prot = Prot.NONE
        prot |= Prot.R if segment.prot & VM_READ else Prot.NONE
        prot |= Prot.W if segment.prot & VM_WRITE else Prot.NONE
        prot |= Prot.X if segment.prot & VM_EXECUTE else Prot.NONE
        size = align_up(segment.size, page)
        out.append(Segment(segment.address, size, data, prot, segment.name))
    return tuple(out)
