"""FreeBSD calls that are no single op: pure combinations of ops and guest memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Itimer, Open, Resource
from aot.personality.abi.op import Op

Ops = Mapping[Op, Any]


def closefrom(ctx: Any, ops: Ops, lowfd: int) -> int:
    """Close every descriptor from `lowfd` on."""
    return close_range(ctx, ops, max(lowfd, 0), 0xFFFF_FFFF, 0)


def close_range(ctx: Any, ops: Ops, lowfd: int, highfd: int, flags: int) -> int:
    """Close the descriptors of a range; those that are not open do not matter."""
    if flags or highfd < lowfd:
        raise Errno(E.INVAL)
    limit = ops[Op.GETRLIMIT](ctx, resource=Resource.NOFILE).current or 1024
    for fd in range(lowfd, min(highfd + 1, limit)):
        try:
            ops[Op.CLOSE](ctx, fd=fd)
        except Errno as e:
            if e.code is not E.BADF:
                raise
    return 0


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


def set_nonblock(ctx: Any, ops: Ops, fd: int, on: int) -> int:
    """FIONBIO: O_NONBLOCK of the open file."""
    flags = ops[Op.FCNTL_GETFL](ctx, fd=fd)
    ops[Op.FCNTL_SETFL](ctx, fd=fd, flags=flags | Open.NONBLOCK if on else flags & ~Open.NONBLOCK)
    return 0


def getgroups(ctx: Any, ops: Ops, gidsetsize: int, gidset: int) -> int:
    """Supplementary groups as 32-bit numbers; a size of 0 only counts them."""
    groups: bytes = ops[Op.GETGROUPS](ctx)
    count = len(groups) // 4
    if gidsetsize == 0:
        return count
    if gidsetsize < count:
        raise Errno(E.INVAL)
    ctx.mem.write(gidset, groups)
    return count


def cpuset_getaffinity(ctx: Any, ops: Ops, cpusetsize: int, mask: int) -> int:
    """The processors as a bit set, padded to the size the guest gave."""
    bits: bytes = ops[Op.SCHED_AFFINITY](ctx, tid=0)
    if cpusetsize < 8:
        raise Errno(E.RANGE)
    ctx.mem.write(mask, bits[:cpusetsize].ljust(min(cpusetsize, 128), b"\0"))
    return 0


def setitimer(ctx: Any, ops: Ops, timer: int, value: Itimer | None) -> Itimer:
    """A null value only asks."""
    if value is None:
        asked: Itimer = ops[Op.GETITIMER](ctx, timer=timer)
        return asked
    old: Itimer = ops[Op.SETITIMER](ctx, timer=timer, value=value)
    return old


def issetugid(ctx: Any, ops: Ops) -> int:
    """Never: no program runs with more rights than its caller."""
    return 0


def thr_exit(ctx: Any, ops: Ops, state: int) -> int:
    """Tell a joiner through `state`, then end this context."""
    if state:
        ctx.mem.write(state, (1).to_bytes(8, "little"))
        ops[Op.UNPARK](ctx, address=state, count=0x7FFF_FFFF, mask=0xFFFF_FFFF)
    ops[Op.EXIT_THREAD](ctx, status=0)
    return 0
