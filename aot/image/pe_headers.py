"""The DOS, COFF and optional headers and section table of a PE file, judged before use."""

from __future__ import annotations

import struct
from typing import NamedTuple

from aot.errors import ImageError, NotProgram
from aot.image.model import Arch, Prot, Segment
from aot.image.words import align_up, is_power_of_two, unpack
from aot.record import dataclass

PAGE = 4096
SECTOR = 512  # the loader rounds section file offsets down to this
USER_TOP = 1 << 47
IMAGE_LIMIT = 1 << 31  # addresses inside an image are RVAs below 2 GiB
SECTION_LIMIT = 96

COFF = struct.Struct("<HHIIIHH")
# PE32+: magic .. LoaderFlags, NumberOfRvaAndSizes. From: PE format specification, optional header.
OPTIONAL = struct.Struct("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII")
SECTION = struct.Struct("<8sIIIIIIHHI")
DIRECTORY = struct.Struct("<II")

MACHINES: dict[int, str] = {
    0x1C0: "arm", 0x1C4: "arm (Thumb-2)", 0x1A2: "sh3", 0x1A6: "sh4", 0x200: "ia64",
    0x166: "mips", 0x1F0: "powerpc", 0x184: "alpha", 0x284: "alpha64", 0xEBC: "EFI byte code",
    0x5032: "riscv32", 0x5064: "riscv64", 0x5128: "riscv128", 0x6232: "loongarch32",
    0x6264: "loongarch64", 0xA641: "arm64ec", 0xA64E: "arm64x", 0: "no machine",
}  # fmt: skip
ARCHES: dict[int, Arch] = {0x8664: Arch.X86_64, 0xAA64: Arch.AARCH64}
I386 = 0x14C
PE32, PE32_PLUS = 0x10B, 0x20B
DOS_SIZE = 64
OLD_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"NE", "a 16-bit Windows or OS/2 program (NE), which is not supported"),
    (b"LE", "a Windows 9x driver or DOS extender program (LE), which is not supported"),
    (b"LX", "an OS/2 program (LX), which is not supported"),
)

NATIVE, GUI, CONSOLE = 1, 2, 3
SUBSYSTEMS: dict[int, str] = {
    1: "a kernel driver or NATIVE-subsystem program", 5: "an OS/2 program",
    7: "a POSIX-subsystem program",
    8: "a Windows 9x driver", 9: "a Windows CE program", 10: "an EFI application",
    11: "an EFI boot service driver", 12: "an EFI runtime driver", 13: "an EFI ROM image",
    14: "an Xbox program", 16: "a Windows boot application",
}  # fmt: skip

EXECUTABLE, DLL = 0x2, 0x2000  # COFF characteristics
EXPORT, IMPORT, EXCEPTION, TLS, CLR, DELAY = 0, 1, 3, 9, 14, 13  # data directory indices


@dataclass(frozen=True, slots=True)
class Section:
    """One section header, its raw range known to lie inside the file."""

    name: str
    rva: int
    virtual_size: int
    raw_offset: int
    raw_size: int
    flags: int

    @property
    def size(self) -> int:
        """Mapped bytes: whole pages."""
        return align_up(self.virtual_size or self.raw_size, PAGE)


@dataclass(frozen=True, slots=True)
class PeHeaders:
    """What the headers say."""

    arch: Arch
    dll: bool
    entry: int  # RVA
    base: int
    headers_size: int
    subsystem: int
    stack_reserve: int
    heap_reserve: int
    directories: tuple[tuple[int, int], ...]  # (RVA, size)
    sections: tuple[Section, ...]

    def directory(self, index: int) -> tuple[int, int]:
        """(RVA, size) of a data directory, zeros when the file has none."""
        return self.directories[index] if index < len(self.directories) else (0, 0)


