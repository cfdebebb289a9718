"""_umtx_op: FreeBSD's wait on an address, as park and unpark. From: sys/sys/umtx.h, sys/kern/kern_umtx.c."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aot.personality.abi.call import FULL, Call, call, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import ADDRESS, S32, U64, Kind, To, Unused
from aot.personality.abi.neutral import Clock, Time
from aot.personality.abi.op import Op
from aot.personality.bsd.layouts import TIMESPEC
from aot.personality.freebsd import layouts as la
from aot.personality.freebsd.flags import CLOCK

Ops = Mapping[Op, Any]
ALL = 0xFFFF_FFFF
ABSTIME = 1
LONG, INT = 8, 4


def _timeout(ctx: Any, size: int, address: int) -> tuple[Time | None, bool, Clock]:
    """Time, whether it is absolute, and its clock; uaddr gives the size of the struct at uaddr2."""
    if not address:
        return None, False, Clock.MONOTONIC
    if size <= TIMESPEC.size:
        words = TIMESPEC.decode(ctx.mem.read(address, TIMESPEC.size)) | {"flags": 0, "clock": 0}
    else:
        words = la.UMTX_TIME.decode(ctx.mem.read(address, la.UMTX_TIME.size))
    if words["sec"] < 0 or not 0 <= words["nsec"] < 1_000_000_000:
        raise Errno(E.INVAL)
    clock: Clock = CLOCK.load(words["clock"], ctx.mem)
    return Time(words["sec"], words["nsec"]), bool(words["flags"] & ABSTIME), clock


def _wait(ctx: Any, ops: Ops, obj: int, val: int, uaddr: int, uaddr2: int, size: int) -> int:
    timeout, absolute, clock = _timeout(ctx, uaddr, uaddr2)
    expected = val & ((1 << 8 * size) - 1)
    ctx.mem.probe(obj, size, False)  # a bad address is found before a bad alignment
    try:
        ops[Op.PARK](ctx, address=obj, expected=expected, size=size, mask=ALL, timeout=timeout,
                     absolute=absolute, clock=int(clock))  # fmt: skip
    except Errno as e:
        if e.code is not E.AGAIN:
            raise  # a changed value is a success here
    return 0


def wait(ctx: Any, ops: Ops, obj: int, val: int, uaddr: int, uaddr2: int) -> int:
    """UMTX_OP_WAIT: a long."""
    return _wait(ctx, ops, obj, val, uaddr, uaddr2, LONG)


def wait_uint(ctx: Any, ops: Ops, obj: int, val: int, uaddr: int, uaddr2: int) -> int:
    """UMTX_OP_WAIT_UINT: a 32-bit word."""
    return _wait(ctx, ops, obj, val, uaddr, uaddr2, INT)


def wake(ctx: Any, ops: Ops, obj: int, count: int) -> int:
    """UMTX_OP_WAKE."""
    ops[Op.UNPARK](ctx, address=obj, count=count if count >= 0 else 0x7FFF_FFFF, mask=ALL)
    return 0


def nwake(ctx: Any, ops: Ops, obj: int, count: int) -> int:
    """UMTX_OP_NWAKE_PRIVATE: everybody waiting on any address of an array."""
    if count < 0:
        raise Errno(E.INVAL)
    for i in range(count):
        ops[Op.UNPARK](ctx, address=ctx.mem.load_u64(obj + 8 * i), count=0x7FFF_FFFF, mask=ALL)
    return 0


_SELECTOR: dict[str, Kind] = {"obj": ADDRESS, "op": Unused("selector")}


def _waiting(name: str, via: Any) -> Call:
    return call(name, None, None, FULL, sig(**_SELECTOR, val=U64, uaddr=U64, uaddr2=ADDRESS), via=via)


def _waking(name: str, via: Any) -> Call:
    return call(name, None, None, FULL, sig(**_SELECTOR, val=To("count", S32)), via=via)


WAKE, WAKE_PRIVATE = 3, 16
UMTX: dict[int, Call] = {
    2: _waiting("UMTX_OP_WAIT", wait),
    WAKE: _waking("UMTX_OP_WAKE", wake),
    11: _waiting("UMTX_OP_WAIT_UINT", wait_uint),
    15: _waiting("UMTX_OP_WAIT_UINT_PRIVATE", wait_uint),
    WAKE_PRIVATE: _waking("UMTX_OP_WAKE_PRIVATE", wake),
    21: _waking("UMTX_OP_NWAKE_PRIVATE", nwake),
}
