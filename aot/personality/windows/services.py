"""Every NT service: the rows that are implemented, and the rest by name."""

from __future__ import annotations

from aot.personality.abi.call import Call, absent
from aot.personality.windows import calls_file, calls_memory, calls_process
from aot.personality.windows.numbers import SERVICES, nt

IMPLEMENTED: tuple[Call, ...] = (*calls_file.CALLS, *calls_memory.CALLS, *calls_process.CALLS)
_NAMES = frozenset(row.name for row in IMPLEMENTED)
CALLS: tuple[Call, ...] = (
    *IMPLEMENTED,
    *(absent(name, nt(name), "not implemented") for name in SERVICES if name not in _NAMES),
)
