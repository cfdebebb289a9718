"""The NetBSD personality as one value."""

from __future__ import annotations

from aot.personality.abi.inline import Inline, Zero
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
        "getpid": Inline("PID"), "getppid": Inline("PPID"), "getuid": Inline("UID"), "geteuid": Inline("EUID"),
        "getgid": Inline("GID"), "getegid": Inline("EGID"), "getpgrp": Inline("PGID"),
        "issetugid": Inline("NOTHING"), "sched_yield": Inline("NOTHING", when=(Zero("OTHERS"),)),
        "_lwp_self": Inline("TID"),
    },
    indirect=dict.fromkeys(COLUMNS, INDIRECT),
    indirect_register=INDIRECT_REGISTER,
    number_mask=NUMBER_MASK,
    start=start,
)  # fmt: skip
