"""Memory of the C runtime: malloc and its family over the process heap."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import To
from aot.personality.windows import fails
from aot.personality.windows.crt import TEXT, c, keep
from aot.personality.windows.files import Ops
from aot.personality.windows.heap import heap, zero
from aot.personality.windows.kinds import RAW

MOST = 1 << 46


def alloc(ctx: Any, ops: Ops, size: int) -> int:
    """Malloc."""
    if size > MOST:
        raise Errno(E.NOMEM)
    return heap(ctx).alloc(ctx.mem, size)


def calloc(ctx: Any, ops: Ops, count: int, size: int) -> int:
    """Calloc."""
    address = alloc(ctx, ops, count * size)
    zero(ctx.mem, address, count * size)
    return address


def realloc(ctx: Any, ops: Ops, block: int, size: int) -> int:
    """Realloc: null allocates, size 0 frees."""
    if not block:
        return alloc(ctx, ops, size)
    if not size:
        free(ctx, ops, block)
        return 0
    if size > MOST or block not in heap(ctx).sizes:
        raise Errno(E.NOMEM)
    return heap(ctx).resize(ctx.mem, block, size)


def free(ctx: Any, ops: Ops, block: int) -> int:
    """Free; null is fine."""
    heap(ctx).free(ctx.mem, block)
    return 0


def block_size(ctx: Any, ops: Ops, block: int) -> int:
    """_msize."""
    found = heap(ctx).sizes.get(block)
    if found is None:
        raise Errno(E.INVAL)
    return found[0]


def aligned(ctx: Any, ops: Ops, size: int, align: int) -> int:
    """_aligned_malloc."""
    if size > MOST or align & (align - 1):
        raise Errno(E.INVAL)
    return heap(ctx).alloc(ctx.mem, size, align=max(16, align))


def duplicate(ctx: Any, ops: Ops, text: bytes) -> int:
    """_strdup."""
    return keep(ctx, text + b"\0")


BLOCK = {"block": To("block", RAW)}
SIZE = {"size": To("size", RAW)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("malloc", SIZE, alloc, fail=fails.NULL_ERRNO, also=("_malloc_base",)),
    c("calloc", {"count": To("count", RAW), **SIZE}, calloc, fail=fails.NULL_ERRNO, also=("_calloc_base",)),
    c("realloc", {**BLOCK, **SIZE}, realloc, fail=fails.NULL_ERRNO, also=("_realloc_base",)),
    c("free", BLOCK, free, ret=NOTHING, also=("_free_base", "_aligned_free")),
    c("_msize", BLOCK, block_size),
    c("_aligned_malloc", {**SIZE, "align": To("align", RAW)}, aligned, fail=fails.NULL_ERRNO),
    c("_strdup", {"text": To("text", TEXT)}, duplicate, fail=fails.NULL_ERRNO, also=("strdup",)),
)
# fmt: on
