"""Overlays of shared objects kept between runs: found by the file's identity, else by its content, else translated.

Beside the translations of the cache (cache.py), two kinds of small files:

    libraries/<content>.overlay   of a content and a translator; empty when there is nothing to lay
    libraries/<file>.key          of a file as it is now (device, inode, size, times): the name of the former

All may be deleted at any time. What cannot be read or written only costs a translation.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from aot.cli.cache import Cache, fingerprint
from aot.errors import AotError, ManifestError
from aot.overlay import Overlay, read, write
from aot.personality.abi.personality import Personality

LARGEST = 1 << 30  # bytes of a shared object that is looked at
MAGIC = b"\x7fELF"


class Libraries:
    """Answers `overlay(descriptor)` for a run; see runtime.images.Find."""

    def __init__(self, cache: Cache, personality: Personality = Personality.LINUX) -> None:
        self.cache, self.personality = cache, personality
        self.folder = cache.folder.parent / "libraries"
        self._made = f"{fingerprint()} {personality.name}"

    def overlay(self, fd: int) -> Overlay | None:
        """The overlay of the open file; None for what is no shared object, or has nothing to lay over."""
        try:
            if os.pread(fd, len(MAGIC), 0) != MAGIC:
                return None
            by_file = self.folder / f"{self._file_key(fd)}.key"
            named = self.cache.get(by_file)
            kept = self.cache.get(self.folder / os.fsdecode(named)) if named else None
            if kept is not None:
                return read(kept) if kept else None
        except (OSError, ValueError, ManifestError):
            pass  # not there, or damaged: look at the file itself
        return self._by_content(fd, by_file)

    def _file_key(self, fd: int) -> str:
        s = os.fstat(fd)
        facts = (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
        return hashlib.sha256(repr((self._made, facts)).encode()).hexdigest()[:32]

    def _by_content(self, fd: int, by_file: Path) -> Overlay | None:
        raw = _contents(fd)
        name = f"{hashlib.sha256(self._made.encode() + raw).hexdigest()}.overlay"
        kept, found = self.cache.get(self.folder / name), None
        try:
            if kept is None:
                raise ManifestError("not kept")
            found = read(kept) if kept else None
        except ManifestError:
            found = translated(raw, self.personality)
            self.cache.put(self.folder / name, write(found) if found else b"")
        self.cache.put(by_file, name.encode())
        return found


def _contents(fd: int) -> bytes:
    """All bytes of an open file, whose position stays; at most LARGEST. Empty where it cannot be read."""
    parts, at = [], 0
    try:
        while at < LARGEST and (part := os.pread(fd, 1 << 22, at)):
            parts.append(part)
            at += len(part)
    except OSError:
        return b""
    return b"".join(parts)


def translated(raw: bytes, personality: Personality) -> Overlay | None:
    """The overlay of a shared object's bytes; None when there is none, whatever the reason."""
    from aot.translate import translate_library

    try:
        return translate_library(raw, personality)
    except AotError:  # no ELF file, another architecture, damaged: the guest's linker has the say
        return None
