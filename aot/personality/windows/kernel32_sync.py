"""kernel32: locks, thread-local storage, events. From: synchapi.h, fibersapi.h of mingw-w64."""

from __future__ import annotations

import struct
from functools import partial as bind
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import U32, To, Unused
from aot.personality.abi.neutral import Clock
from aot.personality.abi.op import Op
from aot.personality.windows import calls_process, fails
from aot.personality.windows.files import Ops
from aot.personality.windows.kernel32_process import HANDLE_ARG
from aot.personality.windows.kernel32_time import INFINITE
from aot.personality.windows.kinds import POINTER, RAW
from aot.personality.windows.layouts import TEB, TLS_SLOTS
from aot.personality.windows.state import (
    Event,
    set_last_error,
    state,
    teb,
)
from aot.personality.windows.win32 import k32

INVALID = (1 << 64) - 1
EXPANSION_SLOTS = 1024
LOCK_COUNT, RECURSION, OWNER, SPIN = 8, 12, 16, 32


def lock_init(ctx: Any, ops: Ops, lock: int) -> int:
    """InitializeCriticalSection and its variants."""
    ctx.mem.write(lock, struct.pack("<QiIQQQ", INVALID, -1, 0, 0, 0, 0))
    return 1


def lock_enter(ctx: Any, ops: Ops, lock: int) -> int:
    """EnterCriticalSection: another owner is waited for."""
    while not lock_try(ctx, ops, lock):
        owner = ctx.mem.load_u64(lock + OWNER)
        try:
            ops[Op.PARK](
                ctx, address=lock + OWNER, expected=owner, size=8, mask=0xFFFF_FFFF, timeout=None,
                absolute=False, clock=Clock.MONOTONIC,
            )  # fmt: skip
        except Errno as e:
            if e.code not in (E.AGAIN, E.INTR):
                raise
    return 0


def lock_try(ctx: Any, ops: Ops, lock: int) -> int:
    """TryEnterCriticalSection."""
    count, depth, owner = struct.unpack("<iIQ", ctx.mem.read(lock + LOCK_COUNT, 16))
    if owner not in (0, ctx.tid):
        return 0
    ctx.mem.write(lock + LOCK_COUNT, struct.pack("<iIQ", count + 1, depth + 1, ctx.tid))
    return 1


def lock_leave(ctx: Any, ops: Ops, lock: int) -> int:
    """LeaveCriticalSection."""
    count, depth, _ = struct.unpack("<iIQ", ctx.mem.read(lock + LOCK_COUNT, 16))
    owner = ctx.tid if depth > 1 else 0
    ctx.mem.write(lock + LOCK_COUNT, struct.pack("<iIQ", count - 1, max(0, depth - 1), owner))
    if not owner and len(ctx.process.contexts) > 1:
        ops[Op.UNPARK](ctx, address=lock + OWNER, count=1, mask=0xFFFF_FFFF)
    return 0


def lock_delete(ctx: Any, ops: Ops, lock: int) -> int:
    """DeleteCriticalSection."""
    ctx.mem.write(lock, bytes(40))
    return 0


def srw_acquire(ctx: Any, ops: Ops, lock: int) -> int:
    """AcquireSRWLock of either kind: with one thread the lock is always free."""
    ctx.mem.write(lock, struct.pack("<Q", 1))
    return 1


def srw_release(ctx: Any, ops: Ops, lock: int) -> int:
    """ReleaseSRWLock of either kind."""
    ctx.mem.write(lock, bytes(8))
    return 0


def zero_word(ctx: Any, ops: Ops, where: int) -> int:
    """InitializeSRWLock, InitializeConditionVariable, InitOnceInitialize."""
    ctx.mem.write(where, bytes(8))
    return 0


