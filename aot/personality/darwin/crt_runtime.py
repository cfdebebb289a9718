"""Start, end and odds of libSystem: exit, errno, dyld, system facts, signals. From: the headers of macOS 14."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import FULL, NOTHING, ZERO, Call, call, partial, sig, stub
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import ADDRESS, S32, SIZE, To, Unused
from aot.personality.abi.op import Op
from aot.personality.abi.signals import Signal
from aot.personality.darwin import kinds as k
from aot.personality.darwin.crt import TEXT, Ops, Steps, c, calls_back, constant, crt, keep, static, word
from aot.personality.darwin.crt_stdio import flush_all
from aot.personality.darwin.fails import NULL, SYSTEM_CALL
from aot.personality.darwin.kinds import RAW
from aot.personality.darwin.state import errno_at
from aot.personality.darwin.sysctl import NODES

FINISH = "_exit_flushed"  # what exit() calls last: a row of its own, so that its writes may wait
LIBRARY = "libSystem.B.dylib"
SYSCONF = {1: 1048576, 2: 266, 3: 100, 4: 16, 5: 256}  # ARG_MAX CHILD_MAX CLK_TCK NGROUPS OPEN_MAX
PAGE_SIZE, CPUS, CPUS_ONLINE, PHYS_PAGES = 29, 57, 58, 200


def at_exit(ctx: Any, ops: Ops, function: int) -> int:
    """Atexit."""
    crt(ctx).at_exit.append((function, ()))
    return 0


def cxa_at_exit(ctx: Any, ops: Ops, function: int, argument: int) -> int:
    """__cxa_atexit."""
    crt(ctx).at_exit.append((function, (argument,)))
    return 0


def _ending(ctx: Any) -> Steps:
    functions = crt(ctx).at_exit
    while functions:
        yield functions.pop()
    return 0


@calls_back
def exit_all(ctx: Any, ops: Ops, status: int) -> Steps:
    """Exit: functions registered for it, buffers, then the process."""
    yield from _ending(ctx)
    yield ctx.process.data["imports"].address_of(LIBRARY, FINISH), (status,)
    return 0


def finish(ctx: Any, ops: Ops, status: int) -> int:
    """The last of exit: write out what is buffered, end the process."""
    flush_all(ctx, ops)
    ops[Op.EXIT](ctx, status=status & 0xFF)
    return 0


def abort(ctx: Any, ops: Ops) -> int:
    """Abort: killed by SIGABRT."""
    ops[Op.KILL](ctx, pid=ops[Op.GETPID](ctx), signal=int(Signal.ABRT))
    return 0


def smashed(ctx: Any, ops: Ops) -> int:
    """__stack_chk_fail: as abort."""
    return abort(ctx, ops)


def error_cell(ctx: Any, ops: Ops) -> int:
    """__error: where errno is."""
    return errno_at(ctx)


def find_symbol(ctx: Any, ops: Ops, handle: int, name: bytes) -> int:
    """Dlsym: a function of libSystem by its C name."""
    address: int = ctx.process.data["imports"].address_of(LIBRARY, "_" + name.decode("latin-1"))
    if not address:
        crt(ctx).static["dlerror"] = keep(ctx, b"dlsym: symbol not found: " + name + b"\0")
    return address


def open_library(ctx: Any, ops: Ops, path: bytes | None, mode: int) -> int:
    """Dlopen: the program itself and libSystem are there already, anything else is not found."""
    if path is None or b"libSystem" in path or b"libc.dylib" in path:
        return 1
    crt(ctx).static["dlerror"] = keep(ctx, b"dlopen: library not found: " + path + b"\0")
    return 0


def last_problem(ctx: Any, ops: Ops) -> int:
    """Dlerror."""
    return crt(ctx).static.pop("dlerror", 0)


def sysctl_by_name(ctx: Any, ops: Ops, name: int, old: int, oldlenp: int, new: int, newlen: int) -> int:
    """sysctlbyname(3), which counts the name's bytes itself."""
    size = len(ctx.mem.cstr(name, 1025))
    return NODES.sysctlbyname(
        ctx, ops, name=name, namelen=size, old=old, oldlenp=oldlenp, new=new, newlen=newlen
    )


