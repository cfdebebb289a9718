"""kernel32: the console. From: consoleapi.h of mingw-w64."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, To, Unused
from aot.personality.abi.op import Op
from aot.personality.windows.files import Ops
from aot.personality.windows.kinds import HANDLE, OUT_LONG, OUT_LONG_OPT, POINTER, ULONG
from aot.personality.windows.text import from_wide, to_host, wide
from aot.personality.windows.win32 import (
    both,
    k32,
)


def _tty(ctx: Any, ops: Ops, fd: int) -> None:
    try:
        ops[Op.TTY_GETSIZE](ctx, fd=fd)
    except Errno:
        raise Errno(E.BADF) from None


def console_mode(ctx: Any, ops: Ops, fd: int, mode: int) -> int:
    """GetConsoleMode: fails for what is no console."""
    _tty(ctx, ops, fd)
    ctx.mem.write(mode, struct.pack("<I", 0x1F7 if fd == 0 else 7))
    return 1


def set_console_mode(ctx: Any, ops: Ops, fd: int, mode: int) -> int:
    """SetConsoleMode: accepted, nothing changes."""
    _tty(ctx, ops, fd)
    return 1


def write_console(ctx: Any, ops: Ops, fd: int, address: int, count: int, done: int, *, wide: bool) -> int:
    """WriteConsole: text as UTF-8."""
    raw = ctx.mem.read(address, count * (2 if wide else 1)) if count else b""
    data = memoryview(to_host(from_wide(raw)) if wide else raw)
    while data:
        data = data[ops[Op.WRITE](ctx, fd=fd, buf=(data,)) :]
    if done:
        ctx.mem.write(done, struct.pack("<I", count))
    return 1


def read_console(ctx: Any, ops: Ops, fd: int, address: int, count: int, done: int) -> int:
    """ReadConsoleW: a line, as far as it fits."""
    raw = bytearray(max(1, count // 2))
    got = ops[Op.READ](ctx, fd=fd, buf=(memoryview(raw),))
    text = wide(bytes(raw[:got]).decode("utf-8", "surrogateescape").replace("\n", "\r\n"))
    ctx.mem.write(address, text[: 2 * count])
    ctx.mem.write(done, struct.pack("<I", min(count, len(text) // 2)))
    return 1


# fmt: off
CALLS: tuple[Call, ...] = (
    k32("GetConsoleMode", {"hConsole": To("fd", HANDLE), "lpMode": To("mode", OUT_LONG)}, console_mode),
    k32("SetConsoleMode", {"hConsole": To("fd", HANDLE), "dwMode": To("mode", HEX32)}, set_console_mode),
    *both("WriteConsole", {"hConsole": To("fd", HANDLE), "lpBuffer": To("address", POINTER),
        "nChars": To("count", ULONG), "lpDone": To("done", OUT_LONG_OPT),
        "lpReserved": Unused("reserved")}, write_console),
    k32("ReadConsoleW", {"hConsole": To("fd", HANDLE), "lpBuffer": To("address", POINTER),
        "nChars": To("count", ULONG), "lpDone": To("done", OUT_LONG_OPT),
        "pInputControl": Unused("no control keys")}, read_console),
)
# fmt: on
