"""Characters, wide output, scanning and mathematics of libSystem. From: ctype.h, wchar.h, stdio.h, math.h."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.kinds import S32, U32, To
from aot.personality.darwin.crt import TEXT, Ops, c, crt, standard
from aot.personality.darwin.crt_print import DARWIN, FORMAT, narrow_at, text_of, wide_at
from aot.personality.darwin.fails import EOF
from aot.personality.darwin.kinds import RAW
from aot.personality.darwin.runes import flags
from aot.personality.darwin.state import set_errno
from aot.personality.libc import printf, variadic
from aot.personality.libc import stream as streams
from aot.personality.libc.mathematics import Mathematics
from aot.personality.libc.scan import scan

RDI = 7  # where the first integer argument is
TOKEN = "strtok"  # crt().static: where strtok continues


def classify(test: Callable[[str], bool]) -> Callable[..., int]:
    """Isalpha and its relatives: ASCII alone, as in the C locale."""

    def answer(ctx: Any, ops: Ops, char: int) -> int:
        return int(0 <= char < 128 and test(chr(char)))

    return answer


def change(function: Callable[[str], str]) -> Callable[..., int]:
    """Toupper and tolower."""

    def answer(ctx: Any, ops: Ops, char: int) -> int:
        return ord(function(chr(char))) if 0 <= char < 128 else char & 0xFFFF_FFFF

    return answer


def mask_rune(ctx: Any, ops: Ops, char: int, mask: int) -> int:
    """__maskrune: the classes of a character beyond the table."""
    return flags(chr(char)) & mask if 0 <= char < 128 else 0


def token(ctx: Any, ops: Ops, text: int, among: bytes) -> int:
    """Strtok."""
    return _token(
        ctx, text or crt(ctx).static.get(TOKEN, 0), among, lambda at: crt(ctx).static.update({TOKEN: at})
    )


def token_r(ctx: Any, ops: Ops, text: int, among: bytes, last: int) -> int:
    """strtok_r."""
    at = text or ctx.mem.load_u64(last)
    return _token(ctx, at, among, lambda end: ctx.mem.write(last, end.to_bytes(8, "little")))


def _token(ctx: Any, at: int, among: bytes, keep: Callable[[int], object]) -> int:
    raw = ctx.mem.cstr(at) if at else b""
    start = next((i for i, byte in enumerate(raw) if byte not in among), len(raw))
    if start == len(raw):
        keep(0)
        return 0
    end = next((i for i in range(start, len(raw)) if raw[i] in among), len(raw))
    if end < len(raw):
        ctx.mem.write(at + end, b"\0")
    keep(at + end + 1 if end < len(raw) else 0)
    return int(at) + start


def scan_string(ctx: Any, ops: Ops, text: bytes, template: bytes) -> int:
    """Sscanf."""
    return scan(ctx, text_of(text), text_of(template), variadic.passed(ctx, 2).word)[0] & 0xFFFF_FFFF


def scan_list(ctx: Any, ops: Ops, text: bytes, template: bytes, arguments: int) -> int:
    """Vsscanf."""
    return scan(ctx, text_of(text), text_of(template), variadic.listed(ctx, arguments).word)[0] & 0xFFFF_FFFF


def print_wide(ctx: Any, ops: Ops, template: int) -> int:
    """Wprintf: UTF-8 comes out."""
    source = variadic.source(
        ctx,
        variadic.passed(ctx, 1),
        lambda a, most: narrow_at(ctx, a, most),
        lambda a, most: wide_at(ctx, a, most),
    )
    text = printf.render(wide_at(ctx, template, None), source, DARWIN, wide=True)
    streams.write(ctx, ops, standard(ctx, 1), text.encode("utf-8", "surrogateescape"))
    return len(text)


CHAR = {"char": To("char", S32)}
CLASSES: dict[str, Callable[[str], bool]] = {
    "isalpha": str.isalpha, "isdigit": str.isdigit, "isalnum": str.isalnum, "isspace": lambda c: c in " \t\n\v\f\r",
    "isupper": str.isupper, "islower": str.islower, "isprint": str.isprintable,
    "ispunct": lambda c: c.isprintable() and not c.isalnum() and c != " ", "iscntrl": lambda c: not c.isprintable(),
    "isxdigit": lambda c: c in "0123456789abcdefABCDEF", "isgraph": lambda c: c.isprintable() and c != " ",
    "isblank": lambda c: c in " \t", "isascii": lambda c: True,
}  # fmt: skip

# fmt: off
CALLS: tuple[Call, ...] = (
    *(c(name, CHAR, classify(test)) for name, test in CLASSES.items()),
    c("toupper", CHAR, change(str.upper), also=("__toupper",)),
    c("tolower", CHAR, change(str.lower), also=("__tolower",)),
    c("__maskrune", {**CHAR, "mask": To("mask", U32)}, mask_rune),
    c("strtok", {"text": To("text", RAW), "among": To("among", TEXT)}, token),
    c("strtok_r", {"text": To("text", RAW), "among": To("among", TEXT), "last": To("last", RAW)}, token_r),
    c("sscanf", {"text": To("text", TEXT), **FORMAT}, scan_string, fail=EOF),
    c("vsscanf", {"text": To("text", TEXT), **FORMAT, "arguments": To("arguments", RAW)}, scan_list, fail=EOF),
    c("wprintf", {"template": To("template", RAW)}, print_wide, fail=EOF),
    *(c(name, {}, via, ret=NOTHING) for name, via in Mathematics(set_errno, RDI).functions()),
)
# fmt: on
