"""The FreeBSD personality as one value."""

from __future__ import annotations

from aot.personality.abi.inline import Inline, OneOf, Unwaited, Zero
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.freebsd.calls import CALLS
from aot.personality.freebsd.errors import ERRORS, NAMES
from aot.personality.freebsd.gate import GATES, INDIRECT
from aot.personality.freebsd.numbers import COLUMNS
from aot.personality.freebsd.start import start
from aot.personality.freebsd.sync import WAKE, WAKE_PRIVATE

SYSTEM = System(
    personality=Personality.FREEBSD,
    name="freebsd",
    columns=COLUMNS,
    gates=GATES,
    calls=CALLS,
    errors=ERRORS,
    error_names=NAMES,
    inline={
        "getpid": Inline("PID"), "getppid": Inline("PPID"), "getuid": Inline("UID"), "geteuid": Inline("EUID"),
        "getgid": Inline("GID"), "getegid": Inline("EGID"), "getpgrp": Inline("PGID"),
        "issetugid": Inline("NOTHING"), "sched_yield": Inline("NOTHING", when=(Zero("OTHERS"),)),
        "_umtx_op": Inline("NOTHING", when=(OneOf(1, (WAKE_PRIVATE, WAKE)), Unwaited(0))),
    },
    indirect=dict.fromkeys(COLUMNS, INDIRECT),
    start=start,
    executable_stacks=True,
)  # fmt: skip
