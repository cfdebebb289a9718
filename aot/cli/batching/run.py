"""One batch: what is known is kept, the rest goes to workers, every result is in the journal when it is shown."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from aot.cli.batching.engine import Answer, Engine, Task, attend, disturbed
from aot.cli.batching.journal import Journal
from aot.cli.batching.known import SUFFIX, Known, failed
from aot.cli.batching.look import What, look
from aot.cli.batching.model import BAD, Choice, Entry, Found, Limits, Outcome
from aot.cli.batching.readers import Readers
from aot.cli.batching.sources import Kind, Source, files
from aot.cli.batching.store import Store
from aot.record import dataclass, replace

TICK_S = 0.5  # the display is told of files under way that often
AHEAD = 2  # members of archives that wait for a worker, times the jobs


@dataclass(frozen=True, slots=True)
class Options:
    """What one batch is asked to do."""

    sources: tuple[Source, ...]
    store: Store
    choice: Choice
    jobs: int
    limits: Limits
    key: str  # of translator and options: another one makes everything new
    without: tuple[Path, ...] = ()  # our own output, where it lies in a source


class Shown(Protocol):
    """Who is told of a batch."""

    def expect(self, files: int) -> None:
        """So many more files are known of."""

    def __call__(self, entry: Entry) -> None:
        """A file is done."""

    def busy(self, running: list[tuple[str, float]]) -> None:
        """What is being worked on: (path, monotonic time since when)."""


class Batch:
    """A batch under way; `entries` grows, `shown` is told of each."""

    def __init__(self, options: Options, journal: Journal, engine: Engine, shown: Shown) -> None:
        self.entries: dict[str, Entry] = {}
        self._options, self._journal, self._engine, self._shown = options, journal, engine, shown
        self._known = Known(journal.before, options.store, options.key)
        self._readers = Readers(options.jobs, options.limits, journal.scratch, options.key)
        self._found: deque[Found] = deque()  # to be looked at before anything else
        self._working: dict[str, Found] = {}  # by path
        self._behind: dict[str, list[Found]] = {}  # by content that is being translated
        self._parked = 0  # of those, members of archives
        self._unfinished: Counter[str] = Counter()  # members without a result, by archive
        self._opening: set[str] = set()  # archives that are being read
        self._number = 0

    def run(self) -> None:
        """Serve everything. Interruptions come through where `disturbed` lets them only."""
        sources = self._options.sources
        local = [item for source in sources for item in files(source, self._options.without)]
        self._shown.expect(len(local))
        for source in sources:
            if source.kind is Kind.URL:
                self._readers.url(source, self._known.still(source.name))
        try:
            self._serve(_once(local))
        finally:
            self._engine.close()
            self._readers.pool.close()
        for entry in list(self._removed()):
            self._finish(entry)

    def kept(self) -> Iterator[Entry]:
        """What the journal is to hold: this run's entries, and older ones of files it did not reach."""
        for path, entry in (self._journal.before | self.entries).items():
            if entry.outcome is Outcome.OPENED and self._unfinished[path]:
                continue  # the next run must look into it again
            if entry.outcome is not Outcome.REMOVED:
                yield entry
            elif self._options.store.has(entry.output):
                yield replace(entry, outcome=Outcome.TRANSLATED, reason="", archive="")

    def _serve(self, local: Iterator[Entry | Found]) -> None:
        pools = (self._engine, self._readers.pool)
        while True:
            self._fill(local)
            if len(self._found) + self._parked < AHEAD * self._options.jobs:
                self._readers.go_on()
            if not (self._engine.busy or self._readers.busy or self._found):
                return
            ready = attend(pools, TICK_S)
            for task, answer in self._engine.collect(ready):
                self._done(task, answer)
            for item in self._readers.collect(ready):
                self._told(item)
            self._shown.busy(self._engine.running())

    def _fill(self, local: Iterator[Entry | Found]) -> None:
        """Give the engine what it has room for; what needs none of it is finished on the way."""
        while self._engine.room:
            with disturbed():
                pass
            item = self._found.popleft() if self._found else next(local, None)
            if item is None:
                return
            if isinstance(item, Entry):
                self._finish(item)
            else:
                self._take(item)

    def _take(self, found: Found) -> None:
        """Finish a file that needs no work, have an archive read, let twins wait, translate the rest."""
        seen = look(found, self._options.key)
        if isinstance(seen, Entry):
            self._finish(seen)
            return
        what, found = seen
        if what is What.OPEN:
            self._open(found)
            return
        if found.sha256 in self._behind:
            self._behind[found.sha256].append(found)
            self._parked += found.ours
            return
        entry = self._known.of(found)
        if entry is not None:
            self._finish(entry)
            self._discard(found)
            return
        self._behind[found.sha256] = []
        self._working[found.path] = found
        self._number += 1
        made = self._journal.scratch / f"{self._number}{SUFFIX}"
        self._engine.start(Task(found.path, (str(found.file), str(made), self._options.choice)))

    def _open(self, found: Found) -> None:
        entries = self._known.archive(found)
        if entries is None:
            self._opening.add(found.path)
            self._readers.archive(found)
            return
        self._shown.expect(len(entries) - 1)
        for entry in entries:
            self._finish(replace(entry, source=found.source))

    def _told(self, item: Entry | Found) -> None:
        """A reader has told of a file, or of the end of an archive, which was expected."""
        if item.path not in self._opening:
            self._shown.expect(1)
        if isinstance(item, Entry):
            self._finish(item)
        else:
            self._unfinished[item.archive] += 1
            self._found.append(item)

    def _done(self, task: Task, answer: Answer) -> None:
        """A worker has answered: its output to its place, and those that waited behind it go on."""
        found = self._working.pop(task.path)
        entry = self._commit(found, Path(task.arguments[1]), answer)
        self._finish(entry)
        self._discard(found)
        waited = self._behind.pop(found.sha256)
        self._parked -= sum(twin.ours for twin in waited)
        self._found.extend(waited)

    def _commit(self, found: Found, made: Path, answer: Answer) -> Entry:
        """Put the worker's output in its place and make the entry."""
        key = self._options.key
        about = {"sha256": found.sha256, "size": found.size, **answer, "outcome": Outcome(answer["outcome"])}
        entry = Entry(
            path=found.path, source=found.source, archive=found.archive, key=key, stamp=found.stamp, **about
        )
        if entry.outcome is Outcome.TRANSLATED:
            entry = replace(entry, output=found.path + SUFFIX)
            try:
                self._options.store.put(made, entry.output)
            except OSError as error:
                reason = f"{entry.output}: cannot be written: {error.strerror or error}"
                made.unlink(missing_ok=True)
                return failed(found, reason, key)
        made.unlink(missing_ok=True)
        if entry.outcome is not Outcome.UNREADABLE:  # which says nothing of the content
            self._known.learn(entry)
        return entry

    def _finish(self, entry: Entry) -> None:
        self.entries[entry.path] = entry
        if entry.again:
            self._journal.add(entry)
        self._shown(entry)

    def _discard(self, found: Found) -> None:
        """Forget our copy of a file that is finished."""
        if found.ours:
            found.file.unlink(missing_ok=True)
            self._unfinished[found.archive] -= 1

    def _removed(self) -> Iterator[Entry]:
        """Outputs of earlier runs whose source is gone; what lies in something that could not be read may be there."""
        closed = tuple(f"{e.path}/" for e in self.entries.values() if e.outcome in BAD)
        walked = {source.name for source in self._options.sources}
        for path, before in self._journal.before.items():
            if path in self.entries or not before.output or before.source not in walked:
                continue
            if "./" not in closed and not path.startswith(closed) and self._options.store.has(before.output):
                reason = f"its translation is kept: {before.output}"
                yield replace(before, outcome=Outcome.REMOVED, reason=reason, archive="", again=False)


def _once(local: list[Entry | Found]) -> Iterator[Entry | Found]:
    """Sources may overlap; a file that was met under its path is not met again."""
    seen: set[str] = set()
    for item in local:
        if item.path not in seen:
            seen.add(item.path)
            yield item
