"""The darwin personality as one value."""

from __future__ import annotations

from aot.personality.abi.inline import Inline
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import Layout, System
from aot.personality.darwin.calls import CALLS
from aot.personality.darwin.errors import ERRORS, NAMES
from aot.personality.darwin.gate import GATES, INDIRECT, INDIRECT_CLASS, LIBRARIES
from aot.personality.darwin.numbers import COLUMNS
from aot.personality.darwin.objects import OBJECTS
from aot.personality.darwin.start import start

SYSTEM = System(
    personality=Personality.DARWIN,
    name="darwin",
    columns=COLUMNS,
    gates=GATES,
    calls=CALLS,
    errors=ERRORS,
    error_names=NAMES,
    libraries=LIBRARIES,
    inline={
        "getpid": Inline("PID"), "getppid": Inline("PPID"), "getuid": Inline("UID"), "geteuid": Inline("EUID"),
        "getgid": Inline("GID"), "getegid": Inline("EGID"),
        "thread_selfid": Inline("TID"),
    },
    has_brk=False,
    indirect=INDIRECT,
    indirect_class=INDIRECT_CLASS,
    layouts={
        "x86_64": Layout(4096, 0x7FF7_BFF0_0000, 0x7FFF_FFE0_0000),
        "aarch64": Layout(16384, 0x1_7000_0000, 0xF_C000_0000),
    },
    objects=OBJECTS,
    start=start,
)  # fmt: skip
