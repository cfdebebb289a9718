"""Native structs of file calls beyond reading and writing."""

from __future__ import annotations

from aot.personality.abi.kinds import InOutStruct, InStruct
from aot.personality.abi.layout import S64, U64, F, Layout
from aot.personality.abi.neutral_files import Owner, RecordLock

RECORD_LOCK = Layout("helctic_lock", 40, (
    F("kind", U64, "kind"), F("whence", U64, "whence"), F("start", S64, "start"),
    F("length", S64, "length"), F("pid", S64, "pid"),
))  # fmt: skip
OWNER = Layout("helctic_owner", 16, (F("kind", U64, "kind"), F("id", S64, "id")))
IN_RECORD_LOCK = InStruct(RECORD_LOCK, RecordLock)
RECORD_LOCK_CELL = InOutStruct(RECORD_LOCK, RecordLock)
IN_OWNER = InStruct(OWNER, Owner)

STRUCTS = (RECORD_LOCK, OWNER)
"""What the C header spells out."""
