"""`batch SRC... OUT`: translate every executable of directories, archives and lists, in parallel, resumable."""

from __future__ import annotations

import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aot.cli.choices import arch_option, nt_build_option, personality_option

if TYPE_CHECKING:
    from aot.cli.batching.engine import Engine
    from aot.cli.batching.run import Options
    from aot.cli.batching.sources import Source
    from aot.cli.batching.store import Store

TIMEOUT_S = 300.0
LEAST_MEMORY = 512 << 20
SHARE = 0.8  # of the machine's memory, which all workers together may have


def _size(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Bytes of a size like 512M. Raises BadParameter."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,15})([KMGT]?)", value.upper())
    if not found or not int(found[1]):
        raise click.BadParameter(f"{value!r} is no size like 512M or 2G")
    return int(found[1]) << 10 * " KMGT".index(found[2] or " ")


@click.command(short_help="Translate every executable of directories, archives and lists.")
@click.argument("names", metavar="SRC...", nargs=-1, required=True)
@click.argument("output", metavar="OUT")
@click.option(
    "--jobs", "-j", type=click.IntRange(1, 1024), default=os.cpu_count() or 1,
    help="Files at a time; with --engine dask and no --scheduler, workers.  [default: one per processor]",
)  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=TIMEOUT_S, show_default=True,
    metavar="SECONDS", help="Give a file up after this long.",
)  # fmt: skip
@click.option(
    "--memory", callback=_size, metavar="SIZE",
    help="Give a file up that needs more memory than this.  [default: a share of the machine's]",
)  # fmt: skip
@click.option(
    "--resume/--no-resume", default=True,
    help="Go on from what OUT holds (the default), or do everything again.",
)  # fmt: skip
@click.option(
    "--report", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Write a page to look at (index.html), report.json and tables there.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(("local", "dask")), help="Where files are translated.  [default: local]"
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Of a Dask cluster (tcp://host:8786); means --engine dask."
)
@click.option(
    "-0", "--null", is_flag=True, help="Names of the list on standard input end in NUL, not in newline."
)
@click.option("--quiet", "-q", is_flag=True, help="Print only the summary.")
@click.option(
    "--verbose", "-v", is_flag=True, help="Print also what was up to date, copied or no executable."
)
@personality_option
@arch_option
@nt_build_option
def command(
    *,
    names: tuple[str, ...],
    output: str,
    jobs: int,
    timeout: float,
    memory: int | None,
    resume: bool,
    report: Path | None,
    engine: str | None,
    scheduler: str | None,
    null: bool,
    quiet: bool,
    verbose: bool,
    personality: str | None,
    arch: str | None,
    nt_build: str | None,
) -> int:
    """Translate every executable of the sources SRC into the directory OUT.

    A source is a directory, a file, an archive (tar, zip, wheel, Debian package), a URL, or `-`: names on
    standard input, one a line. Archives in directories and in other archives are opened too. OUT mirrors the
    sources, with `.elf` appended to every name: a directory that is the only source becomes OUT itself, of several
    sources each has its name there, an archive becomes a directory, and names of a list keep their paths. Symbolic
    links are followed to files inside a directory only.

    Each file is translated in a process of its own: one that crashes the translator, takes longer than --timeout
    or more than --memory is reported, and the others go on. Files of the same content are translated once and
    share their result.

    A second run does what changed: a file is done again when its content, the translator or the options
    changed, when its translation is missing or altered, or when it failed. A batch that was interrupted or
    killed goes on where it was. Translations of files that are gone are reported and kept. --no-resume
    does everything again.

    The exit status is 0 when every executable is translated, 1 when some were refused, failed or could not be
    read, 2 when the batch could not be done, 130 when it was interrupted. Files that are no executables are
    counted and change nothing. OUT/batch.json tells everything of every file.

    \b
    Examples:
      helctic-aot batch corpus/ out/
      helctic-aot batch --report report/ downloads/*.whl packages/*.deb out/
      find / -xdev -perm -100 -type f -print0 | helctic-aot batch -0 - out/
      helctic-aot batch --scheduler tcp://head:8786 s3://bucket/corpus s3://bucket/out
      helctic-aot batch -q corpus/ out/; jq '.files[] | select(.outcome == "failed")' out/batch.json
    """
    from aot.cli.batching.model import Choice, Limits
    from aot.cli.batching.run import Options
    from aot.cli.batching.serve import serve
    from aot.cli.batching.sources import sources
    from aot.cli.batching.store import store_of
    from aot.cli.cache import fingerprint

    if scheduler and engine == "local":
        raise click.UsageError("--scheduler is for --engine dask")
    if report is not None:
        from aot.cli.batching.report.write import check

        check(report)
    found = sources(names, sys.stdin.buffer, nul=null)
    store = store_of(output)
    choice = Choice(personality, arch, nt_build)
    options = Options(
        sources=tuple(found), store=store, choice=choice, jobs=jobs,
        limits=Limits(timeout, memory or _share_of_memory(jobs)), key=f"{fingerprint()}:{tuple(choice)}",
        without=_own(store, report, found),
    )  # fmt: skip
    dask = engine == "dask" or scheduler is not None
    make = partial(_cluster, scheduler) if dask else _pool
    return serve(options, make, report=report, resume=resume, quiet=quiet, verbose=verbose)


def _own(store: Store, report: Path | None, found: list[Source]) -> tuple[Path, ...]:
    """Our own directories, which sources may hold. Raises BadParameter when one of them is a source."""
    from aot.cli.batching.store import LocalStore

    if not isinstance(store, LocalStore):
        return ()
    if any(
        store.out.exists() and source.path.is_dir() and store.out.samefile(source.path) for source in found
    ):
        raise click.BadParameter("is SRC; name another directory", param_hint="OUT")
    return (store.out, store.state, *([report] if report else []))


def _share_of_memory(jobs: int) -> int:
    """What a worker may have when all of them, and those that were too slow, want it at once."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(LEAST_MEMORY, int(whole * SHARE / (2 * jobs)))


def _pool(options: Options) -> Engine:
    from aot.cli.batching.pool import Pool
    from aot.cli.batching.worker import translate_one

    return Pool(translate_one, options.jobs, options.limits.seconds, options.limits.memory)


def _cluster(scheduler: str | None, options: Options) -> Engine:
    from aot.cli.batching.cluster import Cluster

    return Cluster(scheduler, options.jobs, options.limits)
