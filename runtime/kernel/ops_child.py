"""The op that makes processes."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral_process import PLAIN, Copying
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.kin import find_process
from runtime.kernel.leave import Fork
from runtime.kernel.limits import room_for_context
from runtime.kernel.ops_process import Spawned
from runtime.kernel.optable import op

MAX_PROCESSES = 64
"""Most processes of one run: each has an engine of its own."""


def free_id(ctx: Context, tid: int) -> None:
    """Raises EXIST for an id somebody has."""
    if tid and find_process(ctx.process.kernel, tid) is not None:
        raise Errno(E.EXIST)


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
    copying: Copying = PLAIN,
) -> int:
    """A copy of the calling process with the calling context: its id in the caller, 0 in the copy.

    `share`: with the very same memory. `wait`: the caller goes on once the copy ends or has another program.
    """
    state = ctx.wait
    if isinstance(state, Spawned):
        ctx.wait = None
        return state.result
    if sum(p.status is None for p in ctx.process.kernel.processes.values()) >= MAX_PROCESSES:
        raise Errno(E.AGAIN)
    free_id(ctx, copying.tid)
    if copying.pidfd:
        ctx.mem.probe(copying.pidfd, 4, True)
    if ctx.process.kernel.limits is not None:
        room_for_context(ctx)
    raise Fork(
        stack=stack,
        tls=tls,
        parent_tid=parent_tid,
        child_tid=child_tid,
        clear_tid=clear_tid,
        share=share,
        wait=wait,
        copying=copying,
    )
