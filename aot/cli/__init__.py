"""The command line: `helctic-aot COMMAND`, one file a command."""

from __future__ import annotations

from aot.cli.main import main

__all__ = ["main"]
