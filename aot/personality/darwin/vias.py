"""Darwin calls that are no single op: pure combinations of ops and guest memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.neutral import CWD, Clock, Time
from aot.personality.abi.op import Op
from aot.personality.darwin.layouts import TIMEVAL

Ops = Mapping[Op, Any]
ALL = 0xFFFF_FFFF
MAXPATHLEN = 1024
WAIT64 = (5, 6)  # operations of ulock_wait that compare 64 bits: UL_COMPARE_AND_WAIT64, ..._SHARED
ULF_NO_ERRNO, ULF_WAKE_ALL = 0x0100_0000, 0x100
TASK_PORT, THREAD_PORT, HOST_PORT, REPLY_PORT = 0x103, 0x303, 0x503, 0x703


def get_path(ctx: Any, ops: Ops, fd: int, out: int) -> int:
    """F_GETPATH: the path of an open file."""
    path: bytes = ops[Op.READLINKAT](ctx, dirfd=CWD, path=b"/proc/self/fd/%d" % fd)
    ctx.mem.write(out, path[: MAXPATHLEN - 1] + b"\0")
    return 0


def absolute_ns(ctx: Any, ops: Ops) -> int:
    """mach_absolute_time: nanoseconds, as the time base 1/1 says."""
    return int(ops[Op.CLOCK_GETTIME](ctx, clock=Clock.MONOTONIC).ns)


def time_of_day(ctx: Any, ops: Ops, tp: int, absolute: int) -> int:
    """Gettimeofday, which may be asked for both clocks."""
    now = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.REALTIME)
    if tp:
        ctx.mem.write(tp, TIMEVAL.encode(now))
    if absolute:
        ctx.mem.write(absolute, absolute_ns(ctx, ops).to_bytes(8, "little"))
    return 0


def _wait(ctx: Any, ops: Ops, operation: int, addr: int, value: int, timeout: Time | None) -> int:
    size = 8 if operation & 0xFF in WAIT64 else 4
    ctx.mem.probe(addr, size, False)  # a bad address is found before a bad alignment
    try:
        ops[Op.PARK](ctx, address=addr, expected=value, size=size, mask=ALL, timeout=timeout,
                     absolute=False, clock=int(Clock.MONOTONIC))  # fmt: skip
    except Errno as e:
        if e.code is not E.AGAIN:
            raise  # a changed value is a success here
    return 0


def ulock_wait(ctx: Any, ops: Ops, operation: int, addr: int, value: int, timeout: int) -> int:
    """Wait while a word holds a value; the timeout is in microseconds, 0 is none."""
    limit = Time(*divmod(timeout * 1000, 1_000_000_000)) if timeout else None
    return _wait(ctx, ops, operation, addr, value, limit)


def ulock_wait2(ctx: Any, ops: Ops, operation: int, addr: int, value: int, timeout: int) -> int:
    """The same with nanoseconds."""
    limit = Time(*divmod(timeout, 1_000_000_000)) if timeout else None
    return _wait(ctx, ops, operation, addr, value, limit)


def ulock_wake(ctx: Any, ops: Ops, operation: int, addr: int) -> int:
    """Wake one or all that wait; nobody there is ENOENT."""
    count = 0x7FFF_FFFF if operation & ULF_WAKE_ALL else 1
    if not ops[Op.UNPARK](ctx, address=addr, count=count, mask=ALL):
        raise Errno(E.NOENT)
    return 0


def sem_wait_signal(ctx: Any, ops: Ops, timeout: int, relative: int, tv_sec: int, tv_nsec: int) -> int:
    """__semwait_signal as nanosleep uses it: no semaphore, a relative time."""
    if not timeout or not relative:
        raise Errno(E.INVAL)
    if tv_sec < 0 or not 0 <= tv_nsec < 1_000_000_000:
        raise Errno(E.INVAL)
    ops[Op.NANOSLEEP](ctx, time=Time(tv_sec, tv_nsec), clock=Clock.MONOTONIC, absolute=False)
    raise Errno(E.TIMEDOUT)


def bsdthread_terminate(ctx: Any, ops: Ops, stack: int, size: int) -> int:
    """End the calling thread; its stack goes with it."""
    if stack and size:
        ops[Op.MUNMAP](ctx, address=stack, size=size)
    ops[Op.EXIT_THREAD](ctx, status=0)
    return 0


def port(number: int) -> Any:
    """A Mach trap that answers the name of a port."""

    def answer(ctx: Any, ops: Ops) -> int:
        return number

    return answer


def wait_until(ctx: Any, ops: Ops, deadline: int) -> int:
    """mach_wait_until: sleep to a time of mach_absolute_time."""
    time = Time(*divmod(deadline, 1_000_000_000))
    ops[Op.NANOSLEEP](ctx, time=time, clock=Clock.MONOTONIC, absolute=True)
    return 0


def vm_allocate(ctx: Any, ops: Ops, target: int, addr: int, size: int, flags: int) -> int:
    """mach_vm_allocate: anonymous memory, anywhere or at an address."""
    ctx.mem.probe(addr, 8, True)
    page = ctx.mem.page_size
    size = -(-size // page) * page
    if not flags & 1:  # VM_FLAGS_ANYWHERE
        at = ctx.mem.load_u64(addr) & -page
        if ctx.mem.region_at(at) is not None:
            raise Errno(E.NOMEM)
        ctx.mem.map(at, size, 6, fixed=True)
        return 0
    ctx.mem.write(addr, ctx.mem.map(None, size, 6).to_bytes(8, "little"))
    return 0


def vm_deallocate(ctx: Any, ops: Ops, target: int, addr: int, size: int) -> int:
    """mach_vm_deallocate."""
    if size:
        ops[Op.MUNMAP](ctx, address=addr, size=size)
    return 0


def vm_protect(ctx: Any, ops: Ops, target: int, addr: int, size: int, maximum: int, prot: int) -> int:
    """mach_vm_protect: VM_PROT_READ 1, WRITE 2, EXECUTE 4; the maximum stays."""
    if not maximum:
        rights = (prot & 1) << 2 | prot & 2 | prot >> 2 & 1
        ops[Op.MPROTECT](ctx, address=addr, size=size, prot=rights)
    return 0
