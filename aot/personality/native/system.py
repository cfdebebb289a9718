"""The native personality as one value."""

from __future__ import annotations

from aot.personality.abi.inline import Inline
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.native.calls import CALLS
from aot.personality.native.errors import ERRORS, NAMES
from aot.personality.native.gate import GATES
from aot.personality.native.rows import COLUMN
from aot.personality.native.start import start

SYSTEM = System(
    personality=Personality.NATIVE,
    name="native",
    columns={COLUMN: ("x86_64", "aarch64")},
    gates=GATES,
    calls=CALLS,
    errors=ERRORS,
    error_names=NAMES,
    inline={
        "getpid": Inline("PID"), "getppid": Inline("PPID"), "getuid": Inline("UID"), "geteuid": Inline("EUID"),
        "getgid": Inline("GID"), "getegid": Inline("EGID"), "gettid": Inline("TID"),
    },
    start=start,
)  # fmt: skip
