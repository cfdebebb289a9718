"""Addresses of an ELF file's own that a linker writes into its data when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from aot.errors import ImageError
from aot.image.elf_headers import load_segments, read_dynamic, read_headers
from aot.image.elf_tables import RELATIVE, ElfTables
from aot.image.model import Arch

# From: the psABI of each architecture. An indirect function's address is what the function at the addend answers.
IRELATIVE = {Arch.X86_64: 37, Arch.AARCH64: 1032}
ABSOLUTE = {Arch.X86_64: (1, 6, 7), Arch.AARCH64: (257, 1025, 1026)}  # 64, GLOB_DAT, JUMP_SLOT


def pointers(raw: bytes) -> tuple[tuple[int, int], ...]:
    """(slot, address in the image) of every relocation with such an effect; none for what is no ELF file."""
    try:
        headers = read_headers(raw)
        tables = ElfTables(raw, headers, read_dynamic(raw, headers), load_segments(raw, headers))
    except ImageError:
        return ()
    return tuple(_pointers(tables, headers.arch))


def _pointers(tables: ElfTables, arch: Arch) -> Iterator[tuple[int, int]]:
    own, named, symbols = (RELATIVE[arch], IRELATIVE[arch]), ABSOLUTE[arch], tables.dynamic_symbols
    for slot, number, index, addend in tables.relocations:
        if number in own:
            yield slot, addend
        elif number in named and 0 < index < len(symbols) and symbols[index].section:
            yield slot, symbols[index].value + addend
