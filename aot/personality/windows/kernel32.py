"""kernel32 and the small libraries beside it: every row."""

from __future__ import annotations

from aot.personality.abi.call import Call
from aot.personality.windows import (
    kernel32_console,
    kernel32_directory,
    kernel32_file,
    kernel32_locale,
    kernel32_memory,
    kernel32_modules,
    kernel32_process,
    kernel32_sync,
    kernel32_text,
    kernel32_time,
)

CALLS: tuple[Call, ...] = (
    *kernel32_file.CALLS,
    *kernel32_directory.CALLS,
    *kernel32_console.CALLS,
    *kernel32_process.CALLS,
    *kernel32_time.CALLS,
    *kernel32_sync.CALLS,
    *kernel32_memory.CALLS,
    *kernel32_modules.CALLS,
    *kernel32_text.CALLS,
    *kernel32_locale.CALLS,
)
