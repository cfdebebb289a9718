"""`python -m aot.cli` is `helctic-aot`."""

from __future__ import annotations

from aot.cli.main import main

main()