class Optional(NamedTuple):
    """The fixed part of a PE32+ optional header, fields in file order."""

    magic: int
    linker_major: int
    linker_minor: int
    code_size: int
    data_size: int
    bss_size: int
    entry: int
    code_base: int
    image_base: int
    section_alignment: int
    file_alignment: int
    os_major: int
    os_minor: int
    image_major: int
    image_minor: int
    subsystem_major: int
    subsystem_minor: int
    win32_version: int
    image_size: int
    headers_size: int
    checksum: int
    subsystem: int
    dll_flags: int
    stack_reserve: int
    stack_commit: int
    heap_reserve: int
    heap_commit: int
    loader_flags: int
    directories: int


def read_headers(raw: bytes, *, analysis: bool) -> PeHeaders:
    """Headers of a PE32+ program (with `analysis` also a DLL) for a supported machine."""
    at = _coff_offset(raw)
    machine, count, _, _, _, optional_size, flags = unpack(COFF, raw, at, "COFF header")
    at += COFF.size
    _check_machine(machine, int.from_bytes(raw[at : at + 2], "little"))
    if not flags & EXECUTABLE:
        raise ImageError("a PE file not marked executable (an object or a failed link)")
    if optional_size < OPTIONAL.size:
        raise ImageError(f"malformed PE: an optional header of {optional_size} bytes")
    optional = Optional._make(unpack(OPTIONAL, raw, at, "optional header"))
    directories = _read_directories(raw, at, optional, optional_size)
    _check_kind(optional, directories, dll=bool(flags & DLL), analysis=analysis)
    _check_layout(optional, len(raw))
    sections = _read_sections(raw, at + optional_size, count, optional)
    return PeHeaders(
        arch=ARCHES[machine],
        dll=bool(flags & DLL),
        entry=optional.entry,
        base=optional.image_base,
        headers_size=optional.headers_size,
        subsystem=optional.subsystem,
        stack_reserve=optional.stack_reserve,
        heap_reserve=optional.heap_reserve,
        directories=directories,
        sections=sections,
    )


def _coff_offset(raw: bytes) -> int:
    """Offset behind the "PE" signature; the older formats that also begin with MZ are named."""
    if len(raw) < DOS_SIZE:
        raise ImageError("truncated PE: shorter than a DOS header")
    at = int.from_bytes(raw[0x3C:0x40], "little")
    signature = raw[at : at + 4]
    if signature == b"PE\0\0":
        return at + 4
    for magic, name in OLD_SIGNATURES:
        if signature.startswith(magic):
            raise ImageError(name)
    if at >= len(raw) and at < IMAGE_LIMIT and at >= DOS_SIZE:
        raise ImageError(f"truncated PE: its header at offset {at:#x} is past the end of the file")
    raise ImageError("a DOS program (MZ), which is not supported")


def _check_machine(machine: int, magic: int) -> None:
    if machine == I386 or (machine in ARCHES and magic == PE32):
        raise ImageError("a 32-bit Windows program (PE32, i386); only PE32+ is supported")
    if machine not in ARCHES:
        name = MACHINES.get(machine, f"machine {machine:#x}")
        raise ImageError(f"a PE file for {name}; only x86_64 and aarch64 are supported")
    if magic != PE32_PLUS:
        raise ImageError(f"malformed PE: optional header magic {magic:#x}")


def _read_directories(
    raw: bytes, at: int, optional: Optional, optional_size: int
) -> tuple[tuple[int, int], ...]:
    count = min(optional.directories, 16)
    if OPTIONAL.size + count * DIRECTORY.size > optional_size:
        raise ImageError("malformed PE: its data directories do not fit its optional header")
    return tuple(
        (fields[0], fields[1])
        for i in range(count)
        if (fields := unpack(DIRECTORY, raw, at + OPTIONAL.size + 8 * i, "data directory"))
    )


