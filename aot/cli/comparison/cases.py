"""What a corpus comparison runs: the programs of a tree, with arguments and expectations from a file beside them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aot.cli.batching.tree import walk
from aot.errors import SetupError
from aot.record import dataclass

NAME = "compare.toml"  # in the tree
TEXTS, LISTS = ("file", "stdin", "stdout", "skip"), ("args", "env")
KNOWN = (*TEXTS, *LISTS, "status", "timeout")


@dataclass(frozen=True, slots=True)
class Case:
    """One run of one program of the tree."""

    file: str  # relative to the tree
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()  # NAME=VALUE
    stdin: str = ""
    status: int | None = None  # what it must give, where that is known
    stdout: str | None = None
    timeout_s: float | None = None
    skip: str = ""  # why it is not run

    @property
    def name(self) -> str:
        """The file and its arguments, for a person."""
        return " ".join((self.file, *self.args))


def cases(folder: Path, described: Path | None) -> list[Case]:
    """Every regular file of `folder` in order, as often as the description names it, else once.

    The description is `described`, else compare.toml in the folder if it is there. Raises SetupError.
    """
    if not folder.is_dir():
        raise SetupError(f"--corpus: {folder}: not a directory")
    beside = folder / NAME
    source = described or (beside if beside.exists() else None)
    told = read(source) if source is not None else {}
    left_out = () if source is None else (source,)
    files = [path for path in walk(folder, left_out) if isinstance(path, str)]
    missing = sorted(set(told) - set(files))
    if missing:
        raise SetupError(f"{source}: {missing[0]} is no file of {folder}")
    return [case for file in files for case in told.get(file, (Case(file),))]


def read(source: Path) -> dict[str, list[Case]]:
    """File -> cases, from the `[[program]]` tables of a TOML file. Raises SetupError."""
    try:
        found = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"{source}: {error.strerror}") from None
    except ValueError as error:
        raise SetupError(f"{source}: {error}") from None
    entries = found.get("program", [])
    if set(found) - {"program"} or not isinstance(entries, list):
        raise SetupError(f"{source}: holds something else than [[program]] tables")
    told: dict[str, list[Case]] = {}
    for number, entry in enumerate(entries, 1):
        try:
            case = _case(entry)
        except ValueError as error:
            raise SetupError(f"{source}: program {number}: {error}") from None
        told.setdefault(case.file, []).append(case)
    return told


def _case(entry: Mapping[str, Any]) -> Case:
    """One table. Raises ValueError."""
    unknown = sorted(set(entry) - set(KNOWN))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(KNOWN)}")
    if not entry.get("file"):
        raise ValueError("names no file")
    for key in TEXTS:
        if not isinstance(entry.get(key, ""), str):
            raise ValueError(f"{key} is no text")
    for key in LISTS:
        value = entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{key} is no list of texts")
    if not all("=" in item for item in entry.get("env", [])):
        raise ValueError("env holds something else than NAME=VALUE")
    status, timeout = entry.get("status"), entry.get("timeout")
    if status is not None and (type(status) is not int or not 0 <= status < 256):
        raise ValueError("status is no number from 0 to 255")
    if timeout is not None and (type(timeout) not in (int, float) or not timeout > 0):
        raise ValueError("timeout is no number of seconds")
    return Case(
        entry["file"], tuple(entry.get("args", ())), tuple(entry.get("env", ())), entry.get("stdin", ""),
        status, entry.get("stdout"), timeout, entry.get("skip", ""),
    )  # fmt: skip
