"""What a user named as sources: which there are, and where in OUT the files of each go."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from aot.cli.batching.model import Entry, Found, Outcome
from aot.cli.batching.remote import is_url, local_path, single_file
from aot.cli.batching.tree import walk
from aot.errors import SetupError
from aot.record import dataclass, replace

LIST = "-"


class Kind(Enum):
    """What a source is."""

    TREE = "directory"
    FILE = "file"
    URL = "URL"
    NOTHING = "nothing that can be read"


@dataclass(frozen=True, slots=True)
class Source:
    """One source. Its files go below `place` in OUT (empty: OUT itself)."""

    name: str  # as the user wrote it
    kind: Kind
    place: str
    path: Path = Path()
    single: str = ""  # name of the one file behind a URL, which `place` stands for

    def below(self, name: str) -> str:
        """The path of a file of this source."""
        name = name.removeprefix(self.single).lstrip("/") if self.single else name
        return f"{self.place}/{name}" if self.place and name else self.place or name

    def name_of(self, path: str) -> str:
        """The name, relative to the source, that `below` has made `path`."""
        name = path.removeprefix(self.place).lstrip("/")
        return "/".join(filter(None, (self.single, name))) if self.single else name


def sources(names: Iterable[str], listed: BinaryIO, *, nul: bool = False) -> list[Source]:
    """The sources of a command line; `-` stands for a list on `listed`, one name a line (or ending in NUL).

    A directory that is the only source is mirrored in OUT itself; of several sources each has its own name there.
    Files of a list keep the paths they are listed with. Raises SetupError for a source that is not there and for
    two that would have the same place.
    """
    named = list(dict.fromkeys(names))
    found: list[Source] = []
    for name in named:
        if name == LIST:
            found += [_listed(item) for item in _items(listed, nul=nul)]
        else:
            found.append(_named(name, alone=len(named) == 1))
    return _distinct(found)


def files(source: Source, without: tuple[Path, ...]) -> Iterator[Entry | Found]:
    """The files of a source on this machine, and an entry for everything that is no file; `without` is left out."""
    if source.kind is Kind.FILE:
        yield Found(source.place, source.name, source.path)
    elif source.kind is Kind.NOTHING:
        yield Entry(source.place, Outcome.UNREADABLE, "no such file or directory", source.name)
    elif source.kind is Kind.TREE:
        for item in walk(source.path, without):
            if isinstance(item, str):
                yield Found(source.below(item), source.name, source.path / item)
            else:
                path = source.below("" if item.path == "." else item.path) or "."
                yield replace(item, path=path, source=source.name)


def _named(name: str, *, alone: bool) -> Source:
    name = local_path(name)
    if is_url(name):
        return _remote(name, "" if alone else None)
    path = Path(name)
    if path.is_dir():
        return Source(name, Kind.TREE, "" if alone else path.resolve().name, path)
    if path.is_file():
        return Source(name, Kind.FILE, path.name, path)
    raise SetupError(f"{name}: {'is no regular file' if path.exists() else 'no such file or directory'}")


def _listed(name: str) -> Source:
    """An item of a list: where it goes is its path, made one that stays below OUT."""
    name = local_path(name)
    if is_url(name):
        return _remote(name, name.partition("://")[2].strip("/"))
    place = os.path.normpath(name)
    if place.startswith(".."):
        place = os.path.abspath(name)
    path, place = Path(name), place.lstrip("/")
    if path.is_dir():
        return Source(name, Kind.TREE, "" if place == "." else place, path)
    kind = Kind.FILE if path.is_file() else Kind.NOTHING
    return Source(name, kind, place, path)


def _remote(url: str, place: str | None) -> Source:
    """A source behind a URL; one that is a file, or has no `place`, has its own name there."""
    single = single_file(url)
    last = single or posixpath.basename(url.partition("::")[2].rstrip("/") or url.rstrip("/"))
    return Source(url, Kind.URL, (place or last) if single or place is None else place, single=single)


def _items(listed: BinaryIO, *, nul: bool) -> list[str]:
    ends = b"\0" if nul else b"\n"
    return list(dict.fromkeys(os.fsdecode(item) for item in listed.read().split(ends) if item))


def _distinct(found: list[Source]) -> list[Source]:
    """The sources without repetitions. Raises SetupError when two of them share a place."""
    places: dict[str, Source] = {}
    for source in found:
        before = places.setdefault(source.place, source)
        if before is not source and not _same(before, source):
            raise SetupError(
                f"{before.name} and {source.name} would both be {source.place or 'the whole'} in the output; "
                "give their paths on standard input (SRC -), which keeps them"
            )
    return list(places.values())


def _same(one: Source, other: Source) -> bool:
    if one.kind is Kind.URL or other.kind is Kind.URL:
        return one.name == other.name
    try:
        return one.path.samefile(other.path)
    except OSError:
        return False
