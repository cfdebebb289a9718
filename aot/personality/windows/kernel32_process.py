"""kernel32: the process, its thread, time, locks, TLS. From: processthreadsapi.h, synchapi.h of mingw-w64."""

from __future__ import annotations

import struct
from functools import partial as bind
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, U32, OutInt, To, Unused
from aot.personality.abi.neutral import Clock, time_ns
from aot.personality.abi.op import Op
from aot.personality.windows import calls_process, fails
from aot.personality.windows.files import Ops, filetime
from aot.personality.windows.kinds import RAW
from aot.personality.windows.layouts import PEB, TEB, TLS_SLOTS
from aot.personality.windows.start import PROCESSOR_FEATURES, QPC_FREQUENCY
from aot.personality.windows.state import (
    CURRENT_PROCESS,
    CURRENT_THREAD,
    Event,
    get_last_error,
    handle_of,
    parameter,
    peb,
    set_last_error,
    state,
    teb,
)
from aot.personality.windows.text import block_entries, from_host, split, to_host, wide, widez
from aot.personality.windows.win32 import encode, function, put_text, refuse, text_at

INVALID = (1 << 64) - 1
ENVVAR_NOT_FOUND, BAD_PARAMETER = 203, 87
STILL_ACTIVE = 0x103
INFINITE = 0xFFFF_FFFF
EXPANSION_SLOTS = 1024


# -- ends and ids ------------------------------------------------------------------------------------


def exit_process(ctx: Any, ops: Ops, code: int) -> int:
    """ExitProcess."""
    ops[Op.EXIT](ctx, status=code & 0xFF)
    return 0


def exit_thread(ctx: Any, ops: Ops, code: int) -> int:
    """ExitThread."""
    ops[Op.EXIT_THREAD](ctx, status=code & 0xFF)
    return 0


def terminate(ctx: Any, ops: Ops, process: int, code: int) -> int:
    """TerminateProcess of the process itself."""
    calls_process.terminate_process(ctx, ops, process, code)
    return 1


def value(number: int) -> Any:
    """A function that always answers `number`."""

    def constant(ctx: Any, ops: Ops) -> int:
        return number

    return constant


def get_pid(ctx: Any, ops: Ops) -> int:
    """GetCurrentProcessId."""
    pid: int = ops[Op.GETPID](ctx)
    return pid


def get_tid(ctx: Any, ops: Ops) -> int:
    """GetCurrentThreadId."""
    tid: int = ops[Op.GETTID](ctx)
    return tid


def last_error(ctx: Any, ops: Ops) -> int:
    """GetLastError."""
    return get_last_error(ctx)


def store_last_error(ctx: Any, ops: Ops, code: int) -> int:
    """SetLastError."""
    set_last_error(ctx, code)
    return 0


def std_handle(ctx: Any, ops: Ops, which: int) -> int:
    """GetStdHandle: from the process parameters."""
    names = {0xFFFF_FFF6: "hStdInput", 0xFFFF_FFF5: "hStdOutput", 0xFFFF_FFF4: "hStdError"}
    if which not in names:
        raise Errno(E.BADF)
    return parameter(ctx, names[which])


def exit_code(ctx: Any, ops: Ops, handle: int, out: int) -> int:
    """GetExitCodeProcess and GetExitCodeThread."""
    if handle not in (CURRENT_PROCESS, CURRENT_THREAD):
        raise Errno(E.BADF)
    ctx.mem.write(out, struct.pack("<I", STILL_ACTIVE))
    return 1


# -- start-up facts ----------------------------------------------------------------------------------


def command_line(ctx: Any, ops: Ops, *, wide: bool) -> int:
    """GetCommandLine: the wide form lies in the parameters, the narrow one is made once."""
    address, raw = _command_line(ctx)
    if wide:
        return address
    parts = state(ctx).parts
    if "command line" not in parts:
        parts["command line"] = _keep(ctx, to_host(raw) + b"\0")
    found: int = parts["command line"]
    return found


