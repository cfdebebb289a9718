"""How contexts begin: threads, copies of a process, a new program in a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.image.model import Arch
from runtime.cpu.api import REG_INDEX, Handler
from runtime.kernel.context import Context
from runtime.kernel.ends import forget
from runtime.kernel.leave import Block, Exec, Fork, Spawn
from runtime.kernel.ops_process import Spawned
from runtime.kernel.waiting import Waiting

if TYPE_CHECKING:
    from runtime.kernel.sched import Scheduler


def execute(sched: Scheduler, ctx: Context, cause: Exec) -> None:
    """The program's other contexts end; the new one starts with what a process keeps."""
    process = ctx.process
    forget(sched, process)
    process.contexts.clear()
    sched.left_process(None)
    sched.add(cause.start(ctx))


def fork(sched: Scheduler, ctx: Context, cause: Fork, again: Handler) -> None:
    """Both processes finish the call, the new one first."""
    assert sched.forked is not None, "nobody makes processes"
    kernel, index = sched.process.kernel, REG_INDEX[ctx.arch]
    pid = kernel.next_id
    kernel.next_id += 1
    if cause.parent_tid:
        ctx.mem.write(cause.parent_tid, pid.to_bytes(4, "little"))
    child = sched.forked(ctx, pid, cause.share)
    ctx.cpu.duplicate(ctx, child)
    if cause.child_tid:
        child.mem.write(cause.child_tid, pid.to_bytes(4, "little"))
    for context, result in ((child, 0), (ctx, pid)):
        context.wait = Spawned(result)
        if context is child or not cause.wait:
            context.cpu.complete(context, again(context))
    x86 = ctx.arch is Arch.X86_64
    if cause.stack:
        child.regs[index["rsp" if x86 else "sp"]] = cause.stack
    if cause.tls is not None:
        child.cpu.set_base(child, "fs" if x86 else "tpidr_el0", cause.tls)
    child.clear_tid, child.altstack = cause.clear_tid, ctx.altstack
    child.process.contexts.append(child)
    sched.ready.append(child)
    if not cause.wait:
        sched.ready.append(ctx)
        return
    process, space = child.process, child.mem
    until = Block(ready=lambda: process.status is not None or process.mem is not space, interruptible=False)
    sched.waiting.append(Waiting(ctx, until, again))


def spawn(sched: Scheduler, ctx: Context, cause: Spawn, again: Handler) -> None:
    """Both contexts finish the call: the new one first, while the registers are still the caller's."""
    kernel, index = sched.process.kernel, REG_INDEX[ctx.arch]
    tid = kernel.next_id
    kernel.next_id += 1
    for address in (cause.parent_tid, cause.child_tid):
        if address:
            ctx.mem.write(address, tid.to_bytes(cause.tid_bytes, "little"))
    child = _twin(ctx, tid, ctx.cpu.new_regs())
    ctx.cpu.duplicate(ctx, child)
    for context, result in ((child, 0), (ctx, tid)):
        context.wait = Spawned(result)
        ctx.cpu.complete(context, again(context))
    x86 = ctx.arch is Arch.X86_64
    if cause.stack:
        child.regs[index["rsp" if x86 else "sp"]] = cause.stack
    if cause.entry is not None:
        child.regs[index["rip" if x86 else "pc"]] = cause.entry
        child.regs[index["rdi" if x86 else "x0"]] = cause.argument
    if cause.tls is not None:
        ctx.cpu.set_base(child, "fs" if x86 else "tpidr_el0", cause.tls)
    child.clear_tid = cause.clear_tid
    sched.add(child)
    sched.ready.append(ctx)


def _twin(ctx: Context, tid: int, regs: memoryview) -> Context:
    """Another context of the same process and system, with the caller's signal mask and no state of its own."""
    return Context(
        process=ctx.process,
        mem=ctx.mem,
        cpu=ctx.cpu,
        arch=ctx.arch,
        tid=tid,
        personality=ctx.personality,
        column=ctx.column,
        regs=regs,
        sigmask=ctx.sigmask,
        data=dict(ctx.data),
    )
