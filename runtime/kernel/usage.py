"""Processor time: what contexts and processes have used of it.

The scheduler says who runs (`Kernel.running`, `Kernel.since_ns`); everything between two switches counts for the
context that ran. A deterministic run has one clock for all, which moves when somebody looks.
"""

from __future__ import annotations

import time

from aot.personality.abi.neutral import Clock
from runtime.kernel.context import Context, Kernel, Process


def switch(kernel: Kernel, ctx: Context | None) -> None:
    """`ctx` runs from now on, or nobody."""
    kernel.current = kernel.running = ctx
    if kernel.deterministic:
        return
    now, before = time.thread_time_ns(), kernel.charged
    if before is not None:
        before.used_ns += now - kernel.since_ns
    kernel.charged = ctx
    kernel.since_ns = now


def context_ns(ctx: Context) -> int:
    """Time of one context so far."""
    kernel = ctx.process.kernel
    if kernel.deterministic:
        return kernel.clocks.now_ns(Clock.THREAD)
    running = kernel.charged is ctx
    return ctx.used_ns + (time.thread_time_ns() - kernel.since_ns if running else 0)


def process_ns(process: Process) -> int:
    """Time of all contexts of a process, also of those that ended."""
    if process.kernel.deterministic:
        return process.kernel.clocks.now_ns(Clock.PROCESS)
    return process.life.past_ns + sum(context_ns(c) for c in process.contexts)


def last_of(ctx: Context) -> None:
    """A context ends: what it used stays with its process."""
    process, kernel = ctx.process, ctx.process.kernel
    if not kernel.deterministic:
        process.life.past_ns += context_ns(ctx)
    if kernel.charged is ctx:
        kernel.charged = None


def passed_ns(whose: Process | Context) -> int:
    """Time of a process or context, for timers: in a deterministic run the look moves no clock."""
    kernel = whose.process.kernel if isinstance(whose, Context) else whose.kernel
    if kernel.deterministic:
        return kernel.clocks.busy_ns()
    return context_ns(whose) if isinstance(whose, Context) else process_ns(whose)
