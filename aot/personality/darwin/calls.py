"""Every Darwin call: the rows that are served, libSystem's own functions, and the rest by name."""

from __future__ import annotations

from aot.personality.abi.call import Call
from aot.personality.darwin.calls_file import FILE_CALLS
from aot.personality.darwin.calls_process import PROCESS_CALLS, rest
from aot.personality.darwin.libsystem import LIBRARY_CALLS

SERVED = (*FILE_CALLS, *PROCESS_CALLS)
CALLS: tuple[Call, ...] = (*SERVED, *rest(SERVED), *LIBRARY_CALLS)
