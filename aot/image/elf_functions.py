"""Function starts of an ELF file: symbols, .eh_frame, Go's pclntab, initialiser arrays, the entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aot.image.eh_frame import frame_of_header, frame_ranges
from aot.image.elf_headers import PT_GNU_EH_FRAME, ElfHeaders
from aot.image.elf_tables import RELATIVE, ElfTables
from aot.image.functions import merge
from aot.image.model import Arch, FunctionRange, Segment, Symbol
from aot.image.pclntab import go_functions

DT_INIT, DT_FINI = 12, 13
DT_ARRAYS = ((25, 27), (26, 28), (32, 33))  # DT_{INIT,FINI,PREINIT}_ARRAY and its size
ARRAYS = (".init_array", ".fini_array", ".preinit_array")


def functions(
    tables: ElfTables, headers: ElfHeaders, segments: tuple[Segment, ...], symbols: tuple[Symbol, ...]
) -> tuple[FunctionRange, ...]:
    """Every function start the file declares."""
    code = tables.section(".text")
    named = ((s.address, s.address + s.size if s.size else 0) for s in symbols if s.code)
    sources: list[tuple[str, Iterable[tuple[int, int]]]] = [
        ("symbol", named),
        ("eh_frame", _frames(tables, headers)),
        ("pclntab", go_functions(segments, code.address if code else 0)),
        ("init_array", ((a, 0) for a in _initialisers(tables, headers.arch))),
    ]
    if headers.entry:
        sources.append(("entry", ((headers.entry, 0),)))
    return merge(segments, sources)


def _frames(tables: ElfTables, headers: ElfHeaders) -> Iterable[tuple[int, int]]:
    section = tables.section(".eh_frame")
    if section is not None:
        return frame_ranges(tables.loaded(section.address, section.size), section.address)
    phdr = headers.first(PT_GNU_EH_FRAME)
    address = frame_of_header(tables.loaded(phdr.address), phdr.address) if phdr else 0
    return frame_ranges(tables.loaded(address), address)


def _initialisers(tables: ElfTables, arch: Arch) -> Iterator[int]:
    """Addresses in DT_INIT, DT_FINI and the init, fini and preinit arrays."""
    tags, relative = tables.tags, RELATIVE[arch]
    yield from (tags[tag] for tag in (DT_INIT, DT_FINI) if tags.get(tag))
    ranges = [(tags[a], tags.get(s, 0)) for a, s in DT_ARRAYS if a in tags]
    ranges += [(s.address, s.size) for s in tables.sections if s.name in ARRAYS]
    pointers = {
        place: addend
        for place, kind, _, addend in (tables.relocations if ranges else ())
        if kind == relative and any(low <= place < low + size for low, size in ranges)
    }
    for address, size in dict.fromkeys(ranges):
        body = tables.loaded(address, size)
        for at in range(0, len(body) - 7, 8):
            value = pointers.get(address + at) or int.from_bytes(body[at : at + 8], "little")
            if value:
                yield value
