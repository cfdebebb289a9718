"""Ops on the address space."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.layout import align_up
from aot.personality.abi.neutral import Advice, FileType, MapFlag, Remap
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.optable import op
from runtime.kernel.regions import FileBacking
from runtime.kernel.schemes.dev import NullFile, ZeroFile

R, W, X = 4, 2, 1
_TOP = 1 << 64
MOST_LOOKED_AT = 1 << 40  # bytes one mincore may ask about: its answer is as long as the pages


def _backing(ctx: Context, fd: int, offset: int, prot: int, flags: MapFlag) -> FileBacking | None:
    """What a file mapping maps; None for the zero device, which is anonymous memory."""
    file = ctx.process.files.get(fd)
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
    return FileBacking(file.host_fd, offset)


@op(Op.MMAP)
def mmap(ctx: Context, address: int, size: int, prot: int, flags: MapFlag, fd: int, offset: int) -> int:
    """Map memory or a file; where."""
    mem = ctx.mem
    if not size or prot & ~7 or bool(flags & MapFlag.SHARED) == bool(flags & MapFlag.PRIVATE):
        raise Errno(E.INVAL)
    fixed = bool(flags & (MapFlag.FIXED | MapFlag.FIXED_NOREPLACE))
    if fixed and address % mem.page_size:
        raise Errno(E.INVAL)
    if size >= _TOP - mem.page_size or (fixed and address + size > mem.limit):
        raise Errno(E.NOMEM)
    backing = None
    if not flags & MapFlag.ANONYMOUS:
        if offset % mem.page_size or offset < 0:
            raise Errno(E.INVAL)
        backing = _backing(ctx, fd, offset, prot, flags)
    return mem.map(
        address,
        size,
        0 if flags & MapFlag.RESERVE else prot,
        fixed=fixed,
        replace=not flags & MapFlag.FIXED_NOREPLACE,
        shared=bool(flags & MapFlag.SHARED),
        backing=backing,
    )


@op(Op.MUNMAP)
def munmap(ctx: Context, address: int, size: int) -> None:
    """Forget a range and wake who waits in it."""
    mem = ctx.mem
    if not size or address % mem.page_size or address + size > mem.limit:
        raise Errno(E.INVAL)
    mem.unmap(address, size)
    ctx.process.kernel.park.drain(ctx.mem.ident, address, address + size)


@op(Op.MPROTECT)
def mprotect(ctx: Context, address: int, size: int, prot: int) -> None:
    """Change the rights of a range."""
    if address % ctx.mem.page_size or prot & ~7:
        raise Errno(E.INVAL)
    if not size:
        return
    if address + size > ctx.mem.limit:
        raise Errno(E.NOMEM)
    ctx.mem.protect(address, size, prot)


@op(Op.MADVISE)
def madvise(ctx: Context, address: int, size: int, advice: Advice) -> None:
    """Take a hint; only DONTNEED has an effect."""
    _check_range(ctx, address, size)
    if size and advice is Advice.DONTNEED:
        ctx.mem.decommit(address, size)


@op(Op.DECOMMIT)
def decommit(ctx: Context, address: int, size: int) -> None:
    """Drop the contents of a range."""
    _check_range(ctx, address, size)
    ctx.mem.decommit(address, size)
    ctx.process.kernel.park.drain(ctx.mem.ident, address, address + size)


@op(Op.MSYNC)
def msync(ctx: Context, address: int, size: int) -> None:
    """Shared mappings are the host's pages: nothing to write."""
    _check_range(ctx, address, size)


@op(Op.MINCORE)
def mincore(ctx: Context, address: int, size: int) -> bytes:
    """One byte per page: resident."""
    _check_range(ctx, address, size)
    if size > MOST_LOOKED_AT:
        raise Errno(E.NOMEM)
    return b"\1" * -(-size // ctx.mem.page_size)


def _check_range(ctx: Context, address: int, size: int) -> None:
    """Raises INVAL for an unaligned range, NOMEM when part of it is not mapped."""
    page = ctx.mem.page_size
    if address % page:
        raise Errno(E.INVAL)
    at, end = address, align_up(address + size, page)
    while at < end:
        region = ctx.mem.region_at(at)
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
    if new > old:
        try:
            mem.map(old, new - old, R | W, fixed=True, replace=False, name="[heap]")
        except Errno:
            return heap.end
    elif new < old:
        mem.unmap(new, old - new)
    heap.end = address
    return address


@op(Op.MREMAP)
def mremap(ctx: Context, address: int, old_size: int, new_size: int, flags: Remap, new_address: int) -> int:
    """Resize a private mapping, moving it when allowed and needed; where it is now."""
    mem, page = ctx.mem, ctx.mem.page_size
    if address % page or not new_size or flags & Remap.DONTUNMAP:
        raise Errno(E.INVAL)
    if flags & Remap.FIXED and (not flags & Remap.MAYMOVE or new_address % page):
        raise Errno(E.INVAL)
    old_end, new_length = align_up(address + old_size, page), align_up(new_size, page)
    region = mem.region_at(address)
    if region is None or not old_size or region.end < old_end:
        raise Errno(E.FAULT)
    if not flags & Remap.FIXED:
        if new_length <= old_end - address:
            if new_length < old_end - address:
                mem.unmap(address + new_length, old_end - address - new_length)
            return address
        try:
            grow = address + new_length - old_end
            mem.map(old_end, grow, region.prot, fixed=True, replace=False, name=region.name)
            return address
        except Errno:
            if not flags & Remap.MAYMOVE:
                raise Errno(E.NOMEM) from None
    if region.shared or region.file is not None:
        raise Errno(E.NOMEM)
    return _move(ctx, address, old_end - address, new_length, region.prot, flags, new_address)


def _move(
    ctx: Context, address: int, old_length: int, new_length: int, prot: int, flags: Remap, target: int
) -> int:
    """Copy a private mapping elsewhere and forget the old place."""
    mem = ctx.mem
    fixed = bool(flags & Remap.FIXED)
    if fixed and target < address + old_length and address < target + new_length:
        raise Errno(E.INVAL)
    moved = mem.map(target if fixed else None, new_length, prot, fixed=fixed)
    for at in range(0, min(old_length, new_length), 1 << 20):
        count = min(1 << 20, min(old_length, new_length) - at)
        mem.poke(moved + at, mem.peek(address + at, count))
    mem.unmap(address, old_length)
    return moved


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
