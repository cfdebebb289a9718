"""kernel32: the process, its start-up facts, exceptions, the processor. From: winbase.h of mingw-w64."""

from __future__ import annotations

import struct
from functools import partial as bind
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, U32, OutInt, To, Unused
from aot.personality.abi.op import Op
from aot.personality.windows import calls_process, fails
from aot.personality.windows.files import Ops
from aot.personality.windows.kinds import POINTER, RAW
from aot.personality.windows.layouts import PEB
from aot.personality.windows.start import PROCESSOR_FEATURES
from aot.personality.windows.state import (
    CURRENT_PROCESS,
    CURRENT_THREAD,
    get_last_error,
    host_status,
    parameter,
    peb,
    set_last_error,
    set_parameter,
    state,
)
from aot.personality.windows.text import block_entries, split, to_host, widez
from aot.personality.windows.win32 import both, encode, function, k32, put_text, refuse, text_at, value

ENVVAR_NOT_FOUND, BAD_PARAMETER, NOT_SUPPORTED = 203, 87, 50
STILL_ACTIVE = 0x103


def exit_process(ctx: Any, ops: Ops, code: int) -> int:
    """ExitProcess."""
    ops[Op.EXIT](ctx, status=host_status(code))
    return 0


def exit_thread(ctx: Any, ops: Ops, code: int) -> int:
    """ExitThread."""
    ops[Op.EXIT_THREAD](ctx, status=host_status(code))
    return 0


def terminate(ctx: Any, ops: Ops, process: int, code: int) -> int:
    """TerminateProcess of the process itself."""
    calls_process.terminate_process(ctx, ops, process, code)
    return 1


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


def set_std_handle(ctx: Any, ops: Ops, which: int, handle: int) -> int:
    """SetStdHandle: in the process parameters."""
    names = {0xFFFF_FFF6: "hStdInput", 0xFFFF_FFF5: "hStdOutput", 0xFFFF_FFF4: "hStdError"}
    if which not in names:
        raise Errno(E.BADF)
    set_parameter(ctx, names[which], handle)
    return 1


def no_process(ctx: Any, ops: Ops) -> int:
    """CreateProcess: one process a run."""
    return refuse(ctx, NOT_SUPPORTED)


def exit_code(ctx: Any, ops: Ops, handle: int, out: int) -> int:
    """GetExitCodeProcess and GetExitCodeThread."""
    if handle not in (CURRENT_PROCESS, CURRENT_THREAD):
        raise Errno(E.BADF)
    ctx.mem.write(out, struct.pack("<I", STILL_ACTIVE))
    return 1


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
    words = (0,) * 7 + (flags, 0, 0)
    ctx.mem.write(out, struct.pack("<I4x3Q8I2H4xQ3Q", 104, 0, 0, 0, *words, 0, *handles))
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
    raw = struct.pack("<HHIQQQI", machine, 0, 4096, 0x1_0000, 0x7FFF_FFFE_FFFF, 1, 1)
    raw += struct.pack("<IIHH", 8664, 0x1_0000, 6, 0x3A09)
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
    ops[Op.EXIT](ctx, status=host_status(code))
    return 0


def debug_string(ctx: Any, ops: Ops, address: int, *, wide: bool) -> int:
    """OutputDebugString without a debugger."""
    text_at(ctx, address, wide=wide)
    return 0


def same_pointer(ctx: Any, ops: Ops, pointer: int) -> int:
    """EncodePointer and DecodePointer: the cookie is zero."""
    return pointer


CODE = {"uExitCode": To("code", U32)}
OUT = {"lpOut": To("out", POINTER)}
HANDLE_ARG = {"hHandle": To("handle", RAW)}

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
    function("shell32", "CommandLineToArgvW", {"lpCmdLine": To("line", POINTER),
        "pNumArgs": To("count", POINTER)}, command_line_to_argv),
    k32("GetStartupInfoW", OUT, startup_info, also=("GetStartupInfoA",), ret=NOTHING),
    k32("GetEnvironmentStringsW", {}, bind(environment_strings, wide=True)),
    k32("GetEnvironmentStrings", {}, bind(environment_strings, wide=False),
        also=("GetEnvironmentStringsA",)),
    k32("FreeEnvironmentStringsW", {"p": Unused("kept to the end")}, value(1),
        also=("FreeEnvironmentStringsA",)),
    *both("GetEnvironmentVariable", {"lpName": To("name", POINTER), "lpBuffer": To("out", POINTER),
        "nSize": To("room", U32)}, get_variable),
    *both("SetEnvironmentVariable", {"lpName": To("name", POINTER), "lpValue": To("new", POINTER)},
        set_variable),
    k32("SwitchToThread", {}, calls_process.yield_now),
    k32("WakeConditionVariable", {"where": Unused("nobody waits")}, value(0), ret=NOTHING,
        also=("WakeAllConditionVariable",)),
    k32("SetUnhandledExceptionFilter", {"lpFilter": To("address", RAW)}, exception_filter),
    k32("AddVectoredExceptionHandler", {"First": To("first", U32), "Handler": To("address", RAW)},
        vectored, also=("AddVectoredContinueHandler",)),
    k32("RemoveVectoredExceptionHandler", {"Handle": Unused("kept")}, value(1),
        also=("RemoveVectoredContinueHandler",)),
    k32("RaiseException", {"dwExceptionCode": To("code", HEX32)}, raise_exception),
    k32("IsProcessorFeaturePresent", {"Feature": To("number", U32)}, feature),
    k32("GetSystemInfo", OUT, system_info, also=("GetNativeSystemInfo",), ret=NOTHING),
    k32("GetVersionExW", OUT, version_ex),
    k32("SetStdHandle", {"nStdHandle": To("which", U32), "hHandle": To("handle", RAW)}, set_std_handle),
    k32("CreateProcessW", {}, no_process, also=("CreateProcessA",)),
    k32("GetVersion", {}, value(0x23F0_0206)),
    k32("SetHandleCount", {"uNumber": Unused("no limit")}, value(32)),
    k32("UnhandledExceptionFilter", {"ExceptionInfo": Unused("nobody debugs")}, value(0)),
    k32("RtlPcToFileHeader", {"PcValue": Unused("no exception is unwound")}, value(0)),
    k32("RtlLookupFunctionEntry", {"ControlPc": Unused("no exception is unwound")}, value(0)),
    k32("WerSetFlags", {"dwFlags": Unused("nothing is reported")}, value(0), also=("WerGetFlags",)),
    k32("GenerateConsoleCtrlEvent", {"dwCtrlEvent": Unused("nobody else")}, value(1)),
    k32("IsDebuggerPresent", {}, value(0)),
    k32("SetErrorMode", {"uMode": Unused("no dialogs")}, value(0), also=("GetErrorMode",)),
    k32("SetConsoleCtrlHandler", {"Routine": Unused("no console events")}, value(1)),
    k32("GetProcessAffinityMask", {"h": Unused("one processor"), "a": OutInt(64), "b": OutInt(64)},
        value(1)),
    k32("SetThreadPriority", {"h": Unused("one thread")}, value(1),
        also=("SetThreadPriorityBoost", "SetProcessPriorityBoost", "SetPriorityClass")),
    k32("GetThreadPriority", {"h": Unused("one thread")}, value(0)),
    k32("EncodePointer", {"Ptr": To("pointer", RAW)}, same_pointer, also=("DecodePointer",)),
    *both("OutputDebugString", {"lpString": To("address", POINTER)}, debug_string),
)
# fmt: on
