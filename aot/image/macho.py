"""Mach-O files: thin and universal executables; headers judged by macho_headers, tables read with LIEF."""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from aot.errors import ImageError, NotProgram
from aot.image.functions import merge
from aot.image.macho_headers import (
    INIT_OFFSETS,
    INIT_POINTERS,
    TLV_REGULAR,
    TLV_VARIABLES,
    TLV_ZEROFILL,
    USER_TOP,
    MachHeaders,
    load_segments,
    read_headers,
)
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
from aot.image.pclntab import go_functions
from aot.image.source import read_source
from aot.record import replace

THIN = {  # magic as stored -> (bits, byte order)
    b"\xcf\xfa\xed\xfe": (64, "<"), b"\xfe\xed\xfa\xcf": (64, ">"),
    b"\xce\xfa\xed\xfe": (32, "<"), b"\xfe\xed\xfa\xce": (32, ">"),
}  # fmt: skip
# Magic -> one entry of the table (cputype, cpusubtype, offset, size, ...).
FAT = {b"\xca\xfe\xba\xbe": struct.Struct(">IIIII"), b"\xca\xfe\xba\xbf": struct.Struct(">IIQQII")}
FAT_LIMIT = 32  # architectures; a Java class file of the same magic has its version (>= 45) here

# From: mach/machine.h and mach-o/loader.h.
CPUS: dict[int, str] = {
    7: "i386", 0x01000007: "x86_64", 12: "arm", 0x0100000C: "arm64", 0x0200000C: "arm64_32",
    18: "powerpc", 0x01000012: "powerpc64",
}  # fmt: skip
ARM64, ARM64E_SUBTYPE = 0x0100000C, 2
SUPPORTED = {"x86_64": Arch.X86_64, "arm64": Arch.AARCH64}
EXECUTABLE = 2
FILE_TYPES: dict[int, str] = {
    1: "object file (.o)", 2: "executable", 3: "fixed VM library", 4: "core file",
    5: "preloaded executable", 6: "dynamic library (.dylib)", 7: "dynamic linker",
    8: "bundle", 9: "dynamic library stub", 10: "debug symbols (dSYM)", 11: "kernel extension",
    12: "file set (kernel collection)",
}  # fmt: skip
N_STAB, N_TYPE, N_SECT = 0xE0, 0xE, 0xE
TEMPLATE_LIMIT = 1 << 30


def matches(raw: bytes) -> bool:
    """True for thin and universal Mach-O files, not for Java classes, which share a magic."""
    if raw[:4] in THIN:
        return True
    return raw[:4] in FAT and 0 < int.from_bytes(raw[4:8], "big") <= FAT_LIMIT


def describe(raw: bytes) -> str:
    """What a Mach-O file is: kind and architectures."""
    if raw[:4] in FAT:
        names = ", ".join(name for name, _, _ in _slices(raw))
        return f"a universal Mach-O ({names})"
    bits, order = THIN[raw[:4]]
    if len(raw) < 28:  # mach_header
        raise ImageError("truncated Mach-O: shorter than a Mach-O header")
    cpu, subtype, kind = struct.unpack_from(order + "III", raw, 4)
    what = FILE_TYPES.get(kind, f"file of type {kind}")
    wide = "" if bits == 64 else "32-bit "
    big = "big-endian " if order == ">" and bits == 64 else ""
    return f"a {big}{wide}Mach-O {what} for {_cpu(cpu, subtype)}"


def _cpu(cpu: int, subtype: int) -> str:
    if cpu == ARM64 and subtype & 0xFFFFFF == ARM64E_SUBTYPE:
        return "arm64e"
    return CPUS.get(cpu, f"cpu {cpu:#x}")


def _slices(raw: bytes) -> list[tuple[str, int, int]]:
    """(architecture, offset, size) of each slice of a universal file."""
    row, out = FAT[raw[:4]], []
    for index in range(int.from_bytes(raw[4:8], "big")):
        at = 8 + row.size * index
        if at + row.size > len(raw):
            raise ImageError("truncated Mach-O: shorter than its table of architectures")
        cpu, subtype, offset, size = row.unpack_from(raw, at)[:4]
        out.append((_cpu(cpu, subtype), offset, size))
    return out


def _thin(raw: bytes, arch: Arch | None) -> bytes:
    """The slice of a universal file for `arch`, or the only one that is supported."""
    what, found = describe(raw), []
    for name, offset, size in _slices(raw):
        if SUPPORTED.get(name) in (*((arch,) if arch else SUPPORTED.values()),):
            found.append((name, offset, size))
    if not found:
        wanted = arch.value if arch else "x86_64 or arm64"
        raise ImageError(f"{what} without a slice for {wanted}")
    if len({name for name, _, _ in found}) > 1:
        raise ImageError(f"{what}; choose a slice with --arch x86_64 or --arch aarch64")
    name, offset, size = found[0]
    if offset + size > len(raw):
        raise ImageError(f"truncated Mach-O: its {name} slice is past the end of the file")
    part = raw[offset : offset + size]
    if part[:4] not in THIN:
        raise ImageError(f"malformed Mach-O: its {name} slice is no Mach-O file")
    return part


