"""Reads the bytes of an input file, refusing what is no regular file or too large."""

from __future__ import annotations

import os
import stat

from aot.errors import ImageError

LIMIT = 1 << 30  # bytes; the largest executables known to us are about a tenth of this


def read_source(path: str | os.PathLike[str]) -> bytes:
    """All bytes of a regular file. Raises ImageError without a path prefix."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("a directory, not an executable")
        # Opening a FIFO or a device could block for ever.
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("not a regular file")
        if status.st_size > LIMIT:
            raise ImageError(f"{status.st_size} bytes, larger than any executable ({LIMIT} bytes)")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise ImageError("cannot be read: the path holds a null byte") from None
