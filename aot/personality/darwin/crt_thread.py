"""Threads of libSystem: creation, keys, mutexes, conditions, once. From: pthread.h, pthread_impl.h of macOS 14.

A pthread_t is the address of the thread's block. Of a mutex the words behind its signature are used: type, owner,
depth; of a condition: a sequence number. All waits are waits on those words.
"""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import FULL, NOTHING, ZERO, Call, call, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, To
from aot.personality.abi.layout import align_up
from aot.personality.abi.neutral import Clock, MapFlag, Time
from aot.personality.abi.op import Op
from aot.personality.bsd import kinds as bk
from aot.personality.darwin import flags as fl
from aot.personality.darwin import kinds as k
from aot.personality.darwin.crt import Ops, Steps, c, calls_back, constant, crt, word
from aot.personality.darwin.fails import KERNEL_NUMBER, NUMBER
from aot.personality.darwin.kinds import RAW
from aot.personality.darwin.start import KEYS, THREAD_END, THREAD_SIZE, TLS_FACTS, TLV_KEY, TSD
from aot.personality.darwin.state import ERRNO

ALL, READ_WRITE = 0xFFFF_FFFF, 6
STACK = 512 << 10  # default of all but the main thread
ENDED, RESULT = 8, 16  # offsets in struct pthread: a word that is 1 while it runs, what it returned
ATTR_STACK, ATTR_DETACHED = 16, 24  # offsets in pthread_attr_t
TYPE, OWNER, DEPTH = 12, 16, 20  # offsets in pthread_mutex_t
ERRORCHECK, RECURSIVE = 1, 2
SEQUENCE = 16  # offset in pthread_cond_t
BUSY, DEADLOCK, TIMED_OUT, NOT_OWNER, NO_KEY = 16, 11, 60, 1, 35
NEXT = "next thread"  # key of a context's data: block of the thread that is being made
PHASE, OUTCOME = "cond phase", "cond result"


def self_of(ctx: Any) -> int:
    """The calling thread's pthread_t."""
    return int(ctx.data["keys"]) - TSD


def _map(ctx: Any, ops: Ops, size: int) -> int:
    flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS
    at: int = ops[Op.MMAP](ctx, address=0, size=size, prot=READ_WRITE, flags=flags, fd=-1, offset=0)
    return at


def _u32(ctx: Any, address: int) -> int:
    return int.from_bytes(ctx.mem.read(address, 4), "little")


def _put(ctx: Any, address: int, value: int) -> None:
    ctx.mem.write(address, (value & ALL).to_bytes(4, "little"))


# -- threads -----------------------------------------------------------------------------------------


def _block(ctx: Any, ops: Ops) -> int:
    """A thread's block: struct pthread, keys, thread-local variables; the pthread_t."""
    template, filled, size, align = (ctx.process.data[f"{TLS_FACTS} {i}"] for i in range(4))
    unit = max(align, 16)
    at = _map(ctx, ops, align_up(THREAD_SIZE + size + unit, 0x1000))
    variables = align_up(at + THREAD_SIZE, unit)
    if filled:
        ctx.mem.write(variables, ctx.mem.read(template, filled))
    keys = at + TSD
    ctx.mem.write(keys, struct.pack("<QQ", at, at + 0x100))
    ctx.mem.write(keys + 8 * TLV_KEY, word(variables))
    _put(ctx, at + ENDED, 1)
    return at


def _adopt(ctx: Any, block: int) -> None:
    """The new thread's own part: its data, its base, where its function returns to."""
    ctx.data["keys"], ctx.data[ERRNO] = block + TSD, block + 0x100
    x86 = ctx.arch.value == "x86_64"
    ctx.cpu.set_base(ctx, "gs" if x86 else "tpidrro_el0", block + TSD)
    if not x86:
        ctx.regs[30] = ctx.process.data[THREAD_END]


