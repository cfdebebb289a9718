"""A batch in a terminal: a line a file above a progress bar, and a table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from aot.cli.batching.model import Entry, Outcome

STYLES = {
    Outcome.TRANSLATED: "green", Outcome.CURRENT: "dim", Outcome.OTHER: "dim", Outcome.SKIPPED: "dim",
    Outcome.REFUSED: "yellow", Outcome.FAILED: "bold red", Outcome.UNREADABLE: "red",
    Outcome.REMOVED: "magenta",
}  # fmt: skip
EXPECTED = (Outcome.CURRENT, Outcome.OTHER, Outcome.SKIPPED)  # shown with --verbose only
WIDTH = max(len(outcome.value) for outcome in Outcome)


class Display:
    """Use as a context manager; call it with each entry."""

    def __init__(self, total: int, *, quiet: bool, verbose: bool) -> None:
        self._out = Console(soft_wrap=True, highlight=False)
        self._quiet, self._verbose = quiet, verbose
        bar = self._out if self._out.is_terminal else Console(stderr=True)
        self._progress = Progress(
            BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"),
            console=bar, transient=True, disable=not bar.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, entry: Entry) -> None:
        """Show one result."""
        if entry.outcome is not Outcome.REMOVED:
            self._progress.update(self._task, advance=1, description=shown(entry.path)[-40:])
        if not self._quiet and (self._verbose or entry.outcome not in EXPECTED):
            self._out.print(line(entry))

    def summary(self, entries: Iterable[Entry], seconds: float, interrupted: bool) -> None:
        """The table at the end."""
        counted = Counter(entry.outcome for entry in entries)
        table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False, show_edge=False)
        table.add_column(justify="right")
        table.add_column()
        for outcome in Outcome:
            if counted[outcome]:
                table.add_row(str(counted[outcome]), Text(outcome.value, STYLES[outcome]))
        word = "interrupted; what was done is kept" if interrupted else "done"
        self._out.print(table)
        self._out.print(f"{word} after {seconds:.1f} s")


def line(entry: Entry) -> Text:
    """One file in one line."""
    text = Text(entry.outcome.value.ljust(WIDTH), STYLES[entry.outcome])
    text.append("  " + shown(entry.path), "default")
    said = entry.reason or (_facts(entry) if entry.outcome is Outcome.TRANSLATED else "")
    return text.append(f": {shown(said)}" if said else "", "default")


def _facts(entry: Entry) -> str:
    classes = ", ".join(f"{count} {name}" for name, count in entry.classes.items())
    parts = [f"{entry.format} {entry.arch}, {entry.personality}", _counted(entry.sites, "site")]
    parts[-1] += f" ({classes})" if classes else ""
    if entry.imports:
        unserved = f" ({len(entry.unserved)} without a row)" if entry.unserved else ""
        parts.append(_counted(entry.imports, "import") + unserved)
    return "; ".join([*parts, f"{entry.seconds:.2f} s"])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def shown(text: str) -> str:
    """Names can hold anything: control characters and broken encodings are escaped."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in clean)
