"""Runs the file a user names with every option at its default: `run FILE ARGS`, without the parser."""

from __future__ import annotations

import gc
import os
import sys


def execute(file: str, argv: list[str]) -> int:
    """Run `file`, whose guest sees `argv`; the status of the guest. Raises AotError."""
    from aot.cli.prepare import libraries_of, native_bytes, translate_bytes
    from aot.cli.shown import shown
    from runtime.machine import RunOptions, run

    raw = native_bytes(file, None, None)
    options = RunOptions(
        argv=argv,
        env=dict(os.environ),
        mounts=shown(os.environ),
        errors=sys.stderr,
        ready=collect,
        forward=True,
        translate=translate_bytes,
        overlay=libraries_of(file),
    )
    return run(raw, options)


def collect() -> None:
    """Collect garbage from now on, but never look at what start-up made (`main` turned the collector off)."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