def create(ctx: Any, ops: Ops, out: int, attr: int, start: int, argument: int) -> int:
    """pthread_create."""
    if ctx.wait is not None:  # both threads finish the call
        if not ops[Op.SPAWN_THREAD](ctx, 0, None, None, 0, 0, 0, 0, 0):
            _adopt(ctx, ctx.data[NEXT])
        return 0
    ctx.mem.probe(out, 8, True)
    size = ctx.mem.load_u64(attr + ATTR_STACK) if attr else STACK
    stack = _map(ctx, ops, max(size, 16384)) + max(size, 16384)
    block = ctx.data[NEXT] = _block(ctx, ops)
    ctx.mem.write(out, word(block))
    if ctx.arch.value == "x86_64":
        stack -= 8
        ctx.mem.write(stack, word(ctx.process.data[THREAD_END]))
    result: int = ops[Op.SPAWN_THREAD](
        ctx, stack=stack, tls=None, entry=start, argument=argument, parent_tid=0, child_tid=0,
        clear_tid=block + ENDED, tid_bytes=0,
    )  # fmt: skip
    return result


def leave(ctx: Any, ops: Ops, value: int) -> int:
    """pthread_exit: keep the value for who joins, end the thread."""
    ctx.mem.write(self_of(ctx) + RESULT, word(value))
    ops[Op.EXIT_THREAD](ctx, status=0)
    return 0


def _park(ctx: Any, ops: Ops, address: int, expected: int, timeout: Time | None = None) -> None:
    ops[Op.PARK](ctx, address=address, expected=expected, size=4, mask=ALL, timeout=timeout,
                 absolute=False, clock=int(Clock.MONOTONIC))  # fmt: skip


def join(ctx: Any, ops: Ops, thread: int, out: int) -> int:
    """pthread_join."""
    while ctx.wait is not None or _u32(ctx, thread + ENDED):
        _park(ctx, ops, thread + ENDED, 1)
    if out:
        ctx.mem.write(out, ctx.mem.read(thread + RESULT, 8))
    return 0


def myself(ctx: Any, ops: Ops) -> int:
    """pthread_self."""
    return self_of(ctx)


def is_main(ctx: Any, ops: Ops) -> int:
    """pthread_main_np."""
    return int(self_of(ctx) == int(ctx.process.data["keys"]) - TSD)


def thread_id(ctx: Any, ops: Ops, thread: int, out: int) -> int:
    """pthread_threadid_np of the calling thread."""
    ctx.mem.write(out, word(ops[Op.GETTID](ctx)))
    return 0


def attr_init(ctx: Any, ops: Ops, attr: int) -> int:
    """pthread_attr_init."""
    ctx.mem.write(attr, bytes(64))
    ctx.mem.write(attr + ATTR_STACK, word(STACK))
    return 0


def attr_get_stack(ctx: Any, ops: Ops, attr: int, out: int) -> int:
    """pthread_attr_getstacksize."""
    ctx.mem.write(out, ctx.mem.read(attr + ATTR_STACK, 8))
    return 0


def attr_set_stack(ctx: Any, ops: Ops, attr: int, size: int) -> int:
    """pthread_attr_setstacksize."""
    ctx.mem.write(attr + ATTR_STACK, word(size))
    return 0


def send(ctx: Any, ops: Ops, thread: int, signal: int) -> int:
    """pthread_kill: to the thread with this block."""
    target = next((x for x in ctx.process.contexts if x.data.get("keys") == thread + TSD), None)
    if target is None:
        raise Errno(E.SRCH)
    ops[Op.TKILL](ctx, pid=0, tid=target.tid, signal=signal)
    return 0


def to_self(ctx: Any, ops: Ops, signal: int) -> int:
    """Raise."""
    ops[Op.TKILL](ctx, pid=0, tid=ctx.tid, signal=signal)
    return 0


# -- mutexes and conditions --------------------------------------------------------------------------


def mutex_init(ctx: Any, ops: Ops, mutex: int, attr: int) -> int:
    """pthread_mutex_init; an attribute holds the type in its second word."""
    ctx.mem.write(mutex, struct.pack("<QIIII", 0x4D55_5458, 0, _u32(ctx, attr + 8) if attr else 0, 0, 0))
    return 0


def _acquire(ctx: Any, ops: Ops, mutex: int) -> int:
    if ctx.wait is not None:
        _park(ctx, ops, mutex + OWNER, 0)
    while owner := _u32(ctx, mutex + OWNER):
        kind = _u32(ctx, mutex + TYPE)
        if owner == ctx.tid and kind == RECURSIVE:
            _put(ctx, mutex + DEPTH, _u32(ctx, mutex + DEPTH) + 1)
            return 0
        if owner == ctx.tid and kind == ERRORCHECK:
            return DEADLOCK
        _park(ctx, ops, mutex + OWNER, owner)
    _put(ctx, mutex + OWNER, ctx.tid)
    return 0


