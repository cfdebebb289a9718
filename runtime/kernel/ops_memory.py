"""Ops on the address space: mapping, unmapping, rights, the heap. Moving is in ops_remap, advice in ops_advice."""

from __future__ import annotations

import os

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.layout import align_up
from aot.personality.abi.neutral import FileType, MapFlag, Open, Resource
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.memory import AddressSpace
from runtime.kernel.ops_process import limit_of
from runtime.kernel.optable import op
from runtime.kernel.regions import GROWS, LOCKED, UNRESERVED, FileBacking, Region
from runtime.kernel.residence import lock, populate
from runtime.kernel.schemes.dev import NullFile, ZeroFile

R, W, X = 4, 2, 1
GROWN = 8  # beside rights: from where a mapping that grows downwards begins now
_TOP = 1 << 64
_FAR = 1 << 63  # offsets of files end here
LOW_FIRST, LOW_LAST = 0x4000_0000, 0x8000_0000  # where MapFlag.LOW puts mappings
MOST_REGIONS = 65530  # mappings of one address space, as Linux has it by default
_HOST_MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _backing(ctx: Context, fd: int, offset: int, prot: int, flags: MapFlag) -> FileBacking | None:
    """What a file mapping maps; None for the zero device, which is anonymous memory."""
    if offset % ctx.mem.page_size:
        raise Errno(E.INVAL)
    file = ctx.process.files.get(fd)
    if file.flags & Open.PATH:
        raise Errno(E.BADF)
    if not file.can_read:
        raise Errno(E.ACCES)
    if flags & MapFlag.SHARED and prot & W and not file.can_write:
        raise Errno(E.ACCES)
    if isinstance(file, ZeroFile):
        return None
    if file.host_fd is None or isinstance(file, NullFile):
        raise Errno(E.NODEV)
    if file.stat().mode >> 12 != FileType.REGULAR:
        raise Errno(E.NODEV)
    if flags & MapFlag.GROWSDOWN:
        raise Errno(E.INVAL)
    return FileBacking(file.host_fd, offset, os.fsdecode(file.path))


@op(Op.MMAP)
def mmap(ctx: Context, address: int, size: int, prot: int, flags: MapFlag, fd: int, offset: int) -> int:
    """Map memory or a file; where."""
    mem = ctx.mem
    shared = bool(flags & MapFlag.SHARED)
    if not size or prot & ~7 or shared == bool(flags & MapFlag.PRIVATE):
        raise Errno(E.INVAL)
    fixed = bool(flags & (MapFlag.FIXED | MapFlag.FIXED_NOREPLACE))
    if fixed and address % mem.page_size:
        raise Errno(E.INVAL)
    if size >= _TOP - mem.page_size or (fixed and address + size > mem.limit):
        raise Errno(E.NOMEM)
    if flags & MapFlag.SYNC:
        raise Errno(E.OPNOTSUPP)
    backing = None
    if not flags & MapFlag.ANONYMOUS:
        if not 0 <= offset <= _FAR - size and not offset % mem.page_size:
            raise Errno(E.OVERFLOW)
        backing = _backing(ctx, fd, offset, prot, flags)
    elif shared and flags & MapFlag.GROWSDOWN:
        raise Errno(E.INVAL)
    if flags & MapFlag.HUGE:
        raise Errno(E.NOMEM)  # there are no such pages
    afford(ctx, size, prot, flags)
    low = flags & MapFlag.LOW and not fixed and not address
    at = mem.map(
        address,
        size,
        0 if flags & MapFlag.RESERVE else prot,
        fixed=fixed,
        replace=not flags & MapFlag.FIXED_NOREPLACE,
        shared=shared,
        backing=backing,
        lo=LOW_FIRST if low else None,
        hi=LOW_LAST if low else None,
        top_down=not low,
        name=backing.name if backing is not None else "",
        traits=_traits(ctx, flags),
    )
    if flags & (MapFlag.POPULATE | MapFlag.LOCKED) or ctx.process.data.get("locks"):
        _settle(ctx, at, size, flags)
    return at


def _traits(ctx: Context, flags: MapFlag) -> int:
    traits = UNRESERVED if flags & MapFlag.NORESERVE else 0
    if flags & MapFlag.GROWSDOWN:
        ctx.mem.stack_limit = limit_of(ctx.process, Resource.STACK)
        traits |= GROWS
    return traits


def _settle(ctx: Context, at: int, size: int, flags: MapFlag) -> None:
    """Have the pages of a new mapping now, locked where it asked for it or everything is."""
    locks = LOCKED if flags & MapFlag.LOCKED else ctx.process.data.get("locks", 0)
    if locks:
        lock(ctx.mem, at, size, locks)
    if flags & MapFlag.POPULATE:
        populate(ctx.mem, at, align_up(size, ctx.mem.page_size))


