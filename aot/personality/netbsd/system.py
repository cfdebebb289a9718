"""The NetBSD personality as one value."""

from __future__ import annotations

from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.netbsd.calls import CALLS
from aot.personality.netbsd.errors import ERRORS, NAMES
from aot.personality.netbsd.gate import GATES, INDIRECT, INDIRECT_REGISTER, NUMBER_MASK
from aot.personality.netbsd.numbers import COLUMNS
from aot.personality.netbsd.start import start

SYSTEM = System(
    personality=Personality.NETBSD,
    name="netbsd",
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
    indirect_register=INDIRECT_REGISTER,
    number_mask=NUMBER_MASK,
    start=start,
)  # fmt: skip