def lock(ctx: Any, ops: Ops, mutex: int) -> int:
    """pthread_mutex_lock."""
    return _acquire(ctx, ops, mutex)


def try_lock(ctx: Any, ops: Ops, mutex: int) -> int:
    """pthread_mutex_trylock."""
    owner = _u32(ctx, mutex + OWNER)
    if owner and not (owner == ctx.tid and _u32(ctx, mutex + TYPE) == RECURSIVE):
        return BUSY
    return _acquire(ctx, ops, mutex)


def unlock(ctx: Any, ops: Ops, mutex: int) -> int:
    """pthread_mutex_unlock."""
    if _u32(ctx, mutex + OWNER) != ctx.tid:
        return NOT_OWNER
    if depth := _u32(ctx, mutex + DEPTH):
        _put(ctx, mutex + DEPTH, depth - 1)
        return 0
    _put(ctx, mutex + OWNER, 0)
    ops[Op.UNPARK](ctx, address=mutex + OWNER, count=1, mask=ALL)
    return 0


def cond_init(ctx: Any, ops: Ops, cond: int) -> int:
    """pthread_cond_init."""
    ctx.mem.write(cond, struct.pack("<QQI", 0x434F_4E44, 0, 0))
    return 0


def wait(ctx: Any, ops: Ops, cond: int, mutex: int, timeout: Time | None = None) -> int:
    """pthread_cond_wait: leave the mutex, wait, take it again; each step may have to wait."""
    facts = ctx.data
    if not facts.get(PHASE):
        unlock(ctx, ops, mutex)
        facts[PHASE], facts[OUTCOME] = 1, 0
        _park(ctx, ops, cond + SEQUENCE, _u32(ctx, cond + SEQUENCE), timeout)
    if facts[PHASE] == 1:
        try:
            if ctx.wait is not None:
                _park(ctx, ops, cond + SEQUENCE, 0)
        except Errno as e:
            if e.code not in (E.TIMEDOUT, E.INTR):
                raise
            facts[OUTCOME] = TIMED_OUT if e.code is E.TIMEDOUT else 0
        facts[PHASE] = 2
    _acquire(ctx, ops, mutex)
    facts[PHASE] = 0
    return int(facts[OUTCOME])


def wait_until(ctx: Any, ops: Ops, cond: int, mutex: int, moment: Time) -> int:
    """pthread_cond_timedwait: a time of the wall clock."""
    now = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.REALTIME)
    left = max(moment.ns - now.ns, 0)
    return wait(ctx, ops, cond, mutex, Time(*divmod(left, 1_000_000_000)))


def wake(count: int) -> Any:
    """pthread_cond_signal and broadcast."""

    def notify(ctx: Any, ops: Ops, cond: int) -> int:
        _put(ctx, cond + SEQUENCE, _u32(ctx, cond + SEQUENCE) + 1)
        ops[Op.UNPARK](ctx, address=cond + SEQUENCE, count=count, mask=ALL)
        return 0

    return notify


# -- keys and once -----------------------------------------------------------------------------------


def key_create(ctx: Any, ops: Ops, out: int, destructor: int) -> int:
    """pthread_key_create."""
    known = crt(ctx).keys
    key = next((n for n in range(TLV_KEY + 1, KEYS) if n not in known), 0)
    if not key:
        return NO_KEY
    ctx.mem.write(out, word(key))
    known[key] = destructor
    return 0


def key_delete(ctx: Any, ops: Ops, key: int) -> int:
    """pthread_key_delete."""
    crt(ctx).keys.pop(key, None)
    return 0


def get_specific(ctx: Any, ops: Ops, key: int) -> int:
    """pthread_getspecific."""
    return int(ctx.mem.load_u64(ctx.data["keys"] + 8 * key)) if 0 <= key < KEYS else 0


