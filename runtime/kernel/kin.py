"""How processes belong together: groups, sessions, parents, and what becomes of those left behind."""

from __future__ import annotations

from collections.abc import Iterator

from aot.personality.abi.signals import Signal
from runtime.kernel.context import Context, Kernel, Process
from runtime.kernel.signals import send_process, stop

INIT = 1
"""Parent of processes whose own has ended. It is outside the run."""


def alone(ctx: Context) -> bool:
    """Whether nobody else is there to run, or to wait for."""
    return len(ctx.process.contexts) <= 1 and len(ctx.process.kernel.processes) <= 1


def group_of(process: Process) -> int:
    """The process group of a process."""
    return process.pgid or process.pid


def session_of(process: Process) -> int:
    """The session of a process."""
    return process.sid or process.pid


def members(kernel: Kernel, group: int) -> list[Process]:
    """The processes of a group that have not ended."""
    return [p for p in kernel.processes.values() if p.status is None and group_of(p) == group]


def children(process: Process) -> list[Process]:
    """Everybody whose parent a process is, ended or not."""
    return [p for p in process.kernel.processes.values() if p.ppid == process.pid and p is not process]


def find_process(kernel: Kernel, pid: int) -> Process | None:
    """The process with this id, or the one that has a context with it."""
    found = kernel.processes.get(pid)
    if found is None:
        ctx = find_context(kernel, pid)
        found = ctx.process if ctx is not None else None
    return found


def find_context(kernel: Kernel, tid: int) -> Context | None:
    """The context with this id."""
    return next((c for c in contexts(kernel) if c.tid == tid), None)


def is_outside(kernel: Kernel, pid: int) -> bool:
    """Whether an id is that of the process outside that started the run, the first one's parent."""
    first = next(iter(kernel.processes.values()), None)
    return first is not None and pid == first.ppid and pid > 0 and pid not in kernel.processes


def contexts(kernel: Kernel) -> Iterator[Context]:
    """Every context of the run."""
    for process in kernel.processes.values():
        yield from process.contexts


def orphaned(kernel: Kernel, group: int, but: Process | None = None) -> bool:
    """Whether no member of a group has a parent outside the group but in its session.

    The parent of the run's first process is outside the run; it counts as one that would let the group go on.
    """
    first = next(iter(kernel.processes.values()))
    for member in members(kernel, group):
        parent = kernel.processes.get(member.ppid)
        if member is but:
            continue
        if member is first:
            return False
        if parent is None:
            continue
        if parent is not but and group_of(parent) != group and session_of(parent) == session_of(member):
            return False
    return True


def stops(process: Process, signal: int) -> None:
    """A signal's default action stops a process: unless a terminal's signal meets an orphaned group."""
    if signal == Signal.STOP or not orphaned(process.kernel, group_of(process)):
        stop(process, signal)


def desert(process: Process) -> None:
    """A process is about to end: groups that are orphaned by that and have stopped members are hung up."""
    kernel = process.kernel
    groups = {group_of(c) for c in children(process) if session_of(c) == session_of(process)}
    for group in {*groups, group_of(process)}:
        left = [p for p in members(kernel, group) if p is not process]
        newly = orphaned(kernel, group, but=process) and not orphaned(kernel, group)
        if newly and any(p.stopped for p in left):
            for member in left:
                send_process(member, Signal.HUP)
                send_process(member, Signal.CONT)
