"""ELF64 files: headers judged by elf_headers, symbols and relocations read with LIEF."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lief

from aot.errors import ImageError, NotProgram
from aot.image.elf_functions import functions, raw_type
from aot.image.elf_headers import (
    PT_PHDR,
    PT_TLS,
    ElfHeaders,
    load_segments,
    read_dynamic,
    read_headers,
    read_interpreter,
    read_notes,
)
from aot.image.elf_needed import read_needs
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

lief.logging.disable()

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
RELATIVE = {Arch.X86_64: 8, Arch.AARCH64: 1027}


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
        phdr=_phdr_address(headers, segments),
    )
    try:
        return _with_tables(image, headers, tags, _parse(raw))
    except UnicodeDecodeError:  # LIEF answers some names as str only
        raise ImageError("malformed ELF: a name in its tables is not text") from None


def _with_tables(image: Image, headers: ElfHeaders, tags: dict[int, int], binary: Any) -> Image:
    symbols = tuple(_symbols(binary, image.segments))
    return replace(
        image,
        needed=tuple(_text(name) for name in binary.libraries),
        symbols=symbols,
        functions=functions(binary, headers, tags, image.segments, symbols),
        imports=_imports(binary, headers.arch),
        relocations=tuple(_relocations(binary, headers.arch)) if image.interpreter else (),
        exports=tuple(_exports(binary)),
        data_in_code=_data_in_code(binary, image.segments),
        section_names=tuple(_text(s.name) for s in binary.sections if s.name),
    )


def _parse(raw: bytes) -> Any:
    """LIEF's view; untyped, hence private to this file."""
    config = lief.ELF.ParserConfig()
    config.parse_overlay = False
    config.parse_notes = False
    binary = lief.ELF.parse(raw, config)
    if not isinstance(binary, lief.ELF.Binary):
        raise ImageError("malformed ELF: its tables cannot be read")
    return binary


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def _kind(symbol: Any) -> int:
    """STT_*. Raw, because LIEF's enums warn on stderr about values they do not know."""
    return int(symbol.information) & 0xF


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


def _phdr_address(headers: ElfHeaders, segments: tuple[Segment, ...]) -> tuple[int, int, int]:
    """(AT_PHDR, AT_PHENT, AT_PHNUM): PT_PHDR, else where a segment loads the table, else zero."""
    count = len(headers.phdrs)
    phdr = headers.first(PT_PHDR)
    if phdr is not None:
        return phdr.address, 56, count
    for load in headers.phdrs:
        end = headers.phoff + 56 * count
        if load.type == 1 and load.offset <= headers.phoff and end <= load.offset + load.filesz:
            return load.address + headers.phoff - load.offset, 56, count
    return 0, 56, count


def _symbols(binary: Any, segments: tuple[Segment, ...]) -> Iterator[Symbol]:
    """Defined, named symbols of .symtab and .dynsym, each (name, address) once."""
    code = [(s.address, s.end) for s in segments if s.prot & Prot.X]
    seen: set[tuple[str, int]] = set()
    for symbol in binary.symbols:
        kind = _kind(symbol)
        name, address = _text(symbol.name), int(symbol.value)
        if not name or not 0 < symbol.shndx < SHN_LORESERVE or name.startswith(("$x", "$d")):
            continue
        if kind in (STT_SECTION, STT_FILE, STT_TLS) or (name, address) in seen:
            continue
        seen.add((name, address))
        # Hand-written assembly often leaves its entry points untyped; local labels may name data.
        label = kind == STT_NOTYPE and int(symbol.information) >> 4 == STB_GLOBAL
        is_code = kind in (STT_FUNC, STT_GNU_IFUNC) or (label and _within(code, address))
        yield Symbol(name, address, int(symbol.size), is_code)


def _within(ranges: list[tuple[int, int]], address: int) -> bool:
    return any(start <= address < end for start, end in ranges)


def _exports(binary: Any) -> Iterator[Symbol]:
    for symbol in binary.dynamic_symbols:
        kind = _kind(symbol)
        if symbol.name and 0 < symbol.shndx < SHN_LORESERVE and kind != STT_TLS:
            is_code = kind in (STT_FUNC, STT_GNU_IFUNC)
            yield Symbol(_text(symbol.name), int(symbol.value), int(symbol.size), is_code)


def _imports(binary: Any, arch: Arch) -> tuple[Import, ...]:
    """Slots the dynamic linker would fill by name. IRELATIVE and RELATIVE have no name."""
    libraries = _version_libraries(binary)
    needed = [_text(name) for name in binary.libraries]
    only = needed[0] if len(needed) == 1 else ""
    found: list[Import] = []
    for relocation in binary.relocations:
        number = raw_type(relocation)
        kind = IMPORTING[arch].get(number)
        if kind is None or not relocation.has_symbol:
            continue
        symbol = relocation.symbol
        copied = number == COPY[arch]
        if not symbol.name or (symbol.shndx != 0 and not copied):
            continue
        version = int(symbol.symbol_version.value) & 0x7FFF if symbol.symbol_version else 0
        data = copied or (kind is not ImportKind.PLT and _kind(symbol) == STT_OBJECT)
        name, library = _text(symbol.name), libraries.get(version, only)
        slot, addend = int(relocation.address), int(relocation.addend)
        found.append(Import(library, name, slot, kind, data, addend))
    return tuple(found)


def _relocations(binary: Any, arch: Arch) -> Iterator[tuple[int, int]]:
    """(slot, address) of what the dynamic linker would fill from the image itself."""
    for relocation in binary.relocations:
        number, slot, addend = raw_type(relocation), int(relocation.address), int(relocation.addend)
        if number == RELATIVE[arch]:
            yield slot, addend
        elif number in IMPORTING[arch] and number != COPY[arch] and relocation.has_symbol:
            symbol = relocation.symbol
            if symbol.shndx != 0 and _kind(symbol) != STT_TLS:
                yield slot, int(symbol.value) + addend


def _version_libraries(binary: Any) -> dict[int, str]:
    """Symbol version index -> needed library (.gnu.version_r)."""
    return {
        int(auxiliary.other) & 0x7FFF: _text(requirement.name)
        for requirement in binary.symbols_version_requirement
        for auxiliary in requirement.get_auxiliary_symbols()
    }


def _tls(raw: bytes, headers: ElfHeaders) -> Tls | None:
    phdr = headers.first(PT_TLS)
    if phdr is None or not phdr.memsz:
        return None
    data = raw[phdr.offset : phdr.offset + phdr.filesz]
    return Tls(phdr.address, phdr.memsz, max(phdr.align, 1), data)


def _data_in_code(binary: Any, segments: tuple[Segment, ...]) -> tuple[tuple[int, int], ...]:
    """Ranges between the mapping symbols $d and $x (AArch64 ELF ABI) inside executable segments."""
    marks = sorted(
        (int(s.value), name[1] == "d")
        for s in binary.symtab_symbols
        if (name := _text(s.name)).startswith(("$x", "$d")) and 0 < s.shndx < SHN_LORESERVE
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
