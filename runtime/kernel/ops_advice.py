"""Ops that say how memory will be used, what of it stays, and what is there."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.layout import align_up
from aot.personality.abi.neutral import Advice, MemoryLock
from aot.personality.abi.op import Op
from runtime.kernel.context import Context
from runtime.kernel.memory import AddressSpace
from runtime.kernel.ops_memory import check_range, may_lock
from runtime.kernel.optable import op
from runtime.kernel.regions import LOCKED, LOCKED_ON_FAULT, SEALED, STAYS, WIPES, Region
from runtime.kernel.residence import MOST_LOOKED_AT, flush, lock, populate, remove, resident

SETS = {Advice.DONTFORK: (STAYS, 0), Advice.DOFORK: (0, STAYS), Advice.WIPEONFORK: (WIPES, 0)}
SETS[Advice.KEEPONFORK] = (0, WIPES)
POPULATES = {Advice.POPULATE_READ: False, Advice.POPULATE_WRITE: True}
DROPS = (Advice.DONTNEED, Advice.DONTNEED_LOCKED, Advice.FREE)
RANK = {Advice.WIPEONFORK, Advice.KEEPONFORK, Advice.FREE}  # advice for private memory of no file


@op(Op.MADVISE)
def madvise(ctx: Context, address: int, size: int, advice: Advice) -> None:
    """Take a hint, as far as the range is mapped. Raises NOMEM where it is not."""
    advise_on(ctx.mem, address, size, advice)


def advise_on(mem: AddressSpace, address: int, size: int, advice: Advice) -> None:
    """madvise for any address space."""
    if advice is Advice.POISON:
        raise Errno(E.PERM)  # the machine is the host's
    if address % mem.page_size or size > mem.limit:
        raise Errno(E.INVAL)
    end = address + align_up(size, mem.page_size)
    if not size:
        return
    if advice in POPULATES:
        populate(mem, address, end - address, write=POPULATES[advice])
        return
    for region in list(mem.layout.within(address, end)):
        lo, hi = max(address, region.start), min(end, region.end)
        _advise(mem, region, lo, hi, advice)
    if not mem.layout.covered(address, end):
        raise Errno(E.NOMEM)


def _advise(mem: AddressSpace, region: Region, lo: int, hi: int, advice: Advice) -> None:
    """Take a hint on a part of one mapping. Raises INVAL where it makes no sense."""
    locked = region.traits & LOCKED
    if advice in RANK and (region.shared or region.file is not None):
        raise Errno(E.INVAL)
    if locked and advice in (Advice.DONTNEED, Advice.COLD):
        raise Errno(E.INVAL)
    if region.traits & SEALED and advice in (*DROPS, *SETS, Advice.REMOVE) and not region.prot & 2:
        raise Errno(E.PERM)
    if advice in SETS:
        given, taken = SETS[advice]
        mem.layout.split(lo)
        mem.layout.split(hi)
        for part in mem.layout.within(lo, hi):
            part.traits = part.traits & ~taken | given
    elif advice in DROPS:
        if advice is Advice.FREE and locked:
            return
        mem.decommit(lo, hi - lo)
    elif advice is Advice.REMOVE:
        remove(mem, lo, hi - lo)


@op(Op.MSYNC)
def msync(ctx: Context, address: int, size: int, wait: bool = False, invalidate: bool = False) -> None:
    """Shared mappings are the host's pages: others see them at once; `wait` for the disk.

    Raises BUSY for `invalidate` of locked memory, NOMEM where nothing is mapped.
    """
    mem = ctx.mem
    if address % mem.page_size:
        raise Errno(E.INVAL)
    if address + size > mem.limit:
        raise Errno(E.NOMEM)
    end = align_up(address + size, mem.page_size)
    regions = mem.layout.within(address, end)
    if invalidate and any(region.traits & LOCKED for region in regions):
        raise Errno(E.BUSY)
    if wait and size:
        flush(mem, address, end - address)
    check_range(mem, address, size)


@op(Op.MINCORE)
def mincore(ctx: Context, address: int, size: int) -> bytes:
    """One byte per page: whether it is in memory."""
    check_range(ctx.mem, address, size)
    if size > MOST_LOOKED_AT:
        raise Errno(E.NOMEM)
    return resident(ctx.mem, address, size) if size else b""


@op(Op.LOCK_RANGE)
def lock_range(ctx: Context, address: int, size: int, lock_it: bool, on_fault: bool = False) -> None:
    """Keep a range in memory, or no longer. Raises NOMEM beyond what may be locked, and where nothing is mapped."""
    mem, page = ctx.mem, ctx.mem.page_size
    start = address & -page
    if address + size > _TOP:
        raise Errno(E.INVAL)
    length = align_up(address + size, page) - start
    if not length:
        return
    if lock_it and not may_lock(ctx, length - _locked(mem, start, start + length)):
        raise Errno(E.NOMEM)
    if start + length > mem.limit:
        raise Errno(E.NOMEM)
    try:
        lock(mem, start, length, _traits(on_fault=on_fault) if lock_it else 0)
    except Errno as error:
        raise Errno(E.AGAIN if error.code is E.FAULT else error.code) from None


_TOP = 1 << 64


def _traits(*, on_fault: bool) -> int:
    return LOCKED | LOCKED_ON_FAULT if on_fault else LOCKED


def _locked(mem: AddressSpace, start: int, end: int) -> int:
    found = (r for r in mem.layout.within(start, end) if r.traits & LOCKED)
    return sum(min(end, r.end) - max(start, r.start) for r in found)


@op(Op.LOCK_ALL)
def lock_all(ctx: Context, flags: MemoryLock, lock_them: bool = True) -> None:
    """Keep everything that is mapped, or will be, in memory, or nothing any more."""
    mem = ctx.mem
    if lock_them != bool(flags & (MemoryLock.CURRENT | MemoryLock.FUTURE)):
        raise Errno(E.INVAL)
    traits = _traits(on_fault=bool(flags & MemoryLock.ON_FAULT)) if lock_them else 0
    if flags & MemoryLock.CURRENT and not may_lock(ctx, mem.mapped - _locked(mem, 0, mem.limit)):
        raise Errno(E.NOMEM)
    ctx.process.data["locks"] = traits if flags & MemoryLock.FUTURE else 0
    if flags & MemoryLock.CURRENT or not lock_them:
        for region in list(mem.regions()):
            try:
                lock(mem, region.start, region.size, traits)
            except Errno:  # beyond the end of a file: there is no page to keep
                continue


@op(Op.SEAL_RANGE)
def seal_range(ctx: Context, address: int, size: int) -> None:
    """Let a range be what it is until the process ends or has another program."""
    mem = ctx.mem
    if address % mem.page_size or address + size > mem.limit:
        raise Errno(E.INVAL)
    if not size:
        return
    check_range(mem, address, size)
    end = align_up(address + size, mem.page_size)
    mem.layout.split(address)
    mem.layout.split(end)
    for region in mem.layout.within(address, end):
        region.traits |= SEALED