def set_specific(ctx: Any, ops: Ops, key: int, value: int) -> int:
    """pthread_setspecific."""
    if not 0 <= key < KEYS:
        raise Errno(E.INVAL)
    ctx.mem.write(ctx.data["keys"] + 8 * key, word(value))
    return 0


@calls_back
def once(ctx: Any, ops: Ops, control: int, function: int) -> Steps:
    """pthread_once."""
    if control not in crt(ctx).once:
        crt(ctx).once.add(control)
        yield function, ()
    return 0


THREAD, ATTR = {"thread": To("thread", RAW)}, {"attr": To("attr", RAW)}
MUTEX, COND = {"mutex": To("mutex", RAW)}, {"cond": To("cond", RAW)}
OUT, KEY = {"out": To("out", RAW)}, {"key": To("key", RAW)}
SIGNAL = {"sig": To("signal", k.SIGNAL_KINDS.number)}
NOTE = "no cancellation, no priorities, no process-shared objects"


def p(name: str, args: Any, via: Any, **more: Any) -> Call:
    """A pthread function: its result is an error number."""
    return c(name, args, via, NOTE, fail=NUMBER, **more)


# fmt: off
CALLS: tuple[Call, ...] = (
    p("pthread_create", {**OUT, **ATTR, "start": To("start", RAW), "arg": To("argument", RAW)}, create),
    p("pthread_exit", {"value": To("value", RAW)}, leave, ret=NOTHING),
    p("pthread_join", {**THREAD, **OUT}, join),
    p("pthread_detach", THREAD, constant(0)),
    p("pthread_self", {}, myself),
    p("pthread_main_np", {}, is_main),
    p("pthread_threadid_np", {**THREAD, **OUT}, thread_id),
    p("pthread_attr_init", ATTR, attr_init),
    p("pthread_attr_destroy", ATTR, constant(0)),
    p("pthread_attr_getstacksize", {**ATTR, **OUT}, attr_get_stack),
    p("pthread_attr_setstacksize", {**ATTR, "size": To("size", RAW)}, attr_set_stack),
    p("pthread_attr_setdetachstate", {**ATTR, "state": S32}, constant(0)),
    p("pthread_attr_setguardsize", {**ATTR, "size": To("size", RAW)}, constant(0)),
    p("pthread_setname_np", {"name": To("name", RAW)}, constant(0)),
    p("pthread_kill", {**THREAD, **SIGNAL}, send),
    c("raise", SIGNAL, to_self),
    call("pthread_sigmask", None, Op.SIGPROCMASK, FULL,
         sig(how=fl.MASK_HOW, set=To("mask", k.SIGNAL_KINDS.set_opt), oset=k.SIGNAL_KINDS.set_out_opt), ZERO,
         symbols=("_pthread_sigmask",), fail=KERNEL_NUMBER),
    p("pthread_mutex_init", {**MUTEX, **ATTR}, mutex_init),
    p("pthread_mutex_destroy", MUTEX, constant(0)),
    p("pthread_mutex_lock", MUTEX, lock),
    p("pthread_mutex_trylock", MUTEX, try_lock),
    p("pthread_mutex_unlock", MUTEX, unlock),
    p("pthread_cond_init", {**COND, "attr": RAW}, lambda ctx, ops, cond, attr: cond_init(ctx, ops, cond)),
    p("pthread_cond_destroy", COND, constant(0)),
    p("pthread_cond_wait", {**COND, **MUTEX}, wait),
    p("pthread_cond_timedwait_relative_np", {**COND, **MUTEX, "reltime": To("timeout", bk.TIME_IN)}, wait),
    p("pthread_cond_timedwait", {**COND, **MUTEX, "abstime": To("moment", bk.TIME_IN)}, wait_until),
    p("pthread_cond_signal", COND, wake(1)),
    p("pthread_cond_broadcast", COND, wake(0x7FFF_FFFF)),
    p("pthread_key_create", {**OUT, "destructor": To("destructor", RAW)}, key_create),
    p("pthread_key_delete", KEY, key_delete),
    p("pthread_getspecific", KEY, get_specific),
    p("pthread_setspecific", {**KEY, "value": To("value", RAW)}, set_specific),
    p("pthread_once", {"control": To("control", RAW), "function": To("function", RAW)}, once),
)
# fmt: on
