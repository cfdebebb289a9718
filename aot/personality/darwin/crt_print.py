"""Formatted output of libSystem. From: stdio.h of macOS 14."""

from __future__ import annotations

from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.kinds import S32, To, Unused
from aot.personality.darwin.crt import TEXT, Ops, c, keep, standard, stream_at, word
from aot.personality.darwin.fails import EOF
from aot.personality.darwin.kinds import RAW
from aot.personality.libc import printf, variadic
from aot.personality.libc import stream as streams

SIZES = ("hh", "ll", "h", "l", "q", "z", "t", "j", "L")
DARWIN = printf.Dialect(
    sizes=SIZES,
    bits={"hh": 8, "h": 16, **dict.fromkeys(("ll", "l", "q", "z", "t", "j"), 64)},
    pointer=hex,
    nan=lambda sign: "nan",
    wide=lambda size, letter, wide, options: size == "l" or letter in ("S", "C"),
)


def narrow_at(ctx: Any, address: int, most: int | None) -> str:
    """A string, at most `most` bytes and not read beyond them."""
    if most is None:
        return text_of(ctx.mem.cstr(address, 1 << 26))
    out = bytearray()
    while len(out) < most:
        room = min(most - len(out), 4096 - (address + len(out)) % 4096)
        chunk = ctx.mem.read(address + len(out), room)
        end = chunk.find(0)
        if end >= 0:
            out += chunk[:end]
            break
        out += chunk
    return text_of(bytes(out))


def wide_at(ctx: Any, address: int, most: int | None) -> str:
    """wchar_t is 32 bits."""
    out = ""
    while most is None or len(out) < most:
        code = int.from_bytes(ctx.mem.read(address + 4 * len(out), 4), "little")
        if not code:
            break
        out += chr(code)
    return out


def text_of(raw: bytes) -> str:
    """UTF-8 that keeps what is none."""
    return raw.decode("utf-8", "surrogateescape")


def render(ctx: Any, template: bytes, arguments: variadic.Arguments) -> bytes:
    """The formatted bytes."""
    source = variadic.source(
        ctx, arguments, lambda a, most: narrow_at(ctx, a, most), lambda a, most: wide_at(ctx, a, most)
    )
    return printf.render(text_of(template), source, DARWIN).encode("utf-8", "surrogateescape")


def _put(ctx: Any, ops: Ops, stream: streams.Stream, raw: bytes) -> int:
    streams.write(ctx, ops, stream, raw)
    return len(raw)


def print_out(ctx: Any, ops: Ops, template: bytes) -> int:
    """Printf."""
    return _put(ctx, ops, standard(ctx, 1), render(ctx, template, variadic.passed(ctx, 1)))


def print_to(ctx: Any, ops: Ops, stream: int, template: bytes) -> int:
    """Fprintf."""
    found = stream_at(ctx, stream)
    return _put(ctx, ops, found, render(ctx, template, variadic.passed(ctx, 2)))


def print_list(ctx: Any, ops: Ops, template: bytes, arguments: int) -> int:
    """Vprintf."""
    return _put(ctx, ops, standard(ctx, 1), render(ctx, template, variadic.listed(ctx, arguments)))


def print_list_to(ctx: Any, ops: Ops, stream: int, template: bytes, arguments: int) -> int:
    """Vfprintf."""
    found = stream_at(ctx, stream)
    return _put(ctx, ops, found, render(ctx, template, variadic.listed(ctx, arguments)))


def _fit(ctx: Any, out: int, room: int, raw: bytes) -> int:
    if room:
        ctx.mem.write(out, raw[: room - 1] + b"\0")
    return len(raw)


def print_string(ctx: Any, ops: Ops, out: int, template: bytes) -> int:
    """Sprintf."""
    return _fit(ctx, out, 1 << 62, render(ctx, template, variadic.passed(ctx, 2)))


def print_bounded(ctx: Any, ops: Ops, out: int, room: int, template: bytes) -> int:
    """Snprintf."""
    return _fit(ctx, out, room, render(ctx, template, variadic.passed(ctx, 3)))


