"""A comparison as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from aot.cli.comparison.model import AOT, CLASSES, DYNAMIC, TITLES, Check, Comparison, Cost, Spread, together

OUTPUT_LINES = 24  # of the guest's standard output that are shown
CALL_LINES = 30
NAME = 30  # columns for the name of a call, at most


def show(found: Comparison, console: Console) -> None:
    """Everything a person wants first."""
    subject = found.subject
    title = (
        f"{subject.file}: {subject.format} {subject.arch}, {subject.personality} (column {subject.column})"
    )
    console.print(Text(title, style="bold"))
    if found.output:
        console.print(_output(found.output))
    _checks(found.checks, console)
    console.print("", _times(found), "", sep="\n")
    if found.aot.calls or found.dynamic.calls:
        console.print(_calls(found), "", _shares(found), sep="\n")
    else:
        console.print("The guest made no calls.")
    facts = found.machine
    console.print(
        f"helctic-aot {found.version}, {found.when}; {facts['processor']}, {facts['cores']} cores, load "
        f"{facts['load']}; {facts['python']}, unicorn {facts['unicorn']}",
        style="dim",
        highlight=False,
    )


def _output(text: str) -> Panel:
    lines = text.removesuffix("\n").split("\n")
    shown = ["".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line) for line in lines]
    if len(shown) > OUTPUT_LINES:
        shown = [*shown[:OUTPUT_LINES], f"... {len(shown) - OUTPUT_LINES} more lines"]
    return Panel(Text("\n".join(shown)), title="the guest's standard output", title_align="left")


def _checks(checks: Sequence[Check], console: Console) -> None:
    table = new_table("the same both ways", ("", "left"), ("", "left"), ("", "left"))
    for check in checks:
        word = Text("equal", "green") if check.equal else Text("DIFFERENT", "bold red")
        table.add_row(Text(check.what), word, Text(check.compared))
    console.print(table)
    for check in checks:
        if not check.equal:
            where = f" at {check.at}" if check.at else ""
            console.print(Text(f"{check.what}: first difference{where}", "bold red"))
            for mode, line in ((AOT, check.aot), (DYNAMIC, check.dynamic)):
                console.print(Text(f"  {TITLES[mode]}: {line}"), soft_wrap=True)


def _times(found: Comparison) -> Table:
    runs = len(found.aot.runs)
    title = f"time of {runs} run{'s' if runs > 1 else ''} each way in milliseconds, without starting Python"
    table = new_table(
        title,
        ("", "left"),
        *((name, "right") for name in ("min", "median", "max", "deviation")),
        ("", "right"),
    )
    dynamic = found.dynamic
    for mode in found.modes:
        for what, spread, base in (
            ("wall", mode.wall(), dynamic.wall()),
            ("CPU", mode.cpu(), dynamic.cpu()),
            ("load before", mode.load(), dynamic.load()),
        ):
            ratio = "" if mode is dynamic else _ratio(spread, base)
            table.add_row(f"{TITLES[mode.name]}, {what}", *_milliseconds(spread), ratio)
    return table


def _milliseconds(spread: Spread) -> tuple[str, ...]:
    values = (spread.least, spread.median, spread.most, spread.deviation)
    return tuple(f"{value * 1e3:.2f}" for value in values)


def _ratio(spread: Spread, base: Spread) -> str:
    if spread.near(base):
        return "no clear difference"
    return f"{base.median / spread.median:.2f} times as fast" if spread.median else ""


def _calls(found: Comparison) -> RenderableType:
    table = new_table(
        "calls, the dearest first: microseconds of one, crossing and op",
        ("call", "left"), ("class", "left"), ("count", "right"), ("exits", "right"),
        ("ahead", "right"), ("op", "right"), ("dynamic", "right"), ("op", "right"),
    )  # fmt: skip
    pairs = found.pairs()
    table.columns[0].min_width = min(max(len(name) for name, *_ in pairs[:CALL_LINES]), NAME)
    table.columns[0].overflow = "fold"
    table.columns[1].max_width = 8
    for name, aot, dynamic in pairs[:CALL_LINES]:
        one, other = together(aot), together(dynamic)
        same = one and other and one.count == other.count
        count = (
            str(one.count) if one and same else f"{one.count if one else 0} / {other.count if other else 0}"
        )
        cls, exits = (one.cls, str(one.exits)) if one else ("", "")
        table.add_row(Text(name), cls, count, exits, *_cost(one), *_cost(other))
    more = (
        f"{len(pairs) - CALL_LINES} more calls are in --json and --html. " if len(pairs) > CALL_LINES else ""
    )
    said = f"{more}Both ways run the same handlers: what op differs by is noise."
    return Group(table, Text(said, "dim"))


def _cost(cost: Cost | None) -> tuple[str, str]:
    return (f"{cost.crossing_us:.2f}", f"{cost.op_us:.2f}") if cost else ("", "")


def _shares(found: Comparison) -> Table:
    table = new_table(
        "calls per class, and what an empty crossing costs here in microseconds",
        ("class", "left"),
        ("ahead of time", "right"), ("", "right"), ("crossing", "right"),
        ("dynamic", "right"), ("", "right"), ("crossing", "right"),
    )  # fmt: skip
    counted = [mode.classes() for mode in found.modes]
    for cls in CLASSES:
        cells: list[str] = []
        for mode, counts in zip(found.modes, counted, strict=True):
            share = f"{100 * counts[cls] / max(mode.calls, 1):.1f} %" if counts[cls] else ""
            each = mode.crossings_us.get(cls)
            cells += (str(counts[cls] or ""), share, "" if each is None else f"{each:.2f}")
        table.add_row(cls, *cells)
    table.add_section()
    decided = [f"{100 * mode.decided:.1f} %" for mode in found.modes]
    table.add_row("decided ahead of time", "", decided[0], "", "", decided[1], "")
    exits = [f"{mode.exits_per_call:.3f}" for mode in found.modes]
    table.add_row("all", str(found.aot.calls), "", "", str(found.dynamic.calls), "", "")
    table.add_row("exits per call", exits[0], "", "", exits[1], "", "")
    return table


def new_table(title: str, *columns: tuple[str, Any]) -> Table:
    """An empty table of the reports' look; columns are (name, justify)."""
    named = any(name for name, _ in columns)
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
        show_edge=False, show_header=named, padding=(0, 0, 0, 1),
    )  # fmt: skip
    for name, justify in columns:
        table.add_column(name, justify=justify)
    return table
