"""Ops on other processes: make one, wait for its end."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Waited
from aot.personality.abi.op import Op
from runtime.kernel.context import Context, Process
from runtime.kernel.leave import Block, Fork
from runtime.kernel.ops_process import Spawned
from runtime.kernel.optable import op

MAX_PROCESSES = 64
"""Most processes of one run: each has an engine of its own."""


@op(Op.FORK)
def fork(
    ctx: Context,
    stack: int = 0,
    tls: int | None = None,
    parent_tid: int = 0,
    child_tid: int = 0,
    clear_tid: int = 0,
    share: bool = False,
    wait: bool = False,
) -> int:
    """A copy of the calling process with the calling context: its id in the caller, 0 in the copy.

    `share`: with the very same memory. `wait`: the caller goes on once the copy ends or has another program.
    """
    state = ctx.wait
    if isinstance(state, Spawned):
        ctx.wait = None
        return state.result
    if len(ctx.process.kernel.processes) >= MAX_PROCESSES:
        raise Errno(E.AGAIN)
    raise Fork(
        stack=stack,
        tls=tls,
        parent_tid=parent_tid,
        child_tid=child_tid,
        clear_tid=clear_tid,
        share=share,
        wait=wait,
    )


@op(Op.WAIT)
def wait(ctx: Context, pid: int, nohang: bool) -> Waited:
    """Wait for the end of a child: `pid`, or any when it is no child's number."""
    mine = _children(ctx, pid)
    if not mine:
        raise Errno(E.CHILD)
    for child in mine:
        if child.status is not None:
            del ctx.process.kernel.processes[child.pid]
            return Waited(child.pid, child.status)
    if nohang:
        return Waited(0, 0)
    raise Block(ready=lambda: any(c.status is not None for c in _children(ctx, pid)), restarts=True)


def _children(ctx: Context, pid: int) -> list[Process]:
    everybody = ctx.process.kernel.processes.values()
    return [p for p in everybody if p.ppid == ctx.process.pid and (pid <= 0 or p.pid == pid)]
