"""What the environment tells a program to read, and the guest is therefore shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

TOLD_BY = ("GOROOT", "TZDIR")
"""Variables that name a directory to be read: `go test` sets the first for every test it starts (Go's tree, with
the time zones), tzset(3) reads the second."""


def shown(env: Mapping[str, str], root: str | None = None) -> list[tuple[str, str, bool]]:
    """Mounts (guest path, host path, read-only) of the directories that `env` names, at their own paths.

    A guest that is given a `root` has what that has.
    """
    return [(path, path, True) for path in _named(env)] if root is None else []


def _named(env: Mapping[str, str]) -> Iterator[str]:
    for name in TOLD_BY:
        path = os.path.normpath(env.get(name) or ".")
        if len(path) > 1 and path[0] == "/" and os.path.isdir(path) and path != os.getcwd():
            yield path
