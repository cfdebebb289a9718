"""What earlier runs did, kept in OUT as results come in: one line of JSON a file, the last one counts.

A batch that is killed leaves whole lines and at most one broken one, which is ignored; outputs are renamed
into place before their line is written, so a line never names an output that is not there.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from aot.cli.batching.model import Entry, from_json
from aot.cli.files import write_whole
from aot.errors import FileError, SetupError

FOLDER = ".helctic-aot"


class Journal:
    """The state directory of an output tree; only one batch at a time has it."""

    def __init__(self, out: Path) -> None:
        self.folder = out / FOLDER
        self.scratch = self.folder / "tmp"
        self._path = self.folder / "journal.jsonl"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("w")
        except OSError as error:
            raise FileError(f"{out}: cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SetupError(f"{out}: another batch is writing there") from None
        shutil.rmtree(self.scratch, ignore_errors=True)  # what a killed run left
        try:
            self.scratch.mkdir()
        except OSError as error:
            raise FileError(f"{out}: cannot be written: {error.strerror}") from None
        self.before = self._read()
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
            self._file.write(json.dumps(entry.as_json()) + "\n")
            self._file.flush()
        except OSError as error:
            raise FileError(f"{self._path}: cannot be written: {error.strerror}") from None

    def close(self, entries: Iterable[Entry] | None) -> None:
        """Keep these entries and no others (None: leave the lines as they are) and let others in."""
        if self._file is not None:
            self._file.close()
        if entries is not None:
            lines = "".join(json.dumps(entry.as_json()) + "\n" for entry in entries)
            write_whole(self._path, lines.encode(), 0o644)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._lock.close()
