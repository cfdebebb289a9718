"""`compare FILE [ARGS...]` or `compare --corpus DIR`: the same runs ahead of time and dynamically: are they equal,
and at what cost."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aot.cli.choices import arch_option, nt_build_option, personality_option
from aot.cli.text import show

if TYPE_CHECKING:
    from aot.cli.comparison.corpus import Plan
    from aot.cli.comparison.model import Comparison

DIFFERENT = 1
STDOUT = "-"


@click.command(
    short_help="Run a program, or a tree of them, both ways: is it the same, and what does it cost.",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("file", metavar="[FILE]", type=click.Path(), required=False)
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--corpus", metavar="DIR", type=click.Path(path_type=Path), help="Compare every program below DIR."
)
@click.option(
    "--manifest", metavar="FILE", type=click.Path(path_type=Path),
    help="With --corpus: arguments and expectations of its programs.  [default: DIR/compare.toml]",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True,
    help="With --corpus: programs compared at a time; more than one disturb each other's times.",
)  # fmt: skip
@click.option(
    "--runs", type=click.IntRange(1, 1000), default=5, show_default=True, help="Timed runs of each way."
)
@click.option("--json", "json_file", metavar="FILE|-", help="Write everything as JSON; - is standard output.")
@click.option(
    "--html", "html_file", metavar="FILE", type=click.Path(path_type=Path),
    help="Write a report for a browser, in one file.",
)  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=600.0, show_default=True,
    metavar="SECONDS", help="End a run that takes longer.",
)  # fmt: skip
@click.option("--root", type=click.Path(path_type=Path), help="Host directory the guest sees as /.")
@click.option(
    "--mount",
    "mounts",
    multiple=True,
    metavar="GUEST=HOST[:ro]",
    help="Show the host directory HOST at GUEST.",
)
@click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="Set a variable; repeatable.")
@click.option("--cwd", metavar="GUEST", help="Guest directory to start in.")
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=VALUE[,...]",
    help="Bound each run as `run --limit` does: memory=SIZE, time=SECONDS, cpu=SECONDS, files=N, processes=N.",
)  # fmt: skip
@personality_option
@arch_option
@nt_build_option
def command(
    *,
    file: str | None,
    arguments: tuple[str, ...],
    corpus: Path | None,
    manifest: Path | None,
    jobs: int,
    runs: int,
    json_file: str | None,
    html_file: Path | None,
    timeout: float,
    root: Path | None,
    mounts: tuple[str, ...],
    env: tuple[str, ...],
    cwd: str | None,
    limits: tuple[str, ...],
    personality: str | None,
    arch: str | None,
    nt_build: str | None,
) -> int:
    """Run FILE with ARGS ahead of time and dynamically, and compare.

    One pair of runs is traced, with fixed clock, random and ids: exit status, output, errors and every line
    of the trace must be the same. Further pairs tell what each call costs: the time inside its handler (op)
    and what a crossing of its class costs here (crossing). Then each way is timed --runs times, in turns,
    without a trace. Every run has a process of its own; times begin when the guest does.

    Standard input is read once and given to every run; from a terminal nothing is read. All runs see the
    same files, so a program that changes files may do something else when it runs again.

    With --corpus every program below DIR is compared, one after the other or --jobs at a time. DIR/compare.toml may
    say of a program how it is run and what it gives, in [[program]] tables: file, args, env, stdin, status, stdout,
    timeout, skip. Each run starts in an empty directory of its own and sees DIR to read. A program that is refused,
    breaks down or does not end is a result, and the others go on.

    The exit status is 0 when both ways did the same, 1 when they did not (or a program did not give what
    compare.toml says).

    \b
    Examples:
      helctic-aot compare hello.exe
      helctic-aot compare --runs 20 --html report.html hello.elf one two
      helctic-aot compare --json - busybox.elf sort <words | jq .aot.cpu_s
      helctic-aot compare --corpus programs/ --runs 3 --jobs 2 --html report.html
    """
    _check_reports(json_file, html_file, file)
    from aot.cli.run import bounds

    bounds(limits)
    if corpus is not None:
        if file is not None or cwd or personality or arch or nt_build:
            raise click.UsageError("--corpus takes no FILE, --cwd, --personality, --arch or --nt-build")
        common = _plan(corpus, runs, timeout, root, mounts, env, limits)
        return _whole(common, manifest, jobs, json_file, html_file)
    if file is None:
        raise click.UsageError("name a FILE, or a directory with --corpus")
    if manifest is not None or jobs != 1:
        raise click.UsageError("--manifest and --jobs go with --corpus")
    from aot.cli.comparison.measure import PROFILES, compare
    from aot.cli.comparison.once import Job
    from aot.cli.prepare import native_bytes
    from aot.cli.run import environment, mount

    image = native_bytes(Path(file), personality, nt_build, arch)
    with tempfile.TemporaryDirectory(prefix="helctic-aot-") as name:
        folder = Path(name)
        (folder / "image.elf").write_bytes(image)
        _take_stdin(folder / "stdin")
        job = Job(
            image=folder / "image.elf", argv=(file, *arguments), env=environment(env),
            root=None if root is None else str(root), mounts=tuple(map(mount, mounts)), cwd=cwd,
            folder=folder, timeout_s=timeout, limits=limits,
        )  # fmt: skip
        found = _watched(lambda step: compare(job, file, runs, step), 2 + 2 * PROFILES + 2 * runs)
    if json_file is not None:
        _write_json(json_file, found.as_json())
    if html_file is not None:
        from aot.cli.comparison.html import page
        from aot.cli.files import write_whole

        write_whole(html_file, page(found).encode(), 0o644)
    if json_file != STDOUT:
        from rich.console import Console

        from aot.cli.comparison.terminal import show as show_tables

        show_tables(found, Console())
    return 0 if found.equal else DIFFERENT


def _plan(
    corpus: Path, runs: int, timeout: float, root: Path | None, mounts: tuple[str, ...], env: tuple[str, ...],
    limits: tuple[str, ...],
) -> Plan:  # fmt: skip
    """What all programs of a corpus have in common."""
    from aot.cli.comparison.corpus import Plan
    from aot.cli.run import environment, mount

    return Plan(
        folder=corpus, runs=runs, profiles=1, timeout_s=timeout, root=None if root is None else str(root),
        mounts=tuple(map(mount, mounts)), env=environment(env), limits=limits,
    )  # fmt: skip


def _whole(
    plan: Plan, manifest: Path | None, jobs: int, json_file: str | None, html_file: Path | None
) -> int:
    """Compare a corpus, show and write what was found; the exit status."""
    from rich.console import Console

    from aot.cli.comparison import corpus_terminal as terminal
    from aot.cli.comparison.cases import cases
    from aot.cli.comparison.corpus import compare_all
    from aot.cli.comparison.summary import summary

    wanted = cases(plan.folder, manifest)
    console = Console(stderr=json_file == STDOUT, highlight=False)
    results = terminal.watch(compare_all(wanted, plan, jobs), len(wanted), console)
    found = summary(results)
    terminal.show(found, console)
    if json_file is not None:
        _write_json(json_file, found.as_json() | {"programs": [result.as_json() for result in results]})
    if html_file is not None:
        from aot.cli.comparison.corpus_html import page
        from aot.cli.files import write_whole

        write_whole(html_file, page(plan.folder, found, results).encode(), 0o644)
    return 0 if found.good else DIFFERENT


def _check_reports(json_file: str | None, html_file: Path | None, source: str | None) -> None:
    """Refuse before the work what could not be written after it."""
    from aot.cli.files import check_output
    from aot.errors import SetupError

    inputs = () if source is None else (Path(source),)
    if html_file is not None:
        if find_spec("jinja2") is None:
            raise SetupError("--html needs jinja2: pip install 'helctic-aot[report]'")
        check_output(html_file, *inputs)
    if json_file not in (None, STDOUT):
        check_output(Path(json_file), *inputs)


def _take_stdin(path: Path) -> None:
    """Read standard input once; a terminal is not asked."""
    with path.open("wb") as file:
        if sys.stdin is not None and not os.isatty(0):
            shutil.copyfileobj(sys.stdin.buffer, file)


def _watched(work: Callable[[Callable[[str], None]], Comparison], steps: int) -> Comparison:
    """Do `work` under a progress bar, which only a terminal sees."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=steps)
        started = False

        def step(what: str) -> None:
            nonlocal started
            bar.update(task, description=what, advance=int(started))
            started = True

        return work(step)


def _write_json(file: str, found: dict[str, Any]) -> None:
    from aot.cli.files import write_whole

    text = json.dumps(found, indent=2)
    if file == STDOUT:
        show([text])
    else:
        write_whole(Path(file), f"{text}\n".encode(), 0o644)
