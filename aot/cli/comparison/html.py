"""A comparison as one HTML page: what the template shows, with every length worked out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aot.cli.comparison.model import CLASSES, TITLES, Comparison, Cost, Mode, Spread, together
from aot.cli.pages.charts import Axis, Bar, axis, count, ms, percent, stack, template, us
from aot.record import dataclass

TEMPLATE = "report.html.j2"
DEAREST = 10  # calls in the chart of costs
OFTEN, FEW = 5, 3  # calls made less than 5 times are left out there, if 3 others remain: they say little


@dataclass(frozen=True, slots=True)
class Strip:
    """One measured time: a dot a run, and the median."""

    label: str
    css: str
    dots: tuple[tuple[float, str], ...]
    median: float
    value: str


def page(found: Comparison) -> str:
    """The whole page."""
    strips, axis = _strips(found)
    costs, cost_axis = _costs(found)
    crossings, crossing_axis = _crossings(found)
    spent, spent_axis = _spent(found)
    return template(Path(__file__).with_name(TEMPLATE)).render(
        found=found,
        name=Path(found.subject.file).name, titles=TITLES, classes=CLASSES, pairs=_pairs(found), tiles=_tiles(found),
        strips=strips, strip_axis=axis, spent=spent, spent_axis=spent_axis, costs=costs,
        cost_axis=cost_axis, crossings=crossings, crossing_axis=crossing_axis, shares=_shares(found),
        charted=sum(bar.group for bar in costs),
    )  # fmt: skip


# charts


def _strips(found: Comparison) -> tuple[list[Strip], Axis]:
    most = max(spread.most for mode in found.modes for spread in (mode.wall(), mode.cpu()))
    scale = axis(most * 1e3, "ms")

    def strip(mode: Mode, what: str, values: Sequence[float], spread: Spread) -> Strip:
        dots = tuple((round(1e5 * v / scale.end, 3), f"run {i}: {ms(v)} ms") for i, v in enumerate(values, 1))
        middle = round(1e5 * spread.median / scale.end, 3)
        return Strip(f"{what}, {TITLES[mode.name]}", mode.name, dots, middle, f"{ms(spread.median)} ms")

    out = [strip(m, "CPU", [run.cpu_s for run in m.runs], m.cpu()) for m in found.modes]
    out += [strip(m, "wall", [run.wall_s for run in m.runs], m.wall()) for m in found.modes]
    return out, scale


def _spent(found: Comparison) -> tuple[list[Bar], Axis]:
    scale = axis(max(sum(mode.spent_s()) for mode in found.modes) * 1e3, "ms")
    bars = []
    for mode in found.modes:
        spent = mode.spent_s()
        whole = sum(spent)
        parts = [
            (css, value * 1e3, percent(value / whole) if whole else "", f"{name}: {ms(value)} ms")
            for css, name, value in zip(
                ("crossing", "op", "guest"), ("crossings", "ops", "guest code"), spent, strict=True
            )
        ]
        bars.append(Bar(TITLES[mode.name], stack(parts, scale.end), f"{ms(whole)} ms"))
    return bars, scale


def _costs(found: Comparison) -> tuple[list[Bar], Axis]:
    all_pairs = _pairs(found)
    often = [pair for pair in all_pairs if pair[1] and pair[1].count >= OFTEN]
    pairs = (often if len(often) >= FEW else all_pairs)[:DEAREST]
    scale = axis(max((c.each_us for _, *both in pairs for c in both if c), default=1.0), "µs")
    bars = []
    for name, one, other in pairs:
        group = True
        for mode, cost in zip(found.modes, (one, other), strict=True):
            if cost is None:
                continue
            parts = [
                ("crossing", cost.crossing_us, us(cost.crossing_us), f"crossing: {us(cost.crossing_us)} µs"),
                ("op", cost.op_us, us(cost.op_us), f"op: {us(cost.op_us)} µs"),
            ]
            label = f"{name} \u00b7 {TITLES[mode.name]}"
            bars.append(Bar(label, stack(parts, scale.end), f"{us(cost.each_us)} µs", group))
            group = False
    return bars, scale


def _crossings(found: Comparison) -> tuple[list[Bar], Axis]:
    """One empty crossing by class: each way as far as it has its own."""
    lines = [(cls, cls, found.aot.crossings_us[cls]) for cls in CLASSES if cls in found.aot.crossings_us]
    lines += [("import", "import, found by name", found.dynamic.crossings_us["import"])]
    lines.sort(key=lambda line: line[2])
    scale = axis(max(value for *_, value in lines), "µs")
    bars = [
        Bar(name, stack([(f"c-{cls}", value, "", f"{us(value)} µs")], scale.end), f"{value:.2f} µs")
        for cls, name, value in lines
    ]
    return bars, scale


def _shares(found: Comparison) -> list[Bar]:
    bars = []
    for mode in found.modes:
        parts = []
        for cls, number in mode.classes().items():
            share = number / mode.calls if mode.calls else 0.0
            parts.append(
                (f"c-{cls}", share, percent(share), f"{cls}: {count(number)} calls, {percent(share)}")
            )
        bars.append(Bar(TITLES[mode.name], stack(parts, 1.0), f"{count(mode.calls)} calls"))
    return bars


# tables and tiles


def _pairs(found: Comparison) -> list[tuple[str, Cost | None, Cost | None]]:
    return [(name, together(aot), together(dynamic)) for name, aot, dynamic in found.pairs()]


def _mean_crossing(mode: Mode) -> float:
    return sum(c.count * c.crossing_us for c in mode.costs) / mode.calls if mode.calls else 0.0


def _tiles(found: Comparison) -> list[tuple[str, str, str]]:
    """(what, value, beside it)."""
    aot, dynamic = found.modes
    mine, theirs = aot.cpu().median, dynamic.cpu().median
    times = f"{theirs / mine:.2f}\u00d7" if mine else "-"
    noise = ", within the spread of the runs" if aot.cpu().near(dynamic.cpu()) else ", medians"
    crossing, other = _mean_crossing(aot), _mean_crossing(dynamic)
    sites = ", ".join(f"{number} {cls}" for cls, number in found.subject.sites.items())
    bound = f"{sites or 'no'} sites" + (f", {found.subject.imports} imports" if found.subject.imports else "")
    return [
        ("speed-up, CPU time", times, f"{ms(mine)} ms against {ms(theirs)} ms{noise}"),
        ("mean crossing", f"{us(crossing)} µs", f"against {us(other)} µs"),
        (
            "decided ahead of time",
            percent(aot.decided),
            "of the calls: inline, bound, table-bound or imported",
        ),
        ("exits per call", f"{aot.exits_per_call:.3f}", f"against {dynamic.exits_per_call:.3f}"),
        ("calls", count(aot.calls), bound),
    ]
