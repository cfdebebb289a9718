"""What an ELF file asks of its dynamic linker: which libraries, found where. Standard library only.

From: the System V gABI, "Dynamic Section"; ld.so(8) for RPATH, RUNPATH and $ORIGIN.
"""

from __future__ import annotations

import struct

from aot.errors import ImageError
from aot.image.elf_headers import PT_DYNAMIC, PT_LOAD, ElfHeaders, read_headers, read_interpreter
from aot.image.model import Arch
from aot.record import dataclass

DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME, DT_RPATH, DT_RUNPATH = 1, 5, 10, 14, 15, 29


@dataclass(frozen=True, slots=True)
class Needs:
    """The names an ELF file's dynamic section holds; `search` comes before the system's own directories."""

    arch: Arch
    interpreter: str
    soname: str
    needed: tuple[str, ...]
    search: tuple[str, ...]


def read_needs(raw: bytes) -> Needs:
    """What `raw` needs. Raises ImageError for what is no ELF file we read."""
    headers = read_headers(raw)
    tags = _tags(raw, headers)
    names = _strings(raw, headers, tags)
    search = _all(tags, names, DT_RUNPATH) or _all(tags, names, DT_RPATH)
    return Needs(
        arch=headers.arch,
        interpreter=read_interpreter(raw, headers),
        soname="".join(_all(tags, names, DT_SONAME)[:1]),
        needed=_all(tags, names, DT_NEEDED),
        search=tuple(part for text in search for part in text.split(":") if part),
    )


def _tags(raw: bytes, headers: ElfHeaders) -> list[tuple[int, int]]:
    phdr = headers.first(PT_DYNAMIC)
    if phdr is None:
        return []
    body = raw[phdr.offset : phdr.offset + phdr.filesz - phdr.filesz % 16]
    tags = list(struct.iter_unpack("<QQ", body))
    return tags[: next((i for i, (tag, _) in enumerate(tags) if not tag), len(tags))]


def _strings(raw: bytes, headers: ElfHeaders, tags: list[tuple[int, int]]) -> bytes:
    """The string table of the dynamic section; empty when the file has none."""
    found = dict(tags)
    address, size = found.get(DT_STRTAB, 0), found.get(DT_STRSZ, 0)
    for load in headers.phdrs:
        if load.type == PT_LOAD and load.address <= address < load.address + load.filesz:
            at = address - load.address + load.offset
            return raw[at : at + size]
    return b""


def _all(tags: list[tuple[int, int]], names: bytes, wanted: int) -> tuple[str, ...]:
    """The names that entries of one kind give."""
    found = []
    for tag, value in tags:
        if tag == wanted:
            end = names.find(b"\0", value)
            if value >= len(names) or end < 0:
                raise ImageError("malformed ELF: a name of its dynamic section is outside the string table")
            found.append(names[value:end].decode("utf-8", "surrogateescape"))
    return tuple(found)
