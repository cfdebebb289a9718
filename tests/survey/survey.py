"""The passes over the files: facts, both disassemblers, then what differs; results are kept by content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from aot.cli.batching.pool import Pool, Task
from aot.cli.cache import fingerprint
from aot.image.model import Arch
from aot.record import dataclass
from tests.survey.facts import Facts, examine
from tests.survey.sources import Source
from tests.survey.store import Store, digest
from tests.survey.traps import OracleError, traps, version

TIMEOUT_S = 900.0
ORACLES = ("gnu", "llvm")


@dataclass(frozen=True, slots=True)
class Row:
    """One file with everything the passes found."""

    source: Source
    content: str  # sha256
    facts: Facts
    printed: dict[str, Facts]  # oracle -> {"traps": [[address, immediate]]} or {"reason": why not}


def disassemble(path: str, oracle: str, arch: str) -> Facts:
    """The traps one oracle prints; runs in a process of its own."""
    try:
        found = traps(oracle, Path(path), Arch(arch))
    except OracleError as error:
        return {"outcome": "failed", "reason": str(error)}
    return {"outcome": "", "traps": sorted(found.items())}


def survey(sources: Iterable[Source], jobs: int, keep: bool, tell: Callable[[str], None]) -> list[Row]:
    """Every distinct content among `sources`, the first of its names first."""
    found: dict[str, Source] = {}
    for source in sources:
        found.setdefault(digest(source.path), source)
    tell(f"{len(found)} files")
    facts = _facts(found, jobs, keep, tell)
    printed = {oracle: _printed(found, facts, oracle, jobs, tell) for oracle in ORACLES}
    return [
        Row(
            source,
            content,
            facts[content],
            {o: printed[o][content] for o in ORACLES if content in printed[o]},
        )
        for content, source in found.items()
    ]


def _facts(found: dict[str, Source], jobs: int, keep: bool, tell: Callable[[str], None]) -> dict[str, Facts]:
    store = Store("facts", "" if keep else fingerprint())
    tasks = [Task(content, (str(source.path),)) for content, source in found.items()]
    return dict(_kept(store, tasks, Pool(examine, jobs, TIMEOUT_S), tell))


def _printed(
    found: dict[str, Source], facts: dict[str, Facts], oracle: str, jobs: int, tell: Callable[[str], None]
) -> dict[str, Facts]:
    """What an oracle prints of the files with byte matches of a trap: elsewhere it could print none."""
    store = Store(oracle, version(oracle, Arch.X86_64))
    asked = [c for c, fact in facts.items() if fact.get("sites") or fact.get("refused")]
    tasks = [Task(c, (str(found[c].path), oracle, facts[c]["arch"])) for c in asked]
    return dict(_kept(store, tasks, Pool(disassemble, jobs, TIMEOUT_S), tell))


def _kept(
    store: Store, tasks: list[Task], pool: Pool, tell: Callable[[str], None]
) -> Iterator[tuple[str, Any]]:
    """Results by content, from the store or from the pool."""
    left: list[Task] = []
    for task in tasks:
        kept = store.get(task.path)
        if kept is None:
            left.append(task)
        else:
            yield task.path, kept
    tell(f"{len(tasks)} files, {len(left)} to do")
    for number, (task, answer) in enumerate(pool.run(iter(left)), 1):
        store.put(task.path, answer)
        if answer["outcome"] == "failed" or number % 100 == 0:
            tell(f"{number}/{len(left)} {task.arguments[0]} {answer['outcome']} {answer.get('reason', '')}")
        yield task.path, answer
