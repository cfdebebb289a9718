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
    from aot.cli.libraries import Libraries
    from aot.overlay import Overlay


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
    """The native ELF to run for `path`. Raises AotError."""
    raw = read_file(path)
    if is_native(raw):
        refuse_choice(path, personality, nt_build)
        return raw
    from pathlib import Path

    from aot.cli.cache import Cache

    cache = Cache()
    kept_at = cache.path(raw, personality, nt_build, arch)
    kept = cache.get(kept_at)
    if kept is not None and is_native(kept):
        return kept
    from aot.translate import translate_file

    translated = translate_file(Path(path), personality, nt_build, arch=arch)
    cache.put(kept_at, translated)
    return translated


def translate_bytes(raw: bytes) -> bytes:
    """The native ELF of an executable that a guest runs; the result is kept as well. Raises AotError."""
    from pathlib import Path
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile() as file:
        file.write(raw)
        file.flush()
        return native_bytes(Path(file.name), None, None)


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
