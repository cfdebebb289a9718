"""A batch in a terminal: a line a file above a progress bar, and a table at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from aot.cli.batching.model import DONE, Entry, Outcome

STYLES = {
    Outcome.TRANSLATED: "green", Outcome.COPIED: "green", Outcome.CURRENT: "dim", Outcome.OPENED: "dim",
    Outcome.OTHER: "dim", Outcome.SKIPPED: "dim", Outcome.REFUSED: "yellow", Outcome.FAILED: "bold red",
    Outcome.UNREADABLE: "red", Outcome.REMOVED: "magenta",
}  # fmt: skip
# shown with --verbose only
EXPECTED = (Outcome.CURRENT, Outcome.COPIED, Outcome.OPENED, Outcome.OTHER, Outcome.SKIPPED)
WIDTH = max(len(outcome.value) for outcome in Outcome)
SLOW_S = 3.0  # a file under way that long is named
PLAIN_S = 30.0  # without a terminal a line tells how far it is that often
MB = 1e6


class Display:
    """Use as a context manager; call it with each entry."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self._out = Console(soft_wrap=True, highlight=False)
        self._quiet, self._verbose = quiet, verbose
        self._bar = (
            self._out if self._out.is_terminal else Console(stderr=True, soft_wrap=True, highlight=False)
        )
        self._live = self._bar.is_terminal and not quiet
        self._begin = self._told = time.monotonic()
        self._files = self._bytes = self._total = 0
        self._progress = Progress(
            BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
            TextColumn("{task.description}"), console=self._bar, transient=True, disable=not self._live,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=0, rate="")

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def expect(self, files: int) -> None:
        """So many more files are known of."""
        self._total += files
        self._progress.update(self._task, total=self._total)

    def __call__(self, entry: Entry) -> None:
        """Show one result."""
        if entry.outcome is not Outcome.REMOVED:
            self._files += 1
            self._bytes += entry.size
            self._progress.update(self._task, advance=1)
        if not self._quiet and (self._verbose or entry.outcome not in EXPECTED):
            self._out.print(line(entry))

    def busy(self, running: list[tuple[str, float]]) -> None:
        """Show rates, and the files that have been under way for long (path, monotonic time since when)."""
        now = time.monotonic()
        if self._live:
            slow = [
                f"{shown(path)[-30:]} {now - begin:.0f} s" for path, begin in running if now - begin > SLOW_S
            ]
            self._progress.update(self._task, description=", ".join(slow[:2]), rate=self._rate(now))
        elif not self._quiet and now - self._told >= PLAIN_S:
            self._told = now
            self._bar.print(f"{self._files} of {self._total} files, {self._rate(now)}")

    def _rate(self, now: float) -> str:
        spent = max(now - self._begin, 1e-3)
        return f"{self._files / spent:.1f} files/s, {self._bytes / MB / spent:.1f} MB/s"

    def summary(self, entries: Iterable[Entry], seconds: float, interrupted: bool) -> None:
        """The table at the end."""
        entries = tuple(entries)
        counted = Counter(entry.outcome for entry in entries)
        table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False, show_edge=False)
        table.add_column(justify="right")
        table.add_column()
        for outcome in Outcome:
            if counted[outcome]:
                table.add_row(str(counted[outcome]), Text(outcome.value, STYLES[outcome]))
        self._out.print(table)
        word = "interrupted; what was done is kept" if interrupted else "done"
        made = sum(counted[outcome] for outcome in DONE if outcome is not Outcome.CURRENT)
        rate = f", {made / seconds:.1f} programs/s" if made and seconds >= 1 else ""
        self._out.print(f"{word} after {seconds:.1f} s{rate}")


def line(entry: Entry) -> Text:
    """One file in one line."""
    text = Text(entry.outcome.value.ljust(WIDTH), STYLES[entry.outcome])
    text.append("  " + shown(entry.path), "default")
    return text.append(f": {shown(said)}" if (said := _said(entry)) else "", "default")


def _said(entry: Entry) -> str:
    if entry.reason:
        return entry.reason
    if entry.outcome is Outcome.COPIED:
        return f"the same as {entry.twin}"
    if entry.outcome is Outcome.OPENED:
        return _counted(entry.members, "member")
    return _facts(entry) if entry.outcome is Outcome.TRANSLATED else ""


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
