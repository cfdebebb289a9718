"""A corpus comparison in a terminal: a line a program while it goes on, tables at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from aot.cli.comparison.corpus import BAD, Outcome, Result
from aot.cli.comparison.model import DOORS
from aot.cli.comparison.summary import WANTED, CallLine, Quartiles, Summary
from aot.cli.comparison.terminal import NAME, new_table

CALL_LINES = 25
STYLES = {Outcome.EQUAL: "green", Outcome.LATE: "yellow", Outcome.REFUSED: "yellow"}
WIDTH = max(len(outcome.value) for outcome in Outcome)
SPREAD = (("programs", "right"), ("min", "right"), ("lower", "right"), ("median", "right"), ("upper", "right"),
          ("max", "right"))  # fmt: skip


def watch(results: Iterable[Result], total: int, console: Console) -> list[Result]:
    """Show each result as it comes, above a bar that only a terminal sees."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    bar = console if console.is_terminal else Console(stderr=True)
    found = []
    with Progress(*columns, console=bar, transient=True, disable=not bar.is_terminal) as progress:
        task = progress.add_task("", total=total)
        for result in results:
            found.append(result)
            progress.update(task, advance=1, description=result.case.file[-40:])
            if result.outcome is not Outcome.OTHER:
                console.print(line(result), soft_wrap=True)
    return found


def line(result: Result) -> Text:
    """One result."""
    style = "bold red" if result.outcome in BAD else STYLES.get(result.outcome, "dim")
    text = Text.assemble((f"{result.outcome.value:{WIDTH}} ", style), result.case.name)
    if result.found is not None:
        aot, dynamic = result.found.modes
        ratio = dynamic.cpu().median / aot.cpu().median if aot.cpu().median else 0.0
        text.append(f"  {aot.calls} calls, {_percent(aot.decided)} decided, {ratio:.2f}x", "dim")
    if result.reason:
        text.append(f"  {result.reason}", "dim")
    return text


def show(found: Summary, console: Console) -> None:
    """The tables at the end."""
    outcomes = new_table("programs", ("", "right"), ("", "left"))
    for name, count in found.outcomes.items():
        if count:
            outcomes.add_row(str(count), name)
    console.print("", outcomes, sep="\n")
    if not sum(found.doors.values()):
        console.print("No program made a call.")
        return
    console.print("", _ratios(found), "", _doors(found), "", _calls(found.calls), sep="\n")
    console.print(Text(_below(found), "dim"), soft_wrap=True)


def _ratios(found: Summary) -> Table:
    ratios = new_table("dynamic against ahead of time, over programs", ("", "left"), *SPREAD)
    for name, quartiles in found.ratios.items():
        if quartiles is not None:
            ratios.add_row(name, str(quartiles.count), *_spread(quartiles))
    return ratios


def _spread(q: Quartiles) -> tuple[str, ...]:
    return tuple(f"{value:.2f}" for value in (q.least, q.lower, q.median, q.upper, q.most))


def _doors(found: Summary) -> Table:
    doors = new_table(
        "executed calls by class, ahead of time", ("class", "left"), ("calls", "right"), ("", "right")
    )
    total = sum(found.doors.values())
    for door in DOORS:
        doors.add_row(door, str(found.doors[door]), _percent(found.doors[door] / total))
    doors.add_section()
    doors.add_row("decided ahead of time", "", _percent(found.decided))
    return doors


def _calls(lines: Sequence[CallLine]) -> Table:
    calls = new_table(
        "calls made most: microseconds of one, median over programs; ratio with its quartiles",
        ("call", "left"), ("system", "left"), ("count", "right"), ("class", "left"), ("ahead", "right"),
        ("dynamic", "right"), ("ratio", "right"),
    )  # fmt: skip
    calls.columns[0].min_width = min(max(len(row.call) for row in lines[:CALL_LINES]), NAME)
    calls.columns[0].overflow = "fold"
    for row in lines[:CALL_LINES]:
        ratio = row.ratio
        calls.add_row(
            Text(row.call), row.personality, str(row.count), _classes(row),
            f"{row.aot_us.median:.2f}", f"{row.dynamic_us.median:.2f}",
            "" if ratio is None else f"{ratio.median:.2f} ({ratio.lower:.2f}-{ratio.upper:.2f})",
        )  # fmt: skip
    return calls


def _classes(row: CallLine) -> str:
    """The classes a call took, the most frequent first."""
    taken = sorted((door for door in DOORS if row.doors[door]), key=lambda door: -row.doors[door])
    if len(taken) == 1:
        return taken[0]
    return ", ".join(f"{door} {100 * row.doors[door] / row.count:.0f} %" for door in taken)


def _below(found: Summary) -> str:
    if not found.below:
        return f"Every program decides at least {_percent(WANTED)} of its calls ahead of time."
    names = ", ".join(f"{name} {_percent(share)}" for name, share in found.below[:20])
    return f"{len(found.below)} programs decide less than {_percent(WANTED)} of their calls: {names}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