def configuration(ctx: Any, ops: Ops, name: int) -> int:
    """Sysconf."""
    if name == PAGE_SIZE:
        return int(ctx.mem.page_size)
    if name in (CPUS, CPUS_ONLINE):
        bits: bytes = ops[Op.SCHED_AFFINITY](ctx, tid=0)
        return int.from_bytes(bits, "little").bit_count()
    if name == PHYS_PAGES:
        return int(ops[Op.SYSINFO](ctx).totalram) // int(ctx.mem.page_size)
    if name in SYSCONF:
        return SYSCONF[name]
    raise Errno(E.INVAL)


def page_size(ctx: Any, ops: Ops) -> int:
    """Getpagesize."""
    return int(ctx.mem.page_size)


def working_directory(ctx: Any, ops: Ops, out: int, room: int) -> int:
    """Getcwd; null asks for a new buffer."""
    path: bytes = ops[Op.GETCWD](ctx)
    if not out:
        return keep(ctx, path + b"\0")
    if len(path) >= room:
        raise Errno(E.RANGE)
    ctx.mem.write(out, path + b"\0")
    return out


def real_path(ctx: Any, ops: Ops, path: bytes, out: int) -> int:
    """Realpath."""
    found: bytes = ctx.process.names.resolved(path) if hasattr(ctx.process.names, "resolved") else path
    if not found.startswith(b"/"):
        base: bytes = ops[Op.GETCWD](ctx)
        found = base.rstrip(b"/") + b"/" + found
    if not out:
        return keep(ctx, found + b"\0")
    ctx.mem.write(out, found + b"\0")
    return out


def is_terminal(ctx: Any, ops: Ops, fd: int) -> int:
    """Isatty."""
    try:
        ops[Op.TTY_GETATTR](ctx, fd=fd)
    except Errno:
        return 0
    return 1


def program_path(ctx: Any, ops: Ops, out: int, size: int) -> int:
    """_NSGetExecutablePath."""
    path: bytes = ctx.process.exec_path + b"\0"
    room = int.from_bytes(ctx.mem.read(size, 4), "little")
    if room < len(path):
        ctx.mem.write(size, len(path).to_bytes(4, "little"))
        return 0xFFFF_FFFF
    ctx.mem.write(out, path)
    return 0


def cell(name: str) -> Any:
    """_NSGetEnviron, _NSGetArgv, _NSGetArgc: the address of a word."""

    def address(ctx: Any, ops: Ops) -> int:
        known = crt(ctx).static
        if name not in known:
            known[name] = keep(ctx, word(_start_value(ctx, name)))
        return known[name]

    return address


def _start_value(ctx: Any, name: str) -> int:
    argc: int = ctx.process.data["argc"]
    if name == "argc":
        return int(ctx.mem.load_u64(argc))
    return argc + 8 if name == "argv" else int(ctx.process.data["environ"])


def program_name(ctx: Any, ops: Ops) -> int:
    """Getprogname."""
    return static(ctx, "progname", ctx.process.exec_path.rpartition(b"/")[2] + b"\0")


def set_signal(ctx: Any, ops: Ops, signal: int, handler: int) -> int:
    """Signal."""
    from aot.personality.abi.neutral import SigAction  # noqa: PLC0415

    old = ops[Op.SIGACTION](ctx, signal=signal, action=SigAction(handler, 0x1000_0000, 0, 0))
    return int(old.handler)


def set_of(bits: int) -> Any:
    """Sigemptyset and sigfillset."""

    def fill(ctx: Any, ops: Ops, out: int) -> int:
        ctx.mem.write(out, bits.to_bytes(4, "little"))
        return 0

    return fill


def change_set(*, present: bool) -> Any:
    """Sigaddset and sigdelset."""

    def change(ctx: Any, ops: Ops, out: int, number: int) -> int:
        bit, bits = 1 << number - 1, int.from_bytes(ctx.mem.read(out, 4), "little")
        ctx.mem.write(out, (bits | bit if present else bits & ~bit).to_bytes(4, "little"))
        return 0

    return change


def in_set(ctx: Any, ops: Ops, out: int, number: int) -> int:
    """Sigismember."""
    return int.from_bytes(ctx.mem.read(out, 4), "little") >> number - 1 & 1


