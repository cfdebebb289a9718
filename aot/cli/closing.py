"""What `translate --with-libs` adds: the overlays of everything a program's linker will load, in one directory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from aot.cli.files import READABLE, write_whole
from aot.cli.libraries import beside, translated
from aot.errors import FileError, ImageError
from aot.image.closure import closure
from aot.image.source import read_source
from aot.overlay import write
from aot.personality.abi.personality import Personality


def write_libraries(source: Path, output: Path, root: Path) -> None:
    """Translate the closure of `source` in the tree at `root` into the directory beside `output`.

    Raises ImageError when a library is not there, FileError when the directory cannot be written.
    """
    found = closure(read_source(source), os.path.abspath(source), root)
    if found.missing:
        raise ImageError(
            f"{source}: not found under {root}: {', '.join(found.missing)} (--root chooses another)"
        )
    folder = beside(output)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot be made: {error.strerror}") from None
    for _, file in found.files:
        raw = read_source(file)
        overlay = translated(raw, Personality.LINUX)
        name = f"{hashlib.sha256(raw).hexdigest()}.overlay"
        write_whole(folder / name, write(overlay) if overlay else b"", READABLE)
