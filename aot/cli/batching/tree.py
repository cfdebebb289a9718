"""The files of a source tree, in order, and what else lies there and why it is left alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from aot.cli.batching.model import Entry, Outcome


def walk(source: Path, without: tuple[Path, ...]) -> Iterator[Entry | str]:
    """Relative paths of regular files, and an Entry for everything that is none; `without` is left out."""
    left_out = {_identity(path) for path in without if path.exists()}
    yield from _walk(source, "", source.resolve(), left_out)


def _walk(folder: Path, prefix: str, root: Path, left_out: set[tuple[int, int]]) -> Iterator[Entry | str]:
    try:
        with os.scandir(folder) as found:
            items = sorted(found, key=lambda item: item.name)
    except OSError as error:
        yield Entry(prefix.rstrip("/") or ".", Outcome.UNREADABLE, f"directory: {error.strerror}")
        return
    for item in items:
        path = prefix + item.name
        try:
            status = item.stat(follow_symlinks=False)
        except OSError as error:
            yield Entry(path, Outcome.UNREADABLE, str(error.strerror))
            continue
        if (status.st_dev, status.st_ino) in left_out:
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(Path(item.path), f"{path}/", root, left_out)
        elif stat.S_ISLNK(status.st_mode):
            why = _why_not_followed(Path(item.path), root)
            yield Entry(path, Outcome.SKIPPED, why) if why else path
        elif stat.S_ISREG(status.st_mode):
            yield path
        else:
            yield Entry(path, Outcome.SKIPPED, _special(status.st_mode))


def _why_not_followed(link: Path, root: Path) -> str:
    """Empty for a link to a regular file of the tree."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: what a loop was before Python 3.13
        missing = isinstance(error, FileNotFoundError)
        return "symbolic link to nothing" if missing else "symbolic link in a loop"
    if not target.is_relative_to(root):
        return "symbolic link out of the tree"
    if target.is_dir():
        return "symbolic link to a directory"
    return "" if target.is_file() else "symbolic link to no regular file"


def _special(mode: int) -> str:
    for test, name in (
        (stat.S_ISFIFO, "named pipe"), (stat.S_ISSOCK, "socket"),
        (stat.S_ISCHR, "character device"), (stat.S_ISBLK, "block device"),
    ):  # fmt: skip
        if test(mode):
            return name
    return "not a regular file"


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
