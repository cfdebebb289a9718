"""A sample of the survey, which every Debian machine can make: the files, both disassemblers, damage, a few runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from aot.errors import AotError
from aot.image.model import Arch
from corpus.foreign import ForeignError
from tests.survey.differences import unexplained
from tests.survey.mutations import attempt, batter_all, mutated
from tests.survey.runs import Job, compare
from tests.survey.sources import HOST, Source, go_programs, go_testdata, launchers
from tests.survey.survey import Row, survey
from tests.survey.traps import OracleError, tool

PROGRAMS = (
    "bash dash env find git grep gzip ls openssl perl python3 sed sqlite3 tar x86_64-linux-gnu-gcc-12".split()
)
LIBRARIES = "libc.so.6 libm.so.6 libcrypto.so.3 libstdc++.so.6 libpthread.so.0 ld-linux-x86-64.so.2".split()
RUNS = (
    ("ls", "-a"),
    ("bash", "-c", "echo $((6 * 7)); exit 3"),
    ("sort", "-n", "a"),
    ("grep", "-c", "1", "a"),
)
KNOWN = 0.99  # share of call paths in Go programs and C libraries


def _missing(text: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


def _sample() -> Iterator[Source]:
    for name in PROGRAMS:
        if found := shutil.which(name, path="/usr/bin:/bin"):
            yield Source("host", name, Path(found).resolve())
    for name in LIBRARIES:
        for folder in (*HOST, "/lib64"):
            if (path := Path(folder, name)).exists():
                yield Source("host", name, path.resolve())
                break
    yield from _quick(lambda: (source for source in go_programs() if source.name.startswith("hello")))
    yield from _quick(go_testdata)
    yield from launchers()


def _quick(make: Callable[[], Iterator[Source]]) -> Iterator[Source]:
    try:
        yield from make()
    except ForeignError as error:
        _missing(str(error))


def _need_tools() -> None:
    for arch in Arch:
        for oracle, package in (("gnu", "binutils-aarch64-linux-gnu"), ("llvm", "llvm")):
            try:
                tool(oracle, arch)
            except OracleError as error:
                _missing(f"{error} (apt-get install {package})")


def test_a_sample_agrees_with_both_disassemblers() -> None:
    """Nothing fails, sites are theirs, every site is patched or listed, numbers are known."""
    _need_tools()
    rows = survey(_sample(), 2, False, lambda _: None)
    assert len(rows) > 60
    assert not [row for row in rows if row.facts["outcome"] == "failed"]
    asked = [row for row in rows if row.printed]
    assert len(asked) >= 15
    assert all("traps" in said for row in asked for said in row.printed.values())
    assert not list(unexplained(rows, strict=False))
    assert sum(map(_sites, rows)) > 600
    chosen = [r.facts for r in rows if r.source.group == "go" or r.source.name.startswith("libc.")]
    paths = sum(facts.get("paths", 0) for facts in chosen)
    assert paths > 600
    assert sum(len(facts.get("unknown", ())) for facts in chosen) <= (1 - KNOWN) * paths


def _sites(row: Row) -> int:
    """Sites of a file, each of which is patched or listed with a reason."""
    sites, listed = row.facts.get("sites", ()), row.facts.get("listed", ())
    assert sum(row.facts.get("tactics", {}).values()) + len(listed) == len(sites), row.source.name
    assert all(why for _, why in listed)
    return len(sites)


def test_damaged_copies_give_a_line_or_a_program() -> None:
    damage = batter_all([source.path for source in _sample()], 15, 20, 2)
    assert damage.wrong == ()
    assert damage.tried == 300
    assert 0 < damage.refused < damage.tried


def test_damage_depends_on_its_seed_alone() -> None:
    raw = bytes(range(256)) * 64
    assert mutated(raw, 5) == mutated(raw, 5) != mutated(raw, 6)


def test_what_an_attempt_says_is_what_translating_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an AotError is a refusal: anything else has to come through."""
    assert attempt(b"#!/bin/sh\n").startswith("a script")

    def broken(raw: bytes) -> bytes:
        raise AotError("a line") if raw else KeyError("a bug")

    monkeypatch.setattr("tests.survey.mutations.translate_file", broken)
    assert attempt(b"x") == "a line"
    with pytest.raises(KeyError):
        attempt(b"")


@pytest.mark.parametrize("command", RUNS, ids=lambda command: command[0])
def test_programs_say_what_they_say_on_the_host(command: tuple[str, ...]) -> None:
    program = shutil.which(command[0], path="/usr/bin:/bin")
    if program is None:
        _missing(f"{command[0]} is not installed")
    path = str(Path(program).resolve())
    result = compare(Job(command, path, path, command[1:], command[0]))
    assert result.good, result
