"""Restartable sequences: stretches of guest code that are left for another place when anything came between.

A context registers an area. While it runs a sequence the area names a descriptor: first address, length, and where
to go on after an interruption. Somebody else's turn on the processor or a signal is one.
From: rseq(2), include/uapi/linux/rseq.h, kernel/rseq.c.
"""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from aot.record import dataclass
from runtime.kernel.context import Context
from runtime.kernel.leave import Killed
from runtime.kernel.optable import op

SMALLEST, ALIGNMENT = 32, 32  # bytes of an area
FEATURES = 28  # bytes of it that are used: the processor twice, the descriptor, flags, node, concurrency id
NOWHERE = 0xFFFF_FFFF  # the processor of a context that has no area


@dataclass(frozen=True, slots=True)
class Area:
    """What a context registered; `signature` stands in front of every place to go on."""

    address: int
    size: int
    signature: int


@op(Op.RSEQ)
def rseq(ctx: Context, address: int, size: int, remove: bool, signature: int) -> None:
    """Register an area, or give it back. Raises INVAL, PERM for another signature, BUSY for the same again."""
    here = ctx.restartable
    if here is not None and (here.address, here.size) != (address, size):
        raise Errno(E.INVAL)
    if here is not None and here.signature != signature:
        raise Errno(E.PERM)
    if remove:
        if here is None:
            raise Errno(E.INVAL)
        _say(ctx, address, NOWHERE)
        ctx.restartable = None
        return
    if here is not None:
        raise Errno(E.BUSY)
    if address % ALIGNMENT or size < SMALLEST:
        raise Errno(E.INVAL)
    if address + size > ctx.mem.limit:
        raise Errno(E.FAULT)
    _say(ctx, address, 0)
    ctx.restartable = Area(address, size, signature)


def _say(ctx: Context, address: int, processor: int) -> None:
    """Contexts run one at a time: each has processor, node and concurrency id 0."""
    first = 0 if processor == NOWHERE else processor
    ctx.mem.write(address, first.to_bytes(4, "little") + processor.to_bytes(4, "little"))
    ctx.mem.write(address + 20, bytes(8))


def place_after(ctx: Context, pc: int) -> int:
    """Where a context goes on that was interrupted at `pc`. Raises Killed for a descriptor that makes no sense."""
    area = ctx.restartable
    assert area is not None
    try:
        at = ctx.mem.load_u64(area.address + 8)
        if not at:
            return pc
        version, _flags = ctx.mem.load_u32(at), ctx.mem.load_u32(at + 4)
        start, length, target = (ctx.mem.load_u64(at + offset) for offset in (8, 16, 24))
        ctx.mem.store_u64(area.address + 8, 0)
        if not (pc - start) & ((1 << 64) - 1) < length:
            return pc
        if version or start <= target < start + length or ctx.mem.load_u32(target - 4) != area.signature:
            raise Killed(Signal.SEGV)
    except Errno:
        raise Killed(Signal.SEGV) from None
    return target
