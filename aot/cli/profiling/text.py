"""A call set for a person: each call with its number and who asks, then what is not known."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator

from aot.analyze.callset.model import CallSet, CallUse, How, OpenSite
from aot.cli.text import table
from aot.record import asdict

MOST = 3  # functions that a line names
WIDTH = 110  # characters of a line of names

_WORDS = {
    How.IMPORT: "imported", How.NAME: "may be looked up", How.VDSO: "fallback of the vDSO",
    How.KERNEL: "made by the kernel",
}  # fmt: skip


def lines(found: CallSet) -> Iterator[str]:
    """The whole report."""
    yield summary(found)
    yield from table(("call", "number", "places", "asked by"), [_row(call) for call in found.calls])
    yield from doubts(found)
    yield "files:"
    rows = [(f.file, f"{f.reached} of {f.sites}", _share(f.running, f.functions)) for f in found.files]
    yield from table(("file", "sites that can run", "functions that can run"), rows)


def paragraph(found: CallSet) -> Iterator[str]:
    """The names alone, and how much of the set is sure."""
    sites = len(one_a_site(found))
    more = f" (and perhaps more: sites whose numbers are not all known: {sites})" if sites else ""
    yield f"calls it can make: {len(found.names)}{more}"
    names = " ".join(sorted(found.names))
    yield from textwrap.wrap(
        names, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )
    if found.missing:
        yield f"  {left_out(found).replace('--root', 'profile --root')}"
    yield from (f"  note: {note}" for note in found.notes)


def as_json(found: CallSet) -> str:
    """Everything known, as one JSON object."""
    told = {**asdict(found), "closed": found.closed}
    return json.dumps(told, indent=2, default=lambda value: value.value)


def summary(found: CallSet) -> str:
    """One line: how many calls, of which system, and whether that is all."""
    state = "" if found.closed else ", and there may be more (see below)"
    kept = f" ({found.whole} if every function could run)" if found.whole > len(found.names) else ""
    return f"{found.program}: {len(found.names)} calls of {found.system} {found.arch}{kept}{state}"


def doubts(found: CallSet) -> Iterator[str]:
    """What keeps the set from being closed, and what was not looked at."""
    sites = one_a_site(found)
    if sites:
        yield f"sites that may ask for other calls: {len(sites)}"
        yield from table(
            ("file", "address", "in", "because"), [(s.file, hex(s.address), s.function, s.why) for s in sites]
        )
    if found.missing:
        yield left_out(found)
    yield from (f"note: {note}" for note in found.notes)


def left_out(found: CallSet) -> str:
    """One line: the files whose calls are not in the set."""
    return f"not in the set, --root DIR says where they are: {', '.join(found.missing)}"


def one_a_site(found: CallSet) -> list[OpenSite]:
    """The open sites, each once with the first reason."""
    return list({(site.file, site.address): site for site in reversed(found.open)}.values())[::-1]


def _row(call: CallUse) -> tuple[str, ...]:
    by = Counter(source.function for source in call.sources if source.how is How.SITE)
    parts = [name.partition("+")[0].partition(":")[2] for name in list(by)[:MOST]]
    parts += ["..."] if len(by) > MOST else []
    others = {source.how: source for source in call.sources if source.how is not How.SITE}
    parts += [f"{_WORDS[how]} ({source.proof or source.function})" for how, source in others.items()]
    return (
        call.name,
        "" if call.number is None else str(call.number),
        str(len(call.sources)),
        ", ".join(parts),
    )


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else "taken as a whole"
