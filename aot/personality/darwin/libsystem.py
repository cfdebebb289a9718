"""libSystem's functions that are no system calls: every row."""

from __future__ import annotations

from aot.personality.abi.call import Call
from aot.personality.darwin import (
    crt_directory,
    crt_event,
    crt_memory,
    crt_print,
    crt_runtime,
    crt_stdio,
    crt_text,
    crt_thread,
    crt_utility,
)

LIBRARY_CALLS: tuple[Call, ...] = (
    *crt_runtime.CALLS,
    *crt_stdio.CALLS,
    *crt_print.CALLS,
    *crt_memory.CALLS,
    *crt_utility.CALLS,
    *crt_thread.CALLS,
    *crt_text.CALLS,
    *crt_directory.CALLS,
    *crt_event.CALLS,
)