def read(source: bytes | Path | str, *, analysis: bool = False, arch: Arch | None = None) -> Image:
    """The image of a Mach-O executable; `arch` chooses a slice of a universal file."""
    del analysis  # libraries of this format are not analysed
    whole = source if isinstance(source, bytes) else read_source(Path(source))
    raw = _thin(whole, arch) if whole[:4] in FAT else whole
    what = describe(raw)
    supported = [name for name in SUPPORTED if what == f"a Mach-O executable for {name}"]
    if not supported:
        error = ImageError if "executable" in what else NotProgram
        raise error(f"{what}, which is not supported")
    if arch is not None and SUPPORTED[supported[0]] is not arch:
        raise ImageError(f"{what}; it has no slice for {arch.value}")
    headers = read_headers(raw)
    segments = load_segments(raw, headers)
    _check_entry(headers, segments)
    image = Image(
        format=Format.MACHO,
        arch=headers.arch,
        entry=headers.entry,
        segments=segments,
        pie=False,
        sha256=hashlib.sha256(whole).hexdigest(),
        image_base=headers.base,
        page_zero=headers.page_zero,
        main=headers.main,
        section_names=tuple(s.name for s in headers.sections),
    )
    try:
        return _with_tables(image, headers, _parse(raw))
    except UnicodeDecodeError:  # LIEF answers some names as str only
        raise ImageError("malformed Mach-O: a name in its tables is not text") from None


def _check_entry(headers: MachHeaders, segments: tuple[Segment, ...]) -> None:
    home = next((s for s in segments if s.address <= headers.entry < s.end), None)
    if home is None:
        raise ImageError(f"malformed Mach-O: entry {headers.entry:#x} is outside every segment")
    if not home.prot & Prot.X:
        raise ImageError(f"malformed Mach-O: entry {headers.entry:#x} is not in executable memory")


def _parse(raw: bytes) -> Any:
    """LIEF's view; untyped, hence private to this file. Loading LIEF takes longer than translating most programs."""
    import lief

    lief.logging.disable()
    found = lief.MachO.parse(raw, lief.MachO.ParserConfig.deep)
    binary = found.at(0) if found is not None and found.size else None
    if binary is None:
        raise ImageError("malformed Mach-O: its tables cannot be read")
    return binary


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def _with_tables(image: Image, headers: MachHeaders, binary: Any) -> Image:
    symbols = tuple(_symbols(binary, image.segments))
    own = {s.name: s.address for s in symbols}
    imports, words = _bindings(binary, own)
    if binary.has_dyld_chained_fixups:
        words = {**_rebases(binary), **words}
    image = replace(image, segments=_fixed(image.segments, words))
    imports = tuple(i for i in imports if _writable(image, i.slot))
    initialisers = tuple(_initialisers(image, headers))
    exported = _exported(binary)
    return replace(
        image,
        needed=tuple(_text(library.name) for library in binary.libraries),
        symbols=symbols,
        imports=imports,
        exports=tuple(s for s in symbols if s.name in exported),
        functions=_functions(image, headers, binary, symbols, initialisers),
        data_in_code=(*_data_in_code(image, binary), *_data_sections(headers)),
        initialisers=initialisers,
        tls=_tls(image, headers),
    )


def _symbols(binary: Any, segments: tuple[Segment, ...]) -> Iterator[Symbol]:
    code = [(s.address, s.end) for s in segments if s.prot & Prot.X]
    seen: set[tuple[str, int]] = set()
    for symbol in binary.symbols:
        kind, name, address = int(symbol.raw_type), _text(symbol.name), int(symbol.value)
        if kind & N_STAB or kind & N_TYPE != N_SECT or not name or (name, address) in seen:
            continue
        seen.add((name, address))
        yield Symbol(name, address, 0, any(lo <= address < hi for lo, hi in code))


def _exported(binary: Any) -> frozenset[str]:
    return frozenset(_text(s.name) for s in binary.exported_symbols)


def _bindings(binary: Any, own: dict[str, int]) -> tuple[tuple[Import, ...], dict[int, int]]:
    """(slots filled by name, words for names the image defines itself)."""
    found: dict[int, Import] = {}
    words: dict[int, int] = {}
    for binding in binary.bindings:
        slot, name = int(binding.address), _text(binding.symbol.name) if binding.has_symbol else ""
        if not name or not 0 < slot < USER_TOP:
            continue
        if not binding.has_library and name in own:
            words[slot] = own[name] + int(binding.addend) & 0xFFFF_FFFF_FFFF_FFFF
            found.pop(slot, None)
        elif slot not in found and slot not in words:
            library = _text(binding.library.name) if binding.has_library else ""
            weak = bool(getattr(binding, "weak_import", False))
            found[slot] = Import(library, name, slot, ImportKind.BIND, addend=int(binding.addend), weak=weak)
    return tuple(found.values()), words


