"""Threads of programs that import libpthread: their blocks, their start, and the calls they sleep in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.layout import align_up
from aot.personality.abi.neutral import Clock, MapFlag, Time
from aot.personality.abi.op import Op
from aot.personality.bsd.layouts import TIMESPEC
from aot.personality.bsd.vias import nothing
from aot.personality.openbsd.errors import ERRORS
from aot.personality.openbsd.fails import ERRNO_AT, NULL
from aot.personality.openbsd.flags import CLOCK

__all__ = [
    "NULL", "attr_init", "create", "errno", "finish", "getcwd", "nothing", "stack_size", "thrsleep",
    "thrwakeup", "usleep",
]  # fmt: skip

Ops = Mapping[Op, Any]
STACK = 512 << 10
"""PTHREAD_STACK_DEFAULT on 64-bit systems, bytes."""
READ_WRITE = 6
ALL = 0xFFFF_FFFF
HEADER = 0x100  # bytes around the thread pointer: the block's own words and errno
NEXT_ERRNO = "next errno"


def block_size(size: int, align: int) -> int:
    """Bytes of a thread's block for static TLS of this size."""
    return align_up(size, max(align, 16)) + max(align, 16) + 2 * HEADER


def place(arch: str, base: int, size: int, align: int) -> tuple[int, int, int]:
    """(thread pointer, address of the static TLS, address of errno) in a block at `base`."""
    align = max(align, 1)
    pointer = align_up(base + HEADER, max(align, 16))
    if arch == "x86_64":  # the data ends at the thread pointer
        offset = align_up(size, align)
        pointer = align_up(pointer + offset, max(align, 16))
        return pointer, pointer - offset, pointer + 0x40
    return pointer, pointer + align_up(16, align), pointer - 0x40  # the data follows two words


def errno(ctx: Any, ops: Ops) -> int:
    """Address of the calling thread's errno."""
    address: int = ctx.data[ERRNO_AT]
    return address


def getcwd(ctx: Any, ops: Ops, buf: int, size: int) -> int:
    """The working directory into the caller's buffer, which is the result."""
    path: bytes = ops[Op.GETCWD](ctx) + b"\0"
    if not buf or not size:
        raise Errno(E.INVAL)
    if len(path) > size:
        raise Errno(E.RANGE)
    ctx.mem.write(buf, path)
    return buf


def usleep(ctx: Any, ops: Ops, useconds: int) -> int:
    """Sleep for microseconds."""
    time = Time(*divmod(useconds * 1000, 1_000_000_000))
    ops[Op.NANOSLEEP](ctx, clock=Clock.MONOTONIC, time=time, absolute=False)
    return 0


def attr_init(ctx: Any, ops: Ops) -> int:
    """An attribute object is a pointer; ours points nowhere."""
    return 1


def stack_size(ctx: Any, ops: Ops) -> int:
    """The only size there is."""
    return STACK


def _map(ctx: Any, ops: Ops, size: int, flags: MapFlag) -> int:
    flags |= MapFlag.PRIVATE | MapFlag.ANONYMOUS
    address: int = ops[Op.MMAP](ctx, address=0, size=size, prot=READ_WRITE, flags=flags, fd=-1, offset=0)
    return address


def create(ctx: Any, ops: Ops, thread: int, start: int, arg: int) -> int:
    """Start a thread at `start(arg)` on a stack of its own."""
    if ctx.wait is not None:  # both threads finish the call
        if not ops[Op.SPAWN_THREAD](ctx, 0, None, None, 0, 0, 0, 0, 8):
            ctx.data[ERRNO_AT] = ctx.data[NEXT_ERRNO]
        return 0
    facts, arch = ctx.data, ctx.arch.value
    size, align = facts["tls size"], facts["tls align"]
    stack = _map(ctx, ops, STACK, MapFlag.STACK) + STACK
    block = _map(ctx, ops, block_size(size, align), MapFlag(0))
    pointer, data, facts[NEXT_ERRNO] = place(arch, block, size, align)
    ctx.mem.write(data, ctx.mem.read(facts["tls template"], facts["tls filled"]))
    if arch == "x86_64":
        ctx.mem.write(pointer, pointer.to_bytes(8, "little"))
        stack -= 8
        back: int = ctx.process.data["imports"].address_of("libpthread.so", "pthread_exit")
        ctx.mem.write(stack, back.to_bytes(8, "little"))
    result: int = ops[Op.SPAWN_THREAD](
        ctx, stack=stack, tls=pointer, entry=start, argument=arg, parent_tid=thread, child_tid=0,
        clear_tid=0, tid_bytes=8,
    )  # fmt: skip
    return result


def finish(ctx: Any, ops: Ops) -> int:
    """End the calling thread."""
    ops[Op.EXIT_THREAD](ctx, status=0)
    return 0


def _deadline(ctx: Any, clock: int, tp: int) -> tuple[Time | None, Clock]:
    if not tp:
        return None, Clock.MONOTONIC
    words = TIMESPEC.decode(ctx.mem.read(tp, TIMESPEC.size))
    which: Clock = CLOCK.load(clock, ctx.mem)
    return Time(words["sec"], words["nsec"]), which


def thrsleep(ctx: Any, ops: Ops, ident: int, clock: int, tp: int, lock: int, abort: int) -> int:
    """Sleep on `ident` until a wake-up or the time; the error number is the result."""
    deadline, which = _deadline(ctx, clock, tp)
    if ctx.wait is None:
        if abort and any(ctx.mem.read(abort, 4)):
            return ERRORS[E.INTR]
        if lock:
            ctx.mem.write(lock, bytes(4))
    word = ident & ~3
    value = int.from_bytes(ctx.mem.read(word, 4), "little")
    try:
        ops[Op.PARK](ctx, address=word, expected=value, size=4, mask=ALL, timeout=deadline, absolute=True,
                     clock=which)  # fmt: skip
    except Errno as e:
        return ERRORS[E.AGAIN if e.code is E.TIMEDOUT else e.code]
    return 0


def thrwakeup(ctx: Any, ops: Ops, ident: int, count: int) -> int:
    """Wake `count` sleepers on `ident`, 0 for all; nobody asleep is ESRCH as the result."""
    woken: int = ops[Op.UNPARK](ctx, address=ident & ~3, count=count or 0x7FFF_FFFF, mask=ALL)
    return 0 if woken else ERRORS[E.SRCH]
