"""The formats we read, in order, and the one function that turns a file into an Image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from aot.errors import ImageError
from aot.image import elf, kinds, macho, pe
from aot.image.model import Arch, Format, Image
from aot.image.native_reader import is_native
from aot.image.source import read_source
from aot.record import dataclass


class Reader(Protocol):
    """Reads one format from a file's bytes."""

    def __call__(self, source: bytes, *, analysis: bool = False) -> Image:
        """The image, or ImageError."""


class SliceReader(Protocol):
    """Reads a format whose files may hold several architectures."""

    def __call__(self, source: bytes, *, analysis: bool = False, arch: Arch | None = None) -> Image:
        """The image for `arch`, or ImageError."""


@dataclass(frozen=True, slots=True)
class FormatReader:
    """One format: how to recognise it and how to read it."""

    format: Format
    matches: Callable[[bytes], bool]
    read: Reader
    read_slice: SliceReader | None = None


FORMATS: tuple[FormatReader, ...] = (
    FormatReader(Format.ELF, elf.matches, elf.read),
    FormatReader(Format.PE, pe.matches, pe.read),
    FormatReader(Format.MACHO, macho.matches, macho.read, macho.read),
)


def load_image(source: Path | str | bytes, *, analysis: bool = False, arch: Arch | None = None) -> Image:
    """The image in a file or in bytes. Raises ImageError with one line that names file and reason;
    `analysis` also allows shared objects and DLLs, `arch` chooses a slice of a universal file."""
    if isinstance(source, bytes):
        return read_image(source, analysis=analysis, arch=arch)
    path = Path(source)
    try:
        return read_image(read_source(path), analysis=analysis, arch=arch)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None


def read_image(raw: bytes, *, analysis: bool = False, arch: Arch | None = None) -> Image:
    """The image in `raw`. Raises ImageError with the reason alone."""
    if is_native(raw):
        raise ImageError("already translated (a native ELF with a Helctic manifest)")
    for reader in FORMATS:
        if reader.matches(raw):
            if reader.read_slice is not None:
                return reader.read_slice(raw, analysis=analysis, arch=arch)
            image = reader.read(raw, analysis=analysis)
            if arch is not None and image.arch is not arch:
                raise ImageError(f"a program for {image.arch.value}, not for {arch.value}")
            return image
    raise ImageError(kinds.describe(raw))
