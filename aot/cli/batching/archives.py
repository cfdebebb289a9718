"""Archives as streams of members: tar in its compressions, zip (wheels, jars) and Debian packages.

Nothing is unpacked here and no name is believed: a member is a name, a size and a stream, or a reason why it is none.
"""

from __future__ import annotations

import importlib
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, cast

from aot.errors import AotError
from aot.record import dataclass

TAR_MAGIC_AT = 257
COMPRESSED = (b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh")  # the standard library reads these
ZSTD = b"\x28\xb5\x2f\xfd"
EXTRA = "pip install 'helctic-aot[archives]'"
DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError,
)  # fmt: skip
"""What the standard library raises for archives that are not what they say (RuntimeError: a compression it has not)."""


class Kind(Enum):
    """The archives we open."""

    TAR = "tar"
    COMPRESSED = "compressed tar"
    ZSTD = "tar with zstd"
    ZIP = "zip"
    DEB = "Debian package"


class NoArchive(AotError):
    """Compressed data that holds no tar."""


class Damaged(AotError):
    """The archive ends early or contradicts itself; what came before is good."""


class Missing(AotError):
    """A library that reads this archive is not installed."""


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive, or what else lies there (`other`); `bad` says why it cannot be read."""

    name: str
    size: int = 0
    other: str = ""
    bad: str = ""
    streamed: bool = False  # its bytes are read even when it is passed over
    open: Callable[[], BinaryIO] | None = None


def kind_of(head: bytes) -> Kind | None:
    """What `head`, the beginning of a file, is an archive of."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Kind.ZIP
    if head.startswith(b"!<arch>\ndebian-binary"):
        return Kind.DEB
    if head.startswith(COMPRESSED):
        return Kind.COMPRESSED
    if head.startswith(ZSTD):
        return Kind.ZSTD
    return Kind.TAR if head[TAR_MAGIC_AT : TAR_MAGIC_AT + 5] == b"ustar" else None


def members(kind: Kind, file: BinaryIO) -> Iterator[Member]:
    """The members of an archive in its order; a member can be read until the next one is asked for.

    Raises Damaged, NoArchive (before any member) or Missing.
    """
    try:
        yield from _READERS[kind](file)
    except DAMAGE as error:
        raise Damaged(f"{kind.value}: {_said(error)}") from None


def safe(name: str) -> str:
    """The path of a member below its archive. Raises ValueError with the reason when it leads elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute():
        raise ValueError("its name is absolute")
    if ".." in path.parts:
        raise ValueError("its name leads out of the archive")
    if not path.parts or "\0" in name:
        raise ValueError("it has no name that a file can have")
    return str(path)


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _tar(file: BinaryIO) -> Iterator[Member]:
    with tarfile.open(fileobj=file, mode="r|", errorlevel=2) as archive:
        yield from _tar_members(archive)


def _compressed(file: BinaryIO) -> Iterator[Member]:
    with _tar_in(file, "r|*") as archive:
        yield from _tar_members(archive)


def _zstd(file: BinaryIO) -> Iterator[Member]:
    with _tar_in(_zstd_stream(file), "r|") as archive:
        yield from _tar_members(archive)


def _tar_in(stream: BinaryIO, mode: Literal["r|*", "r|"]) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=stream, mode=mode, errorlevel=2)
    except DAMAGE:
        raise NoArchive("compressed data that holds no tar") from None


def _zstd_stream(file: BinaryIO) -> BinaryIO:
    for name in ("compression.zstd", "backports.zstd"):  # Python 3.14 has it
        try:
            zstd = importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        return cast(BinaryIO, zstd.ZstdFile(file))
    raise Missing(f"zstd-compressed data: to look into it, {EXTRA}")


def _tar_members(archive: tarfile.TarFile) -> Iterator[Member]:
    while (info := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined] # else it keeps all it has seen
        other = _other(info)
        if other:
            yield Member(info.name, other=other)
        elif info.isfile():
            yield Member(info.name, info.size, streamed=True, open=partial(_opened, archive, info))


def _opened(archive: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    stream = archive.extractfile(info)
    assert stream is not None, "a regular member has content"
    return cast(BinaryIO, stream)


def _other(info: tarfile.TarInfo) -> str:
    if info.issym():
        return "symbolic link in an archive"
    if info.issparse():  # its size is no measure of anything
        return "sparse file in an archive"
    if info.islnk():
        return f"hard link to {info.linkname}"
    for test, name in (
        (info.ischr, "character device"),
        (info.isblk, "block device"),
        (info.isfifo, "named pipe"),
    ):
        if test():
            return name
    return ""


def _zip(file: BinaryIO) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield Member(info.filename, bad="it is encrypted")
            elif stat.S_ISLNK(mode):
                yield Member(info.filename, other="symbolic link in an archive")
            else:
                yield Member(info.filename, info.file_size, open=partial(_unzipped, archive, info))


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    return cast(BinaryIO, archive.open(info))


def _deb(file: BinaryIO) -> Iterator[Member]:
    """The members of data.tar, which is what a package installs."""
    try:
        arpy = importlib.import_module("arpy")
    except ModuleNotFoundError:
        raise Missing(f"a Debian package: to look into it, {EXTRA}") from None
    try:
        for member in arpy.Archive(fileobj=file):
            if member.header.size < 0:
                raise Damaged("Debian package: a member has a negative size")
            if member.header.name.startswith(b"data.tar"):
                yield from _data(member)
                return
    except arpy.ArchiveFormatError as error:
        raise Damaged(f"Debian package: {error}") from None
    raise Damaged("Debian package: it holds no data.tar")


def _data(stream: BinaryIO) -> Iterator[Member]:
    kind = kind_of(stream.read(TAR_MAGIC_AT + 8))
    stream.seek(0)
    if kind not in (Kind.TAR, Kind.COMPRESSED, Kind.ZSTD):
        raise Damaged("Debian package: its data.tar is none")
    yield from _READERS[kind](stream)


_READERS: dict[Kind, Callable[[BinaryIO], Iterator[Member]]] = {
    Kind.TAR: _tar, Kind.COMPRESSED: _compressed, Kind.ZSTD: _zstd, Kind.ZIP: _zip, Kind.DEB: _deb,
}  # fmt: skip
