"""The OpenBSD personality as one value."""

from __future__ import annotations

from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.openbsd.calls import CALLS
from aot.personality.openbsd.errors import ERRORS, NAMES
from aot.personality.openbsd.gate import GATES, LIBRARIES
from aot.personality.openbsd.numbers import COLUMNS
from aot.personality.openbsd.start import start

SYSTEM = System(
    personality=Personality.OPENBSD,
    name="openbsd",
    columns=COLUMNS,
    gates=GATES,
    calls=CALLS,
    errors=ERRORS,
    error_names=NAMES,
    libraries=LIBRARIES,
    inline={
        "getpid": "PID", "getppid": "PPID", "getuid": "UID", "geteuid": "EUID", "getgid": "GID",
        "getegid": "EGID",
    },
    start=start,
)  # fmt: skip
