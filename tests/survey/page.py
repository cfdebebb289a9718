"""SURVEY.md: totals by group, what differs and why, and a row for every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aot.image.model import Arch
from tests.survey.differences import LIST, differences, listed
from tests.survey.runs import Result
from tests.survey.survey import ORACLES, Row
from tests.survey.traps import version

PAGE = Path(__file__).resolve().parents[2] / "SURVEY.md"
INTRO = """# Survey

What the translator makes of real files, held against two disassemblers that share no code. `make survey` writes this
page; `tests/survey/` holds the tool and the list of what may differ.

A file is a program (*translated*), a shared object (*overlay*, or *nothing to lay* where none of its byte matches is a
site), or it is refused with a reason. *Sites* are the trap instructions found; *matches* are bytes of a trap that are no
instruction. *Agree* says whether GNU's and LLVM's objdump print traps at exactly the sites; they are asked about every
file that has a site or a match. *Paths* are pairs of a site and a way its number gets there, with the share whose number
is known before the program runs. Sites that are not *patched* would be served by the dynamic path.
"""


def write(rows: Sequence[Row], results: Sequence[Result], damaged: tuple[int, int]) -> None:
    """Write the page; `damaged` is how many mutations were tried and how many of them were refused."""
    parts = [INTRO, *_versions(), "## Totals\n", *_totals(rows), "## What differs\n", *_differing(rows)]
    parts += ["## Refused\n", *_refused(rows), "## Left to the dynamic path\n", *_listed(rows)]
    parts += ["## Numbers nobody knows ahead of time\n", *_unknown(rows), "## Run\n", *_runs(results)]
    parts += ["## Damaged\n", _damage(damaged), "## Files\n", *_files(rows)]
    PAGE.write_text("\n".join(parts) + "\n")


def _table(head: str, rows: Iterable[Sequence[object]]) -> Iterator[str]:
    names = head.split("|")
    yield "| " + " | ".join(names) + " |"
    yield "|" + "|".join("---" if n == 0 else "--:" for n in range(len(names))) + "|"
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
    yield ""


def _versions() -> Iterator[str]:
    yield "Oracles: " + "; ".join(f"{version(oracle, Arch.X86_64)}" for oracle in ORACLES) + ".\n"


def _count(rows: Iterable[Row], key: str) -> int:
    return sum(len(row.facts.get(key, ())) for row in rows)


def _totals(rows: Sequence[Row]) -> Iterator[str]:
    groups = dict.fromkeys(row.source.group for row in rows)
    lines = [_total(group, [row for row in rows if row.source.group == group]) for group in groups]
    lines.append(_total("all", rows))
    head = "group|files|translated|overlay|nothing to lay|no program|refused|failed|sites|patched|listed|paths|known"
    yield from _table(f"{head}|matches|asked|agree|differ", lines)
    slowest = max((row.facts.get("cpu_s", 0.0) for row in rows), default=0.0)
    largest = max((row.facts["memory"] for row in rows), default=0)
    yield f"The slowest file took {slowest:.1f} s of CPU, the largest process {largest >> 20} MiB.\n"


def _total(group: str, rows: Sequence[Row]) -> list[object]:
    outcomes = Counter(row.facts["outcome"] for row in rows)
    sites, left = _count(rows, "sites"), _count(rows, "listed")
    paths = sum(row.facts.get("paths", 0) for row in rows)
    differing = sum(bool(differences(row)) for row in rows)
    asked = sum(bool(row.printed) for row in rows)
    return [
        group, len(rows), outcomes["translated"], outcomes["overlay"], outcomes["nothing to lay"],
        outcomes["not a program"] + outcomes["not an executable"], outcomes["refused"], outcomes["failed"],
        sites, sites - left, left, paths, _share(paths - _count(rows, "unknown"), paths), _count(rows, "refused"),
        asked, asked - differing, differing,
    ]  # fmt: skip


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def _differing(rows: Sequence[Row]) -> Iterator[str]:
    known = listed()
    yield f"From `tests/survey/{LIST.name}`; every line is confirmed by the second oracle it names.\n"
    lines: Counter[tuple[str, str, str, str]] = Counter()
    for row in rows:
        entry = known.get(row.content)
        for d in differences(row):
            reason = entry.reasons.get(d.address, "not listed") if entry else "not listed"
            oracle = entry.confirmed.get(d.address, "nobody") if entry else "nobody"
            who = "ours" if d.ours else "not ours"
            lines[row.source.name, f"{who}, {' '.join(d.by) or 'neither'}", reason, oracle] += 1
    yield from _table("file|site for|reason|confirmed by|addresses", [(*key, n) for key, n in lines.items()])
    for row in rows:
        for oracle, said in row.printed.items():
            if "traps" not in said:
                yield f"- {row.source.name}: {oracle} {said['reason']}"
    yield ""


def _refused(rows: Sequence[Row]) -> Iterator[str]:
    outcomes = ("refused", "not a program", "not an executable", "failed")
    reasons = Counter(row.facts["reason"] for row in rows if row.facts["outcome"] in outcomes)
    yield from _table("reason|files", reasons.most_common())


def _listed(rows: Sequence[Row]) -> Iterator[str]:
    lines = [
        (row.source.name, hex(address), why) for row in rows for address, why in row.facts.get("listed", ())
    ]
    yield from _table("file|site|reason", lines) if lines else ["Nothing.\n"]


def _unknown(rows: Sequence[Row]) -> Iterator[str]:
    reasons = Counter((row.source.group, why) for row in rows for _, why in row.facts.get("unknown", ()))
    yield from _table("group|who decides|paths", [(*key, n) for key, n in reasons.most_common()])


def _runs(results: Sequence[Result]) -> Iterator[str]:
    same = [result for result in results if not result.differs]
    surprised = sum(result.unknown > 0 for result in results)
    yield (
        f"{len(results)} commands of `tests/survey/runs.toml`, each on the host and as a guest: {len(same)} say the same with the "
        f"same status and leave the same files; {surprised} trapped at an address the translator did not know.\n"
    )
    lines = [
        (f"`{r.line}`", _parts(r), r.host, r.guest, r.reason or "not known") for r in results if r.differs
    ]
    if lines:
        yield from _table("command|differs|status here|as a guest|why", lines)


def _parts(result: Result) -> str:
    return ", ".join(text.partition(":")[0] for text in result.differs)


def _damage(damaged: tuple[int, int]) -> str:
    tried, refused = damaged
    return (
        f"{tried} damaged copies of files of this survey (bytes flipped, words replaced, parts cut, moved or zeroed, by seed): "
        f"{refused} refused with one line each, {tried - refused} translated; none crashed, hung or ran out of memory.\n"
    )


def _files(rows: Sequence[Row]) -> Iterator[str]:
    for group in dict.fromkeys(row.source.group for row in rows):
        yield f"### {group}\n"
        lines = [_line(row) for row in rows if row.source.group == group]
        yield from _table("file|is|outcome|sites|matches|agree|patched|paths known|CPU s|MiB", lines)


def _line(row: Row) -> list[object]:
    facts = row.facts
    if "sites" not in facts:
        return [row.source.name, "", f"{facts['outcome']}: {facts['reason']}", *[""] * 7]
    sites, left = len(facts["sites"]), len(facts["listed"])
    kind = f"{facts['format']} {facts['arch']} {facts['system']}"
    agree = f"not {len(differences(row))}" if differences(row) else "yes" if row.printed else ""
    known = _share(facts["paths"] - len(facts["unknown"]), facts["paths"])
    return [
        row.source.name, kind, facts["outcome"], sites, len(facts["refused"]), agree,
        sites - left, known, facts["cpu_s"], facts["memory"] >> 20,
    ]  # fmt: skip
