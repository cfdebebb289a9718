"""FreeBSD calls that are no single op: pure combinations of ops and guest memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.op import Op
from aot.personality.bsd.master import X86_64
from aot.personality.freebsd.layouts import THR_PARAM

Ops = Mapping[Op, Any]
THR_SUSPENDED = 1


def sendfile(ctx: Any, ops: Ops, fd: int, s: int, offset: int, sbytes: int) -> int:
    """What sendfile answers where no socket exists; the sent count is stored even then."""
    if offset < 0:
        raise Errno(E.INVAL)
    for descriptor in (fd, s):
        ops[Op.FCNTL_GETFD](ctx, fd=descriptor)
    if sbytes:
        with suppress(Errno):  # the kernel ignores a bad sbytes as well
            ctx.mem.write(sbytes, bytes(8))
    raise Errno(E.NOTSOCK)


def cpuset_getaffinity(ctx: Any, ops: Ops, cpusetsize: int, mask: int) -> int:
    """The processors as a bit set, padded to the size the guest gave."""
    bits: bytes = ops[Op.SCHED_AFFINITY](ctx, tid=0)
    if cpusetsize < 8:
        raise Errno(E.RANGE)
    ctx.mem.write(mask, bits[:cpusetsize].ljust(min(cpusetsize, 128), b"\0"))
    return 0


def thr_exit(ctx: Any, ops: Ops, state: int) -> int:
    """Tell a joiner through `state`, then end this context."""
    if state:
        ctx.mem.write(state, (1).to_bytes(8, "little"))
        ops[Op.UNPARK](ctx, address=state, count=0x7FFF_FFFF, mask=0xFFFF_FFFF)
    ops[Op.EXIT_THREAD](ctx, status=0)
    return 0


def thr_new(ctx: Any, ops: Ops, param: int, size: int) -> int:
    """Start a thread as struct thr_param says; the caller finds 0, the new one starts at its function."""
    if ctx.wait is not None:  # both threads finish the call
        ops[Op.SPAWN_THREAD](ctx, 0, None, None, 0, 0, 0, 0, 8)
        return 0
    if not 0 <= size <= THR_PARAM.size:
        raise Errno(E.INVAL)
    words = THR_PARAM.decode(ctx.mem.read(param, size).ljust(THR_PARAM.size, b"\0"))
    if words["flags"] & THR_SUSPENDED:
        raise Errno(E.INVAL)
    stack = words["stack_base"] + words["stack_size"] & -16
    if ctx.column == X86_64:
        stack -= 8  # as after a call
    ops[Op.SPAWN_THREAD](
        ctx, stack=stack, tls=words["tls"], entry=words["entry"], argument=words["argument"],
        parent_tid=words["parent_tid"], child_tid=words["child_tid"], clear_tid=0, tid_bytes=8,
    )  # fmt: skip
    return 0