def _rebases(binary: Any) -> dict[int, int]:
    """Pointers that chained fixups hold in packed form: slot -> address."""
    return {
        int(r.address): int(r.target) for r in binary.relocations if type(r).__name__ == "RelocationFixup"
    }


def _fixed(segments: tuple[Segment, ...], words: dict[int, int]) -> tuple[Segment, ...]:
    """The segments with 8-byte words written into them."""
    out = []
    for segment in segments:
        mine = {a: v for a, v in words.items() if segment.address <= a <= segment.end - 8}
        if mine:
            data = bytearray(segment.data)
            for address, value in mine.items():
                at = address - segment.address
                data.extend(bytes(max(0, at + 8 - len(data))))
                struct.pack_into("<Q", data, at, value)
            segment = replace(segment, data=bytes(data))  # noqa: PLW2901
        out.append(segment)
    return tuple(out)


def _writable(image: Image, slot: int) -> bool:
    """Whether dyld could fill `slot`; LIEF lists the stubs of older linkers, which are code, as if they were slots."""
    home = image.segment_at(slot)
    return home is not None and slot + 8 <= home.end and bool(home.prot & Prot.W)


def _initialisers(image: Image, headers: MachHeaders) -> Iterator[int]:
    """Functions that run before the entry, in order."""
    for section in headers.sections:
        width = {INIT_POINTERS: 8, INIT_OFFSETS: 4}.get(section.type, 0)
        for at in range(section.address, section.address + section.size - width + 1, width or 1):
            if not width:
                break
            value = int.from_bytes(image.read(at, width), "little")
            value += headers.base if section.type == INIT_OFFSETS else 0
            home = image.segment_at(value)
            if home is None or not home.prot & Prot.X:
                raise ImageError(f"malformed Mach-O: initialiser {value:#x} is not in executable memory")
            yield value


def _tls(image: Image, headers: MachHeaders) -> Tls | None:
    """Thread-local variables: the template, and where their descriptors are."""
    parts = [s for s in headers.sections if s.type in (TLV_REGULAR, TLV_ZEROFILL)]
    described = [s for s in headers.sections if s.type == TLV_VARIABLES and s.size]
    if not described:
        return None
    start = min((s.address for s in parts), default=0)
    end = max((s.address + s.size for s in parts), default=0)
    filled = max((s.address + s.size for s in parts if s.type == TLV_REGULAR), default=start)
    if end - start > TEMPLATE_LIMIT:
        raise ImageError("malformed Mach-O: absurd size of its thread-local variables")
    data = image.read(start, filled - start)
    align = max((s.align for s in parts), default=1)
    first, last = described[0], described[-1]
    return Tls(start, end - start, align, data, descriptors=(first.address, last.address + last.size))


def _functions(
    image: Image,
    headers: MachHeaders,
    binary: Any,
    symbols: tuple[Symbol, ...],
    initialisers: tuple[int, ...],
) -> Any:
    starts = binary.function_starts.functions if binary.has_function_starts else ()
    text = image.image_base
    code = next((s.address for s in image.segments if s.prot & Prot.X), text)
    sources: list[tuple[str, Iterable[tuple[int, int]]]] = [
        ("function_starts", _ranges(headers, sorted(text + int(at) for at in starts))),
        ("pclntab", go_functions(image.segments, code)),
        ("symbol", ((s.address, 0) for s in symbols if s.code)),
        ("entry", ((image.entry, 0),)),
        ("init_array", ((at, 0) for at in initialisers)),
    ]
    return merge(image.segments, sources)


def _ranges(headers: MachHeaders, starts: list[int]) -> Iterator[tuple[int, int]]:
    """(start, end) of functions: the linker lists every one, so each lasts until the next, or its section's end."""
    sections = sorted((s.address, s.address + s.size) for s in headers.sections if s.code)
    for start, following in pairwise((*starts, USER_TOP)):
        at = bisect_right(sections, (start, USER_TOP)) - 1
        inside = at >= 0 and start < sections[at][1]
        yield start, min(following, sections[at][1]) if inside else 0


def _data_sections(headers: MachHeaders) -> Iterator[tuple[int, int]]:
    """Constants, strings and unwind tables that share a segment with code."""
    for segment in headers.segments:
        if any(section.code for section in segment.sections):
            yield from ((s.address, s.address + s.size) for s in segment.sections if not s.code and s.size)


def _data_in_code(image: Image, binary: Any) -> Iterator[tuple[int, int]]:
    if not binary.has_data_in_code:
        return
    for entry in binary.data_in_code.entries:
        start = image.image_base + int(entry.offset)
        yield start, start + int(entry.length)
