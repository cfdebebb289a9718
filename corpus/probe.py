"""Asks a target's own headers: the value of constant expressions, as zig's C compiler computes them."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from elftools.elf.elffile import ELFFile

from corpus.build import TRIPLES, run_zig

SECTION = ".probe"
MACHO_SECTION = "__DATA,__probe"


def probe(
    target: str, includes: Iterable[str], expressions: Sequence[str], flags: Sequence[str] = ()
) -> list[int]:
    """Signed 64-bit values of C constant expressions on `target` ("freebsd-x86_64").

    An entry of `includes` is a header, or a line of C when it starts with `#`; `flags` go to the compiler.
    Raises BuildError with its words.
    """
    os_name, arch = target.split("-")
    lines = [line if line.startswith("#") else f"#include <{line}>" for line in includes]
    values = ",\n".join(f"(long long)({e})" for e in expressions)
    section = MACHO_SECTION if os_name == "darwin" else SECTION
    lines.append(f'__attribute__((used, section("{section}"))) const long long probe[] = {{\n{values}\n}};')
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "probe.c"), Path(folder, "probe.o")
        source.write_text("\n".join(lines) + "\n")
        triple = TRIPLES[os_name].format(arch=arch)
        run_zig("cc", "-target", triple, "-std=gnu11", *flags, "-c", str(source), "-o", str(out))
        data = SECTION_READERS.get(os_name, elf_section)(out)
    return list(struct.unpack(f"<{len(expressions)}q", data[: 8 * len(expressions)]))


def zig_probe(target: str, expressions: Sequence[str]) -> list[int]:
    """The same for constants of zig's standard library; `w` is std.os.windows in the expressions."""
    os_name, arch = target.split("-")
    values = ", ".join(f"@as(u64, {e})" for e in expressions)
    text = (
        'const std = @import("std");\nconst w = std.os.windows;\n'
        f'export const probe linksection("{SECTION}") = [_]u64{{ {values} }};\n'
    )
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "probe.zig"), Path(folder, "probe.obj")
        source.write_text(text)
        target = f"{arch}-{os_name}"
        run_zig("build-obj", "-target", target, "-OReleaseSmall", str(source), f"-femit-bin={out}")
        data = coff_section(out)
    return list(struct.unpack(f"<{len(expressions)}Q", data[: 8 * len(expressions)]))


def elf_section(path: Path) -> bytes:
    """Bytes of the probe in an ELF object."""
    with path.open("rb") as f:
        section = ELFFile(f).get_section_by_name(SECTION)
        assert section is not None, "the compiler dropped the probe"
        return bytes(section.data())


def coff_section(path: Path, wanted: str = SECTION) -> bytes:
    """Bytes of a section of a COFF object."""
    raw = path.read_bytes()
    count, optional = struct.unpack_from("<H", raw, 2)[0], struct.unpack_from("<H", raw, 16)[0]
    for i in range(count):
        name, size, at = struct.unpack_from("<8s8xII", raw, 20 + optional + 40 * i)
        if name.rstrip(b"\0") == wanted.encode():
            return raw[at : at + size]
    raise AssertionError("the compiler dropped the probe")


def macho_section(path: Path) -> bytes:
    """Bytes of the probe in a 64-bit Mach-O object, whose sections stand in one segment command."""
    raw = path.read_bytes()
    at, count = 32, struct.unpack_from("<I", raw, 16)[0]
    for _ in range(count):
        kind, size = struct.unpack_from("<II", raw, at)
        if kind == LC_SEGMENT_64:
            for i in range(struct.unpack_from("<I", raw, at + 64)[0]):
                name, _, _, length, offset = struct.unpack_from("<16s16sQQI", raw, at + 72 + 80 * i)
                if name.rstrip(b"\0") == MACHO_SECTION.partition(",")[2].encode():
                    return raw[offset : offset + length]
        at += size
    raise AssertionError("the compiler dropped the probe")


LC_SEGMENT_64 = 0x19
SECTION_READERS = {"windows": coff_section, "darwin": macho_section}


def offsets(target: str, includes: Iterable[str], name: str, fields: Sequence[str]) -> tuple[int, list[int]]:
    """Size of a C type (`struct stat`) and the byte offsets of its fields."""
    asked = [f"sizeof({name})", *(f"__builtin_offsetof({name}, {field})" for field in fields)]
    size, *at = probe(target, includes, asked)
    return size, at
