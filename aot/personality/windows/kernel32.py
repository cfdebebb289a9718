"""kernel32 and the small libraries beside it: every row."""

from __future__ import annotations

from aot.personality.abi.call import Call
from aot.personality.windows import kernel32_file, kernel32_memory, kernel32_process

CALLS: tuple[Call, ...] = (*kernel32_file.CALLS, *kernel32_process.CALLS, *kernel32_memory.CALLS)
