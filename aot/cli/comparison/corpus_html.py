"""A corpus comparison as one HTML page: what the template shows, with every length worked out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aot import __version__
from aot.cli.comparison.corpus import BAD, Outcome, Result
from aot.cli.comparison.measure import machine
from aot.cli.comparison.model import DOORS
from aot.cli.comparison.summary import WANTED, Quartiles, Summary
from aot.cli.pages.charts import Axis, Bar, Segment, axis, count, percent, stack, template
from aot.record import dataclass

TEMPLATE = "corpus.html.j2"
CHARTED = 20  # calls in the chart of classes


@dataclass(frozen=True, slots=True)
class Box:
    """One spread: positions in percent of the chart's width."""

    label: str
    dots: tuple[tuple[float, str], ...]  # a program each
    lower: float
    width: float  # of the box from the lower to the upper quartile
    median: float
    value: str


def page(folder: Path, found: Summary, results: Sequence[Result]) -> str:
    """The whole page."""
    shown = [result for result in results if result.outcome is not Outcome.OTHER]
    boxes, scale = _boxes(found, shown)
    return template(Path(__file__).with_name(TEMPLATE)).render(
        name=folder.resolve().name, found=found, results=shown, boxes=boxes, scale_of_boxes=scale,
        outcomes=[(name, number) for name, number in found.outcomes.items() if number],
        bad={outcome.value for outcome in BAD}, tiles=_tiles(found, shown), doors=DOORS,
        total=[Bar("all programs", _parts(found.doors), f"{count(sum(found.doors.values()))} calls")],
        programs=_programs(shown), charted=_charted(found), wanted=WANTED, version=__version__,
        machine=machine(), ratio=ratio,
    )  # fmt: skip


def ratio(result: Result) -> float | None:
    """CPU time, dynamic against ahead of time."""
    if result.found is None or not result.found.aot.cpu().median:
        return None
    return result.found.dynamic.cpu().median / result.found.aot.cpu().median


def _tiles(found: Summary, shown: Sequence[Result]) -> list[tuple[str, str, str]]:
    equal, compared = found.outcomes[Outcome.EQUAL.value], sum(r.found is not None for r in shown)
    tiles = [
        ("programs", str(len(shown)), f"{equal} equal both ways, {compared} compared to the end"),
        (
            "decided ahead of time",
            percent(found.decided),
            f"of {count(sum(found.doors.values()))} executed calls",
        ),
    ]
    for name in ("CPU time", "mean crossing"):
        spread = found.ratios[name]
        if spread is not None:
            beside = f"dynamic against ahead of time, median; quartiles {_range(spread)}"
            tiles.append((name, f"{spread.median:.2f}\u00d7", beside))
    return tiles


def _range(spread: Quartiles) -> str:
    return f"{spread.lower:.2f} to {spread.upper:.2f}"


def _parts(doors: dict[str, int]) -> tuple[Segment, ...]:
    total = sum(doors.values()) or 1
    return stack(
        (
            (f"c-{door}", number / total, percent(number / total), f"{door}: {count(number)} calls")
            for door, number in doors.items()
        ),
        1.0,
    )


def _programs(shown: Sequence[Result]) -> list[Bar]:
    """Classes of each program's calls, the least decided first."""
    compared = [(r.case.name, r.found.aot) for r in shown if r.found is not None and r.found.aot.calls]
    compared.sort(key=lambda line: line[1].decided)
    return [Bar(name, _parts(mode.doors()), f"{percent(mode.decided)}") for name, mode in compared]


def _charted(found: Summary) -> list[Bar]:
    return [
        Bar(f"{line.call} \u00b7 {line.personality}", _parts(line.doors), count(line.count))
        for line in found.calls[:CHARTED]
    ]


def _boxes(found: Summary, shown: Sequence[Result]) -> tuple[list[Box], Axis]:
    """The spread of CPU time over programs and, below it, that of the calls made most."""
    spreads: list[tuple[str, Quartiles, list[tuple[float, str]]]] = []
    dots = [(r, result.case.name) for result in shown if (r := ratio(result)) is not None]
    for name, spread in found.ratios.items():
        if spread is not None:
            spreads.append((name, spread, dots if name == "CPU time" else []))
    for line in found.calls[:CHARTED]:
        if line.ratio is not None:
            spreads.append((f"{line.call} \u00b7 {line.personality}", line.ratio, []))
    if not spreads:
        return [], axis(1.0, "\u00d7")
    scale = axis(max(1.0, *(spread.upper for _, spread, _ in spreads)) * 1.1, "\u00d7")

    def at(value: float) -> float:
        return round(min(100 * value / scale.end, 100.0), 3)

    return [
        Box(
            name, tuple((at(value), f"{who}: {value:.2f}") for value, who in points), at(spread.lower),
            max(at(spread.upper) - at(spread.lower), 0.3), at(spread.median), f"{spread.median:.2f}\u00d7",
        )
        for name, spread, points in spreads
    ], scale  # fmt: skip
