"""Ops that move mappings and lay others over them."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.layout import align_up
from aot.personality.abi.neutral import MapFlag, Remap
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.memory import AddressSpace
from runtime.kernel.ops_memory import afford
from runtime.kernel.optable import op
from runtime.kernel.regions import GROWS, LOCKED, Backing, FileBacking, Region, SharedBacking
from runtime.kernel.residence import populate


@op(Op.MREMAP)
def mremap(ctx: Context, address: int, old_size: int, new_size: int, flags: Remap, new_address: int) -> int:
    """Resize a mapping, moving it when allowed and needed; where it is now."""
    mem, page = ctx.mem, ctx.mem.page_size
    moves, fixed, leaves = (bool(flags & f) for f in (Remap.MAYMOVE, Remap.FIXED, Remap.DONTUNMAP))
    if address % page or not new_size or new_size > mem.limit or (fixed and not moves):
        raise Errno(E.INVAL)
    old, new = align_up(old_size, page), align_up(new_size, page)
    if leaves and (not moves or old != new):
        raise Errno(E.INVAL)
    if fixed and (new_address % page or new_address + new > mem.limit or new_address > mem.limit - new):
        raise Errno(E.INVAL)
    if fixed and new_address < address + old and address < new_address + new:
        raise Errno(E.INVAL)
    if mem.region_at(address) is None:
        raise Errno(E.FAULT)
    if old >= new and not fixed and not leaves:
        if old > new:
            mem.unmap(address + new, old - new)
        return address
    last = _covered(mem, address, max(min(old, new), 1))
    if fixed:
        mem.check_changeable(address, max(old, page))
        mem.unmap(new_address, new)
        if old > new:
            mem.unmap(address + new, old - new)
            old = new
    if not old:
        return _again(ctx, last, address, new, new_address if fixed else None)
    if not fixed and not leaves and _grown(ctx, last, address + old, new - old):
        return address
    if not moves:
        raise Errno(E.NOMEM)
    return _moved(ctx, (address, old), (new_address if fixed else 0, new), last, leaves=leaves)


def _covered(mem: AddressSpace, address: int, size: int) -> Region:
    """The last region of a range that is one mapping. Raises FAULT where it is not."""
    region = mem.region_at(address)
    while region is not None and region.end < address + size:
        above = mem.region_at(region.end)
        region = above if above is not None and region.like(above) else None
    if region is None:
        raise Errno(E.FAULT)
    return region


def _flags_of(region: Region) -> MapFlag:
    locked = MapFlag.LOCKED if region.traits & LOCKED else MapFlag(0)
    return locked | (MapFlag.SHARED if region.shared else MapFlag.PRIVATE)


def _behind(region: Region, at: int) -> Backing | None:
    """What a mapping of the same thing maps for address `at` of a region (or behind it)."""
    if region.file is not None:
        return FileBacking(region.file.fd, region.offset + at - region.start, region.name)
    if region.shared and region.extent is not None:
        return SharedBacking(region.extent, region.pa - region.extent.pa + at - region.start)
    return None


def _grown(ctx: Context, last: Region, end: int, size: int) -> bool:
    """Whether a mapping that ends at `end` could be made larger where it is."""
    mem = ctx.mem
    if last.end != end or end + size > mem.limit or mem.layout.within(end, end + size):
        return False
    afford(ctx, size, last.prot, _flags_of(last))
    _map_more(mem, last, end, size)
    return True


def _map_more(mem: AddressSpace, like: Region, at: int, size: int) -> None:
    """Map at `at` what would follow `like`, with its rights and traits."""
    mem.map(
        at,
        size,
        like.prot,
        fixed=True,
        replace=False,
        shared=like.shared,
        backing=_behind(like, like.end),
        name=like.name,
        traits=like.traits & ~GROWS,
        segment=like.segment,
    )
    if like.traits & LOCKED:
        populate(mem, at, size)


def _moved(ctx: Context, old: tuple[int, int], new: tuple[int, int], last: Region, *, leaves: bool) -> int:
    """Move a mapping (address, size) with its pages; address 0 of the new place: wherever there is room."""
    mem = ctx.mem
    (address, old_size), (target, new_size) = old, new
    mem.check_changeable(address, old_size)
    if leaves or new_size > old_size:
        afford(ctx, new_size if leaves else new_size - old_size, last.prot, _flags_of(last))
    kept = min(old_size, new_size)
    target = target or mem.find_free(new_size)
    if kept < old_size:
        mem.unmap(address + kept, old_size - kept)
    mem.move(address, kept, target, leave=leaves)
    ctx.process.kernel.park.drain(mem.ident, address, address + old_size)
    if new_size > kept:
        moved = mem.region_at(target + kept - 1)
        assert moved is not None
        _map_more(mem, moved, target + kept, new_size - kept)
    return target


def _again(ctx: Context, region: Region, address: int, size: int, target: int | None) -> int:
    """Map what is shared at `address` a second time. Raises INVAL for private memory."""
    if not region.shared:
        raise Errno(E.INVAL)
    afford(ctx, size, region.prot, MapFlag.SHARED)
    return ctx.mem.map(
        target,
        size,
        region.prot,
        fixed=target is not None,
        shared=True,
        backing=_behind(region, address),
        name=region.name,
        segment=region.segment,
    )


@op(Op.REMAP_FILE)
def remap_file(ctx: Context, address: int, size: int, page: int) -> None:
    """Show another part of a shared mapping's file, from its page `page`, in [address, address + size)."""
    mem = ctx.mem
    start = address & -mem.page_size
    length = size & -mem.page_size
    region = mem.region_at(start)
    if not length or region is None or not region.shared or start + length > mem.limit:
        raise Errno(E.INVAL)
    if _covered(mem, start, length) is not region and region.file is None:
        raise Errno(E.INVAL)
    offset = page * mem.page_size
    if region.file is not None:
        backing: Backing = FileBacking(region.file.fd, offset)
    else:
        assert region.extent is not None
        if offset + length > region.extent.size:
            raise Errno(E.INVAL)
        backing = SharedBacking(region.extent, offset)
    mem.map(start, length, region.prot, fixed=True, shared=True, backing=backing, name=region.name)