def afford(ctx: Context, size: int, prot: int, flags: MapFlag) -> None:
    """Raises NOMEM or AGAIN for a mapping that limits or memory forbid."""
    mem, process = ctx.mem, ctx.process
    private = prot & W and not flags & MapFlag.SHARED
    if private and not flags & MapFlag.NORESERVE and size > _HOST_MEMORY:
        raise Errno(E.NOMEM)
    if len(mem.layout) >= MOST_REGIONS:
        raise Errno(E.NOMEM)
    if mem.arena.limit is not None and prot and not flags & MapFlag.NORESERVE and mem.arena.short(size):
        raise Errno(E.NOMEM)
    most = limit_of(process, Resource.AS)
    if most is not None and mem.mapped + size > most:
        raise Errno(E.NOMEM)
    most = limit_of(process, Resource.DATA)
    if private and most is not None and mem.private + size > most:
        raise Errno(E.NOMEM)
    if flags & MapFlag.LOCKED and not may_lock(ctx, size):
        raise Errno(E.AGAIN)


def may_lock(ctx: Context, size: int) -> bool:
    """Whether so many bytes more may be locked."""
    most = limit_of(ctx.process, Resource.MEMLOCK)
    if most is None or not ctx.process.creds.euid:
        return True
    return size + sum(r.size for r in ctx.mem.regions() if r.traits & LOCKED) <= most


@op(Op.MUNMAP)
def munmap(ctx: Context, address: int, size: int) -> None:
    """Forget a range and wake who waits in it. What belongs to the kernel stays when more than that is meant."""
    mem = ctx.mem
    if not size or address % mem.page_size or address + size > mem.limit:
        raise Errno(E.INVAL)
    for lo, hi in mem.around_sealed(address, address + align_up(size, mem.page_size)):
        mem.unmap(lo, hi - lo)
    ctx.process.kernel.park.drain(mem.ident, address, address + size)


@op(Op.MPROTECT)
def mprotect(ctx: Context, address: int, size: int, prot: int) -> None:
    """Change the rights of a range."""
    mem = ctx.mem
    if address % mem.page_size or prot & ~(7 | GROWN):
        raise Errno(E.INVAL)
    if not size:
        return
    if address + size > mem.limit:
        raise Errno(E.NOMEM)
    if prot & GROWN:
        size += address
        address = _begin_of(mem, address)
        size -= address
    mem.protect(address, size, prot & 7)


def _begin_of(mem: AddressSpace, address: int) -> int:
    """Where the mapping of `address` that grows downwards begins."""
    region: Region | None = mem.region_at(address)
    if region is None:
        raise Errno(E.NOMEM)
    if not region.traits & GROWS and region.name != "[stack]":
        raise Errno(E.INVAL)
    while (below := mem.region_at(region.start - 1)) is not None and below.like(region):
        region = below
    return region.start


@op(Op.DECOMMIT)
def decommit(ctx: Context, address: int, size: int) -> None:
    """Drop the contents of a range."""
    check_range(ctx.mem, address, size)
    ctx.mem.decommit(address, size)
    ctx.process.kernel.park.drain(ctx.mem.ident, address, address + size)


def check_range(mem: AddressSpace, address: int, size: int) -> None:
    """Raises INVAL for an unaligned range, NOMEM when part of it is not mapped."""
    page = mem.page_size
    if address % page:
        raise Errno(E.INVAL)
    at, end = address, align_up(address + size, page)
    while at < end:
        region = mem.region_at(at)
        if region is None:
            raise Errno(E.NOMEM)
        at = region.end


@op(Op.BRK)
def brk(ctx: Context, address: int) -> int:
    """Move the end of the heap; the end as it is now, moved or not."""
    mem, page = ctx.mem, ctx.mem.page_size
    heap = mem.heap
    if not heap.start <= address <= (heap.limit or mem.limit):
        return heap.end
    old, new = align_up(heap.end, page), align_up(address, page)
    try:
        if new > old:
            afford(ctx, new - old, R | W, MapFlag.PRIVATE)
            mem.map(old, new - old, R | W, fixed=True, replace=False, name="[heap]")
            if ctx.process.data.get("locks"):
                lock(mem, old, new - old, ctx.process.data["locks"])
        elif new < old:
            mem.unmap(new, old - new)
    except Errno:
        return heap.end
    heap.end = address
    return address


@op(Op.MQUERY)
def mquery(ctx: Context, address: int, size: int, prot: int, flags: MapFlag, fd: int, offset: int) -> int:
    """Where a mapping of `size` bytes would go."""
    mem = ctx.mem
    if not size or address % mem.page_size:
        raise Errno(E.INVAL)
    at, end = address, address + size
    if address and end <= mem.limit:
        if not mem.layout.within(at, end):
            return address
        if flags & MapFlag.FIXED:
            raise Errno(E.NOMEM)
    return mem.find_free(size, mem.page_size)
