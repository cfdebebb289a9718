"""ELF64 files: headers judged by elf_headers, symbols and relocations read by elf_tables."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from aot.errors import ImageError, NotProgram
from aot.image.elf_functions import functions
from aot.image.elf_headers import (
    PT_GNU_STACK,
    PT_LOAD,
    PT_TLS,
    ElfHeaders,
    load_segments,
    read_dynamic,
    read_headers,
    read_interpreter,
    read_notes,
)
from aot.image.elf_needed import read_needs
from aot.image.elf_tables import RELATIVE, ElfTables, RawSymbol
from aot.image.model import (
    Arch,
    Format,
    Image,
    Import,
    ImportKind,
    Prot,
    Segment,
    Symbol,
    Tls,
)
from aot.image.source import read_source
from aot.record import replace

MAGIC = b"\x7fELF"
DF_1_PIE = 0x08000000
DT_FLAGS_1 = 0x6FFFFFFB
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE, STT_TLS = 0, 1, 2, 3, 4, 6
STT_GNU_IFUNC = 10
STB_GLOBAL = 1
SHN_LORESERVE = 0xFF00
LINKER = re.compile(r"ld(-linux.*|-musl.*|64|-elf)?\.so(\.\d+)?")

# Relocation type -> how the slot is reached. From: the psABI of each architecture.
IMPORTING: dict[Arch, dict[int, ImportKind]] = {
    Arch.X86_64: {7: ImportKind.PLT, 6: ImportKind.GOT, 1: ImportKind.BIND, 5: ImportKind.BIND},
    Arch.AARCH64: {
        1026: ImportKind.PLT, 1025: ImportKind.GOT, 257: ImportKind.BIND, 1024: ImportKind.BIND,
    },
}  # fmt: skip
COPY = {Arch.X86_64: 5, Arch.AARCH64: 1024}


def matches(raw: bytes) -> bool:
    """True for anything that says it is ELF."""
    return raw.startswith(MAGIC)


def read(source: bytes | Path | str, *, analysis: bool = False) -> Image:
    """The image of an ELF executable; `analysis` also allows shared objects."""
    raw = source if isinstance(source, bytes) else read_source(Path(source))
    headers = read_headers(raw)
    segments = load_segments(raw, headers)
    interpreter = read_interpreter(raw, headers)
    tags = read_dynamic(raw, headers)
    if headers.dynamic and not analysis and not _is_executable(raw, headers, tags, interpreter):
        raise NotProgram("an ELF shared object (.so), not an executable")
    if not analysis:
        _check_entry(headers, segments)
    image = Image(
        format=Format.ELF,
        arch=headers.arch,
        entry=headers.entry,
        segments=segments,
        pie=headers.dynamic,
        sha256=hashlib.sha256(raw).hexdigest(),
        osabi=headers.osabi,
        interpreter=interpreter,
        notes=read_notes(raw, headers),
        tls=_tls(raw, headers),
        phdr=_phdr_address(headers),
        stack_code=any(p.flags & Prot.X for p in headers.phdrs if p.type == PT_GNU_STACK),
    )
    return _with_tables(image, headers, ElfTables(raw, headers, tags, segments), read_needs(raw).needed)


def _with_tables(image: Image, headers: ElfHeaders, tables: ElfTables, needed: tuple[str, ...]) -> Image:
    symbols = tuple(_symbols(tables, image.segments))
    return replace(
        image,
        needed=needed,
        symbols=symbols,
        functions=functions(tables, headers, image.segments, symbols),
        imports=_imports(tables, headers.arch, needed),
        relocations=tuple(_relocations(tables, headers.arch)) if image.interpreter else (),
        exports=tuple(_exports(tables)),
        data_in_code=_data_in_code(tables, image.segments),
        section_names=tuple(s.name for s in tables.sections if s.name),
    )


def _is_executable(raw: bytes, headers: ElfHeaders, tags: dict[int, int], interpreter: str) -> bool:
    """A position-independent executable: flagged as one, started by an interpreter (libc.so.6, too), or a
    dynamic linker, which is a program as well (ldd executes it; musl's has no name)."""
    if tags.get(DT_FLAGS_1, 0) & DF_1_PIE or interpreter:
        return True
    name = read_needs(raw).soname
    return bool(LINKER.fullmatch(name)) or bool(tags and headers.entry and not name)


def _check_entry(headers: ElfHeaders, segments: tuple[Segment, ...]) -> None:
    home = next((s for s in segments if s.address <= headers.entry < s.end), None)
    if home is None:
        raise ImageError(f"malformed ELF: entry {headers.entry:#x} is outside every segment")
    if not home.prot & Prot.X:
        raise ImageError(f"malformed ELF: entry {headers.entry:#x} is not in executable memory")


def _phdr_address(headers: ElfHeaders) -> tuple[int, int, int]:
    """(AT_PHDR, AT_PHENT, AT_PHNUM): where a segment loads the table, as Linux looks for it; zero where none does."""
    count = len(headers.phdrs)
    end = headers.phoff + 56 * count
    for load in headers.phdrs:
        if load.type == PT_LOAD and load.offset <= headers.phoff and end <= load.offset + load.filesz:
            return load.address + headers.phoff - load.offset, 56, count
    return 0, 56, count


def _symbols(tables: ElfTables, segments: tuple[Segment, ...]) -> Iterator[Symbol]:
    """Defined, named symbols of .dynsym and .symtab, each (name, address) once."""
    code = [(s.address, s.end) for s in segments if s.prot & Prot.X]
    seen: set[tuple[str, int]] = set()
    for name, info, section, address, size in (*tables.dynamic_symbols, *tables.symbols):
        kind = info & 0xF
        if not name or not 0 < section < SHN_LORESERVE or name.startswith(("$x", "$d")):
            continue
        if kind in (STT_SECTION, STT_FILE, STT_TLS) or (name, address) in seen:
            continue
        seen.add((name, address))
        # Hand-written assembly often leaves its entry points untyped; local labels may name data.
        label = kind == STT_NOTYPE and info >> 4 == STB_GLOBAL
        is_code = kind in (STT_FUNC, STT_GNU_IFUNC) or (label and _within(code, address))
        yield Symbol(name, address, size, is_code)


def _within(ranges: list[tuple[int, int]], address: int) -> bool:
    return any(start <= address < end for start, end in ranges)


def _exports(tables: ElfTables) -> Iterator[Symbol]:
    for symbol in tables.dynamic_symbols:
        if symbol.name and 0 < symbol.section < SHN_LORESERVE and symbol.kind != STT_TLS:
            yield Symbol(symbol.name, symbol.value, symbol.size, symbol.kind in (STT_FUNC, STT_GNU_IFUNC))


def _imports(tables: ElfTables, arch: Arch, needed: tuple[str, ...]) -> tuple[Import, ...]:
    """Slots the dynamic linker would fill by name. IRELATIVE and RELATIVE have no name."""
    kinds, symbols = IMPORTING[arch], tables.dynamic_symbols
    only = needed[0] if len(needed) == 1 else ""
    found: list[Import] = []
    for slot, number, index, addend in tables.relocations:
        kind = kinds.get(number)
        if kind is None or not 0 < index < len(symbols):
            continue
        symbol = symbols[index]
        copied = number == COPY[arch]
        if not symbol.name or (symbol.section != 0 and not copied):
            continue
        library = tables.version_libraries.get(tables.version(index), only)
        data = copied or (kind is not ImportKind.PLT and symbol.kind == STT_OBJECT)
        found.append(Import(library, symbol.name, slot, kind, data, addend))
    return tuple(found)


def _relocations(tables: ElfTables, arch: Arch) -> Iterator[tuple[int, int]]:
    """(slot, address) of what the dynamic linker would fill from the image itself."""
    symbols: list[RawSymbol] = tables.dynamic_symbols
    for slot, number, index, addend in tables.relocations:
        if number == RELATIVE[arch]:
            yield slot, addend
        elif number in IMPORTING[arch] and number != COPY[arch] and 0 < index < len(symbols):
            symbol = symbols[index]
            if symbol.section != 0 and symbol.kind != STT_TLS:
                yield slot, symbol.value + addend


def _tls(raw: bytes, headers: ElfHeaders) -> Tls | None:
    phdr = headers.first(PT_TLS)
    if phdr is None or not phdr.memsz:
        return None
    data = raw[phdr.offset : phdr.offset + phdr.filesz]
    return Tls(phdr.address, phdr.memsz, max(phdr.align, 1), data)


def _data_in_code(tables: ElfTables, segments: tuple[Segment, ...]) -> tuple[tuple[int, int], ...]:
    """Ranges between the mapping symbols $d and $x (AArch64 ELF ABI) inside executable segments."""
    marks = sorted(
        (s.value, s.name[1] == "d")
        for s in tables.symbols
        if s.name.startswith(("$x", "$d")) and 0 < s.section < SHN_LORESERVE
    )
    code = sorted((s.address, s.end) for s in segments if s.prot & Prot.X)
    found: list[tuple[int, int]] = []
    for index, (address, is_data) in enumerate(marks):
        at = bisect_right(code, (address, 1 << 64)) - 1
        if not is_data or at < 0 or address >= code[at][1]:
            continue
        stop = marks[index + 1][0] if index + 1 < len(marks) else code[at][1]
        if stop > address:
            found.append((address, min(stop, code[at][1])))
    return tuple(found)
