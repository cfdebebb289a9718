"""Plain text tables: columns as wide as their widest cell, numbers to the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], indent: str = "  ") -> Iterator[str]:
    """Lines of an aligned table; columns without a cell are left out."""
    kept = [i for i in range(len(titles)) if any(row[i] for row in rows)]
    widths = {i: max(len(titles[i]), *(len(row[i]) for row in rows)) for i in kept}
    right = {i for i in kept if all(_numeric(row[i]) for row in rows)}
    for row in (titles, *rows) if rows else ():
        cells = (row[i].rjust(widths[i]) if i in right else row[i].ljust(widths[i]) for i in kept)
        yield (indent + "  ".join(cells)).rstrip()


def _numeric(cell: str) -> bool:
    return not cell or cell.lstrip("-").isdigit()
