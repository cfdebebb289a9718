"""Native struct layouts of memory, shared segments, semaphores and messages."""

from __future__ import annotations

from aot.personality.abi.kinds import InStruct
from aot.personality.abi.layout import S64, U64, F, Layout
from aot.personality.abi.neutral_memory import IpcSettings, QueueShape

PIECE = Layout("helctic_piece", 16, (F("base", U64, "base"), F("size", U64, "size")))
IPC_FACTS = Layout("helctic_ipc", 64, (
    F("id", S64, "id"), F("key", S64, "key"), F("mode", U64, "mode"), F("uid", U64, "uid"), F("gid", U64, "gid"),
    F("cuid", U64, "cuid"), F("cgid", U64, "cgid"), F("changed", S64, "changed"),
))  # fmt: skip
IPC_SETTINGS = Layout("helctic_ipc_settings", 32, (
    F("uid", U64, "uid"), F("gid", U64, "gid"), F("mode", U64, "mode"), F("room", U64, "room"),
))  # fmt: skip
SEM_OPERATION = Layout("helctic_sem_operation", 24, (
    F("index", U64, "index"), F("amount", S64, "amount"), F("flags", U64, "flags"),
))  # fmt: skip
SHAPE = Layout("helctic_queue", 32, (
    F("flags", S64, "flags"), F("most", S64, "most"), F("size", S64, "size"), F("count", S64, "count"),
))  # fmt: skip
IN_IPC_SETTINGS = InStruct(IPC_SETTINGS, IpcSettings, optional=True)
IN_SHAPE_OPT = InStruct(SHAPE, QueueShape, optional=True)
STRUCTS = (PIECE, IPC_FACTS, IPC_SETTINGS, SEM_OPERATION, SHAPE)
