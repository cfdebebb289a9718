"""Every FreeBSD call: the rows that are served, and the rest by name."""

from __future__ import annotations

from aot.personality.abi.call import Call
from aot.personality.freebsd.calls_file import FILE_CALLS
from aot.personality.freebsd.calls_process import PROCESS_CALLS
from aot.personality.freebsd.numbers import MASTER

SERVED = (*FILE_CALLS, *PROCESS_CALLS)
CALLS: tuple[Call, ...] = (*SERVED, *MASTER.rest(SERVED))
