"""The C runtime: every row."""

from __future__ import annotations

from aot.personality.abi.call import Call
from aot.personality.windows import crt_heap, crt_runtime, crt_stdio

CALLS: tuple[Call, ...] = (*crt_runtime.CALLS, *crt_stdio.CALLS, *crt_heap.CALLS)
