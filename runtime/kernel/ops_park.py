"""Ops on user addresses: wait while a value is there, wake who waits."""

from __future__ import annotations

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock, Time
from aot.personality.abi.op import Op
from aot.record import dataclass
from runtime.kernel.context import Context
from runtime.kernel.leave import Block
from runtime.kernel.optable import op
from runtime.kernel.park import Ticket
from runtime.kernel.robust import key_of

_BILLION = 1_000_000_000


@dataclass(slots=True)
class Parked:
    """A wait in progress: its place in the queue and its end."""

    ticket: Ticket
    until_ns: int | None


def until_of(ctx: Context, timeout: Time | None, clock: Clock, *, absolute: bool) -> int | None:
    """Monotonic end of a wait. Raises INVAL for a time that is none."""
    if timeout is None:
        return None
    if not 0 <= timeout.nsec < _BILLION or timeout.sec < 0:
        raise Errno(E.INVAL)
    clocks = ctx.process.kernel.clocks
    left = timeout.ns - clocks.now_ns(clock) if absolute else timeout.ns
    return clocks.monotonic_ns() + max(left, 0)


@op(Op.PARK)
def park(
    ctx: Context,
    address: int,
    expected: int,
    size: int,
    mask: int,
    timeout: Time | None,
    clock: Clock,
    absolute: bool,
) -> None:
    """Wait at `address` while its `size` bytes hold `expected`. Raises AGAIN when they do not, TIMEDOUT."""
    state = ctx.wait
    if isinstance(state, Parked):
        return _again(ctx, state)
    if size not in (1, 2, 4, 8) or address % size or not mask:
        raise Errno(E.INVAL)
    until = until_of(ctx, timeout, Clock(clock), absolute=absolute)
    if int.from_bytes(ctx.mem.read(address, size), "little") != expected & ((1 << 8 * size) - 1):
        raise Errno(E.AGAIN)
    ticket = ctx.process.kernel.park.enqueue(key_of(ctx, address), mask, ctx)
    ctx.wait = Parked(ticket, until)
    raise _parked(ctx, ctx.wait)


def _again(ctx: Context, state: Parked) -> None:
    """The call is made again: woken, timed out, or still waiting."""
    ticket = state.ticket
    if ticket.woken:
        ctx.wait = None
        return
    if state.until_ns is not None and ctx.process.kernel.clocks.monotonic_ns() >= state.until_ns:
        ctx.process.kernel.park.cancel(ticket)
        ctx.wait = None
        raise Errno(E.TIMEDOUT)
    raise _parked(ctx, state)


def _parked(ctx: Context, state: Parked) -> Block:
    ticket, park = state.ticket, ctx.process.kernel.park
    try:
        return Block(
            deadline_ns=state.until_ns,
            ready=lambda: ticket.woken,
            restarts=state.until_ns is None,
            cancel=lambda: park.cancel(ticket),
            told=True,
        )
    except Errno:  # a signal ends the wait
        park.cancel(ticket)
        ctx.wait = None
        raise


@op(Op.UNPARK)
def unpark(ctx: Context, address: int, count: int, mask: int) -> int:
    """Wake up to `count` contexts that wait at `address`; how many were."""
    if not mask:
        raise Errno(E.INVAL)
    return ctx.process.kernel.park.wake(key_of(ctx, address), count, mask)


@op(Op.REQUEUE)
def requeue(ctx: Context, address: int, wake: int, target: int, move: int, expected: int | None) -> int:
    """Wake some waiters and move others to another address; how many of both.

    With `expected` the 32-bit value at `address` must still be it, else AGAIN.
    """
    if address % 4 or target % 4 or wake < 0 or move < 0:
        raise Errno(E.INVAL)
    for place in (address, target):
        ctx.mem.probe(place, 4, False)
    if expected is not None and int.from_bytes(ctx.mem.read(address, 4), "little") != expected:
        raise Errno(E.AGAIN)
    kernel, key = ctx.process.kernel, key_of(ctx, address)
    woken = kernel.park.wake(key, wake)
    moved = kernel.park.requeue(key, key_of(ctx, target), move)
    kernel.show(ctx)  # who waits where: the context goes on at once
    return woken + moved
