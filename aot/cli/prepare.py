"""From the file a user names to the bytes of a native ELF: as it is, from the cache, or translated now."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from aot.errors import IdentifyError, ImageError
from aot.image.native_reader import is_native
from aot.image.source import read_source

if TYPE_CHECKING:
    from pathlib import Path

    from aot.cli.cache import Cache
    from aot.cli.libraries import Libraries
    from aot.overlay import Overlay

Choice = tuple[str | None, str | None, str | None]
"""Personality, Windows build and architecture that a user chose."""


def read_file(path: str | os.PathLike[str]) -> bytes:
    """All bytes of the file at `path`. Raises ImageError with one line that names it."""
    try:
        return read_source(path)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None


def refuse_choice(path: str | os.PathLike[str], personality: str | None, nt_build: str | None) -> None:
    """What a translated file is cannot be chosen any more. Raises IdentifyError."""
    if personality is not None or nt_build is not None:
        option = "--personality" if personality is not None else "--nt-build"
        raise IdentifyError(f"{path}: {option} is for files that are not translated yet")


def native_bytes(
    path: str | os.PathLike[str], personality: str | None, nt_build: str | None, arch: str | None = None
) -> bytes:
    """The native ELF to run for `path`: the file itself, one kept for it as it is now, or one made for what is
    in it. Raises AotError."""
    if is_native(path):
        refuse_choice(path, personality, nt_build)
        return read_file(path)
    from aot.cli.cache import Cache

    cache, choice = Cache(), (personality, nt_build, arch)
    named = _named(cache, path, choice)
    kept = cache.get(cache.folder / os.fsdecode(cache.get(named) or b"?")) if named else None
    if kept is not None and is_native(kept):
        return kept
    kept_at, native = _of_contents(cache, read_file(path), choice, path)
    if named:
        cache.put(named, os.fsencode(kept_at.name))
    return native


def _named(cache: Cache, path: str | os.PathLike[str], choice: Choice) -> Path | None:
    """Where the cache says what it has for this file; None for a file that is not there."""
    try:
        return cache.named(os.stat(path), *choice)
    except (OSError, ValueError):
        return None


def _of_contents(
    cache: Cache, raw: bytes, choice: Choice, path: str | os.PathLike[str] | None
) -> tuple[Path, bytes]:
    """The translation of a file's bytes and where it is kept. Raises AotError, which names `path`."""
    kept_at = cache.path(raw, *choice)
    kept = cache.get(kept_at)
    if kept is not None and is_native(kept):
        return kept_at, kept
    from pathlib import Path

    from aot.translate import translate_file

    personality, nt_build, arch = choice
    translated = translate_file(raw if path is None else Path(path), personality, nt_build, arch=arch)
    cache.put(kept_at, translated)
    return kept_at, translated


def translate_bytes(raw: bytes) -> bytes:
    """The native ELF of an executable that a guest runs; the result is kept as well. Raises AotError."""
    from aot.cli.cache import Cache

    return _of_contents(Cache(), raw, (None, None, None), None)[1]


def libraries_of(program: str | os.PathLike[str]) -> Callable[[int], Overlay | None]:
    """What finds the overlays of shared objects for a run of `program`; see runtime.images.Find."""

    def overlay(fd: int) -> Overlay | None:
        return _libraries(os.fspath(program)).overlay(fd)

    return overlay


@cache
def _libraries(program: str) -> Libraries:
    from aot.cli.cache import Cache
    from aot.cli.libraries import Libraries, beside

    folder = beside(program)
    return Libraries(Cache(), folder if folder.is_dir() else None)