def _command_line(ctx: Any) -> tuple[int, str]:
    block = ctx.mem.load_u64(peb(ctx) + PEB["ProcessParameters"]) + 0x70
    address, size = ctx.mem.load_u64(block + 8), ctx.mem.load_u64(block) & 0xFFFF
    return address, ctx.mem.read(address, size).decode("utf-16-le", "surrogatepass")


def _keep(ctx: Any, data: bytes) -> int:
    at: int = ctx.mem.map(None, len(data) + 4095 & -4096, 6, name="[kept]")
    ctx.mem.write(at, data)
    return at


def arguments(ctx: Any) -> list[str]:
    """The arguments by the C runtime's rules."""
    return split(_command_line(ctx)[1])


def command_line_to_argv(ctx: Any, ops: Ops, line: int, count: int) -> int:
    """CommandLineToArgvW: pointers, then the strings."""
    found = split(text_at(ctx, line, wide=True)) or [""]
    at = 8 * (len(found) + 1)
    pointers, strings = [], b""
    for argument in found:
        pointers.append(at + len(strings))
        strings += widez(argument)
    base: int = ctx.mem.map(None, at + len(strings) + 4095 & -4096, 6, name="[kept]")
    ctx.mem.write(base, struct.pack(f"<{len(found)}QQ", *(base + p for p in pointers), 0) + strings)
    ctx.mem.write(count, struct.pack("<I", len(found)))
    return base


def startup_info(ctx: Any, ops: Ops, out: int) -> int:
    """GetStartupInfo: nothing but the standard handles."""
    handles = [parameter(ctx, n) for n in ("hStdInput", "hStdOutput", "hStdError")]
    flags = 0x100  # STARTF_USESTDHANDLES
    ctx.mem.write(out, struct.pack("<I4x3Q7I2H8x3Q", 104, 0, 0, 0, *[0] * 6, *[0], 0, 0, *handles))
    ctx.mem.write(out + 60, struct.pack("<I", flags))
    return 0


def environment(ctx: Any) -> list[str]:
    """NAME=value strings as the process has them now."""
    parts = state(ctx).parts
    if "environment" not in parts:
        address, size = parameter(ctx, "Environment"), parameter(ctx, "EnvironmentSize")
        parts["environment"] = list(block_entries(ctx.mem.read(address, size)))
    found: list[str] = parts["environment"]
    return found


def environment_strings(ctx: Any, ops: Ops, *, wide: bool) -> int:
    """GetEnvironmentStrings: a copy of the block."""
    unit = 2 if wide else 1
    entries = b"".join(encode(e, wide=wide) + bytes(unit) for e in environment(ctx))
    return _keep(ctx, entries + bytes(2 * unit))


def _variable(ctx: Any, name: str) -> str | None:
    for entry in environment(ctx):
        key, _, found = entry[1:].partition("=")
        if (entry[:1] + key).upper() == name.upper():
            return found
    return None


def get_variable(ctx: Any, ops: Ops, name: int, out: int, room: int, *, wide: bool) -> int:
    """GetEnvironmentVariable."""
    found = _variable(ctx, text_at(ctx, name, wide=wide))
    if found is None:
        return refuse(ctx, ENVVAR_NOT_FOUND)
    set_last_error(ctx, 0)
    return put_text(ctx, out, room, found, wide=wide)


def set_variable(ctx: Any, ops: Ops, name: int, new: int, *, wide: bool) -> int:
    """SetEnvironmentVariable; null removes."""
    key = text_at(ctx, name, wide=wide)
    if not key or "=" in key:
        return refuse(ctx, BAD_PARAMETER)
    kept = [e for e in environment(ctx) if (e[:1] + e[1:].partition("=")[0]).upper() != key.upper()]
    if new:
        kept.append(f"{key}={text_at(ctx, new, wide=wide)}")
    state(ctx).parts["environment"] = kept
    return 1


# -- time --------------------------------------------------------------------------------------------


def time_as_file(ctx: Any, ops: Ops) -> int:
    """GetSystemTimeAsFileTime."""
    return calls_process.system_time(ctx, ops)


def counter(ctx: Any, ops: Ops, out: int) -> int:
    """QueryPerformanceCounter."""
    ctx.mem.write(out, struct.pack("<Q", calls_process.counter(ctx, ops)))
    return 1


