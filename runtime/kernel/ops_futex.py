"""Ops on user addresses beyond PARK: several at once, wake-ups with a change, locks that are handed over.

A lock that is handed over (PI_LOCK) holds its owner's id; nobody inherits a priority, because contexts take turns.
"""

from __future__ import annotations

import operator

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Slots
from aot.personality.abi.neutral import Clock, Time
from aot.personality.abi.neutral_process import Held, Place
from aot.personality.abi.op import Op
from aot.record import dataclass
from runtime.kernel.context import Context
from runtime.kernel.kin import find_context
from runtime.kernel.leave import Block
from runtime.kernel.ops_park import until_of
from runtime.kernel.optable import op
from runtime.kernel.park import Ticket
from runtime.kernel.robust import HEAD_SIZE, TID, WAITERS, Heir, hand_on, key_of, load, store

MOST_PLACES = 128
_CHANGES = (
    lambda old, n: n, operator.add, operator.or_, lambda old, n: old & ~n, operator.xor,
)  # fmt: skip
_TESTS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)


@op(Op.ROBUST_SET)
def robust_set(ctx: Context, head: int, size: int) -> None:
    """Where the context's list of locks is that others get when it ends."""
    if size != HEAD_SIZE:
        raise Errno(E.INVAL)
    ctx.robust = (head, size)


@op(Op.ROBUST_GET)
def robust_get(ctx: Context, tid: int) -> Held:
    """The list of a context, 0 for the own one. Raises SRCH."""
    found = ctx if tid in (0, ctx.tid) else find_context(ctx.process.kernel, tid)
    if found is None:
        raise Errno(E.SRCH)
    return Held(found.robust[0], HEAD_SIZE)


def _signed(value: int, bits: int) -> int:
    half = 1 << (bits - 1)
    return ((value & (2 * half - 1)) ^ half) - half


@op(Op.UNPARK_OP)
def unpark_op(ctx: Context, address: int, count: int, target: int, more: int, change: int) -> int:
    """Change the word at `target`, wake at `address`, and at `target` too where the old word fits; how many.

    `change` is the encoding of FUTEX_WAKE_OP: operation and test (4 bits each, the top one of the operation says
    that its argument is a shift), then two signed arguments of 12 bits.
    """
    kind, test = change >> 28 & 7, change >> 24 & 15
    amount, limit = _signed(change >> 12, 12), _signed(change, 12)
    if kind >= len(_CHANGES) or test >= len(_TESTS):
        raise Errno(E.NOSYS)
    if address % 4 or target % 4:
        raise Errno(E.INVAL)
    if change >> 31 & 1:
        amount = 1 << (amount & 31)
    ctx.mem.probe(address, 4, False)
    ctx.mem.probe(target, 4, True)
    old = _signed(load(ctx.mem, target), 32)
    store(ctx.mem, target, _CHANGES[kind](old, amount) & 0xFFFF_FFFF)
    park = ctx.process.kernel.park
    woken = park.wake(key_of(ctx, address), count)
    if _TESTS[test](old, limit):
        woken += park.wake(key_of(ctx, target), more)
    return woken


@dataclass(frozen=True, slots=True)
class Many:
    """A wait at several addresses: where, and its end."""

    tickets: tuple[Ticket, ...]
    until_ns: int | None


@op(Op.PARK_MANY)
def park_many(ctx: Context, places: Slots, timeout: Time | None, clock: Clock) -> int:
    """Wait at several places until one is woken; its index. Raises AGAIN, TIMEDOUT."""
    state, park = ctx.wait, ctx.process.kernel.park
    if not isinstance(state, Many):
        wanted: list[Place] = places.items
        if not 1 <= len(wanted) <= MOST_PLACES:
            raise Errno(E.INVAL)
        until = until_of(ctx, timeout, clock, absolute=True)
        if any(place.address % 4 or place.size != 4 for place in wanted):
            raise Errno(E.INVAL)
        if any(load(ctx.mem, p.address) != p.expected & 0xFFFF_FFFF for p in wanted):
            raise Errno(E.AGAIN)
        tickets = tuple(park.enqueue(key_of(ctx, p.address), ctx=ctx) for p in wanted)
        state = ctx.wait = Many(tickets, until)
    woken = [i for i, t in enumerate(state.tickets) if t.woken]
    over = state.until_ns is not None and ctx.process.kernel.clocks.monotonic_ns() >= state.until_ns
    if not woken and not over:
        raise _parked(ctx, state)
    _cancel(ctx, state)
    if not woken:
        raise Errno(E.TIMEDOUT)
    return woken[-1]


