"""One batch: what is known is kept, the rest goes to workers, every result is in the journal when it is shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aot.cli.batching.journal import FOLDER, Journal
from aot.cli.batching.model import SETTLED, Choice, Entry, Outcome
from aot.cli.batching.pool import Pool, Task, Work, disturbed
from aot.cli.batching.tree import walk
from aot.record import dataclass, field, replace

SUFFIX = ".elf"
HEAD = 4096  # bytes that say what a file is
# ELF, PE (a DOS header), Mach-O thin and universal, either byte order
MAGICS = tuple(
    bytes.fromhex(magic)
    for magic in "7f454c46 4d5a feedface feedfacf cefaedfe cffaedfe cafebabe cafebabf bebafeca".split()
)


@dataclass(frozen=True, slots=True)
class Options:
    """What one batch is asked to do."""

    source: Path
    out: Path
    choice: Choice
    jobs: int
    timeout_s: float
    key: str  # of translator and options: another one makes everything new


@dataclass(slots=True)
class Batch:
    """A batch under way; `entries` grows, `done` is told of each."""

    options: Options
    journal: Journal
    work: Work
    done: Callable[[Entry], None]
    entries: dict[str, Entry] = field(default_factory=dict)

    def run(self, found: list[Entry | str]) -> None:
        """Serve everything `listing` found. Interruptions come through where `disturbed` lets them only."""
        pool = Pool(self.work, self.options.jobs, self.options.timeout_s)
        for task, answer in pool.run(self._tasks(found)):
            self._finish(self._commit(task, answer))
        for entry in self._removed(found):
            self._finish(entry)

    def kept(self) -> Iterator[Entry]:
        """What the journal is to hold: this run's entries, and older ones of files it did not reach."""
        for path, entry in (self.journal.before | self.entries).items():
            if entry.outcome is not Outcome.REMOVED:
                yield entry
            elif (self.options.out / entry.output).exists():
                yield replace(entry, outcome=Outcome.TRANSLATED, path=path)

    def _finish(self, entry: Entry) -> None:
        self.entries[entry.path] = entry
        if entry.again:
            self.journal.add(entry)
        self.done(entry)

    def _tasks(self, found: list[Entry | str]) -> Iterator[Task]:
        """Work for the pool; what needs none is finished on the way."""
        o = self.options
        for number, item in enumerate(found):
            with disturbed():
                pass
            entry = item if isinstance(item, Entry) else self._known(item)
            if entry is not None:
                self._finish(entry)
            elif isinstance(item, str):
                temporary = self.journal.scratch / f"{number}{SUFFIX}"
                yield Task(item, (str(o.source / item), str(temporary), o.choice))

    def _known(self, path: str) -> Entry | None:
        """The entry of a file that needs no worker."""
        file = self.options.source / path
        before = self.journal.before.get(path)
        try:
            with file.open("rb") as stream:
                head = stream.read(HEAD)
                size = os.fstat(stream.fileno()).st_size
                if not head.startswith(MAGICS):
                    from aot.image.kinds import describe

                    return Entry(path, Outcome.OTHER, describe(head), size=size, again=False)
                stream.seek(0)
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            return Entry(path, Outcome.UNREADABLE, str(error.strerror), again=False)
        if before is None or (before.sha256, before.key) != (digest, self.options.key):
            return None
        if before.outcome in SETTLED:
            return replace(before, again=False)
        if before.outcome in (Outcome.TRANSLATED, Outcome.CURRENT) and self._stands(before):
            return replace(before, outcome=Outcome.CURRENT, again=False)
        return None

    def _stands(self, before: Entry) -> bool:
        """The output is there and is what was written."""
        try:
            with (self.options.out / before.output).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == before.output_sha256
        except OSError:
            return False

    def _commit(self, task: Task, answer: dict[str, Any]) -> Entry:
        """Put the worker's output in its place and make the entry."""
        o, temporary = self.options, Path(task.arguments[1])
        answer = {"sha256": "", **answer, "key": o.key, "outcome": Outcome(answer["outcome"])}
        if answer["outcome"] is Outcome.TRANSLATED:
            answer["output"] = task.path + SUFFIX
            target = o.out / answer["output"]
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(target)
            except OSError as error:
                reason = f"{answer['output']}: cannot be written: {error.strerror}"
                answer = {"outcome": Outcome.FAILED, "reason": reason, "seconds": answer["seconds"]}
        if not answer.get("sha256"):
            answer |= self._facts(task.path)
        temporary.unlink(missing_ok=True)
        return Entry(path=task.path, **answer)

    def _facts(self, path: str) -> dict[str, Any]:
        """Hash and size of a file whose worker did not tell."""
        try:
            raw = (self.options.source / path).open("rb")
        except OSError:
            return {}
        with raw:
            size = os.fstat(raw.fileno()).st_size
            return {"sha256": hashlib.file_digest(raw, "sha256").hexdigest(), "size": size}

    def _removed(self, found: list[Entry | str]) -> Iterator[Entry]:
        """Outputs of earlier runs whose source is gone."""
        closed = tuple(
            f"{item.path}/"
            for item in found
            if isinstance(item, Entry) and item.outcome is Outcome.UNREADABLE
        )
        for path, before in self.journal.before.items():
            if path in self.entries or not before.output or path.startswith(closed):
                continue
            if "./" not in closed and (self.options.out / before.output).exists():
                reason = f"its translation is kept: {before.output}"
                yield replace(before, outcome=Outcome.REMOVED, reason=reason, again=False)


def listing(options: Options, report: Path) -> list[Entry | str]:
    """Everything in the source tree but our own output."""
    out = options.out
    inside = (out, out / FOLDER, report)
    return list(walk(options.source, inside))