def frequency(ctx: Any, ops: Ops, out: int) -> int:
    """QueryPerformanceFrequency."""
    ctx.mem.write(out, struct.pack("<Q", QPC_FREQUENCY))
    return 1


def tick_count(ctx: Any, ops: Ops) -> int:
    """GetTickCount64."""
    return calls_process.counter(ctx, ops) // 10_000


def tick_count32(ctx: Any, ops: Ops) -> int:
    """GetTickCount."""
    return tick_count(ctx, ops) & 0xFFFF_FFFF


def sleep(ctx: Any, ops: Ops, ms: int) -> int:
    """Sleep and SleepEx."""
    if ms == INFINITE:
        ops[Op.NANOSLEEP](ctx, clock=Clock.MONOTONIC, time=time_ns(1 << 62), absolute=True)
    return calls_process.sleep_100ns(ctx, ops, -ms * 10_000)


def process_times(ctx: Any, ops: Ops, handle: int, out: int, ended: int, kernel: int, user: int) -> int:
    """GetProcessTimes and GetThreadTimes."""
    used = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.PROCESS).ns // 100
    started = filetime(time_ns(0)) + calls_process.system_time(ctx, ops) - filetime(time_ns(0))
    for address, number in ((out, started), (ended, 0), (kernel, 0), (user, used)):
        ctx.mem.write(address, struct.pack("<Q", number))
    return 1


# -- locks -------------------------------------------------------------------------------------------

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


# -- thread-local storage ----------------------------------------------------------------------------


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


# -- events, exceptions, the processor ---------------------------------------------------------------


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


def exception_filter(ctx: Any, ops: Ops, address: int) -> int:
    """SetUnhandledExceptionFilter: kept, and the one before it answered."""
    before, state(ctx).exception_filter = state(ctx).exception_filter, address
    return before


def vectored(ctx: Any, ops: Ops, first: int, address: int) -> int:
    """AddVectoredExceptionHandler and its like: a handle."""
    return state(ctx).add(address)


def feature(ctx: Any, ops: Ops, number: int) -> int:
    """IsProcessorFeaturePresent."""
    return int(number in PROCESSOR_FEATURES[ctx.arch.value])


def system_info(ctx: Any, ops: Ops, out: int) -> int:
    """GetSystemInfo and GetNativeSystemInfo."""
    machine = 9 if ctx.arch.value == "x86_64" else 12
    raw = struct.pack("<HHIQQQIIIHH", machine, 0, 4096, 0x1_0000, 0x7FFF_FFFE_FFFF, 1, 1, 8664, 0x1_0000, 6, 0x3A09)
    ctx.mem.write(out, raw)
    return 0


def version_ex(ctx: Any, ops: Ops, out: int) -> int:
    """GetVersionExW: what an unmanifested program is told."""
    (size,) = struct.unpack("<I", ctx.mem.read(out, 4))
    raw = struct.pack("<IIIII", size, 6, 2, 9200, 2) + bytes(256 + 8)
    ctx.mem.write(out, raw[: min(size, len(raw))])
    return 1


def raise_exception(ctx: Any, ops: Ops, code: int) -> int:
    """RaiseException that nobody handles: the process ends with its code."""
    ops[Op.EXIT](ctx, status=code & 0xFF)
    return 0


def debug_string(ctx: Any, ops: Ops, address: int, *, wide: bool) -> int:
    """OutputDebugString without a debugger."""
    text_at(ctx, address, wide=wide)
    return 0


def same_pointer(ctx: Any, ops: Ops, pointer: int) -> int:
    """EncodePointer and DecodePointer: the cookie is zero."""
    return pointer


LOCK = {"lpCriticalSection": To("lock", RAW)}
SRW = {"SRWLock": To("lock", RAW)}
INDEX = {"dwIndex": To("index", U32)}
CODE = {"uExitCode": To("code", U32)}
OUT = {"lpOut": To("out", RAW)}
HANDLE_ARG = {"hHandle": To("handle", RAW)}
TIMES = {
    **HANDLE_ARG, "lpCreation": To("out", RAW), "lpExit": To("ended", RAW), "lpKernel": To("kernel", RAW),
    "lpUser": To("user", RAW),
}  # fmt: skip


