"""The OpenBSD personality as one value."""

from __future__ import annotations

from aot.personality.abi.inline import Inline, OneOf, Unwaited, Zero
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.bsd.futex import PRIVATE
from aot.personality.openbsd.calls import CALLS, WAKE
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
        "getpid": Inline("PID"), "getppid": Inline("PPID"), "getuid": Inline("UID"), "geteuid": Inline("EUID"),
        "getgid": Inline("GID"), "getegid": Inline("EGID"), "getpgrp": Inline("PGID"),
        "issetugid": Inline("NOTHING"), "sched_yield": Inline("NOTHING", when=(Zero("OTHERS"),)),
        "getthrid": Inline("TID"), "futex": Inline("NOTHING", when=(OneOf(1, (WAKE | PRIVATE, WAKE)), Unwaited(0))),
    },
    start=start,
)  # fmt: skip