FUNCTION = {"function": To("function", RAW)}
STATUS = {"status": To("status", S32)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("exit", STATUS, exit_all, ret=NOTHING),
    c("exit_flushed", STATUS, finish, ret=NOTHING),
    c("atexit", FUNCTION, at_exit),
    c("__cxa_atexit", {**FUNCTION, "argument": To("argument", RAW), "module": Unused("one image")}, cxa_at_exit),
    c("abort", {}, abort, ret=NOTHING),
    c("__stack_chk_fail", {}, smashed, ret=NOTHING),
    c("__error", {}, error_cell, note="one errno a thread"),
    stub("dyld_stub_binder", None, E.NOSYS, "lazy slots are bound when the program is translated",
         symbols=("dyld_stub_binder",)),
    stub("_tlv_bootstrap", None, E.NOSYS, "thread-local variables are found by code that start puts there",
         symbols=("__tlv_bootstrap",)),
    c("dlsym", {"handle": To("handle", RAW), "name": To("name", TEXT)}, find_symbol, fail=NULL),
    c("dlopen", {"path": k.TEXT_OPT, "mode": To("mode", S32)}, open_library, fail=NULL),
    c("dlclose", {"handle": Unused("libraries stay")}, constant(0)),
    c("dlerror", {}, last_problem),
    call("sysctlbyname", None, None, partial("the nodes of sysctl.py, read only"),
         sig(name=ADDRESS, oldp=To("old", ADDRESS), oldlenp=ADDRESS, newp=To("new", ADDRESS), newlen=SIZE),
         symbols=("_sysctlbyname",), fail=SYSTEM_CALL, via=sysctl_by_name),
    c("sysconf", {"name": To("name", S32)}, configuration, fail=SYSTEM_CALL),
    c("getpagesize", {}, page_size),
    c("getcwd", {"out": To("out", RAW), "room": To("room", RAW)}, working_directory, fail=NULL),
    c("realpath", {"path": To("path", TEXT), "out": To("out", RAW)}, real_path, fail=NULL,
        also=("realpath$DARWIN_EXTSN",)),
    c("isatty", {"fd": S32}, is_terminal),
    c("_NSGetExecutablePath", {"out": To("out", RAW), "size": To("size", RAW)}, program_path),
    c("_NSGetEnviron", {}, cell("environ")),
    c("_NSGetArgv", {}, cell("argv")),
    c("_NSGetArgc", {}, cell("argc")),
    c("getprogname", {}, program_name),
    c("signal", {"signal": To("signal", k.SIGNAL_KINDS.number), "handler": To("handler", RAW)}, set_signal),
    call("sigaction", None, Op.SIGACTION, FULL,
         sig(sig=To("signal", k.SIGNAL_KINDS.number), act=To("action", k.SIGNAL_KINDS.action_in),
             oact=k.SIGNAL_KINDS.action_out), ZERO, symbols=("_sigaction",), fail=SYSTEM_CALL),
    call("kill", None, Op.KILL, FULL, sig(pid=S32, signum=To("signal", k.SIGNAL_KINDS.number)), ZERO,
         symbols=("_kill",), fail=SYSTEM_CALL),
    call("gettimeofday", None, Op.CLOCK_GETTIME, partial("no time zone"),
         sig(tp=k.TIMEVAL_OUT_OPT, tzp=Unused("no time zone")), ZERO, symbols=("_gettimeofday",),
         fail=SYSTEM_CALL, clock=k.REALTIME),
    c("notify_is_valid_token", {"token": S32}, constant(0), "no notifications"),
    c("xpc_date_create_from_current", {}, constant(0), "no XPC"),
    c("sigemptyset", {"set": To("out", RAW)}, set_of(0)),
    c("sigfillset", {"set": To("out", RAW)}, set_of(0xFFFF_FFFF)),
    c("sigaddset", {"set": To("out", RAW), "sig": To("number", S32)}, change_set(present=True)),
    c("sigdelset", {"set": To("out", RAW), "sig": To("number", S32)}, change_set(present=False)),
    c("sigismember", {"set": To("out", RAW), "sig": To("number", S32)}, in_set),
    c("setlocale", {"category": Unused("one locale"), "name": Unused("one locale")},
        lambda ctx, ops: static(ctx, "locale", b"C\0")),
)
# fmt: on
