"""PE32+ files: headers judged by pe_headers, imports, exports and symbols read with LIEF."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aot.errors import ImageError
from aot.image.functions import merge
from aot.image.model import (
    Arch,
    Format,
    FunctionRange,
    Image,
    Import,
    ImportKind,
    Prot,
    Segment,
    Symbol,
    Tls,
)
from aot.image.pclntab import go_functions
from aot.image.pdata import arm64_ranges, x64_ranges
from aot.image.pe_headers import EXCEPTION, TLS, PeHeaders, load_segments, read_headers
from aot.image.source import read_source
from aot.record import replace

MAGIC = b"MZ"
TLS_DIRECTORY = struct.Struct("<QQQQII")  # start, end, index, callbacks, zero fill, characteristics
TLS_LIMIT = 1 << 30
CALLBACK_LIMIT = 1024
TYPE_FUNCTION = 2  # COFF complex type


def matches(raw: bytes) -> bool:
    """True for anything that begins like a DOS program."""
    return raw.startswith(MAGIC)


def read(source: bytes | Path | str, *, analysis: bool = False) -> Image:
    """The image of a PE32+ program; `analysis` also allows DLLs."""
    raw = source if isinstance(source, bytes) else read_source(Path(source))
    headers = read_headers(raw, analysis=analysis)
    segments = load_segments(raw, headers)
    if not analysis:
        _check_entry(headers, segments)
    image = Image(
        format=Format.PE,
        arch=headers.arch,
        entry=headers.base + headers.entry if headers.entry else 0,
        segments=segments,
        pie=False,
        sha256=hashlib.sha256(raw).hexdigest(),
        subsystem=headers.subsystem,
        image_base=headers.base,
        stack_reserve=headers.stack_reserve,
        heap_reserve=headers.heap_reserve,
        section_names=tuple(s.name for s in headers.sections),
    )
    try:
        return _with_tables(image, headers, _parse(raw))
    except UnicodeDecodeError:  # LIEF answers some names as str only
        raise ImageError("malformed PE: a name in its tables is not text") from None


def _with_tables(image: Image, headers: PeHeaders, binary: Any) -> Image:
    imports = (*_imports(binary, headers.base), *_delay_imports(binary, headers.base))
    exports = tuple(_exports(binary, image))
    symbols = tuple(_symbols(binary, headers)) or exports
    tls = _tls(image, headers)
    return replace(
        image,
        needed=tuple(dict.fromkeys(i.library for i in imports)),
        symbols=symbols,
        functions=_functions(image, headers, (symbols, exports), tls),
        imports=imports,
        exports=exports,
        tls=tls,
    )


def _parse(raw: bytes) -> Any:
    """LIEF's view; untyped, hence private to this file. Loading LIEF takes longer than translating most programs."""
    import lief

    lief.logging.disable()
    config = lief.PE.ParserConfig()
    config.parse_signature = False
    config.parse_rsrc = False
    config.parse_reloc = False
    config.parse_exceptions = False
    binary = lief.PE.parse(raw, config)
    if not isinstance(binary, lief.PE.Binary):
        raise ImageError("malformed PE: its tables cannot be read")
    return binary


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def _check_entry(headers: PeHeaders, segments: tuple[Segment, ...]) -> None:
    entry = headers.base + headers.entry
    home = next((s for s in segments if s.address <= entry < s.end), None)
    if not headers.entry or home is None:
        raise ImageError(f"malformed PE: entry {entry:#x} is outside every section")
    if not home.prot & Prot.X:
        raise ImageError(f"malformed PE: entry {entry:#x} is not in executable memory")


def _name(entry: Any) -> str:
    return f"#{entry.ordinal}" if entry.is_ordinal else _text(entry.name)


def _imports(binary: Any, base: int) -> Iterator[Import]:
    for module in binary.imports:
        first = base + int(module.import_address_table_rva)
        library = _text(module.name)
        for index, entry in enumerate(module.entries):
            yield Import(library, _name(entry), first + 8 * index, ImportKind.IAT)


