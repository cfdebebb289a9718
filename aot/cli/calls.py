"""`calls [PERSONALITY]`: what each personality supports, printed from its rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import click

from aot.cli.choices import NAMES
from aot.cli.text import show, table
from aot.personality.abi.call import Call, Level
from aot.personality.abi.kinds import Unused
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.registry import PERSONALITIES, system_of
from aot.record import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as people and programs read it."""

    name: str
    numbers: dict[str, int]
    symbols: tuple[str, ...]
    status: str
    note: str
    op: str
    unused: dict[str, str]
    evidence: tuple[str, ...]


@click.command(short_help="List the calls of each personality and how far they are supported.")
@click.argument("personality", required=False, type=click.Choice(NAMES, case_sensitive=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown (what COVERAGE.md holds).")
def command(personality: str | None, as_json: bool, as_markdown: bool) -> None:
    """List the calls of PERSONALITY, or of all personalities that have tables.

    \b
    full      every documented effect
    partial   all but what the note says
    stub      always the same answer, which the note explains
    absent    known, answered with the system's no-such-call error

    \b
    Examples:
      helctic-aot calls linux
      helctic-aot calls windows --json
      helctic-aot calls --md > COVERAGE.md
    """
    if as_json and as_markdown:
        raise click.UsageError("--json and --md exclude each other")
    wanted = (Personality[personality.upper()],) if personality else PERSONALITIES
    systems = [system_of(p) for p in wanted]
    if as_json:
        found = {s.name: [asdict(entry(row)) for row in ordered(s)] for s in systems}
        show([json.dumps(found, indent=2)])
    elif as_markdown:
        show(markdown(systems))
    else:
        show(line for s in systems for line in plain(s))


def ordered(system: System) -> list[Call]:
    """The rows by number in the first column that has one, then the library calls by name."""
    columns = tuple(system.columns)

    def rank(row: Call) -> tuple[int, int, str]:
        for at, column in enumerate(columns):
            number = row.number(column)
            if number is not None:
                return at, number, row.name
        return len(columns), 0, row.name

    return sorted(system.calls, key=rank)


def entry(row: Call) -> Entry:
    """What is said about one row."""
    unused = {name: kind.why for name, kind in row.args.items() if isinstance(kind, Unused)}
    return Entry(
        name=row.name,
        numbers=dict(row.numbers),
        symbols=row.symbols,
        status=row.status.level.value,
        note=row.status.note,
        op=row.op.name.lower() if row.op is not None else "by " + row.by[0] if row.by else "",
        unused=unused,
        evidence=row.evidence,
    )


def counts(system: System) -> str:
    """How many rows have which status, for example "61 full, 40 partial"."""
    found = Counter(row.status.level for row in system.calls)
    return ", ".join(f"{found[level]} {level.value}" for level in Level if found[level])


def by_column(system: System) -> Iterator[str]:
    """The same for each numbering, where a system has more than one: "x86_64: 61 full, 40 partial"."""
    for column in system.columns if len(system.columns) > 1 else ():
        found = Counter(row.status.level for row in system.calls if row.number(column) is not None)
        parts = ", ".join(f"{found[level]} {level.value}" for level in Level if found[level])
        yield f"{column}: {found.total()} calls, {parts}"


def remark(row: Entry) -> str:
    """The note of a row and the arguments it ignores."""
    ignored = [f"{name} ignored: {why}" for name, why in row.unused.items()]
    return "; ".join([*([row.note] if row.note else []), *ignored])


def listing(system: System) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Titles and rows of a personality's table; a column nothing is in is left out."""
    columns = tuple(system.columns)
    titles = ("call", *columns, "imported as", "status", "op", "note")
    rows = [
        (
            row.name, *(str(row.numbers.get(c, "")) for c in columns), ", ".join(row.symbols),
            row.status, row.op, remark(row),
        )
        for row in map(entry, ordered(system))
    ]  # fmt: skip
    kept = [i for i in range(len(titles)) if any(row[i] for row in rows)]
    return tuple(titles[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def plain(system: System) -> Iterator[str]:
    """Lines for a terminal."""
    yield f"{system.name}: {len(system.calls)} calls ({counts(system)})"
    yield from by_column(system)
    yield from table(*listing(system))
    yield ""


def markdown(systems: list[System]) -> Iterator[str]:
    """COVERAGE.md."""
    yield "# Coverage"
    yield ""
    yield "Generated from the rows by `make gen`; do not edit. `helctic-aot calls --help` explains the words."
    for system in systems:
        titles, rows = listing(system)
        yield from ("", f"## {system.name}", "", f"{len(system.calls)} calls: {counts(system)}.", "")
        if lines := [f"- {line}" for line in by_column(system)]:
            yield from (*lines, "")
        yield "| " + " | ".join(titles) + " |"
        yield "|---" * len(titles) + "|"
        for row in rows:
            cells = (cell.replace("|", "\\|") for cell in row)
            yield "| " + " | ".join(cells) + " |"
