"""A batch as tables for other programs: a row a file."""

from __future__ import annotations

import csv
import io
from typing import Any

from aot.cli.batching.model import Entry, Outcome
from aot.manifest import StubClass

PLAIN = (
    "path", "outcome", "reason", "source", "archive", "sha256", "size", "output", "output_sha256", "output_size",
    "twin", "personality", "column", "arch", "format", "sites",
)  # fmt: skip
COSTS = ("seconds", "cpu_s", "memory")
_EMPTY = Entry("", Outcome.OTHER)  # gives the columns of a batch without files


def rows(entries: list[Entry]) -> list[dict[str, Any]]:
    """Plain values only: sites by class and the numbers of calls and imports have columns of their own."""
    return [_row(entry) for entry in entries]


def _row(entry: Entry) -> dict[str, Any]:
    told = {name: _text(getattr(entry, name)) for name in PLAIN} | {"outcome": entry.outcome.value}
    told |= {cls.value: entry.classes.get(cls.value, 0) for cls in StubClass}
    told |= {"cases": entry.cases, "imports": entry.imports, "unserved": len(entry.unserved)}
    told |= {"calls": len(entry.calls), "missing": len(entry.missing)}
    return told | {name: getattr(entry, name) for name in COSTS}


def _text(value: Any) -> Any:
    """Names of files that are no text are written as they can be."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def as_csv(entries: list[Entry]) -> bytes:
    """Comma-separated, with a line of titles."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(_row(_EMPTY)))
    writer.writeheader()
    writer.writerows(rows(entries))
    return text.getvalue().encode()


def as_parquet(entries: list[Entry]) -> bytes | None:
    """The same for data frames; None without pyarrow."""
    try:
        from pyarrow import BufferOutputStream, Table, parquet
    except ImportError:
        return None
    table = Table.from_pylist([_row(_EMPTY), *rows(entries)]).slice(1)
    sink = BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue())