def _delay_imports(binary: Any, base: int) -> Iterator[Import]:
    for module in binary.delay_imports:
        first = base + int(module.iat)
        library = _text(module.name)
        for index, entry in enumerate(module.entries):
            yield Import(library, _name(entry), first + 8 * index, ImportKind.DELAY)


def _exports(binary: Any, image: Image) -> Iterator[Symbol]:
    export = binary.get_export() if binary.has_exports else None
    for entry in export.entries if export is not None else ():
        if entry.is_forwarded or not entry.address:
            continue
        address = image.image_base + int(entry.address)
        home = image.segment_at(address)
        if home is not None:
            name = _text(entry.name) or f"#{entry.ordinal}"
            yield Symbol(name, address, 0, bool(home.prot & Prot.X))


def _symbols(binary: Any, headers: PeHeaders) -> Iterator[Symbol]:
    """The COFF symbol table that GNU and Go linkers leave in a program."""
    for symbol in binary.symbols:
        index = int(symbol.section_idx)
        if not 0 < index <= len(headers.sections):
            continue
        section, name = headers.sections[index - 1], _text(symbol.name)
        if not name or name == section.name or int(symbol.value) >= section.size:
            continue
        # Go writes type 0 for everything, so an external name in code counts as a function.
        executable = bool(section.flags & 0x20000000)
        typed = int(symbol.type) >> 4 & 3 == TYPE_FUNCTION
        code = executable and (typed or symbol.is_external)
        yield Symbol(name, headers.base + section.rva + int(symbol.value), 0, code)


def _tls(image: Image, headers: PeHeaders) -> Tls | None:
    rva, size = headers.directory(TLS)
    if not rva or size < TLS_DIRECTORY.size:
        return None
    raw = image.read(headers.base + rva, TLS_DIRECTORY.size)
    if len(raw) < TLS_DIRECTORY.size:
        raise ImageError("malformed PE: its TLS directory is outside every section")
    start, end, index, callbacks, zero, flags = TLS_DIRECTORY.unpack(raw)
    length = end - start
    if not 0 <= length <= TLS_LIMIT or zero > TLS_LIMIT:
        raise ImageError("malformed PE: absurd TLS template size")
    data = image.read(start, length) if length else b""
    if len(data) != length:
        raise ImageError("malformed PE: its TLS template is outside every section")
    align = 1 << max((flags >> 20 & 0xF) - 1, 0)  # IMAGE_SCN_ALIGN_*: n means 2**(n-1), 0 default
    return Tls(start, length + zero, align, data, index, _callbacks(image, callbacks))


def _callbacks(image: Image, address: int) -> tuple[int, ...]:
    found: list[int] = []
    while address and len(found) < CALLBACK_LIMIT:
        value = int.from_bytes(image.read(address, 8), "little")
        if not value:
            break
        found.append(value)
        address += 8
    return tuple(found)


def _functions(
    image: Image, headers: PeHeaders, tables: tuple[tuple[Symbol, ...], ...], tls: Tls | None
) -> tuple[FunctionRange, ...]:
    base = headers.base
    text = next((base + s.rva for s in headers.sections if s.name == ".text"), 0)
    rva, size = headers.directory(EXCEPTION)
    raw = image.read(base + rva, size) if rva else b""
    if headers.arch is Arch.X86_64:
        ranges: Iterable[tuple[int, int]] = x64_ranges(raw)
    else:
        ranges = arm64_ranges(raw, lambda at: int.from_bytes(image.read(base + at, 4), "little"))
    symbols, exports = tables
    sources: list[tuple[str, Iterable[tuple[int, int]]]] = [
        ("pdata", ((base + a, base + b) for a, b in ranges)),
        ("pclntab", go_functions(image.segments, text)),
        ("symbol", ((s.address, 0) for s in symbols if s.code)),
        ("export", ((s.address, 0) for s in exports if s.code)),
        ("entry", ((image.entry, 0),) if image.entry else ()),
        ("init_array", ((a, 0) for a in (tls.callbacks if tls else ()))),
    ]
    return merge(image.segments, sources)
