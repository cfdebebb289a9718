"""NtQueryDirectoryFile: name patterns and the records of each information class."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.layout import align_up
from aot.personality.abi.neutral import At, DirEntry, FileType
from aot.personality.abi.op import Op
from aot.personality.windows import files
from aot.personality.windows.state import OpenFile
from aot.personality.windows.text import from_host, wide

DIRECTORY, FULL, BOTH, NAMES, ID_BOTH, ID_FULL = 1, 2, 3, 12, 37, 38

# bytes between the name length and the name, by class: EA size, short name, file id
_HEADS = {DIRECTORY: "", FULL: "I", BOTH: "IBx24s", ID_BOTH: "IBx24s2xQ", ID_FULL: "I4xQ"}


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern of *, ? and the DOS forms <, > and "."""
    return _match(pattern.upper(), name.upper())


def _match(pattern: str, name: str) -> bool:
    if not pattern:
        return not name
    head, rest = pattern[0], pattern[1:]
    if head == "*":
        return any(_match(rest, name[i:]) for i in range(len(name) + 1))
    if head == "<":  # DOS_STAR: * that stops before the last dot
        dot = name.rfind(".")
        stops = [i for i in range(len(name) + 1) if i <= dot or dot < 0 or i == len(name)]
        return any(_match(rest, name[i:]) for i in stops)
    if head == ">":  # DOS_QM: ? or nothing at a dot or the end
        if not name or name[0] == ".":
            return _match(rest, name)
        return _match(rest, name[1:])
    if head == '"':  # DOS_DOT: a dot or the end
        return _match(rest, name[1:]) if name[:1] == "." else not name and _match(rest, name)
    return bool(name) and (head in ("?", name[0])) and _match(rest, name[1:])


def pattern_of(text: str | None) -> str:
    """A search expression; Win32's *.* means everything."""
    return "*" if not text or text in ("*.*", "*", "<") else text


def scan(ctx: Any, ops: files.Ops, fd: int, opened: OpenFile, text: str | None, *, restart: bool) -> None:
    """Read the listing when the scan begins."""
    if opened.entries is not None and not restart:
        return
    pattern = pattern_of(text)
    entries = files.listing(ctx, ops, fd)
    if not any(e.name == b"." for e in entries):
        dots = [DirEntry(0, 0, FileType.DIR, n) for n in (b".", b"..")]
        entries = dots + entries
    entries.sort(key=lambda e: (e.name not in (b".", b".."), from_host(e.name).upper()))
    opened.entries = [e for e in entries if matches(pattern, from_host(e.name))]
    opened.position = 0
    if not opened.entries:
        opened.entries = None
        raise Errno(E.NOENT)


def record(ctx: Any, ops: files.Ops, fd: int, entry: DirEntry, cls: int) -> bytes:
    """One record without its NextEntryOffset filled in."""
    name = wide(from_host(entry.name))
    if cls == NAMES:
        return struct.pack("<III", 0, 0, len(name)) + name
    try:
        fact = files.facts(ops[Op.STATAT](ctx, dirfd=fd, path=entry.name, flags=At(0)))
    except Errno:  # a dangling link still has an entry
        fact = files.facts(ops[Op.STATAT](ctx, dirfd=fd, path=entry.name, flags=At.NOFOLLOW))
    raw = struct.pack(
        "<IIqqqqqqII", 0, 0, fact.created, fact.accessed, fact.written, fact.changed, fact.size,
        fact.allocated, fact.attributes, len(name),
    )  # fmt: skip
    match cls:
        case 2:
            raw += struct.pack("<I", 0)
        case 3:
            raw += struct.pack("<IBx24s", 0, 0, b"")
        case 37:
            raw += struct.pack("<IBx24s2xQ", 0, 0, b"", fact.index)
        case 38:
            raw += struct.pack("<I4xQ", 0, fact.index)
    return raw + name


def fill(ctx: Any, ops: files.Ops, fd: int, opened: OpenFile, cls: int, room: int, *, single: bool) -> bytes:
    """As many records as fit. Raises NO_FILES at the end, MSGSIZE when not even one fits."""
    if cls != NAMES and cls not in _HEADS:
        raise Errno(E.BAD_CLASS)
    entries = opened.entries or []
    out, last = bytearray(), -1
    while opened.position < len(entries):
        raw = record(ctx, ops, fd, entries[opened.position], cls)
        start = align_up(len(out), 8)
        if start + len(raw) > room:
            if last < 0:
                raise Errno(E.MSGSIZE)
            break
        out += bytes(start - len(out))
        if last >= 0:
            struct.pack_into("<I", out, last, start - last)
        out += raw
        last = start
        opened.position += 1
        if single:
            break
    if last < 0:
        raise Errno(E.NO_FILES)
    return bytes(out)
