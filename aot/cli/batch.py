"""`batch SRC OUT`: translate every executable of a tree, in parallel, resumable."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from aot import __version__
from aot.cli.choices import arch_option, nt_build_option, personality_option

if TYPE_CHECKING:
    from aot.cli.batching.model import Entry
    from aot.cli.batching.pool import Work
    from aot.cli.batching.run import Options

SOME_BAD = 1
INTERRUPTED = 130
TIMEOUT_S = 300.0


@click.command(short_help="Translate every executable of a directory tree.")
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 1024), default=os.cpu_count() or 1,
    help="Files at a time.  [default: one per processor]",
)  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=TIMEOUT_S, show_default=True,
    metavar="SECONDS", help="Give a file up after this long.",
)  # fmt: skip
@click.option(
    "--report", metavar="FILE", type=click.Path(path_type=Path),
    help="Where the JSON report goes.  [default: OUT/batch.json]",
)  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="Print only the summary.")
@click.option("--verbose", "-v", is_flag=True, help="Print also what was up to date or no executable.")
@personality_option
@arch_option
@nt_build_option
def command(
    *,
    source: Path,
    output: Path,
    jobs: int,
    timeout: float,
    report: Path | None,
    quiet: bool,
    verbose: bool,
    personality: str | None,
    arch: str | None,
    nt_build: str | None,
) -> int:
    """Translate every executable below the directory SRC into the directory OUT.

    OUT mirrors SRC, with `.elf` appended to every name. Each file is translated in a process of its own: one
    that crashes the translator or takes longer than --timeout is reported, and the others go on. Symbolic
    links are followed to files inside SRC only.

    A second run does what changed: a file is done again when its content, the translator or the options
    changed, when its translation is missing or altered, or when it failed. A batch that was interrupted or
    killed goes on where it was. Translations of files that are gone are reported and kept.

    The exit status is 0 when every executable is translated, 1 when some were refused, failed or could not be
    read, 2 when the batch could not be done, 130 when it was interrupted. Files that are no executables are
    counted and change nothing.

    \b
    Examples:
      helctic-aot batch corpus/ out/
      helctic-aot batch -j 8 --timeout 60 --report result.json corpus/ out/
      helctic-aot batch -q corpus/ out/; jq '.files[] | select(.outcome == "failed")' out/batch.json
    """
    from aot.cli.batching.model import Choice
    from aot.cli.batching.run import Options
    from aot.cli.batching.worker import translate_one
    from aot.cli.cache import fingerprint

    _check(source, output)
    choice = Choice(personality, arch, nt_build)
    options = Options(
        source=source, out=output, choice=choice, jobs=jobs, timeout_s=timeout,
        key=f"{fingerprint()}:{tuple(choice)}",
    )  # fmt: skip
    return serve(options, report or output / "batch.json", translate_one, quiet=quiet, verbose=verbose)


def _check(source: Path, output: Path) -> None:
    """Refuse trees that cannot be meant."""
    if output.exists() and not output.is_dir():
        raise click.BadParameter(f"{output} is not a directory", param_hint="OUT")
    if output.exists() and output.samefile(source):
        raise click.BadParameter("is SRC; name another directory", param_hint="OUT")


def serve(options: Options, report: Path, work: Work, *, quiet: bool, verbose: bool) -> int:
    """The whole batch and its exit status. Raises AotError when it cannot be done."""
    from aot.cli.batching.display import Display
    from aot.cli.batching.journal import Journal
    from aot.cli.batching.model import BAD
    from aot.cli.batching.pool import undisturbed
    from aot.cli.batching.run import Batch, listing
    from aot.cli.files import check_output, write_whole

    begin, when = time.monotonic(), datetime.now().astimezone().isoformat(timespec="seconds")
    journal = Journal(options.out)
    check_output(report)
    found = listing(options, report)
    interrupted = False
    # Before the display: its thread must not take the signals that wait.
    with undisturbed(), Display(len(found), quiet=quiet, verbose=verbose) as display:
        batch = Batch(options, journal, work, display)
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            batch.run(found)
        except KeyboardInterrupt:
            interrupted = True  # what follows is short
        finally:
            signal.signal(signal.SIGTERM, before)
    seconds = time.monotonic() - begin
    entries = sorted(batch.entries.values(), key=lambda entry: entry.path)
    journal.close(batch.kept())
    told = summary(options, entries, when, seconds, interrupted=interrupted)
    write_whole(report, (json.dumps(told, indent=1) + "\n").encode(), 0o644)
    display.summary(entries, seconds, interrupted)
    if interrupted:
        return INTERRUPTED
    return SOME_BAD if any(entry.outcome in BAD for entry in entries) else 0


def summary(
    options: Options, entries: list[Entry], when: str, seconds: float, *, interrupted: bool
) -> dict[str, Any]:
    """The JSON report."""
    return {
        "version": __version__,
        "source": str(options.source),
        "output": str(options.out),
        "options": options.choice._asdict(),
        "started": when,
        "seconds": round(seconds, 3),
        "interrupted": interrupted,
        "counts": Counter(entry.outcome.value for entry in entries),
        "files": [entry.as_json() for entry in entries],
    }


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
