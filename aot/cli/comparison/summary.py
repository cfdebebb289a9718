"""What a corpus comparison says as a whole: outcomes, ratios with their spread, calls and the classes they took."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from aot.cli.comparison.corpus import BAD, Outcome, Result
from aot.cli.comparison.model import DOORS, Comparison, Mode, by_door, decided, door_of, together
from aot.record import asdict, dataclass

WANTED = 0.95  # of a program's calls are decided ahead of time


@dataclass(frozen=True, slots=True)
class Quartiles:
    """How one ratio is spread over programs."""

    count: int
    least: float
    lower: float
    median: float
    upper: float
    most: float

    @staticmethod
    def of(values: Iterable[float]) -> Quartiles | None:
        """The spread of values, None when there are none."""
        found = sorted(values)
        if not found:
            return None
        if len(found) == 1:
            return Quartiles(1, *found * 5)
        lower, middle, upper = statistics.quantiles(found, n=4, method="inclusive")
        return Quartiles(len(found), found[0], lower, middle, upper, found[-1])


@dataclass(frozen=True, slots=True)
class CallLine:
    """One call of one system over all programs: how often, by which class, and what it costs."""

    personality: str
    call: str
    programs: int
    count: int
    doors: dict[str, int]
    aot_us: Quartiles  # crossing and op of one, over programs
    dynamic_us: Quartiles
    ratio: Quartiles | None  # dynamic against ahead of time


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole."""

    outcomes: dict[str, int]
    ratios: dict[str, Quartiles | None]  # dynamic against ahead of time, over programs
    doors: dict[str, int]  # calls of all programs ahead of time
    decided: float
    below: tuple[tuple[str, float], ...]  # programs that decide less than WANTED, and how much
    calls: tuple[CallLine, ...]  # the most frequent first

    @property
    def good(self) -> bool:
        """Nothing was different, unexpected or broken."""
        return not any(self.outcomes[outcome.value] for outcome in BAD)

    @property
    def same(self) -> bool:
        """Nothing was different or broken."""
        return not any(self.outcomes[o.value] for o in BAD if o is not Outcome.UNEXPECTED)

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self)


def summary(results: Sequence[Result]) -> Summary:
    """What these results say together."""
    counted = Counter(result.outcome for result in results)
    compared = [(result, result.found) for result in results if result.found is not None]
    found = [comparison for _, comparison in compared]
    doors: Counter[str] = Counter()
    for comparison in found:
        doors.update(comparison.aot.doors())
    shares = [(result.case.name, comparison.aot.decided) for result, comparison in compared]
    return Summary(
        outcomes={outcome.value: counted[outcome] for outcome in Outcome},
        ratios={
            "CPU time": _ratios((c.dynamic.cpu().median, c.aot.cpu().median) for c in found),
            "wall time": _ratios((c.dynamic.wall().median, c.aot.wall().median) for c in found),
            "mean crossing": _ratios((_crossing(c.dynamic), _crossing(c.aot)) for c in found),
        },
        doors={door: doors[door] for door in DOORS},
        decided=decided(doors),
        below=tuple(sorted((line for line in shares if line[1] < WANTED), key=lambda line: line[1])),
        calls=tuple(sorted(_calls(found), key=lambda line: -line.count)),
    )


def _ratios(pairs: Iterable[tuple[float, float]]) -> Quartiles | None:
    return Quartiles.of(dynamic / aot for dynamic, aot in pairs if dynamic > 0 and aot > 0)


def _crossing(mode: Mode) -> float:
    return sum(c.count * c.crossing_us for c in mode.costs) / mode.calls if mode.calls else 0.0


def _calls(found: Sequence[Comparison]) -> Iterable[CallLine]:
    """A line for every call of every system."""
    lines: dict[tuple[str, str], list[tuple[dict[str, int], int, float, float]]] = {}
    for comparison in found:
        for name, aot, dynamic in comparison.pairs():
            one, other = together(aot), together(dynamic)
            if one is None or other is None:
                continue  # the traces were equal: only an unequal program makes a call one way
            doors = by_door({cost.cls: 0 for cost in aot})
            for cost in aot:
                doors[door_of(cost.cls)] += cost.count
            key = comparison.subject.personality, name
            lines.setdefault(key, []).append((doors, one.count, one.each_us, other.each_us))
    for (personality, name), rows in lines.items():
        aot_us, dynamic_us = Quartiles.of(row[2] for row in rows), Quartiles.of(row[3] for row in rows)
        assert aot_us is not None and dynamic_us is not None
        yield CallLine(
            personality, name, len(rows), sum(row[1] for row in rows),
            {door: sum(row[0][door] for row in rows) for door in DOORS},
            aot_us, dynamic_us, _ratios((row[3], row[2]) for row in rows),
        )  # fmt: skip
