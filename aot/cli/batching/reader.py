"""Looks into archives and remote sources; runs in a process of its own, which may crash, hang or run out of memory.

Every file found is an answer: what is an executable by its first bytes is written to a file of ours for the batch
to take, of everything else the reason why not is told.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from aot.cli.batching import remote
from aot.cli.batching.archives import (
    DAMAGE,
    Damaged,
    Kind,
    Member,
    Missing,
    NoArchive,
    kind_of,
    members,
    safe,
)
from aot.image import kinds
from aot.image.source import LIMIT
from aot.record import dataclass, field

Answer = dict[str, Any]
Answers = Generator[Answer, None, Answer]

HEAD = 4096  # bytes that say what a file is
CHUNK = 1 << 20
DEPTH = 4  # archives in archives
ENTRIES = 1_000_000  # of one archive and those in it
TOTAL = 64 << 30  # bytes read of one archive and those in it, unpacked
# ELF, PE (a DOS header), Mach-O thin and universal, either byte order
MAGICS = tuple(
    bytes.fromhex(magic)
    for magic in "7f454c46 4d5a feedface feedfacf cefaedfe cffaedfe cafebabe cafebabf bebafeca".split()
)


class Reads(Enum):
    """What is read member by member."""

    ARCHIVE = "archive"
    URL = "URL"


class TooMuch(Exception):
    """An archive goes beyond a limit; what came before is good."""


def candidate(head: bytes) -> bool:
    """Whether a file that begins so may be an executable."""
    return head.startswith(MAGICS)


def read(kind: Reads, source: str, scratch: str, known: Mapping[str, str]) -> Answers:
    """Tell what is in a source; the last answer is about the source itself.

    `known` are names behind a URL with their stamps: of a file that has its stamp still only this is told.
    """
    try:
        return (yield from _READERS[kind](source, Reading(scratch, known)))
    except MemoryError:
        return {"outcome": "failed", "reason": "more memory is needed than a file may have (--memory)"}
    except Exception as error:  # noqa: BLE001 - libraries of any kind read remote files; one source must not stop the others
        return {"outcome": "unreadable", "reason": str(error) or type(error).__name__}


def _archive(path: str, reading: Reading) -> Answers:
    with open(path, "rb") as file:
        kind = kind_of(file.read(HEAD))
        file.seek(0)
        assert kind is not None, "asked about an archive"
        return (yield from reading.archive(kind, file))


def _url(url: str, reading: Reading) -> Answers:
    for file in remote.files(url):
        if file.stamp and reading.known.get(file.name) == file.stamp:
            yield {"found": {"name": file.name, "same": True}}
            continue
        before = reading.told
        for answer in reading.member(Member(file.name, file.size, open=file.open), 0):
            found = answer["found"]
            if found["name"] == file.name:
                found |= {"stamp": file.stamp, "members": reading.told - before - 1}
            else:
                found["within"] = file.name
            yield answer
    return reading.answer("opened", "")


@dataclass(slots=True)
class Reading:
    """One archive or source being read, with everything in it."""

    scratch: str
    known: Mapping[str, str]
    told: int = 0
    total: int = 0  # bytes
    seen: Counter[str] = field(default_factory=Counter)

    def archive(self, kind: Kind, file: BinaryIO, prefix: str = "", depth: int = 0) -> Answers:
        """Tell the members of an open archive, each name with `prefix` before it; what became of the archive."""
        try:
            for member in members(kind, file):
                yield from self.member(member, depth, prefix)
        except NoArchive:
            file.seek(0)
            return {"outcome": "not an executable", "reason": kinds.describe(file.read(HEAD))}
        except Damaged as error:
            return self.answer("unreadable", f"{error}; {self._so_far()}")
        except Missing as error:
            return self.answer("unreadable", str(error))
        except TooMuch as error:
            return self.answer("refused", f"{error}; {self._so_far()}")
        return self.answer("opened", "")

    def answer(self, outcome: str, reason: str) -> Answer:
        """The last answer about the source."""
        return {"outcome": outcome, "reason": reason, "members": self.told}

    def member(self, member: Member, depth: int, prefix: str = "") -> Generator[Answer, None, None]:
        """Tell one member, and those in it."""
        self.total += member.size if member.streamed else 0
        if self.told >= ENTRIES or self.total > TOTAL:
            raise TooMuch(
                f"more than {ENTRIES:,} members" if self.told >= ENTRIES else f"more than {TOTAL >> 30} GiB"
            )
        try:
            name = prefix + safe(member.name)
        except ValueError as error:
            yield self._tell(prefix + member.name, "refused", str(error))
            return
        if member.open is None:
            yield self._tell(name, "refused" if member.bad else "skipped", member.bad or member.other)
        elif member.size > LIMIT:
            yield self._tell(
                name, "refused", f"{member.size} bytes, larger than any executable ({LIMIT} bytes)"
            )
        else:
            try:
                with member.open() as stream:
                    yield from self._content(name, stream, member, depth)
            except DAMAGE as error:
                yield self._tell(name, "unreadable", str(error) or type(error).__name__)

    def _content(
        self, name: str, stream: BinaryIO, member: Member, depth: int
    ) -> Generator[Answer, None, None]:
        head = stream.read(HEAD)
        kind = kind_of(head)
        if kind is None and not candidate(head):
            yield self._tell(name, "not an executable", kinds.describe(head), size=member.size)
            return
        if kind is not None and depth >= DEPTH:
            yield self._tell(name, "refused", f"an archive inside {depth} others")
            return
        spooled, digest, size = self._spool(head, stream)
        self.total += 0 if member.streamed else size
        if kind is None:
            yield self._tell(name, None, "", sha256=digest, size=size, file=str(spooled))
            return
        try:
            with spooled.open("rb") as file:
                answer = yield from self.archive(kind, file, f"{name}/", depth + 1)
        finally:
            spooled.unlink(missing_ok=True)
        yield self._tell(name, answer["outcome"], answer["reason"], sha256=digest, size=size)

    def _spool(self, head: bytes, stream: BinaryIO) -> tuple[Path, str, int]:
        """Write a member to a file of ours. Raises what archives.DAMAGE lists, TooMuch."""
        digest, size = hashlib.sha256(), 0
        handle, path = tempfile.mkstemp(dir=self.scratch)
        try:
            with os.fdopen(handle, "wb") as file:
                while head:
                    size += len(head)
                    if size > LIMIT:
                        raise TooMuch(f"a member is larger than it says and than {LIMIT} bytes")
                    digest.update(head)
                    file.write(head)
                    head = stream.read(CHUNK)
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise
        return Path(path), digest.hexdigest(), size

    def _tell(self, name: str, outcome: str | None, reason: str, **facts: Any) -> Answer:
        self.told += 1
        self.seen[name] += 1
        if self.seen[name] > 1:  # nothing is lost, and nothing is overwritten
            name = f"{name}~{self.seen[name]}"
        return {"found": {"name": name, "outcome": outcome, "reason": reason, **facts}}

    def _so_far(self) -> str:
        return f"{self.told} member{'' if self.told == 1 else 's'} read before"


_READERS: dict[Reads, Callable[[str, Reading], Answers]] = {Reads.ARCHIVE: _archive, Reads.URL: _url}