def _slot(ctx: Any, index: int) -> int | None:
    """Address of a TLS slot, None when there is no such index."""
    if index < TLS_SLOTS:
        return teb(ctx) + TEB["TlsSlots"] + 8 * index
    if index >= TLS_SLOTS + EXPANSION_SLOTS:
        return None
    table: int = ctx.mem.load_u64(teb(ctx) + TEB["TlsExpansionSlots"])
    if not table:
        table = ctx.mem.map(None, 8 * EXPANSION_SLOTS, 6, name="[tls expansion]")
        ctx.mem.write(teb(ctx) + TEB["TlsExpansionSlots"], struct.pack("<Q", table))
    return table + 8 * (index - TLS_SLOTS)


def list_init(ctx: Any, ops: Ops, where: int) -> int:
    """InitializeSListHead."""
    ctx.mem.write(where, bytes(16))
    return 0


def list_push(ctx: Any, ops: Ops, where: int, entry: int) -> int:
    """InterlockedPushEntrySList: the entry that was first."""
    head, first = struct.unpack("<QQ", ctx.mem.read(where, 16))
    ctx.mem.write(entry, struct.pack("<Q", first))
    ctx.mem.write(where, struct.pack("<QQ", head + 1, entry))
    return int(first)


def list_flush(ctx: Any, ops: Ops, where: int) -> int:
    """InterlockedFlushSList: every entry."""
    first: int = ctx.mem.load_u64(where + 8)
    ctx.mem.write(where, bytes(16))
    return first


def tls_alloc(ctx: Any, ops: Ops) -> int:
    """TlsAlloc."""
    used = state(ctx).tls_used
    for index in range(TLS_SLOTS + EXPANSION_SLOTS):
        if index not in used:
            used.add(index)
            slot = _slot(ctx, index)
            assert slot is not None
            ctx.mem.write(slot, bytes(8))
            return index
    raise Errno(E.NOMEM)


def tls_free(ctx: Any, ops: Ops, index: int) -> int:
    """TlsFree."""
    if index not in state(ctx).tls_used:
        raise Errno(E.INVAL)
    state(ctx).tls_used.discard(index)
    return 1


def tls_get(ctx: Any, ops: Ops, index: int) -> int:
    """TlsGetValue."""
    slot = _slot(ctx, index)
    if slot is None:
        raise Errno(E.INVAL)
    set_last_error(ctx, 0)
    found: int = ctx.mem.load_u64(slot)
    return found


def tls_set(ctx: Any, ops: Ops, index: int, data: int) -> int:
    """TlsSetValue."""
    slot = _slot(ctx, index)
    if slot is None:
        raise Errno(E.INVAL)
    ctx.mem.write(slot, struct.pack("<Q", data))
    return 1


def fls_alloc(ctx: Any, ops: Ops, callback: int) -> int:
    """FlsAlloc; callbacks run at no time, threads end with the process."""
    used = state(ctx).fls_used
    index = next(i for i in range(1, 4096) if i not in used)
    used.add(index)
    return index


def fls_free(ctx: Any, ops: Ops, index: int) -> int:
    """FlsFree."""
    if index not in state(ctx).fls_used:
        raise Errno(E.INVAL)
    state(ctx).fls_used.discard(index)
    ctx.data.pop(f"fls{index}", None)
    return 1


def fls_get(ctx: Any, ops: Ops, index: int) -> int:
    """FlsGetValue."""
    if index not in state(ctx).fls_used:
        raise Errno(E.INVAL)
    set_last_error(ctx, 0)
    found: int = ctx.data.get(f"fls{index}", 0)
    return found


def fls_set(ctx: Any, ops: Ops, index: int, data: int) -> int:
    """FlsSetValue."""
    if index not in state(ctx).fls_used:
        raise Errno(E.INVAL)
    ctx.data[f"fls{index}"] = data
    return 1


def create_event(ctx: Any, ops: Ops, manual: int, signaled: int) -> int:
    """CreateEvent without a name."""
    set_last_error(ctx, 0)
    return state(ctx).add(Event(bool(signaled), manual=bool(manual)))


