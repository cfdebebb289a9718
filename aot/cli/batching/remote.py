"""Files behind URLs, through fsspec and whatever file systems the user has installed for it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

from aot.errors import FileError, SetupError
from aot.record import dataclass

# What file systems say of a file that is another value for another content; a size alone is not enough.
STAMPS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "CRC",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
)
EXTRA = "pip install 'helctic-aot[remote]'"
LOCAL = ("file://", "local://")


def is_url(name: str) -> bool:
    """Whether a source or output is named by a URL (also a chain of them: zip://*::s3://...)."""
    return "://" in name or "::" in name


def local_path(name: str) -> str:
    """The path a file URL names; anything else as it is."""
    for scheme in LOCAL:
        if name.startswith(scheme) and "::" not in name:
            return name.removeprefix(scheme)
    return name


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it. Raises SetupError."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise SetupError(f"{url}: for URLs, {EXTRA}") from None
    try:
        fs, path = url_to_fs(url)
    except (
        ImportError,
        ValueError,
        OSError,
    ) as error:  # its library is missing, no such protocol, no such host
        raise SetupError(f"{url}: {error}") from None
    return fs, path


def single_file(url: str) -> str:
    """The name of the file a URL names; empty for a directory. Raises SetupError, FileError when there is nothing."""
    fs, path = file_system(url)
    try:
        if fs.isfile(path):
            return posixpath.basename(path.rstrip("/"))
        if fs.exists(path):
            return ""
    except OSError as error:
        raise FileError(f"{url}: {error.strerror or error}") from None
    raise FileError(f"{url}: there is nothing")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file behind a URL; `stamp` is empty where its place does not tell versions apart."""

    name: str
    size: int
    stamp: str
    open: Callable[[], BinaryIO]


def files(url: str) -> Iterator[RemoteFile]:
    """The file a URL names, or all below it, in order. Raises FileError, SetupError."""
    fs, root = file_system(url)
    if fs.isfile(root):
        yield _file(fs, root, posixpath.basename(root.rstrip("/")), fs.info(root))
        return
    found: dict[str, dict[str, Any]] = fs.find(root, detail=True)
    if not found and not fs.exists(root):
        raise FileError(f"{url}: there is nothing")
    for path in sorted(found):
        yield _file(fs, path, path.removeprefix(root).lstrip("/"), found[path])


def _file(fs: Any, path: str, name: str, told: dict[str, Any]) -> RemoteFile:
    size = int(told.get("size") or 0)
    stamps = [f"{key}={told[key]}" for key in STAMPS if told.get(key)]
    stamp = " ".join([str(size), *stamps]) if stamps else ""
    return RemoteFile(name, size, stamp, partial(fs.open, path, "rb"))
