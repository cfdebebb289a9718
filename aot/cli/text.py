"""What commands print: lines to standard output, and tables with columns as wide as their widest cell."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from aot.errors import FileError


def show(lines: Iterable[str]) -> None:
    """Print lines. Raises FileError when they cannot be written, BrokenPipeError when nobody reads."""
    if sys.stdout is None:  # the caller closed it
        return
    try:
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileError(f"standard output: {error.strerror}") from None


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
