"""ntdll's own functions: heaps, locks, the loader, paths, time. From: winternl.h of mingw-w64, ntdll.zig."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import NOTHING, VALUE, Call, Fail, Ret
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, U32, Int, OutInt, To, Unused
from aot.personality.abi.neutral import Clock, time_ns
from aot.personality.abi.op import Op
from aot.personality.windows import (
    calls_process,
    crt_string,
    kernel32_memory,
    kernel32_modules,
    kernel32_sync,
    paths,
)
from aot.personality.windows.crt import TEXT
from aot.personality.windows.errors import ERRORS, NAMES, win32_of
from aot.personality.windows.fails import FALSE, STATUS
from aot.personality.windows.files import Ops
from aot.personality.windows.heap import heap
from aot.personality.windows.kernel32_directory import change_directory
from aot.personality.windows.kernel32_process import exit_process, exit_thread, last_error, store_last_error
from aot.personality.windows.kinds import OUT_WORD, OUT_WORD_OPT, POINTER, RAW, UNICODE, WIDE
from aot.personality.windows.start import BUILD, MAJOR, MINOR, QPC_FREQUENCY, RETURNED
from aot.personality.windows.text import wide
from aot.personality.windows.win32 import current_directory, function, value

ENTRYPOINT_NOT_FOUND = next(n for n, name in NAMES.items() if name == "STATUS_ENTRYPOINT_NOT_FOUND")
TIMEOUT = ERRORS[E.TIMEDOUT]


def rtl(
    name: str, args: Any, via: Any, *, fail: Fail = STATUS, ret: Ret = VALUE, also: tuple[str, ...] = ()
) -> Call:
    """A function of ntdll."""
    return function("ntdll", name, args, via, fail=fail, ret=ret, also=also)


# -- strings -----------------------------------------------------------------------------------------


def init_string(ctx: Any, ops: Ops, out: int, source: int) -> int:
    """RtlInitUnicodeString: lengths and the address of a text."""
    size = 2 * crt_string.units(_wide_text(ctx, source)) if source else 0
    ctx.mem.write(out, struct.pack("<HH4xQ", size, size + 2 if source else 0, source))
    return 0


def _wide_text(ctx: Any, address: int) -> str:
    text: str = WIDE.load(address, ctx.mem)
    return text


def equal_strings(ctx: Any, ops: Ops, left: str, right: str, fold: int) -> int:
    """RtlEqualUnicodeString."""
    return int(left.upper() == right.upper() if fold else left == right)


def upcase(ctx: Any, ops: Ops, char: int) -> int:
    """RtlUpcaseUnicodeChar."""
    upper = chr(char).upper()
    return ord(upper) if len(upper) == 1 and ord(upper) < 0x1_0000 else char


def free_unicode(ctx: Any, ops: Ops, string: int) -> int:
    """RtlFreeUnicodeString."""
    heap(ctx).free(ctx.mem, ctx.mem.load_u64(string + 8))
    ctx.mem.write(string, bytes(16))
    return 0


def to_dos_error(ctx: Any, ops: Ops, status: int) -> int:
    """RtlNtStatusToDosError."""
    return win32_of(status)


# -- paths -------------------------------------------------------------------------------------------


def nt_name(ctx: Any, ops: Ops, name: str, out: int, part: int) -> int:
    """RtlDosPathNameToNtPathName_U_WithStatus: the name in a block of its own."""
    if not name:
        raise Errno(E.BAD_NAME)
    text = paths.nt_path(paths.full_path(name, current_directory(ctx)))
    raw = wide(text)
    block = heap(ctx).alloc(ctx.mem, len(raw) + 2)
    ctx.mem.write(block, raw + b"\0\0")
    ctx.mem.write(out, struct.pack("<HH4xQ", len(raw), len(raw) + 2, block))
    if part:
        leaf = text.rfind("\\") + 1
        ctx.mem.write(part, struct.pack("<Q", block + 2 * leaf if leaf < len(text) else 0))
    return 0


def nt_name_or_false(ctx: Any, ops: Ops, name: str, out: int, part: int) -> int:
    """RtlDosPathNameToNtPathName_U."""
    nt_name(ctx, ops, name, out, part)
    return 1


def _put_bytes(ctx: Any, out: int, room: int, text: str) -> int:
    raw = wide(text)
    if len(raw) + 2 > room:
        return len(raw) + 2
    ctx.mem.write(out, raw + b"\0\0")
    return len(raw)


def get_cwd(ctx: Any, ops: Ops, room: int, out: int) -> int:
    """RtlGetCurrentDirectory_U: bytes."""
    path = current_directory(ctx)
    return _put_bytes(ctx, out, room, path if len(path) == 3 else path.rstrip("\\"))


def set_cwd(ctx: Any, ops: Ops, name: str) -> int:
    """RtlSetCurrentDirectory_U."""
    change_directory(ctx, ops, name)
    return 0


def full_path(ctx: Any, ops: Ops, name: str, room: int, out: int, part: int) -> int:
    """RtlGetFullPathName_U: bytes."""
    full = paths.full_path(name, current_directory(ctx))
    count = _put_bytes(ctx, out, room, full)
    if part and count < room:
        leaf = full.rfind("\\") + 1
        ctx.mem.write(part, struct.pack("<Q", out + 2 * leaf if leaf < len(full) else 0))
    return count


# -- the loader --------------------------------------------------------------------------------------


def load(ctx: Any, ops: Ops, name: str, out: int) -> int:
    """LdrLoadDll and LdrGetDllHandle."""
    base = kernel32_modules.find_module(ctx, name)
    if not base:
        raise Errno(E.NO_MODULE)
    ctx.mem.write(out, struct.pack("<Q", base))
    return 0


def procedure(ctx: Any, ops: Ops, module: int, name: int, ordinal: int, out: int) -> int:
    """LdrGetProcedureAddress: by ANSI_STRING or ordinal."""
    library = kernel32_modules.module_name_of(ctx, module)
    if library is None:
        raise Errno(E.NO_MODULE)
    text = f"#{ordinal}"
    if name:
        size, address = struct.unpack("<H6xQ", ctx.mem.read(name, 16))
        text = ctx.mem.read(address, size).decode("latin-1")
    found = ctx.process.data["imports"].address_of(library, text)
    ctx.mem.write(out, struct.pack("<Q", found))
    return 0 if found else ENTRYPOINT_NOT_FOUND


# -- time, versions, waiting -------------------------------------------------------------------------


def counter(ctx: Any, ops: Ops) -> int:
    """RtlQueryPerformanceCounter."""
    return calls_process.counter(ctx, ops)


def frequency(ctx: Any, ops: Ops) -> int:
    """RtlQueryPerformanceFrequency."""
    return QPC_FREQUENCY


def precise_time(ctx: Any, ops: Ops) -> int:
    """RtlGetSystemTimePrecise: the value itself."""
    return calls_process.system_time(ctx, ops)


def version(ctx: Any, ops: Ops, out: int) -> int:
    """RtlGetVersion: the true one."""
    (size,) = struct.unpack("<I", ctx.mem.read(out, 4))
    raw = struct.pack("<IIIII256sHHHBB", size, MAJOR, MINOR, BUILD, 2, b"", 0, 0, 0, 1, 0)
    ctx.mem.write(out, raw[: min(size, len(raw))])
    return 0


def version_numbers(ctx: Any, ops: Ops, major: int, minor: int, build: int) -> int:
    """RtlGetNtVersionNumbers."""
    for where, number in ((major, MAJOR), (minor, MINOR), (build, 0xF000_0000 | BUILD)):
        if where:
            ctx.mem.write(where, struct.pack("<I", number))
    return 0


def wait_on_address(ctx: Any, ops: Ops, address: int, compare: int, size: int, timeout: int) -> int:
    """RtlWaitOnAddress, WaitOnAddress: parks while the values are equal."""
    if size not in (1, 2, 4, 8):
        raise Errno(E.INVAL)
    expected = ctx.mem.read(compare, size)
    if ctx.mem.read(address, size) != expected:
        return 0
    limit = None
    if timeout:
        (left,) = struct.unpack("<q", ctx.mem.read(timeout, 8))
        limit = time_ns(-left * 100 if left < 0 else max(0, left * 100))
    try:
        ops[Op.PARK](
            ctx, address=address, expected=int.from_bytes(expected, "little"), size=size, mask=0xFFFF_FFFF,
            timeout=limit, absolute=False, clock=Clock.MONOTONIC,
        )  # fmt: skip
    except Errno as e:
        if e.code is E.TIMEDOUT:
            return TIMEOUT
        if e.code not in (E.AGAIN, E.INTR):
            raise
    return 0


def wake(count: int) -> Any:
    """RtlWakeAddressSingle and RtlWakeAddressAll."""

    def unpark(ctx: Any, ops: Ops, address: int) -> int:
        ops[Op.UNPARK](ctx, address=address, count=count, mask=0xFFFF_FFFF)
        return 0

    return unpark


def no_context(ctx: Any, ops: Ops, out: int) -> int:
    """RtlGetActiveActivationContext: there is none."""
    ctx.mem.write(out, bytes(8))
    return 0


def lock_init(ctx: Any, ops: Ops, lock: int) -> int:
    """RtlInitializeCriticalSection: a status where kernel32 says TRUE."""
    kernel32_sync.lock_init(ctx, ops, lock)
    return 0


def returned(ctx: Any, ops: Ops) -> int:
    """A thread's entry function returned: the thread ends with its result."""
    ops[Op.EXIT_THREAD](ctx, status=ctx.regs[0] & 0xFF)
    return 0


