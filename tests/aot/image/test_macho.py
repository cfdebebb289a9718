"""Mach-O images: segments, entry, imports, initialisers, thread-local variables, chained fixups, slices."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aot.errors import ImageError
from aot.image.formats import read_image
from aot.image.model import Arch, Format, Image, ImportKind, Prot
from corpus.build import build
from tests.bad.build import LC_MAIN, MACH_BASE, MACH_TEXT, PAGE_ZERO, mach_program, segment

ARM64 = 0x0100000C
CHAINED = 0x80000034


@pytest.fixture(params=["x86_64", "aarch64"])
def arch(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def built(name: str, arch: str) -> Image:
    return read_image(build(name, f"darwin-{arch}").read_bytes())


def test_program(arch: str) -> None:
    image = built("args_import_darwin", arch)
    assert image.format is Format.MACHO and image.arch is Arch(arch) and not image.pie
    assert image.page_zero == image.image_base == MACH_BASE
    assert image.main
    text = image.segment_at(image.entry)
    assert text is not None and text.name == "__TEXT" and text.prot == Prot.R | Prot.X
    assert image.read(image.image_base, 4) == b"\xcf\xfa\xed\xfe"  # the header is mapped
    page = 0x4000 if arch == "aarch64" else 0x1000
    assert all(s.address % page == 0 and s.size % page == 0 for s in image.segments)
    assert {s.name for s in image.segments} >= {"__TEXT", "__DATA", "__LINKEDIT"}
    assert image.needed == ("/usr/lib/libSystem.B.dylib",)
    assert "_main" in {s.name for s in image.symbols if s.code}
    assert image.entry in {f.start for f in image.functions}


def test_listed_functions_have_ends_and_constants_are_no_code() -> None:
    """The linker lists every function, so one ends where the next begins; strings share the segment with code."""
    sections = (("__text", MACH_BASE + 0x800, 0x80, 0x80000400), ("__cstring", MACH_BASE + 0x880, 0x40, 2))
    text = segment("__TEXT", MACH_BASE, 0x1000, (0, 0x1000), 5, sections)
    table = segment("__LINKEDIT", MACH_BASE + 0x1000, 0x1000, (0x1000, 8), 1)
    listed = struct.pack("<IIII", 0x26, 16, 0x1000, 8)  # LC_FUNCTION_STARTS: deltas as ULEB128
    raw = mach_program(PAGE_ZERO, text, table, LC_MAIN, listed, size=0x1000) + b"\x80\x10\x30\0\0\0\0\0"
    image = read_image(raw)
    ranges = [(f.start, f.end) for f in image.functions if f.source == "function_starts"]
    middle, end = MACH_BASE + 0x830, MACH_BASE + 0x880
    assert ranges == [(MACH_BASE + 0x800, middle), (middle, end)]
    assert image.data_in_code == ((end, end + 0x40),)


@pytest.mark.parametrize("writable", [True, False])
def test_only_what_can_be_written_is_a_slot(writable: bool) -> None:
    text = segment("__TEXT", MACH_BASE, 0x1000, (0, 0x1000), 5)
    data = segment("__DATA", MACH_BASE + 0x1000, 0x1000, (0x1000, 0x1000), 3)
    tables = segment("__LINKEDIT", MACH_BASE + 0x2000, 0x1000, (0x2000, 0x20), 1)
    bind = (
        b"\x11\x40_exit\0\x51" + bytes((0x72 if writable else 0x71, 0x80, 0x10)) + b"\x90\0"
    )  # offset 0x800
    info = struct.pack("<II10I", 0x80000022, 48, 0, 0, 0x2000, len(bind), *[0] * 6)  # LC_DYLD_INFO_ONLY
    raw = mach_program(PAGE_ZERO, text, data, tables, LC_MAIN, info, size=0x2000) + bind.ljust(0x20, b"\0")
    slots = [imported.slot for imported in read_image(raw).imports]
    assert slots == ([MACH_BASE + 0x1800] if writable else [])


def test_imports_name_library_and_slot(arch: str) -> None:
    image = built("calls_import_darwin", arch)
    by_name = {i.name: i for i in image.imports}
    assert {"_write", "_read", "_open", "___error"} <= by_name.keys()
    for imported in by_name.values():
        assert imported.kind is ImportKind.BIND and imported.library.endswith("libSystem.B.dylib")
        home = image.segment_at(imported.slot)
        assert home is not None and home.prot & Prot.W


def test_initialisers_and_thread_local_variables(arch: str) -> None:
    image = built("args_darwin", arch)
    (function,) = image.initialisers
    home = image.segment_at(function)
    assert home is not None and home.prot & Prot.X
    assert image.tls is not None
    assert struct.pack("<Q", 0x1122334455667788) in image.tls.data
    assert image.tls.align == 64
    first, last = image.tls.descriptors
    assert last - first == 3 * 24
    for at in range(first, last, 24):
        offset = int.from_bytes(image.read(at + 16, 8), "little")
        assert 0 <= offset < image.tls.size


def test_unix_thread_gives_the_pc() -> None:
    x86 = struct.pack("<IIII", 5, 16 + 168, 4, 42) + struct.pack(
        "<21Q", *[0] * 16, MACH_BASE + 0x810, *[0] * 4
    )
    arm = struct.pack("<IIII", 5, 16 + 272, 6, 68) + struct.pack("<34Q", *[0] * 32, MACH_BASE + 0x820, 0)
    for raw, entry in (
        (mach_program(PAGE_ZERO, MACH_TEXT, x86), MACH_BASE + 0x810),
        (mach_program(PAGE_ZERO, MACH_TEXT, arm, cpu=ARM64, size=0x4000), MACH_BASE + 0x820),
    ):
        image = read_image(raw)
        assert image.entry == entry and not image.main


def test_zero_filled_tail() -> None:
    data = segment("__DATA", MACH_BASE + 0x1000, 0x3000, (0, 0), 3)
    image = read_image(mach_program(PAGE_ZERO, MACH_TEXT, data, LC_MAIN))
    assert image.read(MACH_BASE + 0x3FF8, 16) == bytes(8)
    assert image.end == MACH_BASE + 0x4000


def chained() -> bytes:
    """A program whose __DATA holds a rebase and a bind, chained (DYLD_CHAINED_PTR_64_OFFSET)."""
    data_at, link_at = 0x1000, 0x2000
    rebase = 0x810 | 2 << 51  # target, next: two strides of four bytes
    bind = 1 << 63 | 0  # ordinal 0, end of the chain
    starts = struct.pack("<IHHQIHH", 24, 0x1000, 6, data_at, 0, 1, 0)
    image = struct.pack("<IIIII", 4, 0, 0, 24, 0) + bytes(4) + starts
    imports = struct.pack("<I", 1 | 1 << 9)  # library 1, name at 1
    names = b"\0_write\0".ljust(8, b"\0")
    head_size = 32
    starts_at, imports_at = head_size, head_size + len(image)
    header = struct.pack("<IIIIIII", 0, starts_at, imports_at, imports_at + 4, 1, 1, 0).ljust(
        head_size, b"\0"
    )
    fixups = header + image + imports + names
    library = b"/usr/lib/libSystem.B.dylib".ljust(32, b"\0")
    raw = mach_program(
        PAGE_ZERO,
        MACH_TEXT,
        segment("__DATA", MACH_BASE + 0x1000, 0x1000, (data_at, 0x1000), 3),
        segment("__LINKEDIT", MACH_BASE + 0x2000, 0x1000, (link_at, len(fixups)), 1),
        LC_MAIN,
        struct.pack("<IIIIII", 0xC, 24 + len(library), 24, 0, 0, 0) + library,
        struct.pack("<IIII", CHAINED, 16, link_at, len(fixups)),
        size=link_at + len(fixups),
    )
    body = bytearray(raw)
    struct.pack_into("<QQ", body, data_at, rebase, bind)
    body[link_at : link_at + len(fixups)] = fixups
    return bytes(body)


def test_chained_fixups_are_resolved() -> None:
    image = read_image(chained())
    assert int.from_bytes(image.read(MACH_BASE + 0x1000, 8), "little") == MACH_BASE + 0x810
    assert [(i.name, i.slot, i.library) for i in image.imports] == [
        ("_write", MACH_BASE + 0x1008, "/usr/lib/libSystem.B.dylib")
    ]


def universal(*parts: tuple[int, bytes]) -> bytes:
    """A universal file with these slices, a page each."""
    rows, body, at = b"", b"", 0x4000
    for cpu, raw in parts:
        rows += struct.pack(">IIIII", cpu, 3, at, len(raw), 14)
        padded = raw.ljust(-(-len(raw) // 0x4000) * 0x4000, b"\0")
        body, at = body + padded, at + len(padded)
    return (struct.pack(">II", 0xCAFEBABE, len(parts)) + rows).ljust(0x4000, b"\0") + body


def test_slices(tmp_path: Path) -> None:
    x86 = mach_program(PAGE_ZERO, MACH_TEXT, LC_MAIN)
    arm = mach_program(PAGE_ZERO, MACH_TEXT, LC_MAIN, cpu=ARM64, size=0x4000)
    both = universal((0x01000007, x86), (ARM64, arm))
    assert read_image(both, arch=Arch.X86_64).arch is Arch.X86_64
    assert read_image(both, arch=Arch.AARCH64).arch is Arch.AARCH64
    with pytest.raises(ImageError, match="--arch x86_64 or --arch aarch64"):
        read_image(both)
    assert read_image(universal((7, b"old"), (ARM64, arm))).arch is Arch.AARCH64
    with pytest.raises(ImageError, match="without a slice for x86_64"):
        read_image(universal((ARM64, arm)), arch=Arch.X86_64)


def test_a_segment_of_no_size_is_not_mapped() -> None:
    """Go writes its __DWARF like this."""
    debug = segment("__DWARF", 0, 0, (0x100, 0x100), 0)
    image = read_image(mach_program(PAGE_ZERO, MACH_TEXT, debug, LC_MAIN))
    assert [s.name for s in image.segments] == ["__TEXT"] and image.page_zero == MACH_BASE
