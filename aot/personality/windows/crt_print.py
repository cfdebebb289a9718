"""Formatted output and input of the C runtime. From: stdio.h, corecrt_stdio_config.h of mingw-w64 (UCRT)."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import To, Unused
from aot.personality.windows import crt_stream as streams
from aot.personality.windows import printf
from aot.personality.windows.crt import TEXT, c
from aot.personality.windows.crt_scan import scan
from aot.personality.windows.crt_stdio import EOF, S
from aot.personality.windows.files import Ops
from aot.personality.windows.kinds import POINTER, RAW, WIDE, wide_at
from aot.personality.windows.text import from_host, to_host, wide

NULL_TERMINATE, STANDARD = 1, 2  # options of the vsprintf family


def bounded(ctx: Any, address: int, most: int | None) -> str:
    """A narrow string, at most `most` bytes and not read beyond them."""
    if most is None:
        return from_host(ctx.mem.cstr(address, 1 << 26))
    out = bytearray()
    while len(out) < most:
        room = min(most - len(out), 4096 - (address + len(out)) % 4096)
        chunk = ctx.mem.read(address + len(out), room)
        end = chunk.find(0)
        if end >= 0:
            out += chunk[:end]
            break
        out += chunk
    return from_host(bytes(out))


def bounded_wide(ctx: Any, address: int, most: int | None) -> str:
    """A wide string, at most `most` characters."""
    if most is None:
        return wide_at(address, ctx.mem, 1 << 24)
    out = ""
    while len(out) < most:
        char = ctx.mem.read(address + 2 * len(out), 2)
        if char == b"\0\0":
            break
        out += char.decode("utf-16-le", "surrogatepass")
    return out


def source(ctx: Any, arguments: int) -> printf.Source:
    """Values from a va_list: 8-byte slots in a row."""
    at = arguments

    def word() -> int:
        nonlocal at
        value: int = ctx.mem.load_u64(at)
        at += 8
        return value

    def count(address: int, size: int, total: int) -> None:
        ctx.mem.write(address, total.to_bytes(size, "little"))

    return printf.Source(
        word,
        lambda address, most: bounded(ctx, address, most),
        lambda address, most: bounded_wide(ctx, address, most),
        count,
    )


def v_print(ctx: Any, ops: Ops, options: int, stream: int, template: bytes, arguments: int) -> int:
    """__stdio_common_vfprintf."""
    text = printf.render(from_host(template), source(ctx, arguments), options=options)
    raw = to_host(text)
    streams.write(ctx, ops, streams.stream_at(ctx, stream), raw)
    return len(raw)


def v_print_wide(ctx: Any, ops: Ops, options: int, stream: int, template: str, arguments: int) -> int:
    """__stdio_common_vfwprintf: UTF-8 comes out."""
    text = printf.render(template, source(ctx, arguments), wide=True, options=options)
    streams.write(ctx, ops, streams.stream_at(ctx, stream), to_host(text))
    return len(text)


def v_string(ctx: Any, ops: Ops, options: int, out: int, room: int, template: bytes, arguments: int) -> int:
    """__stdio_common_vsprintf: what is answered when it does not fit depends on the options."""
    raw = to_host(printf.render(from_host(template), source(ctx, arguments), options=options))
    return _fit(ctx, options, out, room, raw, 1)


def v_string_wide(
    ctx: Any, ops: Ops, options: int, out: int, room: int, template: str, arguments: int
) -> int:
    """__stdio_common_vswprintf."""
    raw = wide(printf.render(template, source(ctx, arguments), wide=True, options=options))
    return _fit(ctx, options, out, room, raw, 2)


def _fit(ctx: Any, options: int, out: int, room: int, raw: bytes, unit: int) -> int:
    count = len(raw) // unit
    if not out or not room:
        return count if options & STANDARD or not out else EOF
    if count < room:
        ctx.mem.write(out, raw + bytes(unit))
        return count
    if options & STANDARD or options & NULL_TERMINATE:
        ctx.mem.write(out, raw[: (room - 1) * unit] + bytes(unit))
        return count if options & STANDARD else EOF
    ctx.mem.write(out, raw[: room * unit])
    return count if count == room else EOF


def v_string_s(ctx: Any, ops: Ops, options: int, out: int, room: int, template: bytes, arguments: int) -> int:
    """__stdio_common_vsprintf_s: too little room is an error."""
    raw = to_host(printf.render(from_host(template), source(ctx, arguments), options=options))
    if len(raw) >= room:
        ctx.mem.write(out, b"\0")
        raise Errno(E.RANGE)
    ctx.mem.write(out, raw + b"\0")
    return len(raw)


def v_string_ns(
    ctx: Any, ops: Ops, options: int, out: int, room: int, most: int, template: bytes, arguments: int
) -> int:
    """__stdio_common_vsnprintf_s: at most `most` characters."""
    raw = to_host(printf.render(from_host(template), source(ctx, arguments), options=options))
    keep_bytes = min(len(raw), most, room - 1)
    ctx.mem.write(out, raw[:keep_bytes] + b"\0")
    return len(raw) if keep_bytes == len(raw) else EOF


def v_scan(ctx: Any, ops: Ops, options: int, text: int, count: int, template: bytes, arguments: int) -> int:
    """__stdio_common_vsscanf."""
    raw = bounded(ctx, text, None if count >= 1 << 31 else count)
    return scan(ctx, raw, from_host(template), arguments)[0] & 0xFFFF_FFFF


OPTIONS = {"options": To("options", RAW)}
TAIL = {"locale": Unused("the C locale"), "arguments": To("arguments", POINTER)}
FORMAT = {"template": To("template", TEXT)}
WFORMAT = {"template": To("template", WIDE)}
BUFFER = {"out": To("out", POINTER), "room": To("room", RAW)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("__stdio_common_vfprintf", {**OPTIONS, **S, **FORMAT, **TAIL}, v_print),
    c("__stdio_common_vfprintf_s", {**OPTIONS, **S, **FORMAT, **TAIL}, v_print),
    c("__stdio_common_vfwprintf", {**OPTIONS, **S, **WFORMAT, **TAIL}, v_print_wide),
    c("__stdio_common_vsprintf", {**OPTIONS, **BUFFER, **FORMAT, **TAIL}, v_string),
    c("__stdio_common_vswprintf", {**OPTIONS, **BUFFER, **WFORMAT, **TAIL}, v_string_wide),
    c("__stdio_common_vsprintf_s", {**OPTIONS, **BUFFER, **FORMAT, **TAIL}, v_string_s),
    c("__stdio_common_vsnprintf_s", {**OPTIONS, **BUFFER, "most": To("most", RAW), **FORMAT, **TAIL},
        v_string_ns),
    c("__stdio_common_vsscanf", {**OPTIONS, "text": To("text", POINTER), "count": To("count", RAW),
        **FORMAT, **TAIL}, v_scan),
)
# fmt: on