def k32(name: str, args: Any, via: Any, fail: Any = fails.FALSE, also: tuple[str, ...] = (), **more: Any) -> Call:
    """A kernel32 function."""
    return function("kernel32", name, args, via, fail=fail, also=also, **more)


def both(name: str, args: Any, via: Any, fail: Any = fails.FALSE) -> tuple[Call, Call]:
    """The wide and the narrow form of a function."""
    wide_form = k32(name + "W", args, bind(via, wide=True), fail)
    return wide_form, k32(name + "A", args, bind(via, wide=False), fail)


# fmt: off
CALLS: tuple[Call, ...] = (
    k32("ExitProcess", CODE, exit_process),
    k32("ExitThread", CODE, exit_thread, also=("FreeLibraryAndExitThread",)),
    k32("TerminateProcess", {"hProcess": To("process", RAW), **CODE}, terminate),
    k32("GetCurrentProcess", {}, value(CURRENT_PROCESS)),
    k32("GetCurrentThread", {}, value(CURRENT_THREAD)),
    k32("GetCurrentProcessId", {}, get_pid),
    k32("GetCurrentThreadId", {}, get_tid),
    k32("GetLastError", {}, last_error),
    k32("SetLastError", {"dwErrCode": To("code", U32)}, store_last_error, ret=NOTHING),
    k32("GetStdHandle", {"nStdHandle": To("which", U32)}, std_handle, fails.INVALID_HANDLE),
    k32("GetExitCodeProcess", {**HANDLE_ARG, **OUT}, exit_code, also=("GetExitCodeThread",)),
    k32("GetCommandLineW", {}, bind(command_line, wide=True)),
    k32("GetCommandLineA", {}, bind(command_line, wide=False)),
    function("shell32", "CommandLineToArgvW", {"lpCmdLine": To("line", RAW), "pNumArgs": To("count", RAW)},
             command_line_to_argv),
    k32("GetStartupInfoW", OUT, startup_info, also=("GetStartupInfoA",), ret=NOTHING),
    k32("GetEnvironmentStringsW", {}, bind(environment_strings, wide=True)),
    k32("GetEnvironmentStrings", {}, bind(environment_strings, wide=False), also=("GetEnvironmentStringsA",)),
    k32("FreeEnvironmentStringsW", {"p": Unused("kept to the end")}, value(1), also=("FreeEnvironmentStringsA",)),
    *both("GetEnvironmentVariable", {"lpName": To("name", RAW), "lpBuffer": To("out", RAW),
          "nSize": To("room", U32)}, get_variable),
    *both("SetEnvironmentVariable", {"lpName": To("name", RAW), "lpValue": To("new", RAW)}, set_variable),
    k32("GetSystemTimeAsFileTime", {"lpTime": OutInt(64)}, time_as_file, ret=NOTHING,
        also=("GetSystemTimePreciseAsFileTime",)),
    k32("QueryPerformanceCounter", OUT, counter),
    k32("QueryPerformanceFrequency", OUT, frequency),
    k32("GetTickCount64", {}, tick_count),
    k32("GetTickCount", {}, tick_count32),
    k32("Sleep", {"dwMilliseconds": To("ms", U32)}, sleep, ret=NOTHING),
    k32("SleepEx", {"dwMilliseconds": To("ms", U32), "bAlertable": Unused("no APC")}, sleep),
    k32("SwitchToThread", {}, calls_process.yield_now),
    k32("GetProcessTimes", TIMES, process_times, also=("GetThreadTimes",)),
    k32("InitializeCriticalSection", LOCK, lock_init, ret=NOTHING),
    k32("InitializeCriticalSectionAndSpinCount", {**LOCK, "dwSpinCount": Unused("never spins")}, lock_init),
    k32("InitializeCriticalSectionEx", {**LOCK, "dwSpinCount": Unused("never spins"), "Flags": Unused("hints")},
        lock_init),
    k32("EnterCriticalSection", LOCK, lock_enter, ret=NOTHING),
    k32("TryEnterCriticalSection", LOCK, lock_try),
    k32("LeaveCriticalSection", LOCK, lock_leave, ret=NOTHING),
    k32("DeleteCriticalSection", LOCK, lock_delete, ret=NOTHING),
    k32("AcquireSRWLockExclusive", SRW, srw_acquire, ret=NOTHING, also=("AcquireSRWLockShared",)),
    k32("TryAcquireSRWLockExclusive", SRW, srw_acquire, also=("TryAcquireSRWLockShared",)),
    k32("ReleaseSRWLockExclusive", SRW, srw_release, ret=NOTHING, also=("ReleaseSRWLockShared",)),
    k32("InitializeSRWLock", {"where": To("where", RAW)}, zero_word, ret=NOTHING,
        also=("InitializeConditionVariable", "InitOnceInitialize")),
    k32("WakeConditionVariable", {"where": Unused("nobody waits")}, value(0), ret=NOTHING,
        also=("WakeAllConditionVariable",)),
    k32("TlsAlloc", {}, tls_alloc, fails.DWORD_MAX),
    k32("TlsFree", INDEX, tls_free),
    k32("TlsGetValue", INDEX, tls_get),
    k32("TlsSetValue", {**INDEX, "lpTlsValue": To("data", RAW)}, tls_set),
    k32("FlsAlloc", {"lpCallback": To("callback", RAW)}, fls_alloc, fails.DWORD_MAX),
    k32("FlsFree", INDEX, fls_free),
    k32("FlsGetValue", INDEX, fls_get),
    k32("FlsSetValue", {**INDEX, "lpFlsData": To("data", RAW)}, fls_set),
    k32("CreateEventW", {"lpSecurity": Unused("not inherited"), "bManualReset": To("manual", U32),
        "bInitialState": To("signaled", U32), "lpName": Unused("unnamed")}, create_event, also=("CreateEventA",)),
    k32("SetEvent", HANDLE_ARG, bind(set_event, signaled=True)),
    k32("ResetEvent", HANDLE_ARG, bind(set_event, signaled=False)),
    k32("WaitForSingleObject", {**HANDLE_ARG, "dwMilliseconds": To("ms", U32)}, wait_one, fails.DWORD_MAX),
    k32("WaitForSingleObjectEx", {**HANDLE_ARG, "dwMilliseconds": To("ms", U32), "bAlertable": Unused("no APC")},
        wait_one, fails.DWORD_MAX),
    k32("SetUnhandledExceptionFilter", {"lpFilter": To("address", RAW)}, exception_filter),
    k32("AddVectoredExceptionHandler", {"First": To("first", U32), "Handler": To("address", RAW)}, vectored,
        also=("AddVectoredContinueHandler",)),
    k32("RemoveVectoredExceptionHandler", {"Handle": Unused("kept")}, value(1),
        also=("RemoveVectoredContinueHandler",)),
    k32("RaiseException", {"dwExceptionCode": To("code", HEX32)}, raise_exception),
    k32("IsProcessorFeaturePresent", {"Feature": To("number", U32)}, feature),
    k32("GetSystemInfo", OUT, system_info, also=("GetNativeSystemInfo",), ret=NOTHING),
    k32("GetVersionExW", OUT, version_ex),
    k32("IsDebuggerPresent", {}, value(0)),
    k32("SetErrorMode", {"uMode": Unused("no dialogs")}, value(0), also=("GetErrorMode",)),
    k32("SetConsoleCtrlHandler", {"Routine": Unused("no console events")}, value(1)),
    k32("GetProcessAffinityMask", {"h": Unused("one processor"), "a": OutInt(64), "b": OutInt(64)}, value(1)),
    k32("SetThreadPriority", {"h": Unused("one thread")}, value(1), also=("SetThreadPriorityBoost",
        "SetProcessPriorityBoost", "SetPriorityClass")),
    k32("GetThreadPriority", {"h": Unused("one thread")}, value(0)),
    k32("EncodePointer", {"Ptr": To("pointer", RAW)}, same_pointer, also=("DecodePointer",)),
    *both("OutputDebugString", {"lpString": To("address", RAW)}, debug_string),
)
# fmt: on
__all__ = ["CALLS", "both", "from_host", "handle_of", "k32", "wide"]
