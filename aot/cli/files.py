"""Files a command names: read whole, and written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from aot.errors import FileError

EXECUTABLE, READABLE = 0o755, 0o644


def check_output(path: Path, *inputs: Path) -> None:
    """Refuse an output that cannot be meant: a directory, no regular file, or one of the inputs.

    Raises FileError; called before the work, so that a wrong name costs nothing.
    """
    if path.is_dir():
        raise FileError(f"{path}: is a directory; name the file to write")
    if path.exists() and not path.is_file():
        raise FileError(f"{path}: is not a regular file")
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise FileError(f"{path}: is the input; name another file to write")
    if not path.parent.is_dir():
        raise FileError(f"{path}: there is no directory {path.parent}")


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Write `data` under a temporary name beside `path`, then rename it. Raises FileError."""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise FileError(f"{path}: cannot be written: {error.strerror}") from None
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
