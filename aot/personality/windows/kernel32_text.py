"""kernel32 and its neighbours: text conversion, random bytes. From: stringapiset.h of mingw-w64."""

from __future__ import annotations

import struct
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.kinds import HEX32, S32, U32, To, Unused
from aot.personality.abi.op import Op
from aot.personality.windows import fails
from aot.personality.windows.files import Ops
from aot.personality.windows.kernel32_memory import (
    BAD_PARAMETER,
    INSUFFICIENT,
    NO_UNICODE,
)
from aot.personality.windows.kinds import OUT_LONG_OPT, POINTER, RAW
from aot.personality.windows.text import from_wide, wide
from aot.personality.windows.win32 import function, k32, refuse, text_at


def to_wide(ctx: Any, ops: Ops, page: int, flags: int, source: int, length: int, out: int, room: int) -> int:
    """MultiByteToWideChar: every code page is UTF-8."""
    if not length or (flags & ~0x0F):
        return refuse(ctx, BAD_PARAMETER)
    raw = ctx.mem.cstr(source, 1 << 24) + b"\0" if length < 0 else ctx.mem.read(source, length)
    try:
        text = raw.decode("utf-8", "strict" if flags & 8 else "replace")
    except UnicodeDecodeError:
        return refuse(ctx, NO_UNICODE)
    encoded = wide(text)
    return _fit(ctx, encoded, out, room, 2)


def to_narrow(
    ctx: Any, ops: Ops, page: int, flags: int, source: int, length: int, out: int, room: int, used: int
) -> int:
    """WideCharToMultiByte: every code page is UTF-8."""
    if not length:
        return refuse(ctx, BAD_PARAMETER)
    if length < 0:
        text = text_at(ctx, source, wide=True) + "\0"
    else:
        text = from_wide(ctx.mem.read(source, 2 * length))
    try:
        raw = text.encode("utf-8", "strict" if flags & 0x80 else "replace")
    except UnicodeEncodeError:
        return refuse(ctx, NO_UNICODE)
    if used:
        ctx.mem.write(used, bytes(4))
    return _fit(ctx, raw, out, room, 1)


def _fit(ctx: Any, raw: bytes, out: int, room: int, unit: int) -> int:
    if not room:
        return len(raw) // unit
    if len(raw) // unit > room:
        return refuse(ctx, INSUFFICIENT)
    ctx.mem.write(out, raw)
    return len(raw) // unit


def cp_info(ctx: Any, ops: Ops, page: int, out: int) -> int:
    """GetCPInfo: UTF-8."""
    ctx.mem.write(out, struct.pack("<I2s12x2x", 4, b"?"))
    return 1


def random_bytes(ctx: Any, ops: Ops, address: int, count: int) -> int:
    """ProcessPrng, SystemFunction036."""
    if count:
        ops[Op.RANDOM](ctx, buf=ctx.mem.buffers(address, count, True))
    return 1


def bcrypt_random(ctx: Any, ops: Ops, address: int, count: int) -> int:
    """BCryptGenRandom."""
    random_bytes(ctx, ops, address, count)
    return 0


def format_message(ctx: Any, ops: Ops, flags: int, code: int, out: int, room: int) -> int:
    """FormatMessageW of a system error: a line with its number."""
    if flags & 0x100:
        return refuse(ctx, BAD_PARAMETER)
    return _fit(ctx, wide(f"error {code}.\r\n\0"), out, room, 2)


TEXT = {
    "CodePage": To("page", U32), "dwFlags": To("flags", HEX32), "lpSource": To("source", POINTER),
    "cchSource": To("length", S32), "lpOut": To("out", POINTER), "cchOut": To("room", S32),
}  # fmt: skip

# fmt: off
CALLS: tuple[Call, ...] = (
    k32("MultiByteToWideChar", TEXT, to_wide),
    k32("WideCharToMultiByte", {**TEXT, "lpDefaultChar": Unused("UTF-8 has every character"),
        "lpUsedDefaultChar": To("used", OUT_LONG_OPT)}, to_narrow),
    k32("GetCPInfo", {"CodePage": To("page", U32), "lpCPInfo": To("out", POINTER)}, cp_info),
    k32("FormatMessageW", {"dwFlags": To("flags", HEX32), "lpSource": Unused("system messages"),
        "dwMessageId": To("code", U32), "dwLanguageId": Unused("one language"),
        "lpBuffer": To("out", POINTER), "nSize": To("room", U32)}, format_message),
    function("bcryptprimitives", "ProcessPrng", {"pbData": To("address", POINTER),
        "cbData": To("count", RAW)}, random_bytes),
    function("advapi32", "SystemFunction036", {"pbData": To("address", POINTER),
        "cbData": To("count", U32)}, random_bytes),
    function("bcryptprimitives", "BCryptGenRandom",
        {"hAlgorithm": Unused("the system's generator"), "pbBuffer": To("address", POINTER),
        "cbBuffer": To("count", U32), "dwFlags": Unused("no flags")}, bcrypt_random, fail=fails.STATUS),
)
# fmt: on
