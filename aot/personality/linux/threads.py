"""clone(2) as far as threads go. From: include/uapi/linux/sched.h, kernel/fork.c.

The last two arguments change places between architectures: x86_64 passes child_tid before tls, aarch64 after.
"""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import Call, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import ADDRESS, To
from aot.personality.abi.op import Op
from aot.personality.linux.columns import nr

CLONE_VM, CLONE_SIGHAND, CLONE_VFORK, CLONE_THREAD = 0x100, 0x800, 0x4000, 0x10000
CLONE_SETTLS, CLONE_PARENT_SETTID = 0x80000, 0x100000
CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID = 0x200000, 0x1000000
THREAD = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD
# CLONE_FS, CLONE_FILES, CLONE_SYSVSEM, CLONE_DETACHED: what threads of one process share here anyway
SERVED = THREAD | 0x200 | 0x400 | 0x40000 | 0x400000 | (
    CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID
)  # fmt: skip
# what makes a process: the signal of its end, whether it shares memory and is waited for, words to store
PROCESS = 0xFF | CLONE_VM | CLONE_VFORK | (
    CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID
)  # fmt: skip


def clone(ctx: Any, ops: Any, *, flags: int, stack: int, parent_tid: int, child_tid: int, tls: int) -> int:
    """A thread of the calling process, or a copy of the process. Raises INVAL for flags that make neither."""
    if not flags & CLONE_THREAD:
        if flags & ~PROCESS:
            raise Errno(E.INVAL)
        made: int = ops[Op.FORK](
            ctx,
            stack=stack,
            tls=tls if flags & CLONE_SETTLS else None,
            parent_tid=parent_tid if flags & CLONE_PARENT_SETTID else 0,
            child_tid=child_tid if flags & CLONE_CHILD_SETTID else 0,
            clear_tid=child_tid if flags & CLONE_CHILD_CLEARTID else 0,
            share=bool(flags & CLONE_VM),
            wait=bool(flags & CLONE_VFORK),
        )
        return made
    if flags & THREAD != THREAD or flags & 0xFF or flags & ~SERVED:
        raise Errno(E.INVAL)
    result: int = ops[Op.SPAWN_THREAD](
        ctx,
        stack=stack,
        tls=tls if flags & CLONE_SETTLS else None,
        entry=None,
        argument=0,
        parent_tid=parent_tid if flags & CLONE_PARENT_SETTID else 0,
        child_tid=child_tid if flags & CLONE_CHILD_SETTID else 0,
        clear_tid=child_tid if flags & CLONE_CHILD_CLEARTID else 0,
        tid_bytes=4,
    )
    return result


STATUS = partial("threads, copies of the process, processes that share its memory")
HEAD = {"flags": ADDRESS, "newsp": To("stack", ADDRESS), "parent_tidptr": To("parent_tid", ADDRESS)}
CHILD, TLS = To("child_tid", ADDRESS), ADDRESS
CALLS: tuple[Call, ...] = (
    call("clone", nr(56, None), None, STATUS, sig(**HEAD, child_tidptr=CHILD, tls=TLS), via=clone),
    call("clone", nr(None, 220), None, STATUS, sig(**HEAD, tls=TLS, child_tidptr=CHILD), via=clone),
)
