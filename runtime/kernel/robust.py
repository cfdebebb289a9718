"""What a context that ends leaves behind in memory: locks it held, the word others join it by.

The list of locks and the bits of a lock's word have the form of Linux (include/uapi/linux/futex.h); no other system
has them.
"""

from __future__ import annotations

from contextlib import suppress

from aot.personality.abi.errors import Errno
from aot.personality.abi.kinds import Mem
from aot.record import dataclass
from runtime.kernel.context import Context, Kernel
from runtime.kernel.park import ALL, Key, Ticket

WAITERS, OWNER_DIED, TID = 0x8000_0000, 0x4000_0000, 0x3FFF_FFFF
HEAD_SIZE = 24
LONGEST = 2048
"""Entries of a list that are looked at."""


@dataclass(slots=True, eq=False)
class Heir:
    """One who waits for a lock that is handed over. The address is that in its own memory."""

    ctx: Context
    address: int
    ticket: Ticket


def key_of(ctx: Context, address: int) -> Key:
    """What a user address is called among all waiters of the run."""
    return ctx.mem.name_of(address)


def load(mem: Mem, address: int) -> int:
    """A lock's word."""
    return int.from_bytes(mem.read(address, 4), "little")


def store(mem: Mem, address: int, word: int) -> None:
    """Change a lock's word."""
    mem.write(address, word.to_bytes(4, "little"))


def hand_on(kernel: Kernel, key: Key, heirs: list[Heir], died: int = 0) -> None:
    """The first who waits has the lock now. `died`: OWNER_DIED where the last owner ended with it."""
    heir = heirs.pop(0)
    if not heirs:
        del kernel.heirs[key]
    store(heir.ctx.mem, heir.address, heir.ctx.tid | (WAITERS if heirs else 0) | died)
    heir.ticket.woken = True
    kernel.park.told.append(heir.ctx)


def give_up(ctx: Context) -> None:
    """A context ends, or its program: say so in the locks it holds."""
    head, _ = ctx.robust
    ctx.robust = (0, 0)
    if head:
        with suppress(Errno):  # the list ends where it cannot be read
            _walk(ctx, head)
    kernel = ctx.process.kernel
    for key, heirs in list(kernel.heirs.items()):
        try:
            if load(heirs[0].ctx.mem, heirs[0].address) & TID == ctx.tid:
                hand_on(kernel, key, heirs, OWNER_DIED)
        except Errno:
            continue


def _walk(ctx: Context, head: int) -> None:
    first, offset, pending = (ctx.mem.load_u64(head + at) for at in (0, 8, 16))
    entry = first
    for _ in range(LONGEST):
        if entry & ~1 == head:
            break
        after = ctx.mem.load_u64(entry & ~1)
        if entry & ~1 != pending & ~1:
            _died(ctx, entry & ~1, offset, inherited=bool(entry & 1), pending=False)
        entry = after
    if pending & ~1:
        _died(ctx, pending & ~1, offset, inherited=bool(pending & 1), pending=True)


def _died(ctx: Context, entry: int, offset: int, *, inherited: bool, pending: bool) -> None:
    """The owner of a lock ended; `inherited`: one that is handed over."""
    address = entry + offset & (1 << 64) - 1
    if address % 4:
        return
    word, park = load(ctx.mem, address), ctx.process.kernel.park
    if pending and not inherited and not word:
        park.wake(key_of(ctx, address), 1, ALL)
        return
    if word & TID != ctx.tid:
        return
    store(ctx.mem, address, word & WAITERS | OWNER_DIED)
    if inherited:
        heirs = ctx.process.kernel.heirs.get(key_of(ctx, address))
        if heirs:
            hand_on(ctx.process.kernel, key_of(ctx, address), heirs, OWNER_DIED)
    elif word & WAITERS:
        park.wake(key_of(ctx, address), 1, ALL)
