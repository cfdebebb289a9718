"""A row that claims to be served is made by a program of the corpus, in both modes; a Linux row succeeds in one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aot.personality.abi.call import Call, Level
from aot.personality.registry import system_of
from corpus.build import SRC, build, programs
from corpus.headers import UNIX
from corpus.wild import ELSEWHERE, ELSEWHERE_NAMED, INERT, OWN_PROGRAM, OWN_PROGRAM_NAMED, cases, plain_cases
from tests.conformance.harness import Setting, run_guest, translated

SYSTEMS = [(name, column) for name, who in UNIX.items() for column in system_of(who).columns]


def rows(calls: tuple[Call, ...], column: str | None = None) -> list[Call]:
    """Rows of a column with their sub-rows instead of selectors."""
    out: list[Call] = []
    for row in calls:
        if column is None or row.number(column) is not None:
            out += rows(tuple(row.by[1].values())) if row.by else [row]
    return out


@pytest.mark.parametrize(("system", "column"), SYSTEMS)
def test_every_served_row_is_exercised(system: str, column: str) -> None:
    tables = system_of(UNIX[system])
    made = {line.split('"')[1].split()[0] for line in (*cases(tables, column), *plain_cases(tables, column))}
    served = [r for r in rows(tables.calls, column) if r.status.level in (Level.FULL, Level.PARTIAL)]
    left = {r.name for r in served if r.name not in made and r.op not in ELSEWHERE | INERT}
    assert left - set(ELSEWHERE_NAMED) - own_program(served) == set()


def own_program(served: list[Call]) -> set[str]:
    """Rows with an error style of their own, which a program written for them makes."""
    text = (SRC / "darwin" / "mach.c").read_text()
    clocks = {"mach_absolute_time": "mach(-3,", "mach_continuous_time": "mach(-4,"}
    words = {r.name: clocks.get(r.name, f"_{r.name},") for r in served if r.style is not None}
    found = {name for name, word in words.items() if word in text}
    where = {r.name: OWN_PROGRAM[r.op] for r in served if r.op in OWN_PROGRAM}
    where |= {r.name: OWN_PROGRAM_NAMED[r.name] for r in served if r.name in OWN_PROGRAM_NAMED}
    own = {name: (SRC / path).read_text() for name, path in where.items()}
    return found | {name for name, text in own.items() if f"{name}(" in text}


SUCCEEDED = re.compile(r"\[\d+\] (\w+)\(.*\) = (?!-1 )")
NEVER = {
    "pause": "comes back with EINTR alone",
    "rt_sigsuspend": "comes back with EINTR alone",
    "clock_settime": "the clock is the host's: EPERM, as without the capability",
}
"""Served rows that no program can make with success."""


@pytest.mark.conformance
@pytest.mark.parametrize("column", sorted(system_of(UNIX["linux"]).columns))
def test_every_served_linux_row_succeeds_in_a_trace(column: str, tmp_path: Path) -> None:
    """The same programs run natively in test_host, where their own checks have to hold too."""
    tables = system_of(UNIX["linux"])
    served = (r for r in tables.calls if r.number(column) is not None)
    left = {r.name for r in served if r.status.level in (Level.FULL, Level.PARTIAL)} - set(NEVER)
    for names in successes(column, tmp_path):
        left -= names
        if not left:
            return
    assert not left


def successes(arch: str, work: Path) -> Iterator[set[str]]:
    """Names of the calls that succeeded in one program after the other, the one that makes most of them first."""
    found = [p for p in programs() if p.conformance and "linux" in p.systems and arch in p.archs]
    for program in sorted(found, key=lambda p: p.name != "served"):
        native = translated(build(program.name, f"linux-{arch}"), work)
        setting = Setting(args=program.args, stdin=program.stdin, env=program.env)
        outcome = run_guest(native, work, setting, "aot")
        yield {made[1] for line in outcome.trace if (made := SUCCEEDED.match(line))}
