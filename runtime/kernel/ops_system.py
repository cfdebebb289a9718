"""Ops about the system as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from aot.personality.abi.kinds import Buffers
from aot.personality.abi.neutral import Sysinfo, Utsname
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.node import fill_random
from runtime.kernel.optable import op

NODE = "helctic"
"""Host name the guest sees."""
RAM = 4 << 30


@op(Op.UNAME)
def uname(ctx: Context, sysname: str, release: str, version: str, machines: Mapping[str, str]) -> Utsname:
    """Names of the system; `machines` maps our architecture names to the system's."""
    return Utsname(sysname, NODE, release, version, machines[ctx.arch.value])


@op(Op.SYSINFO)
def sysinfo(ctx: Context) -> Sysinfo:
    """Uptime and memory of the machine the guest sees."""
    uptime = ctx.process.kernel.clocks.monotonic_ns() // 1_000_000_000
    return Sysinfo(uptime, RAM, RAM // 2, len(ctx.process.contexts) or 1)


@op(Op.RANDOM)
def random(ctx: Context, buf: Buffers) -> int:
    """Fill a buffer with random bytes."""
    return fill_random(buf, ctx.process.kernel.random)
