"""FreeBSD calls that are no single op: pure combinations of ops and guest memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.op import Op

Ops = Mapping[Op, Any]


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
