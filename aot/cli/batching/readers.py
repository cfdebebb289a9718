"""The processes that look into archives and URLs for a batch, held back while it has enough to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from aot.cli.batching.engine import Answer, Task
from aot.cli.batching.model import Entry, Found, Limits, Outcome
from aot.cli.batching.pool import Pool
from aot.cli.batching.reader import Reads, read
from aot.cli.batching.sources import Source


class Readers:
    """Archives and URLs to be read, a few at a time."""

    def __init__(self, jobs: int, limits: Limits, scratch: Path, key: str) -> None:
        self.pool = Pool(read, jobs, limits.seconds, limits.memory)
        self._scratch, self._key = str(scratch), key
        self._queue: deque[Task] = deque()
        self._held: list[Task] = []
        self._of: dict[str, Found | Source] = {}  # by name of the task
        self._still: dict[str, list[Entry]] = {}  # by path

    @property
    def busy(self) -> bool:
        """Whether something is to be expected still."""
        return bool(self._queue) or self.pool.busy

    def archive(self, found: Found) -> None:
        """Have an archive read."""
        self._add(found.path, found, Reads.ARCHIVE, str(found.file), {})

    def url(self, source: Source, still: dict[str, list[Entry]]) -> None:
        """Have everything behind a URL read, but what has its stamp still (entries by path, the first one with it)."""
        self._still |= still
        known = {source.name_of(path): entries[0].stamp for path, entries in still.items()}
        self._add(source.name, source, Reads.URL, source.name, known)

    def go_on(self) -> None:
        """Let those that wait tell their next file, and begin with others."""
        held, self._held = self._held, []
        for task in held:
            self.pool.proceed(task)
        while self._queue and self.pool.room:
            self.pool.start(self._queue.popleft())

    def collect(self, ready: list[object]) -> Iterator[Entry | Found]:
        """What was told: files to translate, entries of others, and of archives at their end."""
        for task, answer in self.pool.collect(ready):
            if "found" in answer:
                self._held.append(task)
                yield from self._member(self._of[task.path], answer["found"])
            else:
                yield from self._end(self._of.pop(task.path), answer)

    def _add(self, name: str, of: Found | Source, reads: Reads, source: str, known: dict[str, str]) -> None:
        self._of[name] = of
        self._queue.append(Task(name, (reads, source, self._scratch, known)))

    def _member(self, of: Found | Source, told: Answer) -> Iterator[Entry | Found]:
        """One file of an archive or of a URL."""
        if isinstance(of, Found):
            path, source, archive = f"{of.path}/{told['name']}", of.source, of.path
        else:
            path, source = of.below(told["name"]), of.name
            archive = of.below(told["within"]) if "within" in told else ""
        if "same" in told:
            yield from self._still[path]
            return
        size, digest, stamp = told.get("size", 0), told.get("sha256", ""), told.get("stamp", "")
        if told["outcome"] is None:
            yield Found(path, source, Path(told["file"]), archive, digest, size, ours=True, stamp=stamp)
            return
        yield Entry(
            path, Outcome(told["outcome"]), told["reason"], source, archive, told.get("members", 0),
            sha256=digest, size=size, key=self._key, stamp=stamp, again=False,
        )  # fmt: skip

    def _end(self, of: Found | Source, answer: Answer) -> Iterator[Entry]:
        """The entry of an archive. That of a URL is none of a file, so it is told only when it is bad."""
        outcome, reason, members = Outcome(answer["outcome"]), answer["reason"], answer.get("members", 0)
        if isinstance(of, Found):
            yield Entry(
                of.path, outcome, reason, of.source, members=members, sha256=of.sha256, size=of.size,
                key=self._key, again=False,
            )  # fmt: skip
        elif outcome is not Outcome.OPENED:
            yield Entry(of.place or ".", outcome, f"{of.name}: {reason}", of.name, again=False)
