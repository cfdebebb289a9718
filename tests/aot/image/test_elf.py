"""ELF images against pyelftools and against small files of our own."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from aot.errors import ImageError
from aot.image.eh_frame import frame_ranges
from aot.image.elf_tables import Names, relative_places
from aot.image.formats import load_image, read_image
from aot.image.model import Arch, Format, Image, ImportKind, Note, Prot
from aot.image.pclntab import TEXT_IN_MODULEDATA, go_functions
from tests.bad.build import BASE, elf

SYSTEM = [Path("/usr/bin/ls"), Path("/usr/bin/env"), Path("/usr/bin/python3"), Path("/usr/bin/bash")]


@pytest.fixture(params=SYSTEM, ids=lambda p: p.name)
def pair(request: pytest.FixtureRequest) -> tuple[Image, Path]:
    path: Path = request.param
    if not path.exists() or path.read_bytes()[:4] != b"\x7fELF":
        pytest.skip(f"{path} is no ELF of this machine")
    return load_image(path), path


def test_segments_are_what_the_file_loads(pair: tuple[Image, Path]) -> None:
    image, path = pair
    with path.open("rb") as file:
        loads = list(ELFFile(file).iter_segments("PT_LOAD"))
        expected = [(s["p_vaddr"], s["p_memsz"], s.data(), s["p_flags"]) for s in loads]
    assert [(s.address, s.size, s.data, int(s.prot)) for s in image.segments] == expected


def test_header_facts(pair: tuple[Image, Path]) -> None:
    image, path = pair
    with path.open("rb") as file:
        oracle = ELFFile(file)
        assert image.entry == oracle["e_entry"]
        assert image.pie == (oracle["e_type"] == "ET_DYN")
        assert image.phdr[1:] == (oracle["e_phentsize"], oracle["e_phnum"])
        interpreter = next(oracle.iter_segments("PT_INTERP"), None)
        assert image.interpreter == (interpreter.get_interp_name() if interpreter else "")
        dynamic = oracle.get_section_by_name(".dynamic")
        assert list(image.needed) == [t.needed for t in dynamic.iter_tags("DT_NEEDED")]
        assert list(image.section_names) == [s.name for s in oracle.iter_sections() if s.name]


def test_imports_are_the_named_slots(pair: tuple[Image, Path]) -> None:
    image, path = pair
    names = {7: "PLT", 6: "GOT", 1: "BIND", 5: "BIND", 1026: "PLT", 1025: "GOT", 257: "BIND", 1024: "BIND"}
    expected = set()
    with path.open("rb") as file:
        oracle = ELFFile(file)
        for section in oracle.iter_sections():
            if not isinstance(section, RelocationSection):
                continue
            symbols = oracle.get_section(section["sh_link"])
            for relocation in section.iter_relocations():
                kind = names.get(relocation["r_info_type"])
                symbol = symbols.get_symbol(relocation["r_info_sym"]) if kind else None
                copied = relocation["r_info_type"] in (5, 1024)
                if symbol is not None and symbol.name and (symbol["st_shndx"] == "SHN_UNDEF" or copied):
                    expected.add((symbol.name, relocation["r_offset"], kind))
    assert {(i.name, i.slot, i.kind.name) for i in image.imports} == expected


def test_versions_tell_the_library(pair: tuple[Image, Path]) -> None:
    image, _ = pair
    main = [i for i in image.imports if i.name == "__libc_start_main"]
    assert [i.library for i in main] == ["libc.so.6"] or not main
    assert all(not i.data for i in image.imports if i.kind is ImportKind.PLT)


def test_frames_are_pyelftools_frames(pair: tuple[Image, Path]) -> None:
    image, path = pair
    if path.stat().st_size > 1 << 20:
        pytest.skip("pyelftools needs long for a large .eh_frame; ls and env are compared")
    with path.open("rb") as file:
        oracle = ELFFile(file)
        section = oracle.get_section_by_name(".eh_frame")
        entries = oracle.get_dwarf_info().EH_CFI_entries()
        fdes = [e for e in entries if isinstance(e, FDE)]
        expected = [(e["initial_location"], e["initial_location"] + e["address_range"]) for e in fdes]
        found = list(frame_ranges(section.data(), section["sh_addr"]))
    assert found == expected
    starts = {f.start for f in image.functions}
    assert {start for start, _ in expected} <= starts


def without_sections(raw: bytes) -> bytes:
    """The file as a loader sees it: no section headers."""
    out = bytearray(raw)
    out[40:48], out[58:64] = bytes(8), bytes(6)  # e_shoff; e_shentsize, e_shnum, e_shstrndx
    return bytes(out)


def test_symbols_are_pyelftools_symbols(pair: tuple[Image, Path]) -> None:
    image, path = pair
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".dynsym")
        assert isinstance(table, SymbolTableSection)
        expected = {
            (s.name, s["st_value"], s["st_size"], s["st_info"]["type"] in ("STT_FUNC", "STT_LOOS"))
            for s in table.iter_symbols()
            if s.name and isinstance(s["st_shndx"], int) and s["st_info"]["type"] != "STT_TLS"
        }
    assert {(s.name, s.address, s.size, s.code) for s in image.exports} == expected


def test_hash_tables_tell_how_many_symbols_there_are(pair: tuple[Image, Path]) -> None:
    image, path = pair
    bare = read_image(without_sections(path.read_bytes()))
    assert (bare.exports, bare.imports, bare.relocations) == (image.exports, image.imports, image.relocations)
    assert bare.section_names == ()


def test_packed_relocations() -> None:
    body = struct.pack("<4Q", 0x1000, 0b1011, 0x3000, 1 << 63 | 1)
    assert list(relative_places(body)) == [0x1000, 0x1008, 0x1018, 0x3000, 0x3008 + 8 * 62]


def test_names_that_overlap_without_end_are_refused() -> None:
    names = Names(b"a" * 4096 + b"\0")
    with pytest.raises(ImageError, match="overlap"):
        for offset in range(4096):
            names[offset]
    assert Names(b"\0main\0")[1] == "main"
    assert Names(b"\0main\0")[99] == ""


def test_functions_lie_in_code_once_each(pair: tuple[Image, Path]) -> None:
    image, _ = pair
    starts = [f.start for f in image.functions]
    assert starts == sorted(set(starts))
    assert image.entry in starts
    for function in image.functions:
        home = image.segment_at(function.start)
        assert home is not None and home.prot & Prot.X
        assert function.end == 0 or function.start < function.end <= home.end


def test_libc_is_read_for_analysis() -> None:
    path = next(Path("/").glob("lib/*-linux-gnu/libc.so.6"), None)
    if path is None:
        pytest.skip("no glibc on this machine")
    image = load_image(path, analysis=True)
    exports = {s.name: s for s in image.exports}
    assert exports["write"].code
    assert not exports["environ"].code
    assert image.tls is not None and image.tls.size > len(image.tls.data)


def test_smallest_program() -> None:
    image = read_image(elf(notes=[("GNU", 1, bytes(16)), ("FreeBSD", 1, b"\x01\0\0\0")]))
    assert (image.format, image.arch, image.pie) == (Format.ELF, Arch.X86_64, False)
    assert image.notes == (Note("GNU", 1, bytes(16)), Note("FreeBSD", 1, b"\x01\0\0\0"))
    assert image.phdr == (BASE + 64, 56, 2)
    assert [(f.start, f.source) for f in image.functions] == [(image.entry, "entry")]


def test_program_headers_are_where_a_segment_loads_them() -> None:
    """PT_PHDR may say anything: the kernel looks where the file's offset of the table is mapped."""
    rows = [(6, 4, 64, 0x48000000000040, 112, 112, 8), (1, 5, 0, BASE, 192, 192, 4096)]
    assert read_image(elf(phdrs=rows)).phdr == (BASE + 64, 56, 2)


