"""Guest functions that the kernel calls: how a context gets into one and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aot.image.model import Arch
from aot.personality.abi.errors import Errno
from aot.personality.abi.gate import Gate
from aot.record import dataclass
from runtime.cpu.api import REG_INDEX, Leave
from runtime.kernel.context import Context
from runtime.kernel.leave import GuestFault, Invented, Upcall

if TYPE_CHECKING:
    from runtime.kernel.sched import Scheduler

RED_ZONE = 128
M64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Frame:
    """A call in progress that called guest code: what to restore, and how it goes on."""

    regs: bytes
    then: Callable[[Context, int], int]


class Returned(Leave):
    """A guest function that the kernel called came back to the return stub."""


def upcall(sched: Scheduler, ctx: Context, call: Upcall) -> None:
    """Make `ctx` run call.address(*call.args) next and come back through the return stub."""
    gate: Gate | None = ctx.process.library or sched.library
    stub: int = ctx.process.return_stub or sched.return_stub
    assert gate is not None, "this personality has no library convention"
    index, x86 = REG_INDEX[ctx.arch], ctx.arch is Arch.X86_64
    sp = ctx.regs[index["rsp" if x86 else "sp"]] - RED_ZONE & -16
    if x86:
        sp -= 8 + (32 if gate.stack and gate.stack > 8 else 0)  # Win64 callees own 32 bytes above
        try:
            ctx.mem.write(sp & M64, stub.to_bytes(8, "little"))
        except Errno:  # no stack to call on
            raise GuestFault(sp & M64, write=True) from None
    ctx.upcalls.append(Frame(bytes(ctx.regs), call.then))
    for name, value in zip(gate.args, call.args, strict=False):
        ctx.regs[index[name]] = value & M64
    if x86:
        ctx.regs[index["rsp"]], ctx.regs[index["rip"]] = sp & M64, call.address
    else:
        ctx.regs[index["sp"]] = sp & M64
        ctx.regs[index["x30"]], ctx.regs[index["pc"]] = stub, call.address


def returned(sched: Scheduler, ctx: Context) -> None:
    """A guest function came back: its caller goes on."""
    if not ctx.upcalls:  # the guest went to the return stub by itself
        sched.leave(ctx, Invented(), never)
        return
    frame: Frame = ctx.upcalls.pop()
    result = ctx.regs[0]
    ctx.regs[:] = memoryview(frame.regs).cast("Q")
    try:
        frame.then(ctx, result)
    except Leave as cause:
        sched.leave(ctx, cause, never)
        return
    sched.ready.appendleft(ctx)


def never(ctx: Context) -> int:
    """The `again` of what cannot be made again."""
    raise AssertionError("a call that calls guest code cannot block as well")
