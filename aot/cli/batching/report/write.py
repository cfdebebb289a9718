"""Writes a report: index.html to look at, report.json, files.csv and, with pyarrow, files.parquet."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from aot.cli.batching.model import Entry
from aot.cli.files import write_whole
from aot.errors import FileError, SetupError


def check(folder: Path) -> None:
    """Refuse a report that could not be written, before the work. Raises SetupError, FileError."""
    if importlib.util.find_spec("jinja2") is None:
        raise SetupError("for --report, pip install 'helctic-aot[report]'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot be written: {error.strerror}") from None


def write(folder: Path, told: dict[str, Any], entries: list[Entry]) -> None:
    """Everything into `folder`; `told` is the summary of the batch. Raises FileError."""
    from aot.cli.batching.report.page import page
    from aot.cli.batching.report.tables import as_csv, as_parquet

    write_whole(folder / "index.html", page(told, entries).encode(), 0o644)
    write_whole(folder / "report.json", (json.dumps(told, indent=1) + "\n").encode(), 0o644)
    write_whole(folder / "files.csv", as_csv(entries), 0o644)
    parquet = as_parquet(entries)
    if parquet is not None:
        write_whole(folder / "files.parquet", parquet, 0o644)
