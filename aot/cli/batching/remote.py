"""Files behind URLs, through fsspec and whatever file systems the user has installed for it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

from aot.errors import FileError, SetupError

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


def files(url: str) -> Iterator[tuple[str, int, Callable[[], BinaryIO]]]:
    """(name, bytes, open) of the file a URL names, or of all below it, in order. Raises FileError, SetupError."""
    fs, root = file_system(url)
    if fs.isfile(root):
        yield posixpath.basename(root.rstrip("/")), int(fs.size(root) or 0), partial(fs.open, root, "rb")
        return
    found: dict[str, dict[str, Any]] = fs.find(root, detail=True)
    if not found and not fs.exists(root):
        raise FileError(f"{url}: there is nothing")
    for path in sorted(found):
        name = path.removeprefix(root).lstrip("/")
        yield name, int(found[path].get("size") or 0), partial(fs.open, path, "rb")