def set_event(ctx: Any, ops: Ops, handle: int, *, signaled: bool) -> int:
    """SetEvent and ResetEvent."""
    state(ctx).find(handle, Event).signaled = signaled
    return 1


def wait_one(ctx: Any, ops: Ops, handle: int, ms: int) -> int:
    """WaitForSingleObject."""
    return calls_process.wait_one(ctx, ops, handle, None if ms == INFINITE else -ms * 10_000)


LOCK = {"lpCriticalSection": To("lock", POINTER)}
SRW = {"SRWLock": To("lock", POINTER)}
INDEX = {"dwIndex": To("index", U32)}

# fmt: off
CALLS: tuple[Call, ...] = (
    k32("InitializeCriticalSection", LOCK, lock_init, ret=NOTHING),
    k32("InitializeCriticalSectionAndSpinCount", {**LOCK, "dwSpinCount": Unused("never spins")}, lock_init),
    k32("InitializeCriticalSectionEx", {**LOCK, "dwSpinCount": Unused("never spins"),
        "Flags": Unused("hints")}, lock_init),
    k32("EnterCriticalSection", LOCK, lock_enter, ret=NOTHING),
    k32("TryEnterCriticalSection", LOCK, lock_try),
    k32("LeaveCriticalSection", LOCK, lock_leave, ret=NOTHING),
    k32("DeleteCriticalSection", LOCK, lock_delete, ret=NOTHING),
    k32("AcquireSRWLockExclusive", SRW, srw_acquire, ret=NOTHING, also=("AcquireSRWLockShared",)),
    k32("TryAcquireSRWLockExclusive", SRW, srw_acquire, also=("TryAcquireSRWLockShared",)),
    k32("ReleaseSRWLockExclusive", SRW, srw_release, ret=NOTHING, also=("ReleaseSRWLockShared",)),
    k32("InitializeSRWLock", {"where": To("where", POINTER)}, zero_word, ret=NOTHING,
        also=("InitializeConditionVariable", "InitOnceInitialize")),
    k32("InitializeSListHead", {"ListHead": To("where", POINTER)}, list_init, ret=NOTHING),
    k32("InterlockedPushEntrySList", {"ListHead": To("where", POINTER), "ListEntry": To("entry", POINTER)},
        list_push),
    k32("InterlockedFlushSList", {"ListHead": To("where", POINTER)}, list_flush),
    k32("TlsAlloc", {}, tls_alloc, fails.DWORD_MAX),
    k32("TlsFree", INDEX, tls_free),
    k32("TlsGetValue", INDEX, tls_get),
    k32("TlsSetValue", {**INDEX, "lpTlsValue": To("data", RAW)}, tls_set),
    k32("FlsAlloc", {"lpCallback": To("callback", RAW)}, fls_alloc, fails.DWORD_MAX),
    k32("FlsFree", INDEX, fls_free),
    k32("FlsGetValue", INDEX, fls_get),
    k32("FlsSetValue", {**INDEX, "lpFlsData": To("data", RAW)}, fls_set),
    k32("CreateEventW", {"lpSecurity": Unused("not inherited"), "bManualReset": To("manual", U32),
        "bInitialState": To("signaled", U32), "lpName": Unused("unnamed")}, create_event,
        also=("CreateEventA",)),
    k32("SetEvent", HANDLE_ARG, bind(set_event, signaled=True)),
    k32("ResetEvent", HANDLE_ARG, bind(set_event, signaled=False)),
    k32("WaitForSingleObject", {**HANDLE_ARG, "dwMilliseconds": To("ms", U32)}, wait_one, fails.DWORD_MAX),
    k32("WaitForSingleObjectEx", {**HANDLE_ARG, "dwMilliseconds": To("ms", U32),
        "bAlertable": Unused("no APC")}, wait_one, fails.DWORD_MAX),
)
# fmt: on
