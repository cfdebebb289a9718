"""What a comparison found: checks, costs by call, times of runs; and what reports derive."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from aot.record import asdict, dataclass

AOT, DYNAMIC = "aot", "dynamic"
MODES = (AOT, DYNAMIC)
TITLES = {AOT: "ahead of time", DYNAMIC: "dynamic"}
# a crossing answered by machine code is a routine; it is told apart, because it costs less
CLASSES = (
    "inline", "bound routine", "bound", "table routine", "table", "import", "dynamic routine", "dynamic",
)  # fmt: skip


DOORS = ("inline", "bound", "table", "import", "dynamic")
"""Classes, whoever answered the crossing."""
DECIDED = DOORS[:-1]
"""Those whose handler, or the table it comes from, was chosen ahead of time."""


def door_of(cls: str) -> str:
    """The class of a crossing without who answered it."""
    return cls.removesuffix(" routine")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be the same both ways; the first difference when it is not."""

    what: str
    equal: bool
    compared: str  # how much was compared, for a person
    at: str = ""  # where the first difference is
    aot: str = ""
    dynamic: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """One call through one class of door: how often, and microseconds of one."""

    call: str
    cls: str
    count: int
    crossing_us: float
    op_us: float  # median time inside the handler
    op_mean_us: float
    exits: int  # of the engine's code into the kernel, for one call
    left: int  # times a handler left the engine altogether: ends, waits, calls of guest code

    @property
    def each_us(self) -> float:
        """Crossing and op."""
        return self.crossing_us + self.op_us

    @property
    def total_s(self) -> float:
        """All of them."""
        return self.count * (self.crossing_us + self.op_mean_us) / 1e6


@dataclass(frozen=True, slots=True)
class Run:
    """One timed run in a process of its own, in seconds."""

    wall_s: float
    cpu_s: float
    load_s: float  # wall time from image to ready machine, not part of the others


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    least: float
    median: float
    most: float
    deviation: float  # standard deviation of the sample; 0 when there is one

    def near(self, other: Spread) -> bool:
        """The medians differ by less than the measurements scatter."""
        return abs(self.median - other.median) < max(self.deviation, other.deviation)

    @staticmethod
    def of(values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        found = sorted(values)
        deviation = statistics.stdev(found) if len(found) > 1 else 0.0
        return Spread(found[0], statistics.median(found), found[-1], deviation)


@dataclass(frozen=True, slots=True)
class Mode:
    """What one way of dispatching did and took."""

    name: str
    costs: tuple[Cost, ...]
    crossings_us: dict[str, float]  # of an empty crossing, by class
    runs: tuple[Run, ...]

    @property
    def calls(self) -> int:
        """How many calls the guest made."""
        return sum(cost.count for cost in self.costs)

    @property
    def exits_per_call(self) -> float:
        """1 unless calls were answered inline."""
        return sum(cost.exits * cost.count for cost in self.costs) / self.calls if self.calls else 0.0

    def classes(self) -> dict[str, int]:
        """Calls by class, every class named."""
        counted: Counter[str] = Counter()
        for cost in self.costs:
            counted[cost.cls] += cost.count
        return {cls: counted[cls] for cls in CLASSES}

    def doors(self) -> dict[str, int]:
        """The same, whoever answered."""
        return by_door(self.classes())

    @property
    def decided(self) -> float:
        """Share of the calls that were decided ahead of time, table-bound ones included; 1 when there are none."""
        return decided(self.doors())

    def spent_s(self) -> tuple[float, float, float]:
        """Where the CPU time of the median run went: crossings, ops, guest code and the rest."""
        whole = self.cpu().median
        crossing = sum(cost.count * cost.crossing_us for cost in self.costs) / 1e6
        op = sum(cost.count * cost.op_mean_us for cost in self.costs) / 1e6
        scale = min(1.0, whole / (crossing + op)) if crossing + op else 1.0
        return crossing * scale, op * scale, max(whole - crossing - op, 0.0)

    def wall(self) -> Spread:
        """Wall time of the runs."""
        return Spread.of(run.wall_s for run in self.runs)

    def cpu(self) -> Spread:
        """CPU time of the runs."""
        return Spread.of(run.cpu_s for run in self.runs)

    def load(self) -> Spread:
        """Wall time of loading."""
        return Spread.of(run.load_s for run in self.runs)


@dataclass(frozen=True, slots=True)
class Subject:
    """What ran."""

    file: str
    arguments: tuple[str, ...]
    sha256: str  # of the executable the translation was made from
    personality: str
    column: str
    arch: str
    format: str
    sites: dict[str, int]  # by class
    imports: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole."""

    subject: Subject
    version: str
    when: str
    machine: dict[str, str]
    checks: tuple[Check, ...]
    status: int
    output: str  # the guest's standard output, once
    aot: Mode
    dynamic: Mode

    @property
    def equal(self) -> bool:
        """Both ways did the same."""
        return all(check.equal for check in self.checks)

    @property
    def modes(self) -> tuple[Mode, Mode]:
        """Both, in the order they are shown."""
        return self.aot, self.dynamic

    def pairs(self) -> list[tuple[str, list[Cost], list[Cost]]]:
        """Costs by call, the dearest first: (call, ahead of time, dynamic)."""
        names: dict[str, tuple[list[Cost], list[Cost]]] = {}
        for side, mode in enumerate(self.modes):
            for cost in mode.costs:
                names.setdefault(cost.call, ([], []))[side].append(cost)
        lines = [(name, *both) for name, both in names.items()]
        return sorted(lines, key=lambda line: -sum(c.total_s for c in (*line[1], *line[2])))

    def as_json(self) -> dict[str, Any]:
        """Everything, with what is derived."""
        found: dict[str, Any] = asdict(self)
        found["equal"] = self.equal
        for mode in self.modes:
            found[mode.name] |= {
                "calls": mode.calls,
                "exits_per_call": mode.exits_per_call,
                "classes": mode.classes(),
                "doors": mode.doors(),
                "decided": mode.decided,
                "wall_s": asdict(mode.wall()),
                "cpu_s": asdict(mode.cpu()),
                "load_s": asdict(mode.load()),
                "spent_s": dict(zip(("crossing", "op", "guest"), mode.spent_s(), strict=True)),
            }
        return found


def by_door(classes: Mapping[str, int]) -> dict[str, int]:
    """Calls by DOORS, from calls by CLASSES."""
    counted: Counter[str] = Counter()
    for cls, count in classes.items():
        counted[door_of(cls)] += count
    return {door: counted[door] for door in DOORS}


def decided(doors: Mapping[str, int]) -> float:
    """Share of calls that were decided ahead of time; 1 when there are none."""
    calls = sum(doors.values())
    return sum(doors[door] for door in DECIDED) / calls if calls else 1.0


def together(costs: list[Cost]) -> Cost | None:
    """Costs of one call through several classes as one, None when it was not made."""
    if not costs:
        return None
    count = sum(c.count for c in costs)

    def mean(value: str) -> float:
        return sum(getattr(c, value) * c.count for c in costs) / count if count else 0.0

    return Cost(
        call=costs[0].call,
        cls=", ".join(c.cls for c in sorted(costs, key=lambda c: -c.count)),
        count=count,
        crossing_us=mean("crossing_us"),
        op_us=mean("op_us"),
        op_mean_us=mean("op_mean_us"),
        exits=round(mean("exits")),
        left=sum(c.left for c in costs),
    )
