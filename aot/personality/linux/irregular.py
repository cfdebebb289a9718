"""Linux calls whose arguments no kind describes: descriptor sets, clock ticks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import Slots
from aot.personality.abi.neutral import Clock, PollFd, Time
from aot.personality.abi.op import Op
from aot.personality.linux.layouts import POLLFD, TIMESPEC

Ops = Mapping[Op, Callable[..., Any]]
FD_SETSIZE = 1024
# what the three sets of select mean in poll events; From: fs/select.c (POLLIN_SET, POLLOUT_SET, POLLEX_SET)
IN_EVENTS, OUT_EVENTS, EX_EVENTS = 0x0C1, 0x304, 0x002
IN_READY, OUT_READY, EX_READY = 0x0D9, 0x30C, 0x002
NVAL = 0x020


class _Chosen(Slots):
    """Poll entries that live nowhere in the guest."""

    def put(self, index: int, value: Any) -> None:
        self.items[index] = value


def select(
    ctx: Any,
    ops: Ops,
    n: int,
    inp: int,
    outp: int,
    exp: int,
    timeout: Time | None,
    sigmask: int | None = None,
) -> int:
    """Wait on three descriptor sets and cut them down to what is ready; bits set in all of them."""
    if n < 0:
        raise Errno(E.INVAL)
    n = min(n, FD_SETSIZE)
    size = (n + 63) // 64 * 8
    sets = [int.from_bytes(ctx.mem.read(at, size), "little") if at else 0 for at in (inp, outp, exp)]
    for at in (inp, outp, exp):
        if at and size:
            ctx.mem.probe(at, size, True)
    wanted = list(zip(sets, (IN_EVENTS, OUT_EVENTS, EX_EVENTS), strict=True))
    items = [
        PollFd(fd, sum(events for bits, events in wanted if bits >> fd & 1))
        for fd in range(n)
        if any(bits >> fd & 1 for bits in sets)
    ]
    chosen = _Chosen(items, 0, POLLFD, ctx.mem)
    ops[Op.POLL](ctx, fds=chosen, timeout=timeout, sigmask=sigmask)
    if any(item.revents & NVAL for item in chosen.items):
        raise Errno(E.BADF)
    count = 0
    for at, bits, ready in zip((inp, outp, exp), sets, (IN_READY, OUT_READY, EX_READY), strict=True):
        found = sum(1 << i.fd for i in chosen.items if bits >> i.fd & 1 and i.revents & ready)
        count += found.bit_count()
        if at:
            ctx.mem.write(at, found.to_bytes(size, "little"))
    return count


def pselect(
    ctx: Any, ops: Ops, n: int, inp: int, outp: int, exp: int, timeout: Time | None, mask: int
) -> int:
    """select under a signal mask; `mask` is the address of its address and size."""
    at = ctx.mem.load_u64(mask) if mask else 0
    if at and ctx.mem.load_u64(mask + 8) != 8:
        raise Errno(E.INVAL)
    return select(ctx, ops, n, inp, outp, exp, timeout, ctx.mem.load_u64(at) if at else None)


def nanosleep(ctx: Any, ops: Ops, clock: Clock, time: Time, absolute: bool, left: int) -> None:
    """Sleep; a relative sleep that a signal ends tells how much of it was left."""
    try:
        ops[Op.NANOSLEEP](ctx, clock=clock, time=time, absolute=absolute)
    except Errno as error:
        if error.code is E.INTR and left and not absolute:
            now: Time = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.MONOTONIC)
            rest = max(ctx.wait - now.ns, 0)
            ctx.mem.write(left, TIMESPEC.encode(Time(*divmod(rest, 1_000_000_000))))
        raise


def get_name(ctx: Any, ops: Ops, address: int) -> None:
    """PR_GET_NAME: always 16 bytes, of which the last is zero."""
    name: bytes = ops[Op.GET_NAME](ctx)
    ctx.mem.write(address, name[:15].ljust(16, b"\0"))
