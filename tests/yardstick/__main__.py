"""`make yardstick`: the suites on the host and as guests, compared with the expectations beside this file.

    python -m tests.yardstick                        everything
    python -m tests.yardstick python test_os         one module
    python -m tests.yardstick stress pipe fork       some stressors

A difference between guest and host that `expected.toml` does not name fails the run; one that it names and
that did not happen is told, so that the file can be shortened.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.yardstick.stress import STRESS, STRESSORS, run_stressor
from tests.yardstick.suite import MODULES, has_suite, run_module

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "yardstick"
HOST_S = 60  # a test that says nothing for this long hangs
Outcomes = dict[str, tuple[str, str]]


def guest_prefix() -> list[str]:
    """The command line in front of a program of the host that makes it a guest; {cwd} is where it runs."""
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    return [sys.executable, "-m", "aot.cli", "run", "--root", "/", "--cwd", "{cwd}", "--limit", "memory=8G"]


def python_module(name: str, patience_s: int) -> tuple[Outcomes, Outcomes]:
    """The outcomes of one module's tests on the host and as a guest."""
    return run_module(name, (), HOST_S), run_module(name, guest_prefix(), patience_s)


def stressor(name: str, patience_s: int) -> tuple[Outcomes, Outcomes]:
    """The outcome of one stressor on the host and as a guest."""
    return {name: run_stressor(name, (), HOST_S)}, {name: run_stressor(name, guest_prefix(), patience_s)}


Job = Callable[[str, int], tuple[Outcomes, Outcomes]]


def timed(job: Job, name: str, patience_s: int) -> tuple[Outcomes, Outcomes, float]:
    """What `job` gives, and the seconds it took."""
    began = time.monotonic()
    host, guest = job(name, patience_s)
    return host, guest, time.monotonic() - began


def compare(host: Outcomes, guest: Outcomes) -> dict[str, tuple[str, str, str]]:
    """Tests that end otherwise: host's outcome, guest's, the guest's detail. What the host fails is no measure."""
    out = {}
    for test, (theirs, _) in host.items():
        ours, detail = guest.get(test, ("missing", ""))
        if theirs == "pass" and ours != "pass":
            out[test] = (theirs, ours, detail)
    return out


class Report:
    """What is printed while parts end, and the table behind them."""

    def __init__(self, show: bool) -> None:
        self.console = Console(width=max(100, shutil.get_terminal_size().columns))
        self.table = Table("suite", "part", "tests", "same", "differ", "expected", "seconds")
        self.expected = tomllib.loads(Path(__file__).with_name("expected.toml").read_text())
        self.unexpected, self.show = 0, show

    def add(self, suite: str, name: str, host: Outcomes, guest: Outcomes, seconds: float) -> None:
        """One part has ended."""
        differ, known = compare(host, guest), self.expected.get(suite, {})
        new = {test: what for test, what in differ.items() if test not in known}
        count = sum(1 for outcome, _ in host.values() if outcome == "pass")
        row = [suite, name, count, count - len(differ), len(differ), len(differ) - len(new)]
        self.table.add_row(*map(str, row), f"{seconds:.0f}")
        self.say(" ".join(map(str, row)))
        for test, (_, ours, detail) in new.items():
            self.unexpected += 1
            self.say(f"  {test}: {ours}")
            if self.show:
                self.say(detail)
        for test in known:
            if test in host and test not in differ:
                self.say(f"  {test}: expected to differ and did not")

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False)


def need(found: bool, package: str) -> None:
    """Raises ClickException when a suite is not installed."""
    if not found:
        raise click.ClickException(f"missing: apt-get install {package}")


@click.command()
@click.argument("kind", type=click.Choice(["all", "python", "stress"]), default="all")
@click.argument("names", nargs=-1)
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count(), help="Parts run at the same time.")
@click.option(
    "--patience", type=click.IntRange(1), default=240, help="Seconds without a sign of life from a guest."
)
@click.option("--show", is_flag=True, help="Print what the guest said of each difference.")
def main(kind: str, names: tuple[str, ...], jobs: int, patience: int, show: bool) -> None:
    """Run suites on the host and as guests; status 1 when they differ in what is not expected."""
    parts: list[tuple[str, str, Job]] = []
    if kind in ("all", "python"):
        need(has_suite(), "python3 and libpython3.*-testsuite of its version")
        parts += [("python", name, python_module) for name in names or MODULES]
    if kind in ("all", "stress"):
        need(Path(STRESS).exists(), "stress-ng")
        parts += [("stress", name, stressor) for name in names or STRESSORS]
    WORK.mkdir(parents=True, exist_ok=True)
    os.chdir(WORK)
    report = Report(show)
    with (
        ThreadPoolExecutor(jobs) as pool,
        (WORK / "results.jsonl").open("a", encoding="utf-8") as record,
    ):
        running = [(suite, name, pool.submit(timed, job, name, patience)) for suite, name, job in parts]
        for suite, name, result in running:
            host, guest, seconds = result.result()
            record.write(json.dumps({"suite": suite, "part": name, "host": host, "guest": guest}) + "\n")
            record.flush()
            report.add(suite, name, host, guest, seconds)
    report.console.print(report.table)
    sys.exit(1 if report.unexpected else 0)


if __name__ == "__main__":
    main()