def print_string_list(ctx: Any, ops: Ops, out: int, template: bytes, arguments: int) -> int:
    """Vsprintf."""
    return _fit(ctx, out, 1 << 62, render(ctx, template, variadic.listed(ctx, arguments)))


def print_bounded_list(ctx: Any, ops: Ops, out: int, room: int, template: bytes, arguments: int) -> int:
    """Vsnprintf."""
    return _fit(ctx, out, room, render(ctx, template, variadic.listed(ctx, arguments)))


def print_checked(ctx: Any, ops: Ops, out: int, most: int, template: bytes) -> int:
    """__sprintf_chk(out, flag, size, format, ...)."""
    return _fit(ctx, out, most, render(ctx, template, variadic.passed(ctx, 4)))


def print_bounded_checked(ctx: Any, ops: Ops, out: int, room: int, template: bytes) -> int:
    """__snprintf_chk(out, room, flag, size, format, ...)."""
    return _fit(ctx, out, room, render(ctx, template, variadic.passed(ctx, 5)))


def print_bounded_checked_list(
    ctx: Any, ops: Ops, out: int, room: int, template: bytes, arguments: int
) -> int:
    """__vsnprintf_chk(out, room, flag, size, format, list)."""
    return _fit(ctx, out, room, render(ctx, template, variadic.listed(ctx, arguments)))


def print_fd(ctx: Any, ops: Ops, fd: int, template: bytes) -> int:
    """Dprintf."""
    stream = streams.Stream(fd, buffered=streams.NONE)
    return _put(ctx, ops, stream, render(ctx, template, variadic.passed(ctx, 2)))


def print_new(ctx: Any, ops: Ops, out: int, template: bytes) -> int:
    """Asprintf."""
    raw = render(ctx, template, variadic.passed(ctx, 2))
    ctx.mem.write(out, word(keep(ctx, raw + b"\0")))
    return len(raw)


def print_new_list(ctx: Any, ops: Ops, out: int, template: bytes, arguments: int) -> int:
    """Vasprintf."""
    raw = render(ctx, template, variadic.listed(ctx, arguments))
    ctx.mem.write(out, word(keep(ctx, raw + b"\0")))
    return len(raw)


FORMAT = {"template": To("template", TEXT)}
LIST = {"arguments": To("arguments", RAW)}
STREAM = {"stream": To("stream", RAW)}
OUT = {"out": To("out", RAW)}
ROOM = {"room": To("room", RAW)}
FLAG = {"flag": Unused("buffers are checked by the guest's own pages")}
OBJECT = {"size": Unused("buffers are checked by the guest's own pages")}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("printf", FORMAT, print_out, fail=EOF),
    c("fprintf", {**STREAM, **FORMAT}, print_to, fail=EOF),
    c("vprintf", {**FORMAT, **LIST}, print_list, fail=EOF),
    c("vfprintf", {**STREAM, **FORMAT, **LIST}, print_list_to, fail=EOF),
    c("sprintf", {**OUT, **FORMAT}, print_string, fail=EOF),
    c("snprintf", {**OUT, **ROOM, **FORMAT}, print_bounded, fail=EOF),
    c("vsprintf", {**OUT, **FORMAT, **LIST}, print_string_list, fail=EOF),
    c("vsnprintf", {**OUT, **ROOM, **FORMAT, **LIST}, print_bounded_list, fail=EOF),
    c("__sprintf_chk", {**OUT, **FLAG, "most": To("most", RAW), **FORMAT}, print_checked, fail=EOF),
    c("__snprintf_chk", {**OUT, **ROOM, **FLAG, **OBJECT, **FORMAT}, print_bounded_checked, fail=EOF),
    c("__vsnprintf_chk", {**OUT, **ROOM, **FLAG, **OBJECT, **FORMAT, **LIST}, print_bounded_checked_list, fail=EOF),
    c("dprintf", {"fd": S32, **FORMAT}, print_fd, fail=EOF),
    c("asprintf", {**OUT, **FORMAT}, print_new, fail=EOF),
    c("vasprintf", {**OUT, **FORMAT, **LIST}, print_new_list, fail=EOF),
)
# fmt: on
