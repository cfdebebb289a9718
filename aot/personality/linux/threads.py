"""clone(2) and clone3(2). From: include/uapi/linux/sched.h, kernel/fork.c.

The last two arguments of clone change places between architectures: x86_64 passes child_tid before tls, aarch64 after.
"""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import ADDRESS, To
from aot.personality.abi.neutral_process import Copying
from aot.personality.abi.op import Op
from aot.personality.abi.signals import LAST
from aot.personality.linux.columns import nr
from aot.record import dataclass

CSIGNAL = 0xFF
CLONE_NEWTIME, CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND = 0x80, 0x100, 0x200, 0x400, 0x800
CLONE_PIDFD, CLONE_PTRACE, CLONE_VFORK, CLONE_PARENT = 0x1000, 0x2000, 0x4000, 0x8000
CLONE_THREAD, CLONE_NEWNS, CLONE_SYSVSEM, CLONE_SETTLS = 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000
CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID, CLONE_DETACHED = 0x10_0000, 0x20_0000, 0x40_0000
CLONE_UNTRACED, CLONE_CHILD_SETTID, CLONE_IO = 0x80_0000, 0x100_0000, 0x8000_0000
CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP = 0x1_0000_0000, 0x2_0000_0000
NAMESPACES = CLONE_NEWTIME | CLONE_NEWNS | 0x7E00_0000
LEGACY = 0xFFFF_FFFF
ARGS = struct.Struct("<11Q")  # clone_args
SMALLEST, LARGEST = 64, 4096


@dataclass(frozen=True, slots=True)
class Wish:
    """What a call asks for, from either form."""

    flags: int
    stack: int
    tls: int
    parent_tid: int
    child_tid: int
    pidfd: int
    end_signal: int
    tid: int = 0


def clone(ctx: Any, ops: Any, *, flags: int, stack: int, parent_tid: int, child_tid: int, tls: int) -> int:
    """A thread of the calling process, or a copy of the process."""
    wish = Wish(flags & LEGACY & ~CSIGNAL, stack, tls, parent_tid, child_tid, parent_tid, flags & CSIGNAL)
    if flags & CLONE_PIDFD and flags & CLONE_PARENT_SETTID:
        raise Errno(E.INVAL)
    return _made(ctx, ops, wish)


def clone3(ctx: Any, ops: Any, *, args: int, size: int) -> int:
    """The same with everything in a struct of `size` bytes."""
    if size > LARGEST:
        raise Errno(E.TOOBIG)
    if size < SMALLEST:
        raise Errno(E.INVAL)
    raw = ctx.mem.read(args, size)
    if any(raw[ARGS.size :]):
        raise Errno(E.TOOBIG)
    words = ARGS.unpack(raw[: ARGS.size].ljust(ARGS.size, b"\0"))
    flags, pidfd, child_tid, parent_tid, end_signal, stack, stack_size, tls, tids, count, _ = words
    if flags & ~(LEGACY | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP):
        raise Errno(E.INVAL)
    if flags & (CLONE_DETACHED | CSIGNAL & ~CLONE_NEWTIME) or bool(stack) != bool(stack_size):
        raise Errno(E.INVAL)
    if end_signal > LAST or (end_signal and flags & (CLONE_THREAD | CLONE_PARENT)):
        raise Errno(E.INVAL)
    if count > 1 or bool(tids) != bool(count):  # one level of namespaces
        raise Errno(E.INVAL)
    tid = int.from_bytes(ctx.mem.read(tids, 4), "little", signed=True) if count else 0
    if count and not 0 < tid < 1 << 22:
        raise Errno(E.INVAL)
    if flags & CLONE_INTO_CGROUP:
        raise Errno(E.BADF)  # no descriptor is that of a control group
    stack = stack + stack_size & (1 << 64) - 1 if stack else 0
    return _made(ctx, ops, Wish(flags, stack, tls, parent_tid, child_tid, pidfd, end_signal, tid))


def _check(flags: int) -> None:
    """Combinations that mean nothing are INVAL; a namespace of its own is PERM."""
    thread, handlers = flags & CLONE_THREAD, flags & CLONE_SIGHAND
    wrong = (
        (thread and not handlers)
        or (handlers and not flags & CLONE_VM)
        or (handlers and flags & CLONE_CLEAR_SIGHAND)
        or (flags & CLONE_FS and flags & (CLONE_NEWNS | 0x1000_0000))
        or (flags & CLONE_PIDFD and flags & (CLONE_DETACHED | CLONE_THREAD))
        or (thread and flags & NAMESPACES)
    )
    if wrong:
        raise Errno(E.INVAL)
    if flags & NAMESPACES:
        raise Errno(E.PERM)


def _made(ctx: Any, ops: Any, wish: Wish) -> int:
    flags = wish.flags
    _check(flags)
    words = {
        "stack": wish.stack,
        "tls": wish.tls if flags & CLONE_SETTLS else None,
        "parent_tid": wish.parent_tid if flags & CLONE_PARENT_SETTID else 0,
        "child_tid": wish.child_tid if flags & CLONE_CHILD_SETTID else 0,
        "clear_tid": wish.child_tid if flags & CLONE_CHILD_CLEARTID else 0,
    }
    if flags & CLONE_THREAD:
        made: int = ops[Op.SPAWN_THREAD](ctx, entry=None, argument=0, tid_bytes=4, new_tid=wish.tid, **words)
        return made
    copying = Copying(
        files=bool(flags & CLONE_FILES),
        names=bool(flags & CLONE_FS),
        handlers=bool(flags & CLONE_SIGHAND),
        reset=bool(flags & CLONE_CLEAR_SIGHAND),
        sibling=bool(flags & CLONE_PARENT),
        end_signal=wish.end_signal,
        tid=wish.tid,
        pidfd=wish.pidfd if flags & CLONE_PIDFD else 0,
    )
    share, wait = bool(flags & CLONE_VM), bool(flags & CLONE_VFORK)
    copied: int = ops[Op.FORK](ctx, share=share, wait=wait, copying=copying, **words)
    return copied


STATUS = partial("no namespaces; threads always share descriptors and directories")
HEAD = {"flags": ADDRESS, "newsp": To("stack", ADDRESS), "parent_tidptr": To("parent_tid", ADDRESS)}
CHILD, TLS = To("child_tid", ADDRESS), ADDRESS
CALLS: tuple[Call, ...] = (
    call("clone", nr(56, None), None, STATUS, sig(**HEAD, child_tidptr=CHILD, tls=TLS), via=clone),
    call("clone", nr(None, 220), None, STATUS, sig(**HEAD, tls=TLS, child_tidptr=CHILD), via=clone),
    call(
        "clone3",
        nr(435, 435),
        None,
        STATUS,
        sig(uargs=To("args", ADDRESS), size=To("size", ADDRESS)),
        via=clone3,
    ),
)
