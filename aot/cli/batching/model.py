"""What is known of each file of a batch: one entry, which the journal and the report hold as it is."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from aot.record import asdict, dataclass, field, fields


class Outcome(Enum):
    """What became of a file."""

    TRANSLATED = "translated"
    CURRENT = "up to date"
    OTHER = "not an executable"
    REFUSED = "refused"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    SKIPPED = "skipped"
    REMOVED = "removed"


BAD = (Outcome.REFUSED, Outcome.FAILED, Outcome.UNREADABLE)  # these make the status 1
SETTLED = (Outcome.OTHER, Outcome.REFUSED, Outcome.SKIPPED)  # the same input would give the same again


class Choice(NamedTuple):
    """What overrules the files' own evidence; workers are handed one."""

    personality: str | None = None
    arch: str | None = None  # of universal files only
    nt_build: str | None = None  # of PE files only


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. Paths are relative, with `/`."""

    path: str
    outcome: Outcome
    reason: str = ""
    sha256: str = ""
    size: int = 0
    key: str = ""  # of translator and options
    output: str = ""
    output_sha256: str = ""
    personality: str = ""
    column: str = ""
    arch: str = ""
    format: str = ""
    sites: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    imports: int = 0
    unserved: tuple[str, ...] = ()  # imports without a row, library!name
    seconds: float = 0.0
    again: bool = True  # False: known from an earlier run

    def as_json(self) -> dict[str, Any]:
        """For the journal and the report."""
        found: dict[str, Any] = asdict(self)
        found["outcome"] = self.outcome.value
        return found


def from_json(found: dict[str, Any]) -> Entry:
    """The entry a journal line holds. Raises ValueError, TypeError or KeyError for anything else."""
    known = {f.name for f in fields(Entry)}
    values = {name: value for name, value in found.items() if name in known}
    values["outcome"] = Outcome(values["outcome"])
    values["unserved"] = tuple(values.get("unserved", ()))
    return Entry(**values)
