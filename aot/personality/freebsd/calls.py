"""Every FreeBSD call: the rows that are served, and the rest by name."""

from __future__ import annotations

from aot.personality.abi.call import Call, absent
from aot.personality.freebsd.calls_file import FILE_CALLS
from aot.personality.freebsd.calls_process import PROCESS_CALLS
from aot.personality.freebsd.names import NAMES
from aot.personality.freebsd.numbers import nr

SERVED = (*FILE_CALLS, *PROCESS_CALLS)


def _rest() -> tuple[Call, ...]:
    served = {number for row in SERVED for number in row.numbers.values()}
    missing = ((number, name) for number, name in NAMES.items() if number not in served)
    return tuple(absent(name, nr(number), "not built") for number, name in missing)


CALLS: tuple[Call, ...] = (*SERVED, *_rest())
