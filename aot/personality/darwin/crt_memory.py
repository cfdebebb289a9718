"""Memory of libSystem: malloc and its family, blocks and strings. From: stdlib.h, string.h of macOS 14."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, To
from aot.personality.darwin.crt import TEXT, Ops, c, crt, keep, word
from aot.personality.darwin.crt_stdio import meaning
from aot.personality.darwin.fails import NULL, NUMBER
from aot.personality.darwin.kinds import RAW
from aot.personality.libc.heap import zero

MOST = 1 << 46
PIECE = 1 << 20  # bytes looked at or moved at once


def alloc(ctx: Any, ops: Ops, size: int) -> int:
    """Malloc."""
    if size > MOST:
        raise Errno(E.NOMEM)
    return crt(ctx).heap.alloc(ctx.mem, size)


def calloc(ctx: Any, ops: Ops, count: int, size: int) -> int:
    """Calloc."""
    address = alloc(ctx, ops, count * size)
    zero(ctx.mem, address, count * size)
    return address


def realloc(ctx: Any, ops: Ops, block: int, size: int) -> int:
    """Realloc: null allocates."""
    if not block:
        return alloc(ctx, ops, size)
    if size > MOST or block not in crt(ctx).heap.sizes:
        raise Errno(E.NOMEM)
    return crt(ctx).heap.resize(ctx.mem, block, size)


def free(ctx: Any, ops: Ops, block: int) -> int:
    """Free; null is fine."""
    crt(ctx).heap.free(ctx.mem, block)
    return 0


def size_of(ctx: Any, ops: Ops, block: int) -> int:
    """malloc_size: the room of a block."""
    found = crt(ctx).heap.sizes.get(block)
    return found[1] if found else 0


def good_size(ctx: Any, ops: Ops, size: int) -> int:
    """malloc_good_size."""
    return size + 15 & -16


def _aligned(ctx: Any, align: int, size: int) -> int:
    if size > MOST or not align or align & (align - 1):
        raise Errno(E.INVAL)
    return crt(ctx).heap.alloc(ctx.mem, size, align=max(16, align))


def aligned_alloc(ctx: Any, ops: Ops, align: int, size: int) -> int:
    """aligned_alloc, valloc's relative."""
    return _aligned(ctx, align, size)


def posix_memalign(ctx: Any, ops: Ops, out: int, align: int, size: int) -> int:
    """posix_memalign: 0 or an errno."""
    ctx.mem.write(out, word(_aligned(ctx, align, size)))
    return 0


def duplicate(ctx: Any, ops: Ops, text: bytes) -> int:
    """Strdup."""
    return keep(ctx, text + b"\0")


# -- blocks ------------------------------------------------------------------------------------------


def copy(ctx: Any, ops: Ops, to: int, source: int, size: int) -> int:
    """Memcpy, memmove."""
    if size:
        ctx.mem.write(to, ctx.mem.read(source, size))
    return to


def fill(ctx: Any, ops: Ops, to: int, byte: int, size: int) -> int:
    """Memset."""
    piece = bytes((byte & 0xFF,)) * min(size, PIECE)
    for at in range(0, size, PIECE):
        ctx.mem.write(to + at, piece[: min(PIECE, size - at)])
    return to


def clear(ctx: Any, ops: Ops, to: int, size: int) -> int:
    """Bzero."""
    zero(ctx.mem, to, size)
    return 0


