"""The C runtime's start and end: arguments, initialisers, exit, locale, signals. From: corecrt_startup.h."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.kinds import S32, U32, To, Unused
from aot.personality.abi.op import Op
from aot.personality.windows import fails
from aot.personality.windows.crt import (
    TEXT,
    TEXT_OPT,
    Steps,
    c,
    calls_back,
    constant,
    crt,
    keep,
    keep_vector,
    narrow,
    static,
)
from aot.personality.windows.crt_stream import flush_all
from aot.personality.windows.files import Ops
from aot.personality.windows.kernel32_process import arguments, environment
from aot.personality.windows.kinds import POINTER, RAW
from aot.personality.windows.state import M64, host_status
from aot.personality.windows.text import from_host, widez

ABORTED = 3
FINISH = "exit_flushed"  # what exit() calls last: a row of its own, so that its writes may wait


def cell(name: str) -> Any:
    """A function that answers the address of one of the runtime's words."""

    def address(ctx: Any, ops: Ops) -> int:
        _arguments(ctx)
        return crt(ctx).cell(name)

    return address


def _put(ctx: Any, name: str, value: int) -> None:
    ctx.mem.write(crt(ctx).cell(name), struct.pack("<Q", value & M64))


def _arguments(ctx: Any) -> None:
    """Fill argc, argv and environ, once."""
    runtime = crt(ctx)
    if "arguments" in runtime.static:
        return
    runtime.static["arguments"] = 1
    given = arguments(ctx)
    _put(ctx, "argc", len(given))
    _put(ctx, "argv", keep_vector(ctx, [narrow(a) for a in given]))
    _put(ctx, "wargv", keep_vector(ctx, [widez(a) for a in given]))
    _put(ctx, "pgmptr", keep(ctx, narrow(given[0] if given else "")))
    _environ(ctx)


def _environ(ctx: Any) -> None:
    entries = [e for e in environment(ctx) if not e.startswith("=")]
    _put(ctx, "environ", keep_vector(ctx, [narrow(e) for e in entries]))
    _put(ctx, "wenviron", keep_vector(ctx, [widez(e) for e in entries]))


def configure(ctx: Any, ops: Ops) -> int:
    """_configure_narrow_argv, _initialize_narrow_environment and their wide forms."""
    _arguments(ctx)
    return 0


def initial_environment(name: str) -> Any:
    """_get_initial_narrow_environment and the wide one."""

    def value(ctx: Any, ops: Ops) -> int:
        _arguments(ctx)
        found: int = ctx.mem.load_u64(crt(ctx).cell(name))
        return found

    return value


def _table(ctx: Any, first: int, last: int) -> list[int]:
    raw = ctx.mem.read(first, last - first) if last > first else b""
    return [f for f in struct.unpack(f"<{len(raw) // 8}Q", raw[: len(raw) & -8]) if f]


@calls_back
def initterm(ctx: Any, ops: Ops, first: int, last: int) -> Steps:
    """_initterm: call every function of a table."""
    for function in _table(ctx, first, last):
        yield function, ()
    return 0


@calls_back
def initterm_e(ctx: Any, ops: Ops, first: int, last: int) -> Steps:
    """_initterm_e: stop at the first that fails."""
    for function in _table(ctx, first, last):
        result = yield function, ()
        if result & 0xFFFF_FFFF:
            return result & 0xFFFF_FFFF
    return 0


def at_exit(ctx: Any, ops: Ops, function: int) -> int:
    """_crt_atexit, atexit."""
    crt(ctx).onexit.append(function)
    return 0


def on_exit(ctx: Any, ops: Ops, function: int) -> int:
    """_onexit: the function itself."""
    crt(ctx).onexit.append(function)
    return function


def table_init(ctx: Any, ops: Ops, table: int) -> int:
    """_initialize_onexit_table."""
    crt(ctx).tables.setdefault(table, [])
    return 0


def table_add(ctx: Any, ops: Ops, table: int, function: int) -> int:
    """_register_onexit_function."""
    crt(ctx).tables.setdefault(table, []).append(function)
    return 0


@calls_back
def table_run(ctx: Any, ops: Ops, table: int) -> Steps:
    """_execute_onexit_table: last registered first."""
    functions = crt(ctx).tables.get(table, [])
    while functions:
        yield functions.pop(), ()
    return 0


def _ending(ctx: Any) -> Steps:
    functions = crt(ctx).onexit
    while functions:
        yield functions.pop(), ()
    return 0


