"""The object that is put into every address space is one that others can read."""

from __future__ import annotations

import io

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

from aot.personality.linux.vdso import SHAPES, hash_of, image

TEXT = {"x86_64": bytes.fromhex("b8e40000000f05c3"), "aarch64": bytes.fromhex("280e80d2010000d4c0035fd6")}


@pytest.mark.parametrize("arch", SHAPES)
def test_functions_are_found_by_name(arch: str) -> None:
    raw, shape = image(arch), SHAPES[arch]
    assert len(raw) <= 4096
    elf = ELFFile(io.BytesIO(raw))
    assert elf.get_machine_arch() == {"x86_64": "x64", "aarch64": "AArch64"}[arch]
    (dynamic,) = (s for s in elf.iter_segments() if isinstance(s, DynamicSegment))
    tags = {tag.entry.d_tag: tag for tag in dynamic.iter_tags()}
    assert tags["DT_SONAME"].soname == "linux-vdso.so.1"
    symbols = {symbol.name: symbol for symbol in dynamic.iter_symbols() if symbol.name}
    assert len(symbols) == len(shape.calls) * (2 if shape.aliases else 1)
    at = symbols[shape.prefix + "clock_gettime"]["st_value"]
    assert raw[at : at + len(TEXT[arch])] == TEXT[arch]


def words(raw: bytes, at: int, count: int, size: int = 4) -> list[int]:
    return [int.from_bytes(raw[at + size * i : at + size * (i + 1)], "little") for i in range(count)]


@pytest.mark.parametrize("arch", SHAPES)
def test_the_way_a_c_library_looks(arch: str) -> None:
    """Hash table, symbol, and the definition of its version by name."""
    raw, shape = image(arch), SHAPES[arch]
    offset = words(raw, 64 + 56 + 16, 1, 8)[0]
    found = words(raw, offset, 20, 8)
    tags = dict(zip(found[::2], found[1::2], strict=True))
    strings, symtab, table = tags[5], tags[6], tags[4]
    buckets, _chains = words(raw, table, 2)
    for name, _number in shape.calls:
        wanted = (shape.prefix + name).encode()
        index = words(raw, table + 8 + 4 * (hash_of(wanted) % buckets), 1)[0]
        while index:
            start = strings + words(raw, symtab + 24 * index, 1)[0]
            if raw[start : raw.index(b"\0", start)] == wanted:
                break
            index = words(raw, table + 8 + 4 * (buckets + index), 1)[0]
        assert index, wanted
        assert words(raw, tags[0x6FFF_FFF0] + 2 * index, 1, 2) == [2]
    definition = tags[0x6FFF_FFFC] + words(raw, tags[0x6FFF_FFFC] + 16, 1)[0]
    number, _count, hashed, aux = (*words(raw, definition + 4, 2, 2), *words(raw, definition + 8, 2))
    assert (number, hashed) == (2, hash_of(shape.version.encode()))
    start = strings + words(raw, definition + aux, 1)[0]
    assert raw[start : raw.index(b"\0", start)].decode() == shape.version
