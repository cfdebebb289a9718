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
_TIMES = tuple(
    field
    for name in ("atime", "mtime", "ctime")
    for field in (F(f"{name}_sec", S64, f"stat.{name}.sec"), F(f"{name}_nsec", S64, f"stat.{name}.nsec"))
)
FACTS = Layout("helctic_facts", 184, (
    *(F(n, U64, f"stat.{n}") for n in ("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize",
                                       "blocks")),
    *_TIMES, F("btime_sec", S64, "birth.time.sec"), F("btime_nsec", S64, "birth.time.nsec"),
    F("attributes", U64, "birth.attributes"), F("attributes_mask", U64, "birth.attributes_mask"),
    F("mount", U64, "mount"), F("mask", U64, "mask"), F("reserved", U64),
))  # fmt: skip
IN_RECORD_LOCK = InStruct(RECORD_LOCK, RecordLock)
RECORD_LOCK_CELL = InOutStruct(RECORD_LOCK, RecordLock)
IN_OWNER = InStruct(OWNER, Owner)

STRUCTS = (RECORD_LOCK, OWNER, FACTS)
"""What the C header spells out."""
