"""NT services about the process, its threads, objects that are waited for, time and the system."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import VALUE, Call, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, U32, InInt, Int, OutInt, To, Unused
from aot.personality.abi.neutral import Clock, time_ns
from aot.personality.abi.op import Op
from aot.personality.windows.calls_file import service
from aot.personality.windows.errors import STATUS
from aot.personality.windows.files import EPOCH, Opened, Ops
from aot.personality.windows.kinds import OUT_HANDLE, OUT_LONG_OPT, OUT_WORD_OPT, POINTER, RAW, ULONG
from aot.personality.windows.paths import from_guest
from aot.personality.windows.start import QPC_FREQUENCY
from aot.personality.windows.state import (
    CURRENT_PROCESS,
    CURRENT_THREAD,
    M64,
    Event,
    fd_of,
    handle_of,
    host_status,
    image_path,
    is_file,
    peb,
    state,
    teb,
)
from aot.personality.windows.text import wide

BOOLEAN = Int(8, signed=False)
TIMEOUT = STATUS["STATUS_TIMEOUT"]
PAGE_COUNT = 0x10_0000


# -- time -------------------------------------------------------------------------------------------


def system_time(ctx: Any, ops: Ops) -> int:
    """100 ns since 1601."""
    now: int = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.REALTIME).ns
    return now // 100 + EPOCH


def counter(ctx: Any, ops: Ops) -> int:
    """The performance counter: 100 ns steps of the monotonic clock."""
    now: int = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.MONOTONIC).ns
    return now // 100


def query_time(ctx: Any, ops: Ops) -> int:
    """NtQuerySystemTime."""
    return system_time(ctx, ops)


def query_counter(ctx: Any, ops: Ops, frequency: int) -> int:
    """NtQueryPerformanceCounter."""
    if frequency:
        ctx.mem.write(frequency, struct.pack("<Q", QPC_FREQUENCY))
    return counter(ctx, ops)


def sleep_100ns(ctx: Any, ops: Ops, value: int) -> int:
    """Wait: negative is relative, else a system time; zero gives up the time slice."""
    if value == 0:
        ops[Op.YIELD](ctx)
    elif value < 0:
        ops[Op.NANOSLEEP](ctx, clock=Clock.MONOTONIC, time=time_ns(-value * 100), absolute=False)
    else:
        when = time_ns(max(0, value - EPOCH) * 100)
        ops[Op.NANOSLEEP](ctx, clock=Clock.REALTIME, time=when, absolute=True)
    return 0


def delay(ctx: Any, ops: Ops, interval: int) -> int:
    """NtDelayExecution."""
    return sleep_100ns(ctx, ops, interval)


def yield_now(ctx: Any, ops: Ops) -> int:
    """NtYieldExecution."""
    ops[Op.YIELD](ctx)
    return 0


# -- process and thread ------------------------------------------------------------------------------


def terminate_process(ctx: Any, ops: Ops, process: int, status: int) -> int:
    """NtTerminateProcess: a null handle ends the other threads only."""
    if process == 0:
        return 0
    if process & 0xFFFF_FFFF != 0xFFFF_FFFF:
        raise Errno(E.BADF)
    ops[Op.EXIT](ctx, status=host_status(status))
    return 0


def terminate_thread(ctx: Any, ops: Ops, thread: int, status: int) -> int:
    """NtTerminateThread of the calling thread."""
    if thread not in (0, CURRENT_THREAD):
        raise Errno(E.BADF)
    ops[Op.EXIT_THREAD](ctx, status=host_status(status))
    return 0


def _store(ctx: Any, raw: bytes, buffer: int, length: int, returned: int, *, exact: bool = True) -> int:
    """Hand out an information class; `exact` classes insist on their length."""
    if returned:
        ctx.mem.probe(returned, 4, True)
    if length < len(raw) or (exact and length != len(raw)):
        if returned:
            ctx.mem.write(returned, struct.pack("<I", len(raw)))
        raise Errno(E.BAD_LENGTH)
    ctx.mem.write(buffer, raw)
    if returned:
        ctx.mem.write(returned, struct.pack("<I", len(raw)))
    return 0


def query_process(ctx: Any, ops: Ops, process: int, cls: int, buffer: int, length: int, returned: int) -> int:
    """NtQueryInformationProcess."""
    if process != CURRENT_PROCESS:
        raise Errno(E.BADF)
    pid = ops[Op.GETPID](ctx)
    match cls:
        case 0:
            raw = struct.pack("<I4xQQi4xQQ", 0x103, peb(ctx), 1, 8, pid, ops[Op.GETPPID](ctx))
        case 4:
            now = system_time(ctx, ops)
            raw = struct.pack("<qqqq", now, 0, 0, 0)
        case 7 | 26 | 30:  # debug port, WOW64, debug object: none
            raw = bytes(8)
        case 20:
            raw = struct.pack("<I", len(state(ctx).files) + 3)
        case 27 | 43:
            drive = "\\Device\\HarddiskVolume1" if cls == 27 else "C:"
            name = wide(drive + image_path(ctx)[2:])
            raw = struct.pack("<HH4xQ", len(name), len(name) + 2, buffer + 16 & M64) + name + b"\0\0"
            return _store(ctx, raw, buffer, length, returned, exact=False)
        case 31:
            raw = struct.pack("<I", 1)
        case 36:
            raw = struct.pack("<I", 0x2A5C_3F17)
        case _:
            raise Errno(E.BAD_CLASS)
    return _store(ctx, raw, buffer, length, returned)


def query_thread(ctx: Any, ops: Ops, thread: int, cls: int, buffer: int, length: int, returned: int) -> int:
    """NtQueryInformationThread of the calling thread."""
    if thread != CURRENT_THREAD:
        raise Errno(E.BADF)
    match cls:
        case 0:
            pid, tid = ops[Op.GETPID](ctx), ops[Op.GETTID](ctx)
            raw = struct.pack("<I4xQQQQii", 0x103, teb(ctx), pid, tid, 1, 8, 8)
        case 12:
            raw = struct.pack("<I", int(len(ctx.process.contexts) <= 1))
        case _:
            raise Errno(E.BAD_CLASS)
    return _store(ctx, raw, buffer, length, returned)


def set_thread(ctx: Any, ops: Ops, thread: int, cls: int) -> int:
    """NtSetInformationThread: names and priorities are accepted."""
    if cls not in (2, 3, 4, 17, 25, 38, 22, 24):
        raise Errno(E.BAD_CLASS)
    return 0


def set_process(ctx: Any, ops: Ops, process: int, cls: int) -> int:
    """NtSetInformationProcess: hints are accepted."""
    if cls not in (5, 12, 18, 21, 33, 34, 52):
        raise Errno(E.BAD_CLASS)
    return 0


def query_system(ctx: Any, ops: Ops, cls: int, buffer: int, length: int, returned: int) -> int:
    """NtQuerySystemInformation."""
    match cls:
        case 0 | 62:
            raw = struct.pack(
                "<IIIIIII4xQQQB7x", 0, 156_250, 4096, PAGE_COUNT, 1, PAGE_COUNT, 0x1_0000, 0x1_0000,
                0x7FFF_FFFE_FFFF, 1, 1,
            )  # fmt: skip
        case 1:
            machine = 9 if ctx.arch.value == "x86_64" else 12
            raw = struct.pack("<HHHHI", machine, 6, 0x3A09, 1, 0)
        case 3:
            now = system_time(ctx, ops)
            raw = struct.pack("<qqqIIqq", now - counter(ctx, ops), now, 0, 0, 0, 0, 0)
        case 8:
            raw = struct.pack("<qqqqqII", 0, 0, 0, 0, 0, 0, 0)[:48]
        case 28:
            raw = struct.pack("<IIB3x", 156_250, 156_250, 0)
        case _:
            raise Errno(E.BAD_CLASS)
    return _store(ctx, raw, buffer, length, returned, exact=False)


def query_object(ctx: Any, ops: Ops, handle: int, cls: int, buffer: int, length: int, returned: int) -> int:
    """NtQueryObject: name and type of a file handle."""
    opened = state(ctx).files.get(fd_of(handle)) if is_file(handle) else None
    match cls:
        case 1:
            path = "\\Device\\HarddiskVolume1" + from_guest(opened.path)[2:] if opened else ""
            name = wide(path)
        case 2:
            name = wide("File" if is_file(handle) else "Event")
        case 4:
            return _store(ctx, bytes(2), buffer, length, returned)
        case _:
            raise Errno(E.BAD_CLASS)
    raw = struct.pack("<HH4xQ", len(name), len(name) + 2, buffer + 16 & M64) + name + b"\0\0"
    return _store(ctx, raw, buffer, length, returned, exact=False)


def duplicate(ctx: Any, ops: Ops, source: int, handle: int, target: int, where: int, options: int) -> int:
    """NtDuplicateObject inside the process."""
    if handle in (CURRENT_PROCESS, CURRENT_THREAD):
        copy = state(ctx).add(Event(signaled=False))
    elif is_file(handle):
        fd = ops[Op.DUP](ctx, fd=fd_of(handle), lowest=0, cloexec=False)
        known = state(ctx).files
        if fd_of(handle) in known:
            known[fd] = known[fd_of(handle)]
        copy = handle_of(fd)
        if options & 1:
            ops[Op.CLOSE](ctx, fd=fd_of(handle))
    else:
        copy = state(ctx).add(state(ctx).find(handle, object))
    if where:
        ctx.mem.write(where, struct.pack("<Q", copy))
    return 0


# -- objects that are waited for ---------------------------------------------------------------------


def create_event(ctx: Any, ops: Ops, kind: int, signaled: int) -> Opened:
    """NtCreateEvent."""
    if kind > 1:
        raise Errno(E.INVAL)
    return Opened(state(ctx).add(Event(bool(signaled), manual=kind == 0)), 0)


def set_event(ctx: Any, ops: Ops, handle: int, previous: int) -> int:
    """NtSetEvent."""
    return _change(ctx, handle, previous, signaled=True)


def reset_event(ctx: Any, ops: Ops, handle: int, previous: int) -> int:
    """NtResetEvent."""
    return _change(ctx, handle, previous, signaled=False)


def clear_event(ctx: Any, ops: Ops, handle: int) -> int:
    """NtClearEvent."""
    return _change(ctx, handle, 0, signaled=False)


def _change(ctx: Any, handle: int, previous: int, *, signaled: bool) -> int:
    event: Event = state(ctx).find(handle, Event)
    if previous:
        ctx.mem.write(previous, struct.pack("<I", int(event.signaled)))
    event.signaled = signaled
    return 0


def take(event: Event) -> bool:
    """Whether a wait is satisfied; an auto-reset event is consumed."""
    if not event.signaled:
        return False
    if not event.manual:
        event.signaled = False
    return True


def wait_one(ctx: Any, ops: Ops, handle: int, timeout: int | None) -> int:
    """NtWaitForSingleObject: with one thread, what is not signaled now only time can end."""
    if is_file(handle):
        fd_of(handle)
        return 0
    event: Event = state(ctx).find(handle, Event)
    if take(event):
        ctx.wait = None
        return 0
    if timeout is None:
        ops[Op.NANOSLEEP](ctx, clock=Clock.MONOTONIC, time=time_ns(1 << 62), absolute=True)
    elif timeout:
        sleep_100ns(ctx, ops, timeout)
    return 0 if take(event) else TIMEOUT


def no_such_key(ctx: Any, ops: Ops, **_: Any) -> int:
    """NtOpenKey: the registry is empty."""
    raise Errno(E.NOENT)


def alert(ctx: Any, ops: Ops, **_: Any) -> int:
    """NtTestAlert: no APC is ever queued."""
    return 0


QUERY = {
    "Class": To("cls", U32), "Information": To("buffer", POINTER), "Length": To("length", ULONG),
    "ReturnLength": To("returned", OUT_LONG_OPT),
}  # fmt: skip
TIMEOUT_ARG = InInt(64, signed=True, optional=True)

# fmt: off
CALLS: tuple[Call, ...] = (
    service("NtQuerySystemTime", sig(SystemTime=OutInt(64)), query_time, "no leap seconds"),
    service("NtQueryPerformanceCounter", sig(PerformanceCounter=OutInt(64),
        PerformanceFrequency=To("frequency", OUT_WORD_OPT)), query_counter, "10 MHz"),
    service("NtDelayExecution", sig(Alertable=Unused("no APC"),
        DelayInterval=To("interval", InInt(64, signed=True))), delay, "no APC"),
    service("NtYieldExecution", sig(), yield_now, "never STATUS_NO_YIELD_PERFORMED"),
    service("NtTerminateProcess", sig(ProcessHandle=To("process", RAW), ExitStatus=To("status", U32)),
        terminate_process, "this process only"),
    service("NtTerminateThread", sig(ThreadHandle=To("thread", RAW), ExitStatus=To("status", U32)),
        terminate_thread, "the calling thread only"),
    service("NtQueryInformationProcess", sig(ProcessHandle=To("process", RAW), **QUERY), query_process,
        "classes 0, 4, 7, 20, 26, 27, 30, 31, 36, 43"),
    service("NtQueryInformationThread", sig(ThreadHandle=To("thread", RAW), **QUERY), query_thread,
        "classes 0 and 12"),
    service("NtSetInformationThread", sig(ThreadHandle=To("thread", RAW), Class=To("cls", U32),
        Information=Unused("hints"), Length=Unused("hints")), set_thread, "hints change nothing"),
    service("NtSetInformationProcess", sig(ProcessHandle=To("process", RAW), Class=To("cls", U32),
        Information=Unused("hints"), Length=Unused("hints")), set_process, "hints change nothing"),
    service("NtQuerySystemInformation", sig(**QUERY), query_system, "classes 0, 1, 3, 8, 28, 62"),
    service("NtQueryObject", sig(Handle=To("handle", RAW), **QUERY), query_object, "files: name, type"),
    service("NtDuplicateObject", sig(SourceProcess=To("source", RAW), SourceHandle=To("handle", RAW),
        TargetProcess=To("target", RAW), TargetHandle=To("where", OUT_WORD_OPT),
        Access=Unused("no rights are kept"), Attributes=Unused("no child"), Options=To("options", HEX32)),
        duplicate, "inside the process"),
    service("NtCreateEvent", sig(EventHandle=OUT_HANDLE, DesiredAccess=Unused("no rights are kept"),
        ObjectAttributes=Unused("unnamed"), EventType=To("kind", U32),
        InitialState=To("signaled", BOOLEAN)), create_event, "unnamed"),
    service("NtSetEvent", sig(EventHandle=To("handle", RAW), PreviousState=To("previous", OUT_LONG_OPT)),
        set_event, "wakes nobody: one thread"),
    service("NtResetEvent", sig(EventHandle=To("handle", RAW), PreviousState=To("previous", OUT_LONG_OPT)),
        reset_event, "unnamed"),
    service("NtClearEvent", sig(EventHandle=To("handle", RAW)), clear_event, "unnamed"),
    service("NtWaitForSingleObject", sig(Handle=To("handle", RAW), Alertable=Unused("no APC"),
        Timeout=To("timeout", TIMEOUT_ARG)), wait_one, "events and files; one thread", ret=VALUE),
    service("NtOpenKey", sig(KeyHandle=Unused("never found"), DesiredAccess=Unused("never found"),
        ObjectAttributes=Unused("never found")), no_such_key, "the registry is empty"),
    service("NtOpenKeyEx", sig(KeyHandle=Unused("never found"), DesiredAccess=Unused("never found"),
        ObjectAttributes=Unused("never found"), OpenOptions=Unused("never found")), no_such_key,
        "the registry is empty"),
    service("NtTestAlert", sig(), alert, "no APC"),
)
# fmt: on
