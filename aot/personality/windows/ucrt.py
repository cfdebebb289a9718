"""The C runtime: every row."""

from __future__ import annotations

from aot.personality.abi.call import Call
from aot.personality.windows import (
    crt_file,
    crt_heap,
    crt_math,
    crt_print,
    crt_runtime,
    crt_stdio,
    crt_string,
    crt_utility,
)

CALLS: tuple[Call, ...] = (
    *crt_runtime.CALLS,
    *crt_stdio.CALLS,
    *crt_print.CALLS,
    *crt_file.CALLS,
    *crt_heap.CALLS,
    *crt_string.CALLS,
    *crt_utility.CALLS,
    *crt_math.CALLS,
)
