"""What earlier runs did, kept as results come in: one line of JSON a file, the last one counts.

A batch that is killed leaves whole lines and at most one broken one, which is ignored; outputs are renamed
into place before their line is written, so a line never names an output that is not there.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from aot.cli.batching.model import Entry, from_json
from aot.cli.batching.store import JOURNAL, Store
from aot.cli.files import write_whole
from aot.errors import FileError, SetupError


class Journal:
    """The state of an output tree; only one batch at a time has it."""

    def __init__(self, store: Store, *, resume: bool = True) -> None:
        self._store = store
        self._path = store.state / JOURNAL
        try:
            store.state.mkdir(parents=True, exist_ok=True)
            self._lock = (store.state / "lock").open("w")
        except OSError as error:
            raise FileError(f"{store.name}: cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SetupError(f"{store.name}: another batch is writing there") from None
        for left in store.state.glob("tmp*"):  # by a killed run
            shutil.rmtree(left, ignore_errors=True)
        try:
            # Of our own: a worker of a killed batch may still be writing into its.
            self.scratch = Path(tempfile.mkdtemp(prefix="tmp-", dir=store.state))
        except OSError as error:
            raise FileError(f"{store.name}: cannot be written: {error.strerror}") from None
        self.before = self._read() if resume else {}
        self._file: TextIO | None = None

    def _read(self) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        try:
            lines = self._path.read_text().split("\n")
        except (OSError, UnicodeDecodeError):
            return found
        for line in lines:
            try:
                entry = from_json(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
            found[entry.path] = entry
        return found

    def add(self, entry: Entry) -> None:
        """Write one result now. Raises FileError."""
        try:
            if self._file is None:
                self._file = self._path.open("a")
                self._file.write("\n")  # a killed run may have left half a line
            self._file.write(_line(entry))
            self._file.flush()
        except OSError as error:
            raise FileError(f"{self._path}: cannot be written: {error.strerror}") from None

    def close(self, entries: Iterable[Entry] | None) -> None:
        """Keep these entries and no others (None: leave the lines as they are) and let others in. Raises FileError."""
        try:
            if self._file is not None:
                self._file.close()
            if entries is not None:
                write_whole(self._path, "".join(map(_line, entries)).encode(), 0o644)
                self._store.keep_journal()
        except OSError as error:
            raise FileError(f"{self._path}: cannot be written: {error.strerror or error}") from None
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
            self._lock.close()


def _line(entry: Entry) -> str:
    """An entry without what is empty anyway."""
    told = {name: value for name, value in entry.as_json().items() if value or name == "outcome"}
    return json.dumps(told) + "\n"
