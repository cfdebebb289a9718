"""What is known of each file of a batch: one entry, which the journal and the report hold as it is."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from aot.record import asdict, dataclass, field, fields


class Outcome(Enum):
    """What became of a file."""

    TRANSLATED = "translated"
    COPIED = "copied"  # the same content was translated elsewhere in the batch
    CURRENT = "up to date"
    OPENED = "opened"  # an archive; its members have entries of their own
    OTHER = "not an executable"
    REFUSED = "refused"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    SKIPPED = "skipped"
    REMOVED = "removed"


BAD = (Outcome.REFUSED, Outcome.FAILED, Outcome.UNREADABLE)  # these make the status 1
SETTLED = (Outcome.OTHER, Outcome.REFUSED, Outcome.SKIPPED)  # the same input would give the same again
DONE = (Outcome.TRANSLATED, Outcome.COPIED, Outcome.CURRENT)  # these have an output


class Choice(NamedTuple):
    """What overrules the files' own evidence; workers are handed one."""

    personality: str | None = None
    arch: str | None = None  # of universal files only
    nt_build: str | None = None  # of PE files only


class Limits(NamedTuple):
    """What one file may cost."""

    seconds: float
    memory: int  # bytes of address space


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file that a source holds. Paths are relative to OUT, with `/`."""

    path: str
    source: str  # as the user named it
    file: Path  # where its bytes are
    archive: str = ""  # path of the archive it is a member of
    sha256: str = ""  # known of what a reader has found
    size: int = 0
    ours: bool = False  # `file` is a copy, to be deleted
    stamp: str = ""  # what its place says of this version of it


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. Paths are relative, with `/`."""

    path: str
    outcome: Outcome
    reason: str = ""
    source: str = ""  # as the user named it
    archive: str = ""  # path of the archive it is a member of
    members: int = 0  # entries of an archive's members
    stamp: str = ""  # of a file behind a URL: what its place says of this version of it
    sha256: str = ""
    size: int = 0
    key: str = ""  # of translator and options
    output: str = ""
    output_sha256: str = ""
    output_size: int = 0
    twin: str = ""  # path of the file with the same content, where that one was translated
    personality: str = ""
    column: str = ""
    arch: str = ""
    format: str = ""
    sites: int = 0
    classes: dict[str, int] = field(default_factory=dict)  # sites by class
    cases: int = 0  # numbers that table sites look for, their handlers chosen ahead of time
    tactics: dict[str, int] = field(default_factory=dict)  # patched sites by tactic
    left: dict[str, int] = field(default_factory=dict)  # sites left to the dynamic path, by reason
    calls: dict[str, int] = field(default_factory=dict)  # sites and imports by the row they are bound to
    missing: dict[str, int] = field(default_factory=dict)  # those that have none, or one that says absent
    imports: int = 0
    unserved: tuple[str, ...] = ()  # imports without a row, library!name
    seconds: float = 0.0
    cpu_s: float = 0.0
    memory: int = 0  # bytes the worker had in memory at most
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
