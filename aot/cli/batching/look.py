"""What a file on this machine is: an executable by its first bytes, an archive, or nothing for us."""

from __future__ import annotations

import hashlib
import os
from enum import Enum

from aot.cli.batching.archives import kind_of
from aot.cli.batching.model import Entry, Found, Outcome
from aot.cli.batching.reader import HEAD, candidate
from aot.image import kinds
from aot.image.source import LIMIT
from aot.record import replace


class What(Enum):
    """What is to be done with a file."""

    TRANSLATE = "translate"
    OPEN = "open"


def look(found: Found, key: str) -> Entry | tuple[What, Found]:
    """The entry of a file that needs no work, or what to do with it, with its hash and size."""
    if found.sha256:  # its reader has looked
        return What.TRANSLATE, found
    try:
        with found.file.open("rb") as stream:
            found = replace(found, size=os.fstat(stream.fileno()).st_size)
            head = stream.read(HEAD)
            what = What.TRANSLATE if candidate(head) else What.OPEN if kind_of(head) else None
            if what is None:
                return _entry(found, Outcome.OTHER, kinds.describe(head), key)
            if what is What.TRANSLATE and found.size > LIMIT:
                reason = f"{found.size} bytes, larger than any executable ({LIMIT} bytes)"
                return _entry(found, Outcome.REFUSED, reason, key)
            stream.seek(0)
            return what, replace(found, sha256=hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        return _entry(found, Outcome.UNREADABLE, str(error.strerror), key)


def _entry(found: Found, outcome: Outcome, reason: str, key: str) -> Entry:
    return Entry(
        found.path, outcome, reason, source=found.source, size=found.size, key=key, again=False
    )  # fmt: skip
