"""What needs no work: files an earlier run has done, archives it has read, and content that was met before."""

from __future__ import annotations

from collections.abc import Mapping

from aot.cli.batching.model import DONE, SETTLED, Entry, Found, Outcome
from aot.cli.batching.store import Store
from aot.record import replace

SUFFIX = ".elf"


class Known:
    """Results by path (earlier runs) and by content (this one too). `key` is of translator and options."""

    def __init__(self, before: Mapping[str, Entry], store: Store, key: str) -> None:
        self._before, self._store, self._key = before, store, key
        self._contents: dict[str, Entry] = {}
        self._older: dict[str, list[Entry]] = {}
        self._members: dict[str, list[Entry]] = {}
        for entry in before.values():
            if entry.outcome in DONE and entry.key == key:
                self._older.setdefault(entry.sha256, []).append(entry)
            if entry.archive:
                self._members.setdefault(entry.archive, []).append(entry)

    def of(self, found: Found) -> Entry | None:
        """The entry of a file whose content is known, with its output in place; None when it is new."""
        before = self._before.get(found.path)
        entry = self._again(before) if before is not None and before.sha256 == found.sha256 else None
        if entry is not None:
            entry = replace(entry, source=found.source, archive=found.archive, stamp=found.stamp)
            self.learn(entry)
            return entry
        twin = self._contents.get(found.sha256)
        if twin is None:
            twin = next((e for e in self._older.get(found.sha256, ()) if self._store.stands(e)), None)
        return self._like(twin, found) if twin is not None else None

    def learn(self, entry: Entry) -> None:
        """Files of the same content become what this one is."""
        self._contents.setdefault(entry.sha256, entry)

    def archive(self, found: Found) -> list[Entry] | None:
        """The entries of an archive that was read to its end and of all its members, when they hold still."""
        before = self._before.get(found.path)
        if before is None or before.outcome is not Outcome.OPENED:
            return None
        return self._whole(before) if before.sha256 == found.sha256 else None

    def still(self, source: str) -> dict[str, list[Entry]]:
        """Files behind the URL `source` whose results hold still: entries by path, an archive's with its members'."""
        found = {}
        for path, before in self._before.items():
            if before.source == source and before.stamp:
                opened = before.outcome is Outcome.OPENED
                entries = self._whole(before) if opened else [e for e in (self._again(before),) if e]
                if entries:
                    found[path] = entries
        return found

    def _whole(self, archive: Entry) -> list[Entry] | None:
        """The entries of an archive, its own first, if all of them hold still."""
        members = self._members.get(archive.path, [])
        entries = [entry for member in members if (entry := self._again(member)) is not None]
        if archive.key != self._key or not len(entries) == len(members) == archive.members:
            return None
        return [replace(archive, again=False), *entries]

    def _again(self, before: Entry) -> Entry | None:
        """The entry for this run, if the earlier one holds still."""
        if before.key != self._key:
            return None
        if before.outcome in SETTLED or (before.outcome is Outcome.OPENED and before.archive):
            return replace(before, again=False)
        if before.outcome in DONE and self._store.stands(before):
            return replace(before, outcome=Outcome.CURRENT, again=False)
        return None

    def _like(self, twin: Entry, found: Found) -> Entry:
        entry = replace(
            twin, path=found.path, source=found.source, archive=found.archive, stamp=found.stamp,
            twin=twin.path, again=True, seconds=0.0, cpu_s=0.0, memory=0,
        )  # fmt: skip
        if twin.outcome not in DONE:
            return entry
        output = found.path + SUFFIX
        try:
            self._store.share(twin.output, output)
        except OSError as error:
            return failed(found, f"{output}: cannot be written: {error.strerror or error}", self._key)
        return replace(entry, outcome=Outcome.COPIED, output=output)


def failed(found: Found, reason: str, key: str) -> Entry:
    """The entry of a file whose result could not be put in its place."""
    return Entry(
        found.path, Outcome.FAILED, reason, source=found.source, archive=found.archive, sha256=found.sha256,
        size=found.size, key=key,
    )  # fmt: skip
