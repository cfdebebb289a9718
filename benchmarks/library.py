"""Translates one shared object as a run does when the guest's linker maps it: python -m benchmarks.library IN OUT."""

from __future__ import annotations

import gc
import os
import sys

from aot.image.source import read_source
from aot.overlay import write
from aot.personality.abi.personality import Personality
from aot.translate import translate_library


def main(source: str, output: str) -> None:
    """Read, translate, write."""
    gc.disable()
    overlay = translate_library(read_source(source), Personality.LINUX)
    with open(output, "wb") as file:
        file.write(write(overlay) if overlay else b"")  # empty: it holds no trap, as kept by a run
    os._exit(0)  # as the command line does


main(*sys.argv[1:])
