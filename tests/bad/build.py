"""Builds small ELF, PE and Mach-O files from nothing, good ones and every kind of bad one."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

CODE = bytes.fromhex("b83c000000bf2a0000000f05")  # mov eax,60; mov edi,42; syscall
BASE = 0x400000

Load = tuple[int, int, int, int, int, int, int]  # type flags offset address filesz memsz align


def elf(
    *,
    machine: int = 62,
    kind: int = 2,
    osabi: int = 0,
    ident: bytes = b"\x02\x01\x01",
    entry: int | None = None,
    phdrs: Sequence[Load] | None = None,
    phentsize: int = 56,
    phnum: int | None = None,
    notes: Sequence[tuple[str, int, bytes]] = (),
    interpreter: str = "",
    tail: bytes = b"",
) -> bytes:
    """An ELF64 file: header, program headers, code; by default one segment holds the whole file."""
    extra: list[bytes] = []
    kinds: list[int] = []
    if notes:
        extra.append(b"".join(note(*n) for n in notes))
        kinds.append(4)
    if interpreter:
        extra.append(interpreter.encode() + b"\0")
        kinds.append(3)
    count = len(phdrs) if phdrs is not None else 1 + len(extra)
    at = 64 + 56 * count
    body, rows = CODE.ljust(16, b"\x90"), []
    start = BASE + at if entry is None else entry
    for number, raw in zip(kinds, extra, strict=True):
        body += bytes(-len(body) % 8)
        offset = at + len(body)
        rows.append((number, 4, offset, BASE + offset, len(raw), len(raw), 4))
        body += raw
    body += tail
    if phdrs is None:
        phdrs = [(1, 5, 0, BASE, at + len(body), at + len(body), 4096), *rows]
    table = b"".join(struct.pack("<IIQQQQQQ", t, f, o, v, v, fs, ms, a) for t, f, o, v, fs, ms, a in phdrs)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF" + ident + bytes((osabi,)), kind, machine, 1, start, 64, 0, 0, 64,
        phentsize, count if phnum is None else phnum, 64, 0, 0,
    )  # fmt: skip
    return header + table + body


def note(name: str, kind: int, desc: bytes) -> bytes:
    raw = name.encode() + b"\0"
    return struct.pack("<III", len(raw), len(desc), kind) + _pad4(raw) + _pad4(desc)


def _pad4(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4)


def elf32(machine: int, order: str = "<") -> bytes:
    """A 32-bit ELF header, in either byte order."""
    ident = b"\x7fELF\x01" + (b"\x01" if order == "<" else b"\x02") + b"\x01"
    return ident.ljust(16, b"\0") + struct.pack(order + "HHIIIIIHHHHHH", 2, machine, 1, *[0] * 10)


def pe(
    *,
    machine: int = 0x8664,
    magic: int = 0x20B,
    flags: int = 0x22,
    subsystem: int = 3,
    entry: int = 0x1000,
    base: int = 0x140000000,
    section_alignment: int = 4096,
    image_size: int = 0x3000,
    headers_size: int = 0x400,
    directories: dict[int, tuple[int, int]] | None = None,
    sections: Sequence[tuple[bytes, int, int, int, int, int]] | None = None,
    signature: bytes = b"PE\0\0",
    lfanew: int = 0x80,
    text: bytes = CODE,
    data: bytes = b"",
) -> bytes:
    """A PE32+ file with .text at RVA 0x1000 and .data at 0x2000."""
    if sections is None:
        sections = [
            (b".text", 0x200, 0x1000, 0x200, 0x400, 0x60000020),
            (b".data", 0x200, 0x2000, 0x200, 0x600, 0xC0000040),
        ]
    dos = bytearray(b"MZ".ljust(64, b"\0"))
    dos[0x3C:0x40] = struct.pack("<I", lfanew)
    coff = struct.pack("<HHIIIHH", machine, len(sections), 0, 0, 0, 240, flags)
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        magic, 14, 0, 0x200, 0x200, 0, entry, 0x1000, base, section_alignment, 0x200, 6, 0, 0, 0, 6, 0, 0,
        image_size, headers_size, 0, subsystem, 0x8160, 1 << 20, 4096, 1 << 20, 4096, 0, 16,
    )  # fmt: skip
    rows = b"".join(struct.pack("<II", *(directories or {}).get(i, (0, 0))) for i in range(16))
    table = b"".join(
        struct.pack("<8sIIIIIIHHI", name, vs, rva, rs, at, 0, 0, 0, 0, f)
        for name, vs, rva, rs, at, f in sections
    )
    head = bytes(dos).ljust(0x80, b"\0") + signature + coff + optional + rows + table
    return head.ljust(0x400, b"\0") + text.ljust(0x200, b"\xcc") + data.ljust(0x200, b"\0")


def macho(cpu: int, kind: int, subtype: int = 0, magic: int = 0xFEEDFACF, order: str = "<") -> bytes:
    return struct.pack(order + "IIIIIIII", magic, cpu, subtype, kind, 0, 0, 0, 0)


def segment(
    name: str,
    address: int,
    size: int,
    part: tuple[int, int] = (0, 0),
    prot: int = 0,
    sections: Sequence[tuple[str, int, int, int]] = (),
    count: int | None = None,
) -> bytes:
    """LC_SEGMENT_64; `part` is (offset, bytes in the file), a section (name, address, size, type)."""
    rows = b"".join(
        struct.pack("<16s16sQQIIIIIIII", n.encode(), name.encode(), a, s, 0, 0, 0, 0, t, 0, 0, 0)
        for n, a, s, t in sections
    )
    number = len(sections) if count is None else count
    fields = (address, size, *part, prot, prot, number, 0)
    return struct.pack("<II16sQQQQiiII", 0x19, 72 + len(rows), name.encode(), *fields) + rows


MACH_BASE = 0x100000000
LC_MAIN = struct.pack("<IIQQ", 0x80000028, 24, 0x800, 0)
PAGE_ZERO = segment("__PAGEZERO", 0, MACH_BASE)
MACH_TEXT = segment("__TEXT", MACH_BASE, 0x1000, (0, 0x1000), 5)


def mach_program(
    *commands: bytes,
    cpu: int = 0x01000007,
    size: int = 0x1000,
    count: int | None = None,
    length: int | None = None,
) -> bytes:
    """A Mach-O executable with these load commands; its code is at 0x800."""
    body = b"".join(commands)
    total = len(body) if length is None else length
    head = struct.pack(
        "<IIIIIIII", 0xFEEDFACF, cpu, 3, 2, len(commands) if count is None else count, total, 0x85, 0
    )
    return (head + body).ljust(0x800, b"\0").ljust(size, b"\xc3")[:size]


def universal(*cpus: tuple[int, int]) -> bytes:
    rows = b"".join(struct.pack(">IIIII", cpu, sub, 4096, 4096, 12) for cpu, sub in cpus)
    return struct.pack(">II", 0xCAFEBABE, len(cpus)) + rows


def _load(**changes: int) -> Load:
    """The program header of a good file's only segment, with changes."""
    row = {"type": 1, "flags": 5, "offset": 0, "address": BASE, "filesz": 136, "memsz": 136, "align": 4096}
    row |= changes
    return tuple(row[k] for k in ("type", "flags", "offset", "address", "filesz", "memsz", "align"))  # type: ignore[return-value]


