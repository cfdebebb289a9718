"""A batch from its beginning to its exit status: journal, engine, display, reports."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from aot import __version__
from aot.cli.batching.display import Display
from aot.cli.batching.engine import Engine, undisturbed
from aot.cli.batching.journal import Journal
from aot.cli.batching.model import BAD, Entry
from aot.cli.batching.run import Batch, Options
from aot.errors import FileError

SOME_BAD = 1
INTERRUPTED = 130
SUMMARY = "batch.json"  # in OUT

MakeEngine = Callable[[Options], Engine]


def serve(
    options: Options, engine: MakeEngine, *, report: Path | None, resume: bool, quiet: bool, verbose: bool
) -> int:
    """The whole batch and its exit status. Raises AotError when it cannot be done."""
    begin, when = time.monotonic(), datetime.now().astimezone().isoformat(timespec="seconds")
    journal = Journal(options.store, resume=resume)
    try:
        batch, interrupted, display = _run(options, journal, engine, quiet=quiet, verbose=verbose)
    except BaseException:
        journal.close(None)
        raise
    seconds = time.monotonic() - begin
    entries = sorted(batch.entries.values(), key=lambda entry: entry.path)
    journal.close(batch.kept())
    told = summary(options, entries, when, seconds, interrupted=interrupted)
    display.summary(entries, seconds, interrupted)
    _write(options, told, entries, report)
    if interrupted:
        return INTERRUPTED
    return SOME_BAD if any(entry.outcome in BAD for entry in entries) else 0


def _run(
    options: Options, journal: Journal, engine: MakeEngine, *, quiet: bool, verbose: bool
) -> tuple[Batch, bool, Display]:
    """A batch that is over, whether it was interrupted, and where it was shown."""
    interrupted = False
    # Before the display and the engine: their threads must not take the signals that wait.
    with undisturbed(), Display(quiet=quiet, verbose=verbose) as display:
        batch = Batch(options, journal, engine(options), display)
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            batch.run()
        except KeyboardInterrupt:
            interrupted = True  # what follows is short
        finally:
            signal.signal(signal.SIGTERM, before)
    return batch, interrupted, display


def summary(
    options: Options, entries: list[Entry], when: str, seconds: float, *, interrupted: bool
) -> dict[str, Any]:
    """The JSON report."""
    return {
        "version": __version__,
        "sources": [source.name for source in options.sources],
        "output": options.store.name,
        "options": options.choice._asdict(),
        "limits": options.limits._asdict(),
        "started": when,
        "seconds": round(seconds, 3),
        "interrupted": interrupted,
        "counts": Counter(entry.outcome.value for entry in entries),
        "files": [entry.as_json() for entry in entries],
    }


def _write(options: Options, told: dict[str, Any], entries: list[Entry], report: Path | None) -> None:
    text = (json.dumps(told, indent=1) + "\n").encode()
    try:
        options.store.write(SUMMARY, text)
    except OSError as error:
        raise FileError(f"{options.store.name}: cannot be written: {error.strerror or error}") from None
    if report is not None:
        from aot.cli.batching.report.write import write

        write(report, told, entries)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