def pattern(width: int) -> Callable[..., int]:
    """memset_pattern4, 8 and 16."""

    def repeat(ctx: Any, ops: Ops, to: int, source: int, size: int) -> int:
        ctx.mem.write(to, (ctx.mem.read(source, width) * (size // width + 1))[:size])
        return 0

    return repeat


def _order(left: bytes, right: bytes) -> int:
    for a, b in zip(left, right, strict=False):
        if a != b:
            return a - b & 0xFFFF_FFFF
    return 0


def compare(ctx: Any, ops: Ops, left: int, right: int, size: int) -> int:
    """Memcmp: the difference of the first bytes that differ."""
    return _order(ctx.mem.read(left, size), ctx.mem.read(right, size)) if size else 0


def find_byte(ctx: Any, ops: Ops, block: int, byte: int, size: int) -> int:
    """Memchr."""
    for at in range(0, size, 4096):
        found: int = ctx.mem.read(block + at, min(4096, size - at)).find(byte & 0xFF)
        if found >= 0:
            return block + at + found
    return 0


# -- strings -----------------------------------------------------------------------------------------


def length(ctx: Any, ops: Ops, text: bytes) -> int:
    """Strlen."""
    return len(text)


def _bounded(ctx: Any, address: int, most: int) -> bytes:
    out = bytearray()
    while len(out) < most:
        room = min(most - len(out), 4096 - (address + len(out)) % 4096)
        chunk = ctx.mem.read(address + len(out), room)
        end = chunk.find(0)
        if end >= 0:
            return bytes(out + chunk[:end])
        out += chunk
    return bytes(out)


def bounded_length(ctx: Any, ops: Ops, text: int, most: int) -> int:
    """Strnlen."""
    return len(_bounded(ctx, text, most))


def string_order(ctx: Any, ops: Ops, left: bytes, right: bytes) -> int:
    """Strcmp."""
    return _order(left + b"\0", right + b"\0")


def folded_order(ctx: Any, ops: Ops, left: bytes, right: bytes) -> int:
    """Strcasecmp."""
    return _order(left.lower() + b"\0", right.lower() + b"\0")


def bounded_order(ctx: Any, ops: Ops, left: int, right: int, most: int) -> int:
    """Strncmp."""
    a, b = _bounded(ctx, left, most), _bounded(ctx, right, most)
    return _order((a + b"\0")[:most], (b + b"\0")[:most])


def bounded_folded(ctx: Any, ops: Ops, left: int, right: int, most: int) -> int:
    """Strncasecmp."""
    a, b = _bounded(ctx, left, most).lower(), _bounded(ctx, right, most).lower()
    return _order((a + b"\0")[:most], (b + b"\0")[:most])


def copy_string(ctx: Any, ops: Ops, to: int, text: bytes) -> int:
    """Strcpy."""
    ctx.mem.write(to, text + b"\0")
    return to


def copy_end(ctx: Any, ops: Ops, to: int, text: bytes) -> int:
    """Stpcpy."""
    ctx.mem.write(to, text + b"\0")
    return to + len(text)


def copy_bounded(ctx: Any, ops: Ops, to: int, text: int, most: int) -> int:
    """Strncpy: padded with zeroes."""
    ctx.mem.write(to, _bounded(ctx, text, most).ljust(most, b"\0"))
    return to


def copy_limited(ctx: Any, ops: Ops, to: int, text: bytes, room: int) -> int:
    """Strlcpy."""
    if room:
        ctx.mem.write(to, text[: room - 1] + b"\0")
    return len(text)


def append(ctx: Any, ops: Ops, to: int, text: bytes) -> int:
    """Strcat."""
    ctx.mem.write(to + len(ctx.mem.cstr(to)), text + b"\0")
    return to


def append_bounded(ctx: Any, ops: Ops, to: int, text: int, most: int) -> int:
    """Strncat."""
    ctx.mem.write(to + len(ctx.mem.cstr(to)), _bounded(ctx, text, most) + b"\0")
    return to


def append_limited(ctx: Any, ops: Ops, to: int, text: bytes, room: int) -> int:
    """Strlcat."""
    have = len(_bounded(ctx, to, room))
    if have < room:
        ctx.mem.write(to + have, text[: room - have - 1] + b"\0")
    return have + len(text)


def find_char(ctx: Any, ops: Ops, text: int, char: int) -> int:
    """Strchr."""
    at = (ctx.mem.cstr(text) + b"\0").find(char & 0xFF)
    return text + at if at >= 0 else 0


def find_last(ctx: Any, ops: Ops, text: int, char: int) -> int:
    """Strrchr."""
    at = (ctx.mem.cstr(text) + b"\0").rfind(char & 0xFF)
    return text + at if at >= 0 else 0


def find_string(ctx: Any, ops: Ops, text: int, part: bytes) -> int:
    """Strstr."""
    at = ctx.mem.cstr(text).find(part)
    return text + at if at >= 0 else 0


def span(ctx: Any, ops: Ops, text: bytes, among: bytes) -> int:
    """Strspn."""
    return len(text) - len(text.lstrip(among)) if among else 0


def span_not(ctx: Any, ops: Ops, text: bytes, among: bytes) -> int:
    """Strcspn."""
    return next((i for i, byte in enumerate(text) if byte in among), len(text))


def find_any(ctx: Any, ops: Ops, text: int, among: bytes) -> int:
    """Strpbrk."""
    raw = ctx.mem.cstr(text)
    at = next((i for i, byte in enumerate(raw) if byte in among), -1)
    return text + at if at >= 0 else 0


def error_text(ctx: Any, ops: Ops, number: int) -> int:
    """Strerror: one constant string a number."""
    known = crt(ctx).static
    key = f"strerror {number}"
    if key not in known:
        known[key] = keep(ctx, meaning(number) + b"\0")
    return known[key]


def error_text_into(ctx: Any, ops: Ops, number: int, out: int, room: int) -> int:
    """strerror_r."""
    raw = meaning(number)
    if room:
        ctx.mem.write(out, raw[: room - 1] + b"\0")
    return 0 if len(raw) < room else 34


BLOCK = {"block": To("block", RAW)}
SIZE = {"size": To("size", RAW)}
TO = {"to": To("to", RAW)}
SOURCE = {"source": To("source", RAW)}
LEFT, RIGHT = {"left": To("left", RAW)}, {"right": To("right", RAW)}
TEXTS = {"left": To("left", TEXT), "right": To("right", TEXT)}
STRING, ADDRESS = {"text": To("text", TEXT)}, {"text": To("text", RAW)}
MOST_ARG, ROOM = {"most": To("most", RAW)}, {"room": To("room", RAW)}
CHECKED = {"object": To("checked", RAW)}


def _checked(via: Callable[..., int]) -> Callable[..., int]:
    """The __*_chk form: the size of the target comes last and must be enough."""

    def check(ctx: Any, ops: Ops, checked: int, **arguments: Any) -> int:
        return via(ctx, ops, **arguments)

    return check


# fmt: off
CALLS: tuple[Call, ...] = (
    c("malloc", SIZE, alloc, fail=NULL),
    c("calloc", {"count": To("count", RAW), **SIZE}, calloc, fail=NULL),
    c("realloc", {**BLOCK, **SIZE}, realloc, fail=NULL, also=("reallocf",)),
    c("free", BLOCK, free, ret=NOTHING),
    c("malloc_size", BLOCK, size_of),
    c("malloc_good_size", SIZE, good_size),
    c("valloc", SIZE, lambda ctx, ops, size: _aligned(ctx, ctx.mem.page_size, size), fail=NULL),
    c("aligned_alloc", {"align": To("align", RAW), **SIZE}, aligned_alloc, fail=NULL),
    c("posix_memalign", {"out": To("out", RAW), "align": To("align", RAW), **SIZE}, posix_memalign, fail=NUMBER),
    c("strdup", STRING, duplicate, fail=NULL),
    c("memcpy", {**TO, **SOURCE, **SIZE}, copy, also=("memmove",)),
    c("memset", {**TO, "byte": To("byte", S32), **SIZE}, fill),
    c("bzero", {**TO, **SIZE}, clear, ret=NOTHING, also=("__bzero",)),
    c("memset_pattern4", {**TO, **SOURCE, **SIZE}, pattern(4), ret=NOTHING),
    c("memset_pattern8", {**TO, **SOURCE, **SIZE}, pattern(8), ret=NOTHING),
    c("memset_pattern16", {**TO, **SOURCE, **SIZE}, pattern(16), ret=NOTHING),
    c("memcmp", {**LEFT, **RIGHT, **SIZE}, compare, also=("bcmp",)),
    c("memchr", {**BLOCK, "byte": To("byte", S32), **SIZE}, find_byte),
    c("__memcpy_chk", {**TO, **SOURCE, **SIZE, **CHECKED}, _checked(copy), also=("__memmove_chk",)),
    c("__memset_chk", {**TO, "byte": To("byte", S32), **SIZE, **CHECKED}, _checked(fill)),
    c("__strcpy_chk", {**TO, **STRING, **CHECKED}, _checked(copy_string)),
    c("__strcat_chk", {**TO, **STRING, **CHECKED}, _checked(append)),
    c("__strncpy_chk", {**TO, **ADDRESS, **MOST_ARG, **CHECKED}, _checked(copy_bounded)),
    c("__strncat_chk", {**TO, **ADDRESS, **MOST_ARG, **CHECKED}, _checked(append_bounded)),
    c("__strlcpy_chk", {**TO, **STRING, **ROOM, **CHECKED}, _checked(copy_limited)),
    c("strlen", STRING, length),
    c("strnlen", {**ADDRESS, **MOST_ARG}, bounded_length),
    c("strcmp", TEXTS, string_order, also=("strcoll",)),
    c("strcasecmp", TEXTS, folded_order),
    c("strncmp", {**LEFT, **RIGHT, **MOST_ARG}, bounded_order),
    c("strncasecmp", {**LEFT, **RIGHT, **MOST_ARG}, bounded_folded),
    c("strcpy", {**TO, **STRING}, copy_string),
    c("stpcpy", {**TO, **STRING}, copy_end),
    c("strncpy", {**TO, **ADDRESS, **MOST_ARG}, copy_bounded),
    c("strlcpy", {**TO, **STRING, **ROOM}, copy_limited),
    c("strcat", {**TO, **STRING}, append),
    c("strncat", {**TO, **ADDRESS, **MOST_ARG}, append_bounded),
    c("strlcat", {**TO, **STRING, **ROOM}, append_limited),
    c("strchr", {**ADDRESS, "char": To("char", S32)}, find_char, also=("index",)),
    c("strrchr", {**ADDRESS, "char": To("char", S32)}, find_last, also=("rindex",)),
    c("strstr", {**ADDRESS, "part": To("part", TEXT)}, find_string),
    c("strspn", {**STRING, "among": To("among", TEXT)}, span),
    c("strcspn", {**STRING, "among": To("among", TEXT)}, span_not),
    c("strpbrk", {**ADDRESS, "among": To("among", TEXT)}, find_any),
    c("strerror", {"number": To("number", S32)}, error_text),
    c("strerror_r", {"number": To("number", S32), "out": To("out", RAW), **ROOM}, error_text_into, fail=NUMBER),
)
# fmt: on
