"""Results between runs: a file is examined again only when it, or what examines it, changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from aot.cli.files import write_whole

FOLDER = Path(__file__).resolve().parents[2] / "build" / "survey"


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """JSON by (content, what was asked of it)."""

    def __init__(self, kind: str, key: str) -> None:
        self._folder = FOLDER / kind
        self._key = key
        self._folder.mkdir(parents=True, exist_ok=True)

    def _path(self, content: str) -> Path:
        return self._folder / f"{content}.json"

    def get(self, content: str) -> Any:
        """What is kept about a content under this store's key; None for nothing."""
        try:
            kept = json.loads(self._path(content).read_bytes())
        except (OSError, ValueError):
            return None
        return kept["value"] if kept.get("key") == self._key or not self._key else None

    def put(self, content: str, value: Any) -> None:
        """Keep it. Raises FileError."""
        write_whole(self._path(content), json.dumps({"key": self._key, "value": value}).encode(), 0o644)