_TWO = ((b".text", 0x200, 0x1000, 0x200, 0x400, 0x60000020),)
_X64, _ARM64 = 0x01000007, 0x0100000C

# Name of the file -> its bytes. The line each must give is in cases.toml.
CASES: dict[str, Callable[[], bytes]] = {
    # No executable at all.
    "empty": lambda: b"",
    "script.sh": lambda: b"#!/bin/sh\nexit 0\n",
    "text.txt": lambda: b"hello\n",
    "zeros.bin": lambda: bytes(4096),
    "noise.bin": lambda: bytes(range(0x90, 0xF0)),
    "archive.a": lambda: b"!<arch>\n".ljust(68, b" "),
    "thin.a": lambda: b"!<thin>\n".ljust(68, b" "),
    "program.zip": lambda: b"PK\x03\x04" + bytes(30),
    "program.gz": lambda: b"\x1f\x8b\x08" + bytes(20),
    "module.wasm": lambda: b"\0asm\x01\0\0\0",
    "code.bc": lambda: b"BC\xc0\xde" + bytes(16),
    "object-x64.obj": lambda: struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 0, 0),
    "object-arm64.obj": lambda: struct.pack("<HHIIIHH", 0xAA64, 1, 0, 0, 0, 0, 0),
    "object-x86.obj": lambda: struct.pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, 0, 0),
    "import.obj": lambda: b"\0\0\xff\xff" + bytes(16),
    "Hello.class": lambda: b"\xca\xfe\xba\xbe\0\0\0\x41" + bytes(16),
    # ELF of a kind or for a machine that is not served.
    "elf-i386": lambda: elf32(3),
    "elf-arm": lambda: elf32(40),
    "elf-riscv32": lambda: elf32(243),
    "elf-mips-be": lambda: elf32(8, ">"),
    "elf-riscv64": lambda: elf(machine=243),
    "elf-powerpc64le": lambda: elf(machine=21),
    "elf-s390x": lambda: b"\x7fELF\x02\x02\x01".ljust(16, b"\0") + struct.pack(">HH", 2, 22) + bytes(44),
    "elf-loongarch": lambda: elf(machine=258),
    "elf-machine-unknown": lambda: elf(machine=0x7777),
    "elf-object.o": lambda: elf(kind=1, phdrs=[]),
    "elf-core": lambda: elf(kind=4),
    "elf-none": lambda: elf(kind=0),
    "elf-shared.so": lambda: elf(kind=3),
    # ELF that is damaged.
    "elf-magic-only": lambda: b"\x7fELF",
    "elf-half-header": lambda: elf()[:40],
    "elf-class": lambda: elf(ident=b"\x07\x01\x01"),
    "elf-encoding": lambda: elf(ident=b"\x02\x07\x01"),
    "elf-version": lambda: elf(ident=b"\x02\x01\x07"),
    "elf-no-phdrs": lambda: elf(phdrs=[]),
    "elf-phentsize": lambda: elf(phentsize=32),
    "elf-phdrs-cut": lambda: elf()[:100],
    "elf-phnum": lambda: elf(phnum=5000),
    "elf-no-load": lambda: elf(phdrs=[_load(type=0x6474E551)]),
    "elf-segment-cut": lambda: elf(tail=bytes(100))[:200],
    "elf-offset-huge": lambda: elf(phdrs=[_load(offset=1 << 62, address=BASE)]),
    "elf-filesz-over-memsz": lambda: elf(phdrs=[_load(memsz=8)]),
    "elf-address-kernel": lambda: elf(phdrs=[_load(address=0xFFFF800000000000)]),
    "elf-memsz-huge": lambda: elf(phdrs=[_load(memsz=1 << 60)]),
    "elf-misaligned": lambda: elf(phdrs=[_load(address=BASE + 8)]),
    "elf-align": lambda: elf(phdrs=[_load(align=4095)]),
    "elf-overlap": lambda: elf(phdrs=[_load(), _load(address=BASE + 0x1000), _load(memsz=0x1001)]),
    "elf-entry-outside": lambda: elf(entry=0x1234),
    "elf-entry-data": lambda: elf(phdrs=[_load(flags=6)]),
    "elf-interpreter": lambda: elf(phdrs=[_load(), _load(type=3, filesz=100)]),
    "elf-interpreter-cut": lambda: elf(phdrs=[_load(), _load(type=3, offset=4096, filesz=9)]),
    "elf-tls-huge": lambda: elf(phdrs=[_load(), _load(type=7, memsz=1 << 40)]),
    "elf-tls-outside": lambda: elf(phdrs=[_load(), _load(type=7, address=1 << 47, filesz=0, memsz=0)]),
    "native.elf": lambda: elf(osabi=0x48, notes=[("Helctic", 1, struct.pack("<II", 2, 2))]),
    # PE of a kind or for a machine that is not served.
    "dos.exe": lambda: b"MZ".ljust(256, b"\0"),
    "ne.exe": lambda: pe(signature=b"NE\5\1"),
    "le.vxd": lambda: pe(signature=b"LE\0\0"),
    "lx.exe": lambda: pe(signature=b"LX\0\0"),
    "pe32.exe": lambda: pe(machine=0x14C, magic=0x10B),
    "pe-arm.exe": lambda: pe(machine=0x1C4, magic=0x10B),
    "pe-riscv64.efi": lambda: pe(machine=0x5064),
    "pe-arm64ec.exe": lambda: pe(machine=0xA641),
    "library.dll": lambda: pe(flags=0x2022),
    "driver.sys": lambda: pe(subsystem=1),
    "boot.efi": lambda: pe(subsystem=10),
    "runtime-driver.efi": lambda: pe(subsystem=12),
    "pe-subsystem.exe": lambda: pe(subsystem=77),
    "dotnet.exe": lambda: pe(directories={14: (0x2000, 72)}),
    "pe-not-executable.exe": lambda: pe(flags=0x20),
    # PE that is damaged.
    "mz-only.exe": lambda: b"MZ",
    "pe-header-cut.exe": lambda: pe(lfanew=0x4000),
    "pe-coff-cut.exe": lambda: pe()[:0x88],
    "pe-optional-cut.exe": lambda: pe()[:0xC0],
    "pe-magic.exe": lambda: pe(magic=0x107),
    "pe-section-cut.exe": lambda: pe()[:0x700],
    "pe-sections-none.exe": lambda: pe(sections=[]),
    "pe-section-table-cut.exe": lambda: pe(headers_size=0x100)[:0x190],
    "pe-section-outside.exe": lambda: pe(image_size=0x2000),
    "pe-section-overlap.exe": lambda: pe(sections=[*_TWO, *_TWO]),
    "pe-section-misaligned.exe": lambda: pe(sections=[(b".text", 0x200, 0x1010, 0x200, 0x400, 0x60000020)]),
    "pe-alignment-low.exe": lambda: pe(section_alignment=512),
    "pe-alignment.exe": lambda: pe(section_alignment=4097),
    "pe-base.exe": lambda: pe(base=0x140000001),
    "pe-size-huge.exe": lambda: pe(image_size=0xFFFFF000),
    "pe-headers-huge.exe": lambda: pe(headers_size=0x10000000),
    "pe-entry-outside.exe": lambda: pe(entry=0x9000),
    "pe-entry-data.exe": lambda: pe(entry=0x2000),
    "pe-entry-none.exe": lambda: pe(entry=0),
    "pe-tls-outside.exe": lambda: pe(directories={9: (0x7000, 40)}),
    "pe-tls-huge.exe": lambda: pe(
        directories={9: (0x2000, 40)}, data=struct.pack("<QQQQII", 0x140002000, 1 << 62, 0, 0, 0, 0)
    ),
    # Mach-O: the kind is named.
    "macho-arm64e": lambda: macho(_ARM64, 2, 0x80000002),
    "macho-i386": lambda: macho(7, 2, magic=0xFEEDFACE),
    "macho-ppc64": lambda: macho(0x01000012, 2, order=">"),
    "macho.dylib": lambda: macho(_X64, 6),
    "macho.bundle": lambda: macho(_ARM64, 8),
    "macho.o": lambda: macho(_ARM64, 1),
    "macho.core": lambda: macho(_X64, 4),
    "macho.dSYM": lambda: macho(_ARM64, 10),
    "macho.kext": lambda: macho(_X64, 11),
    "macho-kernel": lambda: macho(_ARM64, 12),
    "macho-universal": lambda: universal((_X64, 3), (_ARM64, 0), (_ARM64, 0x80000002)),
    "macho-universal-old": lambda: universal((7, 3), (18, 0)),
    "macho-universal-cut": lambda: universal((_X64, 3)),
    "macho-universal-table": lambda: universal((_X64, 3))[:20],
    "macho-universal-junk": lambda: universal((_X64, 3)).ljust(8192, b"j"),
    "macho-cut": lambda: macho(_X64, 2)[:16],
    "macho-commands-cut": lambda: mach_program(MACH_TEXT, LC_MAIN, length=0x10000),
    "macho-commands-many": lambda: mach_program(MACH_TEXT, LC_MAIN, count=9),
    "macho-command-size": lambda: mach_program(MACH_TEXT, struct.pack("<II", 0x1B, 4)),
    "macho-command-long": lambda: mach_program(MACH_TEXT, struct.pack("<II", 0x1B, 4096)),
    "macho-segment-short": lambda: mach_program(struct.pack("<IIQ", 0x19, 16, 0), LC_MAIN),
    "macho-segment-32": lambda: mach_program(MACH_TEXT, struct.pack("<IIQ", 1, 16, 0), LC_MAIN),
    "macho-segment-cut": lambda: mach_program(MACH_TEXT, LC_MAIN, size=0x900),
    "macho-segment-large": lambda: mach_program(segment("__TEXT", MACH_BASE, 16, (0, 32), 5), LC_MAIN),
    "macho-segment-high": lambda: mach_program(segment("__TEXT", 1 << 60, 4096, (0, 4096), 5), LC_MAIN),
    "macho-segment-odd": lambda: mach_program(segment("__TEXT", MACH_BASE + 8, 16, (0, 16), 5), LC_MAIN),
    "macho-segment-twice": lambda: mach_program(MACH_TEXT, MACH_TEXT, LC_MAIN),
    "macho-sections": lambda: mach_program(
        segment("__TEXT", MACH_BASE, 4096, (0, 4096), 5, count=9), LC_MAIN
    ),
    "macho-section-outside": lambda: mach_program(
        segment("__TEXT", MACH_BASE, 4096, (0, 4096), 5, [("__text", MACH_BASE + 8192, 4, 0)]), LC_MAIN
    ),
    "macho-page-zero": lambda: mach_program(segment("__PAGEZERO", 0, 4096, (0, 16)), MACH_TEXT, LC_MAIN),
    "macho-in-page-zero": lambda: mach_program(segment("__PAGEZERO", 0, 2 * MACH_BASE), MACH_TEXT, LC_MAIN),
    "macho-no-header": lambda: mach_program(PAGE_ZERO, LC_MAIN),
    "macho-no-entry": lambda: mach_program(PAGE_ZERO, MACH_TEXT),
    "macho-two-entries": lambda: mach_program(MACH_TEXT, LC_MAIN, LC_MAIN),
    "macho-main-short": lambda: mach_program(MACH_TEXT, struct.pack("<IIQ", 0x80000028, 16, 0)),
    "macho-main-outside": lambda: mach_program(MACH_TEXT, struct.pack("<IIQQ", 0x80000028, 24, 1 << 20, 0)),
    "macho-main-data": lambda: mach_program(segment("__TEXT", MACH_BASE, 4096, (0, 4096), 3), LC_MAIN),
    "macho-thread": lambda: mach_program(MACH_TEXT, struct.pack("<IIII", 5, 16, 7, 0)),
    "macho-encrypted": lambda: mach_program(
        MACH_TEXT, LC_MAIN, struct.pack("<IIIIII", 0x2C, 24, 0, 4096, 1, 0)
    ),
    "macho-initialiser": lambda: mach_program(
        segment("__TEXT", MACH_BASE, 4096, (0, 4096), 5, [("__init_offsets", MACH_BASE + 0x800, 4, 22)]),
        LC_MAIN,
    ),
}
