"""A corpus in numbers: what its programs are, how their calls are bound, what they need that is not there.

Programs of the same content count once, except where files are counted.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from aot.cli.batching.model import BAD, DONE, Entry, Outcome
from aot.personality.abi.call import Call
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from aot.record import dataclass, field

SLOWEST = 25
EXAMPLES = 5  # files named beside a number


@dataclass(slots=True)
class Group:
    """Programs of one kind."""

    name: tuple[str, ...]
    programs: int = 0
    bytes: int = 0
    sites: int = 0
    imports: int = 0
    unserved: int = 0
    cases: int = 0
    classes: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Reason:
    """Files that ended the same way for the same reason."""

    outcome: Outcome
    text: str
    files: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Need:
    """A call and who makes it. `level` and `note` are its row's; a call without a row has neither."""

    personality: str
    name: str
    sites: int = 0
    files: list[str] = field(default_factory=list)
    level: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything the page shows, the most frequent first."""

    outcomes: dict[Outcome, int]
    programs: int  # distinct ones that are translated
    groups: list[Group]
    whole: Group
    tactics: dict[str, int]
    left: list[tuple[str, int, list[str]]]  # why a site was left alone, how many sites, which files
    reasons: list[Reason]
    calls: list[Need]
    missing: list[Need]
    slowest: list[Entry]


def corpus_of(entries: Iterable[Entry]) -> Corpus:
    """Count a batch's entries."""
    entries = list(entries)
    programs = list({e.sha256: e for e in entries if e.outcome in DONE}.values())
    tactics: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for entry in programs:
        tactics.update(entry.tactics)
        left.update(entry.left)
    worked = sorted((e for e in entries if e.seconds), key=cost, reverse=True)
    return Corpus(
        outcomes=dict(Counter(e.outcome for e in entries)),
        programs=len(programs),
        groups=_groups(programs),
        whole=_group(("all",), programs),
        tactics=dict(tactics.most_common()),
        left=[(why, n, [e.path for e in programs if why in e.left]) for why, n in left.most_common()],
        reasons=_reasons(entries),
        calls=_needs(programs, lambda e: {n: c for n, c in e.calls.items() if n not in e.missing}),
        missing=_needs(programs, lambda e: e.missing),
        slowest=worked[:SLOWEST],
    )


def cost(entry: Entry) -> float:
    """Seconds of the processor, or, of a worker that was ended, on the wall."""
    return entry.cpu_s or entry.seconds


def _group(name: tuple[str, ...], programs: Iterable[Entry]) -> Group:
    found = Group(name)
    for entry in programs:
        found.programs += 1
        found.bytes += entry.size
        found.sites += entry.sites
        found.imports += entry.imports
        found.unserved += len(entry.unserved)
        found.cases += entry.cases
        found.classes.update(entry.classes)
    return found


def _groups(programs: Iterable[Entry]) -> list[Group]:
    kinds: defaultdict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in programs:
        kinds[entry.personality, entry.format, entry.arch].append(entry)
    return sorted((_group(kind, members) for kind, members in kinds.items()), key=lambda g: -g.programs)


def _reasons(entries: Iterable[Entry]) -> list[Reason]:
    """Addresses and sizes in a reason do not make it another one. The bad ones come first."""
    found: dict[tuple[Outcome, str], Reason] = {}
    for entry in entries:
        if entry.reason and entry.outcome not in DONE:
            text = re.sub(r"0x[0-9a-fA-F]+|\d{4,}", "…", entry.reason)
            found.setdefault((entry.outcome, text), Reason(entry.outcome, text)).files.append(entry.path)
    return sorted(found.values(), key=lambda r: (r.outcome not in BAD, -len(r.files)))


def _needs(programs: Iterable[Entry], counts: Callable[[Entry], Mapping[str, int]]) -> list[Need]:
    found: dict[tuple[str, str], Need] = {}
    for entry in programs:
        for name, number in counts(entry).items():
            need = found.setdefault((entry.personality, name), Need(entry.personality, name))
            need.sites += number
            need.files.append(entry.path)
    for need in found.values():
        row = _rows(need.personality).get(need.name)
        if row is not None:
            need.level, need.note = row.status.level.value, row.status.note
    return sorted(found.values(), key=lambda n: (-len(n.files), -n.sites, n.name))


@cache
def _rows(personality: str) -> dict[str, Call]:
    return {row.name: row for row in system_of(Personality[personality.upper()]).calls}
