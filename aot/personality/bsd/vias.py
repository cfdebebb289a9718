"""BSD calls that are no single op: pure combinations of ops and guest memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Itimer, Open, Resource
from aot.personality.abi.op import Op

Ops = Mapping[Op, Any]
ENTROPY = 256
"""Bytes getentropy gives at most."""


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


def set_nonblock(ctx: Any, ops: Ops, fd: int, on: int) -> int:
    """FIONBIO: O_NONBLOCK of the open file."""
    flags = ops[Op.FCNTL_GETFL](ctx, fd=fd)
    ops[Op.FCNTL_SETFL](ctx, fd=fd, flags=flags | Open.NONBLOCK if on else flags & ~Open.NONBLOCK)
    return 0


def getgroups(ctx: Any, ops: Ops, gidsetsize: int, gidset: int) -> int:
    """Supplementary groups as 32-bit numbers; a size of 0 only counts them."""
    groups: tuple[int, ...] = ops[Op.GETGROUPS](ctx)
    count = len(groups)
    if gidsetsize == 0:
        return count
    if gidsetsize < count:
        raise Errno(E.INVAL)
    ctx.mem.write(gidset, b"".join(group.to_bytes(4, "little") for group in groups))
    return count


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


def nothing(ctx: Any, ops: Ops, **granted: object) -> int:
    """A call that only restricts the caller: granted, and nothing is restricted."""
    return 0


def getentropy(ctx: Any, ops: Ops, buf: tuple[memoryview, ...]) -> int:
    """At most 256 random bytes; more is EIO."""
    if sum(len(part) for part in buf) > ENTROPY:
        raise Errno(E.IO)
    ops[Op.RANDOM](ctx, buf=buf)
    return 0
