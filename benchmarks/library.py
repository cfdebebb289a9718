"""Translates one shared object as a run does when the guest's linker maps it: python -m benchmarks.library IN OUT."""

from __future__ import annotations

import sys
from pathlib import Path

from aot.cli.libraries import translated
from aot.image.source import read_source
from aot.overlay import write
from aot.personality.abi.personality import Personality


def main(source: str, output: str) -> None:
    """Read, translate, write."""
    overlay = translated(read_source(source), Personality.LINUX)
    Path(output).write_bytes(write(overlay) if overlay else b"")  # empty: it holds no trap, as kept by a run


main(*sys.argv[1:])
