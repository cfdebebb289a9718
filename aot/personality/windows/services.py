"""Every NT service: the rows that are implemented, and the rest by name."""

from __future__ import annotations

from aot.personality.abi.call import Call, absent
from aot.personality.windows import calls_file, calls_memory, calls_process
from aot.personality.windows.numbers import SERVICES, nt
from aot.record import replace


def _absent(name: str) -> Call:
    """A service that answers STATUS_INVALID_SYSTEM_SERVICE, by trap and through ntdll."""
    symbols = (f"ntdll!{name}", f"ntdll!Zw{name[2:]}")
    return replace(absent(name, nt(name), "not implemented"), symbols=symbols)


IMPLEMENTED: tuple[Call, ...] = (*calls_file.CALLS, *calls_memory.CALLS, *calls_process.CALLS)
_NAMES = frozenset(row.name for row in IMPLEMENTED)
CALLS: tuple[Call, ...] = (
    *IMPLEMENTED,
    *(_absent(name) for name in SERVICES if name not in _NAMES),
)
