"""How contexts begin: threads, copies of a process, a new program in a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.image.model import Arch
from aot.personality.abi.neutral import Open
from aot.personality.abi.neutral_process import Copying, Schedule
from aot.record import replace
from runtime.cpu.api import REG_INDEX, Handler
from runtime.kernel.context import Context, Process
from runtime.kernel.ends import forget
from runtime.kernel.kin import group_of, session_of
from runtime.kernel.leave import Block, Exec, Fork, Spawn
from runtime.kernel.memory import AddressSpace
from runtime.kernel.ops_process import Spawned
from runtime.kernel.robust import give_up
from runtime.kernel.schemes.process import PidFile
from runtime.kernel.signals import IGNORE
from runtime.kernel.timers import forget_timers
from runtime.kernel.usage import last_of
from runtime.kernel.waiting import Waiting

if TYPE_CHECKING:
    from runtime.kernel.sched import Scheduler

TIMERS = ("itimers", "timers")
"""Facts of a process that its copies do not have."""


def execute(sched: Scheduler, ctx: Context, cause: Exec) -> None:
    """The program's other contexts end; the new one starts with what a process keeps."""
    process = ctx.process
    forget(sched, process)
    for other in process.contexts:
        if other is not ctx:
            last_of(other)
        give_up(other)
    forget_timers(process, ended=False)
    if process.files.sharers > 1:
        process.files.sharers -= 1
        process.files = process.files.copy()
    process.contexts.clear()
    sched.left_process(None)
    sched.add(cause.start(ctx))


def copy_of(ctx: Context, pid: int, space: AddressSpace, copying: Copying) -> Process:
    """A new process like that of `ctx`, in an address space, without contexts."""
    old = ctx.process
    names = old.names if copying.names else replace(old.names)
    if copying.files:
        old.files.sharers += 1
    actions = old.actions if copying.handlers else dict(old.actions)
    if copying.reset:
        actions = {n: a for n, a in actions.items() if a.handler == IGNORE}
    process = replace(
        old,
        pid=pid,
        ppid=old.ppid if copying.sibling else old.pid,
        pgid=group_of(old),
        sid=session_of(old),
        stopped=0,
        status=None,
        life=old.life.of_child(),
        mem=space,
        files=old.files if copying.files else old.files.copy(),
        names=names,
        creds=old.creds.copy(),
        actions=actions,
        pending=0,
        infos={},
        contexts=[],
        data={k: v for k, v in old.data.items() if k not in TIMERS},
    )
    process.life.end_signal = old.life.end_signal if copying.sibling else copying.end_signal
    if not copying.names:
        names.cwd, names.owner = old.names.cwd, process
    old.kernel.processes[pid] = process
    return process


def fork(sched: Scheduler, ctx: Context, cause: Fork, again: Handler) -> None:
    """Both processes finish the call, the new one first."""
    assert sched.forked is not None, "nobody makes processes"
    kernel, copying = sched.process.kernel, cause.copying
    pid = copying.tid or kernel.new_id()
    if cause.parent_tid:
        ctx.mem.write(cause.parent_tid, pid.to_bytes(4, "little"))
    child = sched.forked(ctx, pid, cause)
    ctx.cpu.duplicate(ctx, child)
    if cause.child_tid:
        child.mem.write(cause.child_tid, pid.to_bytes(4, "little"))
    if copying.pidfd:
        fd = ctx.process.files.add(PidFile(child.process, Open(0)), cloexec=True)
        ctx.mem.write(copying.pidfd, fd.to_bytes(4, "little"))
    for context, result in ((child, 0), (ctx, pid)):
        context.wait = Spawned(result)
        if context is child or not cause.wait:
            context.cpu.complete(context, again(context))
    _place(child, cause.stack, cause.tls)
    child.clear_tid = cause.clear_tid
    child.restartable = None if cause.share else ctx.restartable
    if not cause.share or cause.wait:
        child.altstack = ctx.altstack
    child.schedule = _scheduled(ctx)
    child.process.contexts.append(child)
    sched.ready.append(child)
    kernel.show(ctx)
    if not cause.wait:
        sched.ready.append(ctx)
        return
    process, space = child.process, child.mem
    until = Block(ready=lambda: process.status is not None or process.mem is not space, interruptible=False)
    sched.waiting.append(Waiting(ctx, until, again))


def _place(ctx: Context, stack: int, tls: int | None) -> None:
    """Give a new context its stack pointer (0: it has one) and thread pointer (None: likewise)."""
    x86, index = ctx.arch is Arch.X86_64, REG_INDEX[ctx.arch]
    if stack:
        ctx.regs[index["rsp" if x86 else "sp"]] = stack
    if tls is not None:
        ctx.cpu.set_base(ctx, "fs" if x86 else "tpidr_el0", tls)


def _scheduled(ctx: Context) -> Schedule:
    """How what `ctx` makes is scheduled."""
    old = ctx.schedule
    return Schedule(mask=old.mask, io=old.io) if old.reset_on_fork else old


def spawn(sched: Scheduler, ctx: Context, cause: Spawn, again: Handler) -> None:
    """Both contexts finish the call: the new one first, while the registers are still the caller's."""
    kernel, index = sched.process.kernel, REG_INDEX[ctx.arch]
    tid = cause.tid or kernel.new_id()
    for address in (cause.parent_tid, cause.child_tid):
        if address:
            ctx.mem.write(address, tid.to_bytes(cause.tid_bytes, "little"))
    child = _twin(ctx, tid, ctx.cpu.new_regs())
    ctx.cpu.duplicate(ctx, child)
    for context, result in ((child, 0), (ctx, tid)):
        context.wait = Spawned(result)
        ctx.cpu.complete(context, again(context))
    _place(child, cause.stack, cause.tls)
    x86 = ctx.arch is Arch.X86_64
    if cause.entry is not None:
        child.regs[index["rip" if x86 else "pc"]] = cause.entry
        child.regs[index["rdi" if x86 else "x0"]] = cause.argument
    child.clear_tid, child.schedule = cause.clear_tid, _scheduled(ctx)
    sched.add(child)
    sched.ready.append(ctx)
    kernel.show(ctx)


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