def test_zero_fill_is_size_beyond_data() -> None:
    rows = [(1, 5, 0, BASE, 192, 192, 4096), (1, 6, 0, BASE + 0x1000, 16, 0x5000, 4096)]
    image = read_image(elf(phdrs=rows))
    assert (image.segments[1].size, len(image.segments[1].data)) == (0x5000, 16)
    assert image.read(BASE + 0x1008, 16) == image.segments[0].data[8:16] + bytes(8)
    assert image.end == BASE + 0x6000


def pclntab(magic: int, starts: list[int], base: int, text_in_header: int) -> bytes:
    """A pclntab of functions without names."""
    header = struct.pack("<IHBBQQ", magic, 0, 1, 8, len(starts) - 1, 0)
    wide = magic == 0xFFFFFFFA
    header += b"" if wide else struct.pack("<Q", text_in_header)
    table = len(header) + 40
    header += struct.pack("<5Q", table, table, table, table, table)
    words = [w for s in starts for w in (s if wide else s - base, 0)][:-1]
    return header + struct.pack(f"<{len(words)}{'Q' if wide else 'I'}", *words)


@pytest.mark.parametrize("magic", [0xFFFFFFFA, 0xFFFFFFF0, 0xFFFFFFF1])
@pytest.mark.parametrize("where", ["header", "moduledata", "section"])
def test_pclntab(magic: int, where: str) -> None:
    code = BASE + 64
    starts = [code, code + 5, code + 9, code + 16]
    table = pclntab(magic, starts, code, code if where == "header" else 0)
    data = bytes(8) + table
    data += bytes(-len(data) % 8)
    address = BASE + 0x2000
    if where == "moduledata":
        names = 8 + 16 + (0 if magic == 0xFFFFFFFA else 8) + 40  # the header: magic, counts, text, offsets
        module = struct.pack("<QQ", address + 8, address + 8 + names)
        data += module.ljust(TEXT_IN_MODULEDATA, b"\0") + struct.pack("<Q", code)
    segments = read_image(elf(phdrs=[(1, 5, 0, BASE, 136, 136, 4096)])).segments
    segments = (*segments, type(segments[0])(address, len(data), data, Prot.R))
    text = code if where == "section" else 0
    assert go_functions(segments, text) == tuple(itertools.pairwise(starts))