def _cancel(ctx: Context, state: Many) -> None:
    ctx.wait = None
    for ticket in state.tickets:
        ctx.process.kernel.park.cancel(ticket)


def _parked(ctx: Context, state: Many) -> Block:
    try:
        return Block(deadline_ns=state.until_ns, restarts=True, cancel=lambda: _cancel(ctx, state), told=True)
    except Errno:  # a signal ends the wait
        _cancel(ctx, state)
        raise


@dataclass(frozen=True, slots=True)
class Queued:
    """A wait for a lock that is handed over."""

    heir: Heir
    until_ns: int | None


@op(Op.PI_LOCK)
def pi_lock(ctx: Context, address: int, timeout: Time | None, clock: Clock, wait: bool) -> None:
    """Take the lock whose word is at `address`, waiting for its owner if `wait`.

    Raises DEADLK for the own lock, SRCH for one whose owner is nobody, AGAIN, TIMEDOUT.
    """
    if isinstance(ctx.wait, Queued):
        return _go_on(ctx, ctx.wait)
    if address % 4:
        raise Errno(E.INVAL)
    until = until_of(ctx, timeout, clock, absolute=True)
    ctx.mem.probe(address, 4, True)
    word, kernel, key = load(ctx.mem, address), ctx.process.kernel, key_of(ctx, address)
    heirs = kernel.heirs.get(key, [])
    if word & TID == ctx.tid:
        raise Errno(E.DEADLK)
    if not word & TID:
        store(ctx.mem, address, word & ~(TID | WAITERS) | ctx.tid | (WAITERS if heirs else 0))
        return None
    if not wait:
        raise Errno(E.AGAIN)
    if find_context(kernel, word & TID) is None:
        raise Errno(E.SRCH)
    store(ctx.mem, address, word | WAITERS)
    heir = Heir(ctx, address, Ticket(key, 1, ctx))
    kernel.heirs.setdefault(key, []).append(heir)
    ctx.wait = Queued(heir, until)
    raise _queued(ctx, ctx.wait)


def _go_on(ctx: Context, state: Queued) -> None:
    if state.heir.ticket.woken:
        ctx.wait = None
        return
    if state.until_ns is not None and ctx.process.kernel.clocks.monotonic_ns() >= state.until_ns:
        _withdraw(ctx, state)
        raise Errno(E.TIMEDOUT)
    raise _queued(ctx, state)


def _withdraw(ctx: Context, state: Queued) -> None:
    heirs, key = ctx.process.kernel.heirs, state.heir.ticket.key
    ctx.wait = None
    if state.heir in heirs.get(key, []):
        heirs[key].remove(state.heir)
        if not heirs[key]:
            del heirs[key]
            word = load(ctx.mem, state.heir.address)
            store(ctx.mem, state.heir.address, word & ~WAITERS)


def _queued(ctx: Context, state: Queued) -> Block:
    return Block(
        deadline_ns=state.until_ns,
        restarts=True,
        always=True,
        cancel=lambda: _withdraw(ctx, state),
        told=True,
    )


@op(Op.PI_UNLOCK)
def pi_unlock(ctx: Context, address: int) -> None:
    """Give the lock at `address` to the first who waits for it. Raises PERM for a lock of somebody else."""
    if address % 4:
        raise Errno(E.INVAL)
    ctx.mem.probe(address, 4, True)
    if load(ctx.mem, address) & TID != ctx.tid:
        raise Errno(E.PERM)
    kernel, key = ctx.process.kernel, key_of(ctx, address)
    heirs = kernel.heirs.get(key)
    if heirs:
        hand_on(kernel, key, heirs)
    else:
        store(ctx.mem, address, 0)
