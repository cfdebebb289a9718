"""Where a batch puts its results: a directory, or a place behind a URL; what identical files share."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import posixpath
import shutil
from pathlib import Path
from typing import Protocol

import platformdirs

from aot.cli.batching.model import Entry
from aot.cli.batching.remote import file_system, is_url, local_path
from aot.cli.files import write_whole
from aot.errors import FileError, SetupError

FOLDER = ".helctic-aot"
JOURNAL = "journal.jsonl"
FICLONE = 0x40049409  # _IOW(0x94, 9, int), linux/fs.h: share the blocks of another file


class Store(Protocol):
    """An output tree. Names are relative, with `/`; every method but `stands` and `has` raises OSError."""

    name: str  # as the user wrote it
    state: Path  # a directory here, for the journal and what is being made

    def stands(self, entry: Entry) -> bool:
        """Whether the output of `entry` is there and is what was written."""

    def has(self, output: str) -> bool:
        """Whether there is such an output."""

    def put(self, made: Path, output: str) -> None:
        """Move a finished file of the state directory to its place."""

    def share(self, existing: str, output: str) -> None:
        """Give `output` the content of another output."""

    def write(self, name: str, data: bytes) -> None:
        """Write a small file whole."""

    def keep_journal(self) -> None:
        """Leave the journal where the next batch finds it."""


class LocalStore:
    """A directory."""

    def __init__(self, out: Path) -> None:
        self.name, self.out = str(out), out
        self.state = out / FOLDER

    def stands(self, entry: Entry) -> bool:
        """By its content."""
        try:
            with (self.out / entry.output).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == entry.output_sha256
        except OSError:
            return False

    def has(self, output: str) -> bool:
        return (self.out / output).exists()

    def put(self, made: Path, output: str) -> None:
        target = self.out / output
        target.parent.mkdir(parents=True, exist_ok=True)
        made.replace(target)

    def share(self, existing: str, output: str) -> None:
        """Shared blocks where the file system has them, else a hard link, else a copy."""
        made = self.state / "sharing"
        made.unlink(missing_ok=True)
        source = self.out / existing
        if not _reflink(source, made):
            try:
                made.hardlink_to(source)
            except OSError:  # no links here, or too many
                shutil.copy(source, made)
        self.put(made, output)
        made.unlink(missing_ok=True)  # renaming one link of a file onto another leaves both

    def write(self, name: str, data: bytes) -> None:
        write_whole(self.out / name, data, 0o644)

    def keep_journal(self) -> None:
        """It is there."""


class RemoteStore:
    """A place behind a URL. The journal and files being made are in the user's state directory; a copy of the
    journal goes to the place itself when the batch ends, so that another machine can go on."""

    def __init__(self, url: str) -> None:
        self.name = url
        self._fs, self._root = file_system(url)
        place = hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:32]
        self.state = Path(platformdirs.user_state_dir("helctic-aot")) / "batch" / place
        self._journal = posixpath.join(self._root, FOLDER, JOURNAL)
        if not (self.state / JOURNAL).exists():
            self._fetch_journal()

    def _fetch_journal(self) -> None:
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            if self._fs.exists(self._journal):
                self._fs.get_file(self._journal, str(self.state / JOURNAL))
        except OSError as error:
            raise FileError(f"{self.name}: {error.strerror or error}") from None

    def stands(self, entry: Entry) -> bool:
        """By its size: reading everything back would cost more than making it."""
        try:
            return bool(self._fs.size(self._at(entry.output)) == entry.output_size)
        except OSError:
            return False

    def has(self, output: str) -> bool:
        return bool(self._fs.exists(self._at(output)))

    def put(self, made: Path, output: str) -> None:
        """Under another name first: not every place shows whole files only."""
        target = self._at(output)
        self._fs.makedirs(posixpath.dirname(target), exist_ok=True)
        self._fs.put_file(str(made), f"{target}.part")
        self._fs.mv(f"{target}.part", target)
        made.unlink()

    def share(self, existing: str, output: str) -> None:
        target = self._at(output)
        self._fs.makedirs(posixpath.dirname(target), exist_ok=True)
        self._fs.cp_file(self._at(existing), target)

    def write(self, name: str, data: bytes) -> None:
        target = self._at(name)
        self._fs.makedirs(posixpath.dirname(target), exist_ok=True)
        self._fs.pipe_file(target, data)

    def keep_journal(self) -> None:
        self.write(f"{FOLDER}/{JOURNAL}", (self.state / JOURNAL).read_bytes())

    def _at(self, name: str) -> str:
        return posixpath.join(self._root, name)


def store_of(output: str) -> Store:
    """The store a user names. Raises SetupError, FileError."""
    plain = local_path(output)
    if is_url(plain):
        return RemoteStore(plain)
    out = Path(plain)
    if out.exists() and not out.is_dir():
        raise SetupError(f"{out}: is not a directory; name one for the results")
    return LocalStore(out)


def _reflink(source: Path, target: Path) -> bool:
    """Make `target` a file that shares the blocks of `source`; False where that cannot be."""
    try:
        with source.open("rb") as old, target.open("xb") as new:
            fcntl.ioctl(new.fileno(), FICLONE, old.fileno())
            os.fchmod(new.fileno(), os.fstat(old.fileno()).st_mode)
    except OSError:
        with contextlib.suppress(OSError):
            target.unlink()
        return False
    return True
