"""kernel32: clocks and waiting for time. From: sysinfoapi.h, profileapi.h of mingw-w64."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.kinds import U32, OutInt, To, Unused
from aot.personality.abi.neutral import Clock, time_ns
from aot.personality.abi.op import Op
from aot.personality.windows import calls_process
from aot.personality.windows.files import Ops, filetime
from aot.personality.windows.kernel32_process import HANDLE_ARG, OUT
from aot.personality.windows.kinds import OUT_WORD
from aot.personality.windows.start import QPC_FREQUENCY
from aot.personality.windows.win32 import k32

INFINITE = 0xFFFF_FFFF


def time_as_file(ctx: Any, ops: Ops) -> int:
    """GetSystemTimeAsFileTime."""
    return calls_process.system_time(ctx, ops)


def counter(ctx: Any, ops: Ops, out: int) -> int:
    """QueryPerformanceCounter."""
    ctx.mem.write(out, struct.pack("<Q", calls_process.counter(ctx, ops)))
    return 1


def frequency(ctx: Any, ops: Ops, out: int) -> int:
    """QueryPerformanceFrequency."""
    ctx.mem.write(out, struct.pack("<Q", QPC_FREQUENCY))
    return 1


def tick_count(ctx: Any, ops: Ops) -> int:
    """GetTickCount64."""
    return calls_process.counter(ctx, ops) // 10_000


def tick_count32(ctx: Any, ops: Ops) -> int:
    """GetTickCount."""
    return tick_count(ctx, ops) & 0xFFFF_FFFF


def sleep(ctx: Any, ops: Ops, ms: int) -> int:
    """Sleep and SleepEx."""
    if ms == INFINITE:
        ops[Op.NANOSLEEP](ctx, clock=Clock.MONOTONIC, time=time_ns(1 << 62), absolute=True)
    return calls_process.sleep_100ns(ctx, ops, -ms * 10_000)


def process_times(ctx: Any, ops: Ops, handle: int, out: int, ended: int, kernel: int, user: int) -> int:
    """GetProcessTimes and GetThreadTimes."""
    used = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.PROCESS).ns // 100
    started = filetime(time_ns(0)) + calls_process.system_time(ctx, ops) - filetime(time_ns(0))
    for address, number in ((out, started), (ended, 0), (kernel, 0), (user, used)):
        ctx.mem.write(address, struct.pack("<Q", number))
    return 1


TIMES = {
    **HANDLE_ARG, "lpCreation": To("out", OUT_WORD), "lpExit": To("ended", OUT_WORD),
    "lpKernel": To("kernel", OUT_WORD), "lpUser": To("user", OUT_WORD),
}  # fmt: skip

# fmt: off
CALLS: tuple[Call, ...] = (
    k32("GetSystemTimeAsFileTime", {"lpTime": OutInt(64)}, time_as_file, ret=NOTHING,
        also=("GetSystemTimePreciseAsFileTime",)),
    k32("QueryPerformanceCounter", OUT, counter),
    k32("QueryPerformanceFrequency", OUT, frequency),
    k32("GetTickCount64", {}, tick_count),
    k32("GetTickCount", {}, tick_count32),
    k32("Sleep", {"dwMilliseconds": To("ms", U32)}, sleep, ret=NOTHING),
    k32("SleepEx", {"dwMilliseconds": To("ms", U32), "bAlertable": Unused("no APC")}, sleep),
    k32("GetProcessTimes", TIMES, process_times, also=("GetThreadTimes",)),
)
# fmt: on
