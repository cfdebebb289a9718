"""Function starts of an ELF file: symbols, .eh_frame, Go's pclntab, initialiser arrays, the entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import lief

from aot.image.eh_frame import frame_of_header, frame_ranges
from aot.image.elf_headers import PT_GNU_EH_FRAME, ElfHeaders
from aot.image.functions import merge
from aot.image.model import Arch, FunctionRange, Segment, Symbol
from aot.image.pclntab import go_functions

DT_INIT, DT_FINI = 12, 13
DT_ARRAYS = ((25, 27), (26, 28), (32, 33))  # DT_{INIT,FINI,PREINIT}_ARRAY and its size
RELATIVE = {Arch.X86_64: 8, Arch.AARCH64: 1027}
ELF64 = lief.ELF.Header.CLASS.ELF64


def raw_type(relocation: Any) -> int:
    """R_* of a LIEF relocation; raw, because LIEF's enums warn on stderr about unknown values."""
    return int(relocation.r_info(ELF64)) & 0xFFFFFFFF


def functions(
    binary: Any,
    headers: ElfHeaders,
    tags: dict[int, int],
    segments: tuple[Segment, ...],
    symbols: tuple[Symbol, ...],
) -> tuple[FunctionRange, ...]:
    """Every function start the file declares, by LIEF's `binary` and our own reading of its segments."""
    text = next((int(s.virtual_address) for s in binary.sections if s.name == ".text"), 0)
    named = ((s.address, s.address + s.size if s.size else 0) for s in symbols if s.code)
    sources: list[tuple[str, Iterable[tuple[int, int]]]] = [
        ("symbol", named),
        ("eh_frame", _frames(binary, headers, segments)),
        ("pclntab", go_functions(segments, text)),
        ("init_array", ((a, 0) for a in _initialisers(binary, headers.arch, tags, segments))),
    ]
    if headers.entry:
        sources.append(("entry", ((headers.entry, 0),)))
    return merge(segments, sources)


def _loaded(segments: tuple[Segment, ...], address: int, size: int | None = None) -> bytes:
    """File-backed bytes from `address`, to the end of its segment unless `size` says less."""
    for segment in segments:
        if segment.address <= address < segment.end:
            at = address - segment.address
            return segment.data[at : None if size is None else at + size]
    return b""


def _frames(binary: Any, headers: ElfHeaders, segments: tuple[Segment, ...]) -> Iterable[tuple[int, int]]:
    section = next((s for s in binary.sections if s.name == ".eh_frame"), None)
    if section is not None:
        address, size = int(section.virtual_address), int(section.size)
        return frame_ranges(_loaded(segments, address, size), address)
    phdr = headers.first(PT_GNU_EH_FRAME)
    address = frame_of_header(_loaded(segments, phdr.address), phdr.address) if phdr else 0
    return frame_ranges(_loaded(segments, address), address)


def _initialisers(
    binary: Any, arch: Arch, tags: dict[int, int], segments: tuple[Segment, ...]
) -> Iterator[int]:
    """Addresses in DT_INIT, DT_FINI and the init, fini and preinit arrays."""
    yield from (tags[tag] for tag in (DT_INIT, DT_FINI) if tags.get(tag))
    ranges = [(tags[a], tags.get(s, 0)) for a, s in DT_ARRAYS if a in tags]
    names = (".init_array", ".fini_array", ".preinit_array")
    ranges += [(int(s.virtual_address), int(s.size)) for s in binary.sections if s.name in names]
    relative = RELATIVE[arch]
    pointers = {int(r.address): int(r.addend) for r in binary.dynamic_relocations if raw_type(r) == relative}
    for address, size in dict.fromkeys(ranges):
        body = _loaded(segments, address, size)
        for at in range(0, len(body) - 7, 8):
            value = pointers.get(address + at) or int.from_bytes(body[at : at + 8], "little")
            if value:
                yield value
