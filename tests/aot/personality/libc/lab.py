"""The machine code zig makes of one function."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

from corpus.build import run_zig
from corpus.probe import LC_SEGMENT_64, coff_section


def code_of(source: Path, target: str, flags: tuple[str, ...]) -> bytes:
    """The text section of `source` compiled for a zig target."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.o")
        run_zig("cc", "-target", target, *flags, str(source), "-o", str(out))
        return _macho_text(out) if target.endswith("macos") else coff_section(out, ".text")


def _macho_text(path: Path) -> bytes:
    raw = path.read_bytes()
    at = 32
    for _ in range(struct.unpack_from("<I", raw, 16)[0]):
        kind, size = struct.unpack_from("<II", raw, at)
        if kind == LC_SEGMENT_64:
            name, _, _, length, offset = struct.unpack_from("<16s16sQQI", raw, at + 72)
            assert name.rstrip(b"\0") == b"__text"
            return raw[offset : offset + length]
        at += size
    raise AssertionError("no segment in the object")
