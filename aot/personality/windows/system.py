"""The windows personality as one value."""

from __future__ import annotations

from aot.personality.abi.personality import Personality
from aot.personality.abi.system import ClockPage, System
from aot.personality.windows import kernel32, ntdll, services, ucrt
from aot.personality.windows.errors import ERRORS, NAMES
from aot.personality.windows.gate import GATES, LIBRARIES
from aot.personality.windows.layouts import SHARED_DATA
from aot.personality.windows.modules import library
from aot.personality.windows.numbers import COLUMNS
from aot.personality.windows.start import shared_data_times, start

SYSTEM = System(
    personality=Personality.WINDOWS,
    name="windows",
    columns=COLUMNS,
    gates=GATES,
    calls=(*services.CALLS, *ntdll.CALLS, *kernel32.CALLS, *ucrt.CALLS),
    errors=ERRORS,
    error_names=NAMES,
    libraries=LIBRARIES,
    library=library,
    has_brk=False,
    start=start,
    clock_page=ClockPage(SHARED_DATA, 0.0156, shared_data_times),
)