@calls_back
def exit_all(ctx: Any, ops: Ops, status: int) -> Steps:
    """Leave through exit: functions registered for it, buffers, then the process."""
    yield from _ending(ctx)
    yield ctx.process.data["imports"].address_of("ucrtbase", FINISH), (status,)
    return 0


@calls_back
def c_exit(ctx: Any, ops: Ops) -> Steps:
    """_cexit: all of exit but the end."""
    yield from _ending(ctx)
    yield ctx.process.data["imports"].address_of("ucrtbase", "_flushall"), ()
    return 0


def finish(ctx: Any, ops: Ops, status: int) -> int:
    """The last of exit: write out what is buffered, end the process."""
    flush_all(ctx, ops)
    ops[Op.EXIT](ctx, status=host_status(status))
    return 0


def exit_now(ctx: Any, ops: Ops, status: int) -> int:
    """_exit: nothing is written out."""
    ops[Op.EXIT](ctx, status=host_status(status))
    return 0


@calls_back
def abort(ctx: Any, ops: Ops) -> Steps:
    """Abort: SIGABRT's handler, then the process ends with 3."""
    handler = crt(ctx).signals.get(22, 0)
    if handler > 1:
        yield handler, (22,)
    ops[Op.EXIT](ctx, status=ABORTED)
    return 0


def set_signal(ctx: Any, ops: Ops, number: int, handler: int) -> int:
    """Signal: handlers are kept; only raise and abort ever call them."""
    if number not in (2, 4, 8, 11, 15, 21, 22):
        fails.set_errno(ctx, 22)
        return M64
    before = crt(ctx).signals.get(number, 0)
    crt(ctx).signals[number] = handler
    return before


@calls_back
def raise_signal(ctx: Any, ops: Ops, number: int) -> Steps:
    """Raise: the handler, or the end with 3."""
    handler = crt(ctx).signals.pop(number, 0)
    if handler == 0:
        ops[Op.EXIT](ctx, status=ABORTED)
    if handler > 1:
        yield handler, (number,)
    return 0


def set_locale(ctx: Any, ops: Ops, category: int, name: bytes | None) -> int:
    """Setlocale: there is the C locale."""
    if name not in (None, b"", b"C", b"POSIX", b".UTF8", b".utf8", b"C.UTF-8"):
        return 0
    return static(ctx, "locale", b"C\0")


def locale_conventions(ctx: Any, ops: Ops) -> int:
    """Localeconv of the C locale."""
    runtime = crt(ctx)
    if "lconv" not in runtime.static:
        point, empty = keep(ctx, b".\0"), keep(ctx, b"\0")
        wpoint, wempty = keep(ctx, b".\0\0\0"), keep(ctx, b"\0\0")
        raw = struct.pack("<10Q", point, *[empty] * 9) + b"\x7f" * 8
        raw += struct.pack("<8Q", wpoint, *[wempty] * 7)
        runtime.static["lconv"] = keep(ctx, raw)
    return runtime.static["lconv"]


def get_env(ctx: Any, ops: Ops, name: bytes) -> int:
    """Getenv: a pointer into environ."""
    _arguments(ctx)
    at = ctx.mem.load_u64(crt(ctx).cell("environ"))
    wanted = name.upper() + b"="
    while entry := ctx.mem.load_u64(at):
        if ctx.mem.cstr(entry, 1 << 20)[: len(wanted)].upper() == wanted:
            return int(entry) + len(wanted)
        at += 8
    return 0


def put_env(ctx: Any, ops: Ops, entry: bytes) -> int:
    """_putenv."""
    name, mark, value = from_host(entry).partition("=")
    if not mark or not name:
        fails.set_errno(ctx, 22)
        return M64
    entries = environment(ctx)
    entries[:] = [e for e in entries if (e[:1] + e[1:].partition("=")[0]).upper() != name.upper()]
    if value:
        entries.append(f"{name}={value}")
    _environ(ctx)
    return 0


def put_env_s(ctx: Any, ops: Ops, name: bytes, value: bytes) -> int:
    """_putenv_s."""
    return put_env(ctx, ops, name + b"=" + value)


def error_text(ctx: Any, ops: Ops, number: int) -> int:
    """Strerror."""
    return static(ctx, "strerror", (ERRORS.get(number, "Unknown error") + "\0").ljust(64, "\0").encode())