def _check_kind(
    optional: Optional, directories: tuple[tuple[int, int], ...], *, dll: bool, analysis: bool
) -> None:
    if optional.subsystem in SUBSYSTEMS:
        raise ImageError(f"{SUBSYSTEMS[optional.subsystem]} (PE), which is not supported")
    if len(directories) > CLR and directories[CLR][0]:
        raise ImageError("a .NET assembly (CLR header), whose code is not machine code")
    if dll and not analysis:
        raise NotProgram("a Windows DLL, not a program")
    if optional.subsystem not in (GUI, CONSOLE):
        raise ImageError(f"a PE file for unknown subsystem {optional.subsystem}")


def _check_layout(optional: Optional, size: int) -> None:
    unit, file_unit = optional.section_alignment, optional.file_alignment
    if not is_power_of_two(unit) or not is_power_of_two(file_unit):
        raise ImageError("malformed PE: an alignment is no power of two")
    if unit < PAGE:
        raise ImageError(f"a PE file with section alignment {unit}, below a page; not supported")
    if optional.image_base % 0x10000 or optional.image_base + optional.image_size > USER_TOP:
        raise ImageError(f"malformed PE: image base {optional.image_base:#x}")
    if not 0 < optional.image_size < IMAGE_LIMIT:
        raise ImageError(f"malformed PE: absurd image size {optional.image_size:#x}")
    if not optional.headers_size or optional.headers_size > size:
        raise ImageError("truncated PE: its headers are longer than the file")


def _read_sections(raw: bytes, at: int, count: int, optional: Optional) -> tuple[Section, ...]:
    if not 0 < count <= SECTION_LIMIT:
        raise ImageError(f"malformed PE: {count} sections")
    sections = []
    floor = align_up(optional.headers_size, PAGE)
    for index in range(count):
        row = raw[at + SECTION.size * index : at + SECTION.size * (index + 1)]
        if len(row) < SECTION.size:
            raise ImageError("truncated PE: its section table is past the end of the file")
        section = _read_section(row, len(raw))
        if section.rva % optional.section_alignment:
            raise ImageError(f"malformed PE: misaligned section {section.name!r}")
        if section.rva < floor:
            raise ImageError(f"malformed PE: overlapping section {section.name!r}")
        floor = section.rva + section.size
        if floor > align_up(optional.image_size, PAGE):
            raise ImageError(f"malformed PE: section {section.name!r} is outside the image")
        sections.append(section)
    return tuple(sections)


def _read_section(row: bytes, size: int) -> Section:
    fields = SECTION.unpack(row)
    name = fields[0].rstrip(b"\0").decode("latin-1")
    virtual_size, rva, raw_size, raw_offset, flags = *fields[1:5], fields[9]
    raw_offset -= raw_offset % SECTOR
    if not raw_offset:
        raw_size = 0
    elif raw_size and raw_offset + raw_size > size:
        raise ImageError(
            f"truncated PE: section {name!r} needs {raw_offset + raw_size} bytes of file, it has {size}"
        )
    return Section(name, rva, virtual_size, raw_offset, raw_size, flags)


def load_segments(raw: bytes, headers: PeHeaders) -> tuple[Segment, ...]:
    """The headers (programs read them in memory) and every section, as Windows maps them."""
    size = align_up(headers.headers_size, PAGE)
    segments = [Segment(headers.base, size, raw[: headers.headers_size], Prot.R, "headers")]
    for section in headers.sections:
        if not section.size:
            continue
        # Bytes between VirtualSize and the end of its last page are loaded too.
        length = min(section.raw_size, section.size)
        data = raw[section.raw_offset : section.raw_offset + length]
        address = headers.base + section.rva
        segments.append(Segment(address, section.size, data, _rights(section.flags), section.name))
    return tuple(segments)


def _rights(flags: int) -> Prot:
    prot = Prot.NONE
    for bit, right in ((0x20000000, Prot.X | Prot.R), (0x40000000, Prot.R), (0x80000000, Prot.W)):
        if flags & bit:
            prot |= right
    return prot
