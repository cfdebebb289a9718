"""LWPs: contexts as structs, their start, and parking by id.

From: sys/sys/lwp.h, sys/kern/sys_lwp.c, sys/arch/amd64/include/mcontext.h and frame_regs.h,
sys/arch/aarch64/include/mcontext.h; NetBSD 10. Offsets are compared with the headers in a test.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import Clock, MapFlag, Time
from aot.personality.abi.op import Op
from aot.personality.bsd.layouts import TIMESPEC
from aot.personality.netbsd.flags import CLOCK, SIGNALS
from aot.record import dataclass

Ops = Mapping[Op, Any]
UC_SIGMASK, UC_CPU = 0x1, 0x4
LWP_SUSPENDED = 0x80
ABSTIME = 1
ALL = 0xFFFF_FFFF
TOKENS = "lwp tokens"  # key of a process's data: address of a page with one word an LWP
SLOTS = "lwp slots"  # the same: LWP -> its word there
PAGE, READ_WRITE = 4096, 6


@dataclass(frozen=True, slots=True)
class Machine:
    """ucontext_t of one architecture; `order` names the general registers as they lie there."""

    size: int
    gregs: int  # offset of uc_mcontext.__gregs
    order: tuple[str, ...]
    stack: str
    entry: str
    argument: str


MACHINES = {
    "x86_64": Machine(784, 56, (
        "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rbp", "rbx", "rax",
        "", "", "", "", "", "", "rip", "", "", "rsp", "",
    ), "rsp", "rip", "rdi"),
    "aarch64": Machine(944, 64, (*(f"x{i}" for i in range(31)), "sp", "pc", "", ""), "sp", "pc", "x0"),
}  # fmt: skip
ORDER = {
    "x86_64": (
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
        "r15", "rip",
    ),
    "aarch64": (*(f"x{i}" for i in range(31)), "sp", "pc"),
}  # fmt: skip
"""Registers in the order of a context's register file."""


RESULTS = frozenset({"rax", "rdx", "rcx", "r11", "rip", "x0", "x1", "pc"})
"""Registers that the call itself changes: a context that is taken up again finds its results there."""


def getcontext(ctx: Any, ops: Ops, ucp: int) -> int:
    """The calling LWP's registers and signal mask."""
    arch = ctx.arch.value
    machine, registers = MACHINES[arch], dict(zip(ORDER[arch], ctx.regs, strict=False))
    raw = bytearray(machine.size)
    mask = SIGNALS.encode_mask(ctx.sigmask)
    struct.pack_into("<IxxxxQQQ", raw, 0, UC_SIGMASK | UC_CPU, 0, mask, 0)
    words = [0 if name in RESULTS else registers.get(name, 0) for name in machine.order]
    struct.pack_into(f"<{len(words)}Q", raw, machine.gregs, *words)
    ctx.mem.write(ucp, bytes(raw))
    return 0


def _load(ctx: Any, ucp: int) -> tuple[dict[str, int], int | None]:
    """Registers by name, and the signal mask if the struct has one."""
    machine = MACHINES[ctx.arch.value]
    raw = ctx.mem.read(ucp, machine.size)
    flags, _, mask = struct.unpack_from("<IxxxxQQ", raw)
    if not flags & UC_CPU:
        raise Errno(E.INVAL)
    words = struct.unpack_from(f"<{len(machine.order)}Q", raw, machine.gregs)
    registers = {name: word for name, word in zip(machine.order, words, strict=True) if name}
    return registers, SIGNALS.decode_mask(mask) if flags & UC_SIGMASK else None


def create(ctx: Any, ops: Ops, ucp: int, flags: int, new_lwp: int) -> tuple[int, int]:
    """Start an LWP with the registers of `ucp`; the results are what both LWPs find in their registers."""
    arch = ctx.arch.value
    machine = MACHINES[arch]
    registers, mask = _load(ctx, ucp)
    if ctx.wait is not None:  # both finish the call
        if ops[Op.SPAWN_THREAD](ctx, 0, None, None, 0, 0, 0, 0, 4):
            return 0, 0
        for index, name in enumerate(ORDER[arch]):
            ctx.regs[index] = registers[name]
        if mask is not None:
            ctx.sigmask = mask
        return (
            (registers["rax"], registers["rdx"]) if arch == "x86_64" else (registers["x0"], registers["x1"])
        )
    if flags & LWP_SUSPENDED:
        raise Errno(E.INVAL)
    ctx.mem.probe(new_lwp, 4, True)
    ops[Op.SPAWN_THREAD](
        ctx, stack=registers[machine.stack], tls=None, entry=registers[machine.entry],
        argument=registers[machine.argument], parent_tid=new_lwp, child_tid=0, clear_tid=0, tid_bytes=4,
    )  # fmt: skip
    return 0, 0


def _word(ctx: Any, ops: Ops, lwp: int) -> int:
    """Address of an LWP's wake-up word."""
    data = ctx.process.data
    slots = data.setdefault(SLOTS, {})
    if TOKENS not in data:
        flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS
        data[TOKENS] = ops[Op.MMAP](ctx, address=0, size=PAGE, prot=READ_WRITE, flags=flags, fd=-1, offset=0)
    slot: int = slots.setdefault(lwp, len(slots))
    address: int = data[TOKENS] + 4 * (slot % (PAGE // 4))
    return address


def unpark(ctx: Any, ops: Ops, target: int) -> int:
    """Wake an LWP, or let its next park return at once."""
    if all(other.tid != target for other in ctx.process.contexts):
        raise Errno(E.SRCH)
    word = _word(ctx, ops, target)
    ctx.mem.write(word, b"\1\0\0\0")
    ops[Op.UNPARK](ctx, address=word, count=1, mask=ALL)
    return 0


def _timeout(ctx: Any, clock_id: int, ts: int) -> tuple[Time | None, Clock]:
    if not ts:
        return None, Clock.MONOTONIC
    words = TIMESPEC.decode(ctx.mem.read(ts, TIMESPEC.size))
    if words["sec"] < 0 or not 0 <= words["nsec"] < 1_000_000_000:
        raise Errno(E.INVAL)
    clock: Clock = CLOCK.load(clock_id, ctx.mem)
    return Time(words["sec"], words["nsec"]), clock


def park(ctx: Any, ops: Ops, clock_id: int, flags: int, ts: int, target: int) -> int:
    """Wait to be unparked; `target` is unparked first."""
    timeout, clock = _timeout(ctx, clock_id, ts)
    word = _word(ctx, ops, ctx.tid)
    if ctx.wait is None and target:
        unpark(ctx, ops, target)
    try:
        ops[Op.PARK](ctx, address=word, expected=0, size=4, mask=ALL, timeout=timeout,
                     absolute=bool(flags & ABSTIME), clock=clock)  # fmt: skip
    except Errno as e:
        if e.code is not E.AGAIN:
            raise
        ctx.mem.write(word, bytes(4))
        raise Errno(E.ALREADY) from None
    ctx.mem.write(word, bytes(4))
    return 0
