"""A batch as one HTML page: what its template shows, with every length worked out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aot.cli.batching.display import shown
from aot.cli.batching.model import BAD, DONE, Entry, Outcome
from aot.cli.batching.report.corpus import Corpus, Group, corpus_of, cost
from aot.cli.pages.charts import Bar, axis, count, percent, stack, template
from aot.manifest import StubClass

TEMPLATE = "page.html.j2"
CLASSES = tuple(cls.value for cls in StubClass)
FILES = 20_000  # rows of the table of files; beyond it only those that went wrong and the largest
LINES = 1000  # of other tables
COLUMNS = (
    "path", "outcome", "why", "personality", "format", "arch", "size", "sites", *CLASSES, "imports", "missing",
    "seconds",
)  # fmt: skip


def page(told: Mapping[str, Any], entries: list[Entry]) -> str:
    """The whole page, from the summary of a batch and its entries."""
    found = corpus_of(entries)
    made = template(Path(__file__).with_name(TEMPLATE), size=size, seconds=seconds, shown=shown)
    bars, scale = _tactics(found)
    listed = _listed(entries)
    return made.render(
        told=told, found=found, total=len(entries), tiles=_tiles(told, found, len(entries)), outcomes=_outcomes(found),
        groups=[(group, _classes(group)) for group in [found.whole, *found.groups]], classes=CLASSES,
        tactics=bars, tactic_axis=scale, columns=COLUMNS, file_rows=[_row(entry) for entry in listed],
        left_out=len(entries) - len(listed), lines=LINES, slowest=_slowest(found), bad=BAD, outcome=Outcome,
    )  # fmt: skip


def size(value: int) -> str:
    """Bytes in the unit that suits them."""
    amount, unit = float(value), 0
    while amount >= 1000:
        amount, unit = amount / 1000, unit + 1
    text = f"{amount:.0f}" if amount >= 100 or not unit else f"{amount:.1f}"
    return f"{text}\u202f{('B', 'kB', 'MB', 'GB', 'TB', 'PB')[unit]}"


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    if value >= 90:
        return f"{value // 60:.0f}\u202fmin {value % 60:.0f}\u202fs"
    return f"{value:.1f}\u202fs" if value >= 10 else f"{value:.2f}\u202fs"


def _tiles(told: Mapping[str, Any], found: Corpus, total: int) -> list[tuple[str, str, str]]:
    """(what, value, beside it)."""
    whole = found.whole
    ahead = whole.sites - whole.classes["dynamic"]
    missing = sum(not need.level for need in found.missing)
    bad = {outcome: found.outcomes.get(outcome, 0) for outcome in BAD}
    files = sum(found.outcomes.get(outcome, 0) for outcome in DONE)
    return [
        ("programs", count(found.programs), f"{count(files)} files of {count(total)}, {size(whole.bytes)}"),
        ("sites decided ahead of time", _share(ahead, whole.sites),
         f"{count(ahead)} of {count(whole.sites)}"),
        ("calls without a row", count(missing), f"and {count(len(found.missing) - missing)} that are absent"),
        ("went wrong", count(sum(bad.values())),
         ", ".join(f"{count(n)} {outcome.value}" for outcome, n in bad.items() if n) or "nothing"),
        ("took", seconds(told["seconds"]), f"{seconds(_work(found))} of CPU in the slowest file"),
    ]  # fmt: skip


def _share(part: int, whole: int) -> str:
    """In percent; nearly all is not all."""
    return (
        f"{100 * part / whole:.2f} %"
        if 0.99 * whole < part < whole
        else percent(part / whole)
        if whole
        else "-"
    )


def _work(found: Corpus) -> float:
    return cost(found.slowest[0]) if found.slowest else 0.0


def _outcomes(found: Corpus) -> list[Bar]:
    total = sum(found.outcomes.values())
    parts = [
        (f"o-{outcome.name.lower()}", n, count(n), f"{outcome.value}: {count(n)} files, {percent(n / total)}")
        for outcome in Outcome
        if (n := found.outcomes.get(outcome, 0))
    ]
    return [Bar("files", stack(parts, total), count(total))]


def _classes(group: Group) -> Bar:
    parts = [
        (f"c-{cls}", n, percent(n / group.sites), f"{cls}: {count(n)} sites, {percent(n / group.sites)}")
        for cls in CLASSES
        if (n := group.classes[cls])
    ]
    return Bar(", ".join(group.name), stack(parts, group.sites), count(group.sites))


def _tactics(found: Corpus) -> tuple[list[Bar], Any]:
    scale = axis(max(found.tactics.values(), default=0), "sites")
    bars = [
        Bar(name, stack([("tactic", n, "", f"{count(n)} sites")], scale.end), count(n))
        for name, n in found.tactics.items()
    ]
    return bars, scale


def _slowest(found: Corpus) -> list[tuple[Entry, Bar]]:
    most = _work(found)
    return [
        (e, Bar(e.path, stack([("time", cost(e), "", seconds(cost(e)))], most), seconds(cost(e))))
        for e in found.slowest
    ]


def _listed(entries: list[Entry]) -> list[Entry]:
    """As many files as a page can hold: first what went wrong, then the largest."""
    if len(entries) <= FILES:
        return entries
    return sorted(entries, key=lambda e: (e.outcome not in BAD, e.outcome not in DONE, -e.size))[:FILES]


def _row(entry: Entry) -> list[Any]:
    why = entry.reason or (f"the same as {entry.twin}" if entry.twin else "")
    return [
        shown(entry.path), entry.outcome.value, shown(why), entry.personality, entry.format, entry.arch, entry.size,
        entry.sites, *(entry.classes.get(cls, 0) for cls in CLASSES), entry.imports, len(entry.missing),
        round(cost(entry), 3),
    ]  # fmt: skip
