"""A call set beside what a run really asked for: what both have, what was never seen, what the set has missed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from aot.analyze.callset.model import CallSet
from aot.cli.prepare import read_file
from aot.record import dataclass
from runtime.policy.read import read_policy

_LINE = re.compile(r"\[\d+\] (\w+)\(")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Names of calls, each in one of three lists; `precision` is seen calls per call of the set."""

    both: tuple[str, ...]
    unseen: tuple[str, ...]
    missed: tuple[str, ...]

    @property
    def precision(self) -> float:
        """Share of the set that was seen, 0 to 1."""
        size = len(self.both) + len(self.unseen)
        return len(self.both) / size if size else 1.0

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        size = len(self.both) + len(self.unseen)
        yield f"seen and in the set: {len(self.both)} of {size} (precision {self.precision:.2f})"
        yield f"in the set, not seen: {len(self.unseen)}"
        if self.unseen:
            yield f"  {' '.join(self.unseen)}"
        yield f"seen, not in the set: {len(self.missed)}"
        if self.missed:
            yield f"  {' '.join(self.missed)}"


def compare(found: CallSet, seen: frozenset[str]) -> Comparison:
    """`found` against the calls that were seen."""
    names = found.names
    return Comparison(*(tuple(sorted(part)) for part in (names & seen, names - seen, seen - names)))


def seen_in(path: Path, arch: str) -> frozenset[str]:
    """The calls that a recorded policy, an OCI profile or a trace names. Raises an AotError for anything else."""
    raw = read_file(path)
    text = raw.decode("utf-8", "replace")
    if _LINE.match(text):
        return frozenset(found[1] for line in text.splitlines() if (found := _LINE.match(line)))
    return read_policy(raw, str(path), arch).allowed()
