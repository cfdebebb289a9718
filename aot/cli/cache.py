"""Translations kept between runs: one file per (input, translator, options), safe to delete at any time."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

import platformdirs

from aot.cli.files import EXECUTABLE, write_whole
from aot.errors import FileError

PACKAGE = Path(__file__).parent.parent


@cache
def fingerprint() -> str:
    """What the translator is: its own files by name, size and time, so that an edited one is another."""
    seen = hashlib.sha256()
    folders = [str(PACKAGE)]
    for folder in folders:  # grows
        with os.scandir(folder) as found:
            for entry in sorted(found, key=lambda entry: entry.name):
                if entry.is_dir():
                    if entry.name != "__pycache__":
                        folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    status = entry.stat()
                    name = os.path.relpath(entry.path, PACKAGE)
                    seen.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return seen.hexdigest()


class Cache:
    """A directory of translations. Whatever fails here only costs a translation."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(platformdirs.user_cache_dir("helctic-aot")) / "translated"

    def path(self, source: bytes, *options: str | None) -> Path:
        """Where the translation of `source` under `options` is kept."""
        key = hashlib.sha256(source)
        key.update(repr((fingerprint(), options)).encode())
        return self.folder / f"{key.hexdigest()}.elf"

    def named(self, status: os.stat_result, *options: str | None) -> Path:
        """Where the name of the translation of a file is kept that is as `status` says."""
        facts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        key = hashlib.sha256(repr((facts, fingerprint(), options)).encode())
        return self.folder / f"{key.hexdigest()}.name"

    def get(self, path: Path) -> bytes | None:
        """A kept translation, or None."""
        try:
            return path.read_bytes()
        except OSError:
            return None

    def put(self, path: Path, translated: bytes) -> None:
        """Keep a translation if the directory can be written."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, translated, EXECUTABLE)
        except (OSError, FileError):
            return  # a full or read-only cache directory must not fail the run
