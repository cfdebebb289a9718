"""Overlays of shared objects kept between runs: found by the file's identity, else by its content, else translated.

Three places hold them, under names that start with the content's sha256:

    OUT.libs/<content>.overlay        beside a program that was translated --with-libs; may travel with it
    libraries/<content>.<made>.overlay  in the cache; `made` says by which translator, for which system
    libraries/<file>.key              in the cache: of a file as it is now (device, inode, size, times), its content

An overlay of no bytes says that there is nothing to lay. Everything may be deleted at any time; what cannot be
read or written only costs a translation.
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
DIGITS = 64  # of a sha256
SUFFIX = ".libs"


def beside(program: str | os.PathLike[str]) -> Path:
    """The directory of a translated program's libraries."""
    return Path(f"{os.fspath(program)}{SUFFIX}")


class Libraries:
    """Answers `overlay(descriptor)` for a run; see runtime.images.Find."""

    def __init__(
        self, cache: Cache, shipped: Path | None = None, personality: Personality = Personality.LINUX
    ) -> None:
        self.cache, self.shipped, self.personality = cache, shipped, personality
        self.folder = cache.folder.parent / "libraries"
        made = f"{fingerprint()} {personality.name}"
        self._found: dict[Path, Overlay | None] = {}  # in this run
        self._made = hashlib.sha256(made.encode()).hexdigest()[:16]

    def overlay(self, fd: int) -> Overlay | None:
        """The overlay of the open file; None for what is no shared object, or has nothing to lay over."""
        by_file = self._by_file(fd)
        if by_file is None or by_file not in self._found:
            found = self._find(fd, by_file) if _head(fd) == MAGIC else None
            if by_file is None:
                return found
            self._found[by_file] = found
        return self._found[by_file]

    def _find(self, fd: int, by_file: Path | None) -> Overlay | None:
        raw = None
        content = (self.cache.get(by_file) or b"").decode("ascii", "replace") if by_file else ""
        if len(content) != DIGITS:
            raw = _contents(fd)
            content = hashlib.sha256(raw).hexdigest()
            if by_file:
                self.cache.put(by_file, content.encode())
        for place in self._places(content):
            kept = self.cache.get(place)
            if kept is None:
                continue
            try:
                return read(kept) if kept else None
            except ManifestError:
                continue  # damaged, or of another version: as if it were not there
        return self._translated(_contents(fd) if raw is None else raw, content)

    def _places(self, content: str) -> tuple[Path, ...]:
        kept = self.folder / f"{content}.{self._made}.overlay"
        return (kept,) if self.shipped is None else (self.shipped / f"{content}.overlay", kept)

    def _by_file(self, fd: int) -> Path | None:
        """Where the cache says what is in a file; None for one without a name, which nobody opens again."""
        s = os.fstat(fd)
        facts = (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
        key = hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
        return self.folder / f"{key}.key" if s.st_nlink else None

    def _translated(self, raw: bytes, content: str) -> Overlay | None:
        found = translated(raw, self.personality)
        self.cache.put(self._places(content)[-1], write(found) if found else b"")
        return found


def _head(fd: int) -> bytes:
    try:
        return os.pread(fd, len(MAGIC), 0)
    except OSError:
        return b""


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
