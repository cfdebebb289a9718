"""Reads a native ELF back: its manifest and the guest's segments. Standard library only, because it
stands on the start-up path of every translated program."""

from __future__ import annotations

import os
import struct

from aot.errors import ManifestError
from aot.image.model import Prot, Segment
from aot.manifest import NOTE_NAME, NOTE_TYPE, OSABI, SECTION, VERSION, Manifest, decode

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")
SHDR = struct.Struct("<IIQQQQIIQQ")
NOTE = struct.Struct("<III")
PT_LOAD, PT_NOTE = 1, 4
HEAD = 1 << 16  # bytes that hold header, note and program headers, see native.py
IDENT = b"\x7fELF\x02\x01\x01" + bytes((OSABI,))


def is_native(source: bytes | str | os.PathLike[str]) -> bool:
    """True for an ELF that carries our OSABI and a Helctic note: the output of a translation."""
    if isinstance(source, bytes):
        raw = source
    else:
        try:
            with open(source, "rb") as file:
                raw = file.read(HEAD)
        except (OSError, ValueError):
            return False
    return _note(raw) is not None


def read_native(source: bytes | str | os.PathLike[str]) -> tuple[Manifest, list[Segment]]:
    """The manifest and everything the guest's address space begins with, in address order: the
    PT_LOADs (without the launcher) and the manifest's reservations."""
    raw = source if isinstance(source, bytes) else _read(source)
    note = _note(raw)
    if note is None:
        raise ManifestError("not a native ELF: it has no Helctic note")
    if note[0] != VERSION:
        raise ManifestError(f"manifest version {note[0]} is not {VERSION}; translate again")
    try:
        manifest = decode(_section(raw, SECTION))
        segments = [s for s in _segments(raw) if s.address != manifest.launcher[0]]
        for hole in manifest.reservations:
            data = bytes.fromhex(hole.data)
            segments.append(Segment(hole.address, hole.size, data, Prot(hole.prot), "reservation"))
    except (struct.error, ValueError, OverflowError) as error:
        raise ManifestError(f"a damaged native ELF: {error}") from None
    segments.sort(key=lambda s: s.address)
    return manifest, segments


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}") from None


def _phdrs(raw: bytes) -> list[tuple[int, ...]]:
    header = EHDR.unpack_from(raw, 0)
    offset, size, count = header[5], header[9], header[10]
    if size != PHDR.size or offset + count * PHDR.size > len(raw):
        return []
    return list(PHDR.iter_unpack(raw[offset : offset + count * PHDR.size]))


def _note(raw: bytes) -> tuple[int, int] | None:
    """(manifest version, personality) of the Helctic note."""
    if len(raw) < EHDR.size or not raw.startswith(IDENT):
        return None
    for kind, _, offset, _, _, size, _, _ in _phdrs(raw):
        body = raw[offset : offset + size]
        if kind != PT_NOTE or len(body) < NOTE.size + 16:
            continue
        namesz, descsz, number = NOTE.unpack_from(body, 0)
        name = body[12 : 12 + namesz].rstrip(b"\0")
        if name == NOTE_NAME.encode() and number == NOTE_TYPE and descsz >= 8:
            version, personality = struct.unpack_from("<II", body, 12 + -(-namesz // 4) * 4)
            return version, personality
    return None


def _section(raw: bytes, name: str) -> bytes:
    """Content of a section. Raises ManifestError when the file has none of that name."""
    header = EHDR.unpack_from(raw, 0)
    offset, count, names = header[6], header[12], header[13]
    rows = [SHDR.unpack_from(raw, offset + SHDR.size * i) for i in range(count)]
    if names >= len(rows):
        raise ManifestError("a damaged native ELF: it has no section names")
    table = rows[names][4]
    wanted = name.encode() + b"\0"
    for row in rows:
        at = table + row[0]
        if raw[at : at + len(wanted)] == wanted:
            body = raw[row[4] : row[4] + row[5]]
            if len(body) != row[5]:
                break
            return body
    raise ManifestError("a damaged native ELF: it has no manifest")


def _segments(raw: bytes) -> list[Segment]:
    found = []
    for kind, flags, offset, address, _, filesz, memsz, _ in _phdrs(raw):
        if kind != PT_LOAD:
            continue
        data = raw[offset : offset + filesz]
        if len(data) != filesz or filesz > memsz:
            raise ManifestError("a damaged native ELF: a segment is past the end of the file")
        found.append(Segment(address, memsz, data, Prot(flags & 7)))
    return found
