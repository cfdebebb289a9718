"""The report of `make bench`: two tables, with ratios, as plain text or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from aot.cli.text import table as text_table
from aot.record import dataclass

NOT_MEASURED = "-"
TITLES = {
    "getpid": "getpid",
    "unpark": "futex wake that finds nobody",
    "yield": "sched_yield of who is alone",
    "write": "write of 64 bytes to /dev/null",
    "file": "open + fstat + read + close",
}
WAYS = (
    "empty hook",
    "the same, no arguments",
    "inline",
    "bound",
    "table-bound",
    "dynamic",
    "dynamic, plain reg_read",
)


@dataclass(frozen=True, slots=True)
class Whole:
    """Microseconds of one turn of a guest loop, by who serves it."""

    arch: str
    call: str
    inline: float | None
    bound: float
    table: float
    dynamic: float
    plain: float
    qiling: float | None

    @property
    def best(self) -> float:
        """What a translated program gets."""
        return self.bound if self.inline is None else self.inline


def us(value: float | None) -> str:
    """Microseconds with as many digits as mean something."""
    if value is None:
        return NOT_MEASURED
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def times(value: float | None, unit: float) -> str:
    """How many times `unit` fits."""
    return NOT_MEASURED if value is None or unit <= 0 else f"{value / unit:.1f}x"


Rows = Sequence[Sequence[str]]
Draw = Callable[[Sequence[str], Rows], Iterable[str]]


def _tables(crossings: Mapping[str, Mapping[str, float]], wholes: list[Whole], draw: Draw) -> Iterator[str]:
    archs = list(crossings)
    yield "One crossing (guest to kernel and back, no work), µs and multiples of the empty hook:"
    yield ""
    yield from draw(
        ("way", *(column for arch in archs for column in (arch, "x empty"))),
        [
            (way, *(c for a in archs for c in _crossing(crossings[a], way)))
            for way in WAYS
            if any(way in crossings[a] for a in archs)
        ],
    )
    yield ""
    yield "Whole calls, µs; the last column is qiling against what a translated program gets:"
    yield ""
    yield from draw(
        ("arch", "call", "inline", "bound", "table", "dynamic", "plain", "qiling", "ratio"),
        [
            (
                w.arch, TITLES[w.call], us(w.inline), us(w.bound), us(w.table), us(w.dynamic), us(w.plain),
                us(w.qiling), times(w.qiling, w.best),
            )
            for w in wholes
        ],
    )  # fmt: skip


def _crossing(measured: Mapping[str, float], way: str) -> tuple[str, str]:
    value = measured.get(way)
    text = NOT_MEASURED if value is None else f"{value:.3f}"
    return text, times(value, measured["empty hook"])


def _markdown_table(titles: Sequence[str], rows: Rows) -> Iterator[str]:
    yield "| " + " | ".join(titles) + " |"
    yield "|---" * len(titles) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def columns(titles: Sequence[str], rows: Rows, *, md: bool) -> Iterable[str]:
    """A table for a terminal or for a document."""
    return _markdown_table(titles, rows) if md else text_table(titles, rows)


def plain(where: str, crossings: Mapping[str, Mapping[str, float]], wholes: list[Whole]) -> Iterator[str]:
    """For a terminal."""
    yield f"make bench on {where}"
    yield ""
    yield from _tables(crossings, wholes, text_table)


def markdown(where: str, crossings: Mapping[str, Mapping[str, float]], wholes: list[Whole]) -> Iterator[str]:
    """For the README."""
    yield f"`make bench` on {where}."
    yield ""
    yield from _tables(crossings, wholes, _markdown_table)
