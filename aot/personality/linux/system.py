"""The Linux personality as one value."""

from __future__ import annotations

from aot.personality.abi.inline import Inline, OneOf, Unwaited, Zero
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.linux import (
    calls_absent,
    calls_control,
    calls_event,
    calls_file,
    calls_ipc,
    calls_memory,
    calls_places,
    calls_process,
    calls_socket,
    calls_system,
    nodes,
    threads,
)
from aot.personality.linux.calls_control import PRIVATE, WAKE
from aot.personality.linux.columns import COLUMNS
from aot.personality.linux.errors import ERRORS, NAMES
from aot.personality.linux.gate import GATES
from aot.personality.linux.signal_frame import FRAMES
from aot.personality.linux.start import start
from aot.personality.linux.vdso import KERNEL_CODE, SHAPES

SYSTEM = System(
    personality=Personality.LINUX,
    name="linux",
    columns=COLUMNS,
    gates=GATES,
    calls=(
        *calls_file.CALLS, *calls_places.CALLS, *calls_system.CALLS, *calls_process.CALLS,
        *calls_memory.CALLS, *calls_ipc.CALLS, *nodes.CALLS, *calls_control.CALLS, *calls_event.CALLS,
        *calls_socket.CALLS, *threads.CALLS, *calls_absent.CALLS,
    ),
    errors=ERRORS,
    error_names=NAMES,
    inline={
        "getpid": Inline("PID"), "getppid": Inline("PPID"), "getuid": Inline("UID"), "geteuid": Inline("EUID"),
        "getgid": Inline("GID"), "getegid": Inline("EGID"), "gettid": Inline("TID"), "getpgrp": Inline("PGID"),
        "sched_yield": Inline("NOTHING", when=(Zero("OTHERS"),)),
        "futex": Inline("NOTHING", when=(OneOf(1, (WAKE | PRIVATE, WAKE)), Unwaited(0))),
    },
    routines={
        "getpid": "GETPID", "gettid": "GETTID", "read": "READ", "write": "WRITE", "pread64": "PREAD",
        "pwrite64": "PWRITE", "lseek": "LSEEK", "clock_gettime": "CLOCK_GETTIME",
        "gettimeofday": "GETTIMEOFDAY", "time": "TIME", "readv": "READV", "writev": "WRITEV",
    },
    start=start,
    linkers=True,
    executable_stacks=True,
    signal_frames=FRAMES,
    vdso={arch: {shape.prefix + name: name for name, _ in shape.calls} for arch, shape in SHAPES.items()},
    # A handler comes back by rt_sigreturn; a wait that a stop interrupted goes on as restart_syscall (signal(7)).
    implied={
        "rt_sigaction": ("rt_sigreturn",),
        **dict.fromkeys(("nanosleep", "clock_nanosleep", "poll", "futex"), ("restart_syscall",)),
    },
    kernel_code=KERNEL_CODE,
)  # fmt: skip
