"""Two runs agree when every thread made the same calls with the same results, but for what differences.toml says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from itertools import zip_longest
from pathlib import Path

from aot.record import dataclass
from tests.conformance.agreement.calls import Made, Thread

FILE = Path(__file__).with_name("differences.toml")
MASK = "*"
FIRST = "first thread"


@dataclass(frozen=True, slots=True)
class Rule:
    """One accepted difference. `result` and `ours` are what the host and we answer, as patterns."""

    calls: tuple[str, ...]
    programs: tuple[str, ...]
    reason: str
    kind: str
    result: str = MASK
    ours: str = MASK

    def covers(self, program: str, name: str) -> bool:
        return name in self.calls and any(fnmatch(program, p) for p in self.programs)


@cache
def rules() -> tuple[Rule, ...]:
    """Every accepted difference.

    `masked`: the results mean nothing outside a run (addresses, ids, times). `skipped`: whether and when the
    call is made is not the program's own doing. `answered`: we answer otherwise, in the way that is named.
    """
    with FILE.open("rb") as file:
        tables = tomllib.load(file)
    return tuple(
        Rule(
            calls=tuple(entry["calls"]),
            programs=tuple(entry.get("programs", ["*"])),
            reason=entry["reason"],
            kind=kind,
            result=str(entry.get("host", MASK)),
            ours=str(entry.get("ours", MASK)),
        )
        for kind, entries in tables.items()
        for entry in entries
    )


def differences(program: str, host: Thread, ours: Thread) -> list[str]:
    """What disagrees, a line each, with the calls before it; empty when the runs agree."""
    return list(_walk(program, host, ours, FIRST))


def _walk(program: str, host: Thread, ours: Thread, who: str) -> Iterator[str]:
    left, right = _shown(program, host), _shown(program, ours)
    for at, (a, b) in enumerate(zip_longest(left, right)):
        over = a is None or b is None
        if over and host.killed and (who != FIRST or at >= max(len(left), len(right)) - 1):
            continue  # how far a child came before somebody killed it is a matter of time
        if a is None or b is None or not _agree(program, a, b):
            before = "".join(f"\n      {made}" for made in left[max(0, at - 4) : at])
            yield f"{who}, call {at + 1}:{before}\n  host {a}\n  ours {b}"
            return
    if len(host.children) != len(ours.children):
        yield f"{who} made {len(host.children)} threads or processes on the host and {len(ours.children)} here"
    for number, (a_child, b_child) in enumerate(zip(host.children, ours.children, strict=False), 1):
        yield from _walk(program, a_child, b_child, f"{who} > {number}")


def _shown(program: str, thread: Thread) -> list[Made]:
    return [made for made in thread.calls if not _ruled(program, made.name, "skipped")]


def _agree(program: str, host: Made, ours: Made) -> bool:
    if host.name != ours.name:
        return False
    if host.result == ours.result:
        return True
    failed = host.result.startswith("E"), ours.result.startswith("E")
    if not any(failed) and _ruled(program, host.name, "masked"):
        return True
    return any(
        fnmatch(host.result, rule.result) and fnmatch(ours.result, rule.ours)
        for rule in _ruled(program, host.name, "answered")
    )


def _ruled(program: str, name: str, kind: str) -> list[Rule]:
    return [rule for rule in rules() if rule.kind == kind and rule.covers(program, name)]