LOCK = {"CriticalSection": To("lock", POINTER)}
SRW = {"SRWLock": To("lock", POINTER)}
HEAP = {"HeapHandle": To("handle", RAW), "Flags": To("flags", HEX32)}
BASE = {"BaseAddress": To("address", POINTER)}
SIZE = {"Size": To("size", RAW)}
STATUS_ARG = {"ExitStatus": To("code", U32)}
NAME = {"FileName": To("name", WIDE)}
NT_NAME = {
    "DosName": To("name", WIDE), "NtName": To("out", POINTER), "PartName": To("part", OUT_WORD_OPT),
    "RelativeName": Unused("always absolute"),
}  # fmt: skip
ROOM = {"BufferLength": To("room", U32), "Buffer": To("out", POINTER)}
DLL = {
    "DllPath": Unused("one place"), "Characteristics": Unused("no flags"), "DllName": To("name", UNICODE),
    "DllHandle": To("out", OUT_WORD),
}  # fmt: skip
BYTE = Int(8, signed=False)

# fmt: off
CALLS: tuple[Call, ...] = (
    rtl("RtlCreateHeap", {"Flags": Unused("no limits")}, kernel32_memory.heap_create, fail=FALSE),
    rtl("RtlDestroyHeap", {"HeapHandle": To("handle", RAW)}, kernel32_memory.heap_destroy, fail=FALSE),
    rtl("RtlAllocateHeap", {**HEAP, **SIZE}, kernel32_memory.heap_alloc, fail=FALSE),
    rtl("RtlReAllocateHeap", {**HEAP, **BASE, **SIZE}, kernel32_memory.heap_realloc, fail=FALSE),
    rtl("RtlFreeHeap", {**HEAP, **BASE}, kernel32_memory.heap_free, fail=FALSE),
    rtl("RtlSizeHeap", {**HEAP, **BASE}, kernel32_memory.heap_size, fail=FALSE),
    rtl("RtlInitializeCriticalSection", LOCK, lock_init),
    rtl("RtlEnterCriticalSection", LOCK, kernel32_sync.lock_enter),
    rtl("RtlTryEnterCriticalSection", LOCK, kernel32_sync.lock_try),
    rtl("RtlLeaveCriticalSection", LOCK, kernel32_sync.lock_leave),
    rtl("RtlDeleteCriticalSection", LOCK, kernel32_sync.lock_delete),
    rtl("RtlAcquireSRWLockExclusive", SRW, kernel32_sync.srw_acquire, ret=NOTHING,
        also=("RtlAcquireSRWLockShared",)),
    rtl("RtlTryAcquireSRWLockExclusive", SRW, kernel32_sync.srw_acquire,
        also=("RtlTryAcquireSRWLockShared",)),
    rtl("RtlReleaseSRWLockExclusive", SRW, kernel32_sync.srw_release, ret=NOTHING,
        also=("RtlReleaseSRWLockShared",)),
    rtl("RtlWakeConditionVariable", {"Variable": Unused("nobody waits")}, value(0), ret=NOTHING,
        also=("RtlWakeAllConditionVariable",)),
    rtl("RtlInitUnicodeString", {"Destination": To("out", POINTER), "Source": To("source", POINTER)},
        init_string, ret=NOTHING),
    rtl("RtlEqualUnicodeString", {"String1": To("left", UNICODE), "String2": To("right", UNICODE),
        "CaseInsensitive": To("fold", BYTE)}, equal_strings),
    rtl("RtlUpcaseUnicodeChar", {"SourceCharacter": To("char", Int(16, signed=False))}, upcase),
    rtl("RtlFreeUnicodeString", {"String": To("string", POINTER)}, free_unicode, ret=NOTHING),
    rtl("RtlNtStatusToDosError", {"Status": To("status", U32)}, to_dos_error,
        also=("RtlNtStatusToDosErrorNoTeb",)),
    rtl("RtlGetLastWin32Error", {}, last_error),
    rtl("RtlSetLastWin32Error", {"Error": To("code", U32)}, store_last_error, ret=NOTHING,
        also=("RtlRestoreLastWin32Error",)),
    rtl("RtlDosPathNameToNtPathName_U", NT_NAME, nt_name_or_false, fail=FALSE),
    rtl("RtlDosPathNameToNtPathName_U_WithStatus", NT_NAME, nt_name),
    rtl("RtlGetCurrentDirectory_U", ROOM, get_cwd, fail=FALSE),
    rtl("RtlSetCurrentDirectory_U", {"PathName": To("name", UNICODE)}, set_cwd),
    rtl("RtlGetFullPathName_U", {**NAME, **ROOM, "ShortName": To("part", OUT_WORD_OPT)}, full_path,
        fail=FALSE),
    rtl("LdrLoadDll", DLL, load, also=("LdrGetDllHandle",)),
    rtl("LdrUnloadDll", {"DllHandle": Unused("libraries stay")}, value(0)),
    rtl("LdrAddRefDll", {"Flags": Unused("libraries stay")}, value(0)),
    rtl("LdrGetProcedureAddress", {"DllHandle": To("module", RAW), "Name": To("name", POINTER),
        "Ordinal": To("ordinal", U32), "Address": To("out", OUT_WORD)}, procedure),
    rtl("RtlExitUserProcess", STATUS_ARG, exit_process),
    rtl(RETURNED, {}, returned),
    rtl("RtlExitUserThread", STATUS_ARG, exit_thread),
    rtl("RtlReportSilentProcessExit", {"ProcessHandle": Unused("nobody listens")}, value(0)),
    rtl("RtlQueryPerformanceCounter", {"Counter": OutInt(64)}, counter, ret=Ret("1")),
    rtl("RtlQueryPerformanceFrequency", {"Frequency": OutInt(64)}, frequency, ret=Ret("1")),
    rtl("RtlGetSystemTimePrecise", {}, precise_time),
    rtl("RtlGetVersion", {"VersionInformation": To("out", POINTER)}, version),
    rtl("RtlGetNtVersionNumbers", {"Major": To("major", POINTER), "Minor": To("minor", POINTER),
        "Build": To("build", POINTER)}, version_numbers, ret=NOTHING),
    rtl("RtlWaitOnAddress", {"Address": To("address", POINTER), "CompareAddress": To("compare", POINTER),
        "AddressSize": To("size", RAW), "Timeout": To("timeout", POINTER)}, wait_on_address),
    rtl("RtlWakeAddressSingle", {"Address": To("address", POINTER)}, wake(1), ret=NOTHING),
    rtl("RtlWakeAddressAll", {"Address": To("address", POINTER)}, wake(1 << 30), ret=NOTHING),
    rtl("RtlGetActiveActivationContext", {"Context": To("out", OUT_WORD)}, no_context),
    rtl("RtlReleaseActivationContext", {"Context": Unused("there is none")}, value(0), ret=NOTHING),
    rtl("RtlLookupFunctionEntry", {"ControlPc": Unused("no exception is unwound")}, value(0)),
    rtl("memcpy", crt_string.BLOCKS, crt_string.copy, also=("memmove",)),
    rtl("memset", {**crt_string.TO, **crt_string.CHAR, **crt_string.COUNT}, crt_string.fill),
    rtl("memcmp", {**crt_string.RAW_PAIR, **crt_string.COUNT}, crt_string.compare),
    rtl("strlen", {"text": To("text", TEXT)}, crt_string.length),
    rtl("wcslen", {"text": To("text", WIDE)}, crt_string.wide_length),
)
# fmt: on
