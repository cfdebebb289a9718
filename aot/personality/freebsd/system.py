"""The FreeBSD personality as one value."""

from __future__ import annotations

from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.freebsd.calls import CALLS
from aot.personality.freebsd.errors import ERRORS, NAMES
from aot.personality.freebsd.gate import GATES, INDIRECT
from aot.personality.freebsd.numbers import COLUMNS
from aot.personality.freebsd.start import start

SYSTEM = System(
    personality=Personality.FREEBSD,
    name="freebsd",
    columns=COLUMNS,
    gates=GATES,
    calls=CALLS,
    errors=ERRORS,
    error_names=NAMES,
    inline={
        "getpid": "PID", "getppid": "PPID", "getuid": "UID", "geteuid": "EUID", "getgid": "GID",
        "getegid": "EGID",
    },
    indirect=dict.fromkeys(COLUMNS, INDIRECT),
    start=start,
    executable_stacks=True,
)  # fmt: skip