ERRORS = {
    0: "No error", 1: "Operation not permitted", 2: "No such file or directory", 3: "No such process",
    4: "Interrupted function call", 5: "Input/output error", 7: "Arg list too long", 8: "Exec format error",
    9: "Bad file descriptor", 10: "No child processes", 11: "Resource temporarily unavailable",
    12: "Not enough space", 13: "Permission denied", 14: "Bad address", 16: "Resource device",
    17: "File exists", 18: "Improper link", 19: "No such device", 20: "Not a directory",
    21: "Is a directory", 22: "Invalid argument", 23: "Too many open files in system",
    24: "Too many open files", 25: "Inappropriate I/O control operation", 27: "File too large",
    28: "No space left on device", 29: "Invalid seek", 30: "Read-only file system", 31: "Too many links",
    32: "Broken pipe", 33: "Domain error", 34: "Result too large", 36: "Resource deadlock avoided",
    38: "Filename too long", 39: "No locks available", 40: "Function not implemented",
    41: "Directory not empty", 42: "Illegal byte sequence",
}  # fmt: skip
FUNCTION = {"function": To("function", RAW)}
STATUS = {"status": To("status", S32)}
RANGE = {"first": To("first", POINTER), "last": To("last", POINTER)}
TABLE = {"table": To("table", POINTER)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("__p___argc", {}, cell("argc")),
    c("__p___argv", {}, cell("argv")),
    c("__p___wargv", {}, cell("wargv")),
    c("__p__environ", {}, cell("environ")),
    c("__p__wenviron", {}, cell("wenviron")),
    c("__p__commode", {}, cell("commode")),
    c("__p__fmode", {}, cell("fmode")),
    c("__p__pgmptr", {}, cell("pgmptr")),
    c("_errno", {}, cell("errno")),
    c("__doserrno", {}, cell("doserrno")),
    c("_configure_narrow_argv", {"mode": Unused("wildcards stay as they are")}, configure,
        also=("_configure_wide_argv", "_initialize_narrow_environment", "_initialize_wide_environment")),
    c("_get_initial_narrow_environment", {}, initial_environment("environ")),
    c("_get_initial_wide_environment", {}, initial_environment("wenviron")),
    c("_initterm", RANGE, initterm, ret=NOTHING),
    c("_initterm_e", RANGE, initterm_e),
    c("_crt_atexit", FUNCTION, at_exit, also=("atexit",)),
    c("_onexit", FUNCTION, on_exit),
    c("_initialize_onexit_table", TABLE, table_init),
    c("_register_onexit_function", {**TABLE, **FUNCTION}, table_add),
    c("_execute_onexit_table", TABLE, table_run),
    c("exit", STATUS, exit_all),
    c("_exit", STATUS, exit_now, also=("_Exit", "quick_exit")),
    c("_cexit", {}, c_exit, ret=NOTHING),
    c("_c_exit", {}, constant(0), ret=NOTHING),
    c(FINISH, STATUS, finish),
    c("abort", {}, abort),
    c("signal", {"number": To("number", S32), "handler": To("handler", RAW)}, set_signal),
    c("raise", {"number": To("number", S32)}, raise_signal),
    c("_set_app_type", {"type": Unused("a hint")}, constant(0), ret=NOTHING),
    c("_set_new_mode", {"mode": Unused("malloc never calls a handler")}, constant(0)),
    c("_set_fmode", {"mode": Unused("text stays the default")}, constant(0)),
    c("_configthreadlocale", {"type": Unused("one locale")}, constant(2)),
    c("_set_invalid_parameter_handler", {"handler": Unused("never called")}, constant(0),
        also=("_set_thread_local_invalid_parameter_handler",)),
    c("__setusermatherr", {"handler": Unused("never called")}, constant(0), ret=NOTHING),
    c("_fpreset", {}, constant(0), ret=NOTHING),
    c("_controlfp_s", {"current": Unused("one mode")}, constant(0)),
    c("_seh_filter_exe", {"code": Unused("no exceptions here"), "pointers": Unused("no exceptions here")},
        constant(0), also=("_seh_filter_dll",)),
    c("setlocale", {"category": To("category", S32), "name": To("name", TEXT_OPT)}, set_locale),
    c("localeconv", {}, locale_conventions),
    c("___mb_cur_max_func", {}, constant(4)),
    c("___lc_codepage_func", {}, constant(65001)),
    c("_lock_locales", {}, constant(0), also=("_unlock_locales",)),
    c("getenv", {"name": To("name", TEXT)}, get_env, fail=fails.NULL_ERRNO),
    c("_putenv", {"entry": To("entry", TEXT)}, put_env),
    c("_putenv_s", {"name": To("name", TEXT), "value": To("value", TEXT)}, put_env_s),
    c("strerror", {"number": To("number", S32)}, error_text, also=("_strerror",)),
    c("_set_error_mode", {"mode": To("mode", U32)}, lambda ctx, ops, mode: 0),
)
# fmt: on
