"""`make gostd`: Go's own tests on the host and as guests, compared with the expectations beside this file.

    python -m tests.conformance.gostd                            every package, both architectures
    python -m tests.conformance.gostd --arch arm64 strings os    some packages, one architecture
    python -m tests.conformance.gostd --show os -- -test.run TestPipe -test.short

Tests that end otherwise are run again by themselves on both sides, because several of them measure time; what
differs then counts. A difference that `expected.toml` does not name fails the run; so do more than 1 % of named ones.
"""

from __future__ import annotations

import re
import shutil
import sys

import click
from rich.console import Console
from rich.table import Table

from tests.conformance.gostd.runs import WORLD, Run, as_guest, goroot, on_host
from tests.conformance.gostd.verdicts import Difference, differences, expected, is_expected

PACKAGES = """
    bufio bytes container/heap context encoding/binary errors fmt hash/crc32 io math/bits os path/filepath
    sort strconv strings sync sync/atomic time unicode/utf8
""".split()
MOST_DIFFERENCES = 0.01


class Report:
    """What is printed while packages end, and the table behind them."""

    def __init__(self, show: bool) -> None:
        self.console = Console(width=max(110, shutil.get_terminal_size().columns))
        self.table = Table("package", "arch", "tests", "same", "expected", "differ", "CPU s", "host CPU s")
        self.show = show
        self.tests = self.known = self.unexpected = 0

    def add(self, package: str, arch: str, host: Run, guest: Run, found: list[Difference]) -> None:
        """One package has ended on one architecture; `found` is what differs."""
        known = expected(package)
        new = [d for d in found if not is_expected(d, known)]
        tests = len(host.verdicts)
        self.tests, self.known, self.unexpected = (
            self.tests + tests,
            self.known + len(found) - len(new),
            self.unexpected + len(new),
        )
        row = [package, arch, tests, tests - len(found), len(found) - len(new), len(new)]
        self.table.add_row(*map(str, row), f"{guest.cpu_s:.1f}", f"{host.cpu_s:.1f}")
        self.say(
            f"{package} {arch}: {tests} tests, {len(found)} differ, {len(found) - len(new)} of them expected"
        )
        for difference in new:
            self.say(f"  {difference}")
            if self.show:
                self.say(guest.text_of(difference.test))
        for name in known:
            if not any(d.test == name or d.test.startswith(f"{name}/") for d in found):
                self.say(f"  {name}: expected to differ and did not")

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False)

    def end(self, most: float) -> bool:
        """Print the table; whether everything is as expected, and of that no more than `most` of all tests."""
        self.console.print(self.table)
        share = self.known / max(1, self.tests)
        self.say(
            f"{self.tests} tests, {self.unexpected} differ, {self.known} differ as expected ({share:.2%})"
        )
        return not self.unexpected and share <= most


def steady(
    package: str, arch: str, dispatch: str, timeout: int, found: list[Difference], flags: list[str]
) -> list[Difference]:
    """Those of `found` that are there again when their tests run alone."""
    if not found:
        return []
    names = {re.escape(d.test.split("/")[0]) for d in found}
    alone = [f for f in flags if "-test.run" not in f] + [f"-test.run=^({'|'.join(sorted(names))})$"]
    host = on_host(package, *alone, timeout_s=timeout)
    guest = as_guest(package, arch, *alone, dispatch=dispatch, timeout_s=timeout)
    return list(differences(host.verdicts, guest.verdicts))


@click.command()
@click.argument("packages", nargs=-1)
@click.option("--arch", "archs", type=click.Choice(["amd64", "arm64"]), multiple=True)
@click.option("--dispatch", type=click.Choice(["aot", "dynamic"]), default="aot")
@click.option("--timeout", type=click.IntRange(1), default=1800, help="Seconds for a package.")
@click.option("--show", is_flag=True, help="Print what the guest said of each difference.")
def main(packages: tuple[str, ...], archs: tuple[str, ...], dispatch: str, timeout: int, show: bool) -> None:
    """Run Go's own tests of PACKAGES on the host and as guests; status 1 when they differ.

    What begins with a dash behind -- goes to the test binaries.
    """
    flags = [p for p in packages if p.startswith("-")]
    chosen = [p for p in packages if not p.startswith("-")] or PACKAGES
    report = Report(show)
    report.say(f"{goroot()}: run {' '.join(WORLD)}")
    for package in chosen:
        host = on_host(package, *flags, timeout_s=timeout)
        for arch in archs or ("amd64", "arm64"):
            guest = as_guest(package, arch, *flags, dispatch=dispatch, timeout_s=timeout)
            found = list(differences(host.verdicts, guest.verdicts))
            for difference in found:
                report.say(f"{package} {arch}: again: {difference}")
            found = steady(package, arch, dispatch, timeout, found, flags)
            report.add(package, arch, host, guest, found)
    sys.exit(0 if report.end(MOST_DIFFERENCES if not flags else 1) else 1)


if __name__ == "__main__":
    main()
