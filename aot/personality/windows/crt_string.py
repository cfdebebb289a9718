"""Strings and memory blocks of the C runtime. From: string.h, ctype.h, corecrt_wstring.h of mingw-w64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, To
from aot.personality.windows import fails
from aot.personality.windows.crt import TEXT, c, crt, keep
from aot.personality.windows.files import Ops
from aot.personality.windows.kinds import POINTER, RAW, WIDE, wide_at
from aot.personality.windows.state import M64
from aot.personality.windows.text import wide

CHUNK = 1 << 16


def order(left: Any, right: Any) -> int:
    """-1, 0 or 1."""
    return M64 if left < right else int(left > right)


# -- blocks ------------------------------------------------------------------------------------------


def copy(ctx: Any, ops: Ops, to: int, source: int, count: int) -> int:
    """Memcpy and memmove."""
    if count:
        ctx.mem.write(to, ctx.mem.read(source, count))
    return to


def fill(ctx: Any, ops: Ops, to: int, char: int, count: int) -> int:
    """Memset."""
    if count:
        ctx.mem.write(to, bytes((char & 0xFF,)) * count)
    return to


def compare(ctx: Any, ops: Ops, left: int, right: int, count: int) -> int:
    """Memcmp."""
    return order(ctx.mem.read(left, count), ctx.mem.read(right, count)) if count else 0


def find_byte(ctx: Any, ops: Ops, block: int, char: int, count: int) -> int:
    """Memchr."""
    at = ctx.mem.read(block, count).find(char & 0xFF) if count else -1
    return block + at if at >= 0 else 0


# -- narrow strings ----------------------------------------------------------------------------------


def bounded(ctx: Any, address: int, most: int) -> bytes:
    """The bytes of a string, at most `most`, without reading beyond its end's page."""
    out = bytearray()
    while len(out) < most:
        room = min(most - len(out), 4096 - (address + len(out)) % 4096)
        chunk = ctx.mem.read(address + len(out), room)
        end = chunk.find(0)
        if end >= 0:
            return bytes(out + chunk[:end])
        out += chunk
    return bytes(out)


def length(ctx: Any, ops: Ops, text: bytes) -> int:
    """Strlen."""
    return len(text)


def length_n(ctx: Any, ops: Ops, text: int, count: int) -> int:
    """Strnlen."""
    return len(bounded(ctx, text, count))


def compare_text(ctx: Any, ops: Ops, left: bytes, right: bytes) -> int:
    """Strcmp, strcoll."""
    return order(left, right)


def compare_n(ctx: Any, ops: Ops, left: int, right: int, count: int) -> int:
    """Strncmp."""
    return order(bounded(ctx, left, count), bounded(ctx, right, count))


def compare_case(ctx: Any, ops: Ops, left: bytes, right: bytes) -> int:
    """_stricmp."""
    return order(left.lower(), right.lower())


def compare_case_n(ctx: Any, ops: Ops, left: int, right: int, count: int) -> int:
    """_strnicmp."""
    return order(bounded(ctx, left, count).lower(), bounded(ctx, right, count).lower())


def copy_text(ctx: Any, ops: Ops, to: int, text: bytes) -> int:
    """Strcpy."""
    ctx.mem.write(to, text + b"\0")
    return to


def copy_text_s(ctx: Any, ops: Ops, to: int, room: int, text: bytes) -> int:
    """strcpy_s: 0 or an errno."""
    if len(text) >= room:
        ctx.mem.write(to, b"\0")
        raise Errno(E.RANGE)
    ctx.mem.write(to, text + b"\0")
    return 0


def copy_n(ctx: Any, ops: Ops, to: int, text: int, count: int) -> int:
    """Strncpy: filled up with zeroes."""
    ctx.mem.write(to, bounded(ctx, text, count).ljust(count, b"\0"))
    return to


def append(ctx: Any, ops: Ops, to: int, text: bytes) -> int:
    """Strcat."""
    ctx.mem.write(to + len(ctx.mem.cstr(to, 1 << 30)), text + b"\0")
    return to


def append_n(ctx: Any, ops: Ops, to: int, text: int, count: int) -> int:
    """Strncat."""
    ctx.mem.write(to + len(ctx.mem.cstr(to, 1 << 30)), bounded(ctx, text, count) + b"\0")
    return to


def find_char(ctx: Any, ops: Ops, text: int, char: int) -> int:
    """Strchr: the end counts as a character."""
    at = (ctx.mem.cstr(text, 1 << 30) + b"\0").find(char & 0xFF)
    return text + at if at >= 0 else 0


def find_last(ctx: Any, ops: Ops, text: int, char: int) -> int:
    """Strrchr."""
    at = (ctx.mem.cstr(text, 1 << 30) + b"\0").rfind(char & 0xFF)
    return text + at if at >= 0 else 0


def find_text(ctx: Any, ops: Ops, text: int, part: bytes) -> int:
    """Strstr."""
    at = ctx.mem.cstr(text, 1 << 30).find(part)
    return text + at if at >= 0 else 0


def span(ctx: Any, ops: Ops, text: bytes, chars: bytes) -> int:
    """Strspn."""
    return next((i for i, b in enumerate(text) if b not in chars), len(text))


def span_not(ctx: Any, ops: Ops, text: bytes, chars: bytes) -> int:
    """Strcspn."""
    return next((i for i, b in enumerate(text) if b in chars), len(text))


def find_any(ctx: Any, ops: Ops, text: int, chars: bytes) -> int:
    """Strpbrk."""
    raw = ctx.mem.cstr(text, 1 << 30)
    at = span_not(ctx, ops, raw, chars)
    return text + at if at < len(raw) else 0


def token(ctx: Any, ops: Ops, text: int, chars: bytes) -> int:
    """Strtok."""
    runtime = crt(ctx)
    found, runtime.token = _token(ctx, text or runtime.token, chars)
    return found


def token_s(ctx: Any, ops: Ops, text: int, chars: bytes, where: int) -> int:
    """strtok_s."""
    found, rest = _token(ctx, text or ctx.mem.load_u64(where), chars)
    ctx.mem.write(where, rest.to_bytes(8, "little"))
    return found


def _token(ctx: Any, text: int, chars: bytes) -> tuple[int, int]:
    if not text:
        return 0, 0
    raw: bytes = ctx.mem.cstr(text, 1 << 30)
    start = span(ctx, {}, raw, chars)
    if start == len(raw):
        return 0, text + start
    end = start + span_not(ctx, {}, raw[start:], chars)
    if end < len(raw):
        ctx.mem.write(text + end, b"\0")
        return text + start, text + end + 1
    return text + start, text + end


# -- characters --------------------------------------------------------------------------------------

LETTERS = frozenset(range(65, 91)) | frozenset(range(97, 123))
DIGITS = frozenset(range(48, 58))
CLASSES: dict[str, frozenset[int]] = {
    "isalpha": LETTERS,
    "isdigit": DIGITS,
    "isalnum": LETTERS | DIGITS,
    "isspace": frozenset(b" \t\n\v\f\r"),
    "isupper": frozenset(range(65, 91)),
    "islower": frozenset(range(97, 123)),
    "isxdigit": DIGITS | frozenset(b"abcdefABCDEF"),
    "iscntrl": frozenset(range(32)) | {127},
    "isprint": frozenset(range(32, 127)),
    "isgraph": frozenset(range(33, 127)),
    "ispunct": frozenset(range(33, 127)) - LETTERS - DIGITS,
}


def classify(members: frozenset[int]) -> Callable[..., int]:
    """A ctype test."""

    def test(ctx: Any, ops: Ops, char: int) -> int:
        return int(char in members)

    return test


def to_lower(ctx: Any, ops: Ops, char: int) -> int:
    """Tolower."""
    return (char + 32 if 65 <= char <= 90 else char) & 0xFFFF_FFFF


def to_upper(ctx: Any, ops: Ops, char: int) -> int:
    """Toupper."""
    return (char - 32 if 97 <= char <= 122 else char) & 0xFFFF_FFFF


# -- wide strings ------------------------------------------------------------------------------------


def units(text: str) -> int:
    """UTF-16 units of a text."""
    return len(wide(text)) // 2


def wide_length(ctx: Any, ops: Ops, text: str) -> int:
    """Wcslen."""
    return units(text)


def wide_compare(ctx: Any, ops: Ops, left: str, right: str) -> int:
    """Wcscmp."""
    return order(left, right)


def wide_compare_case(ctx: Any, ops: Ops, left: str, right: str) -> int:
    """_wcsicmp."""
    return order(left.lower(), right.lower())


def wide_bounded(ctx: Any, address: int, most: int) -> bytes:
    """UTF-16 units of a string, at most `most`."""
    out = bytearray()
    while len(out) < 2 * most:
        unit = ctx.mem.read(address + len(out), 2)
        if unit == b"\0\0":
            break
        out += unit
    return bytes(out)


def wide_compare_n(ctx: Any, ops: Ops, left: int, right: int, count: int) -> int:
    """Wcsncmp."""
    a, b = (wide_bounded(ctx, at, count).decode("utf-16-le", "surrogatepass") for at in (left, right))
    return order(a, b)


def wide_copy(ctx: Any, ops: Ops, to: int, text: str) -> int:
    """Wcscpy."""
    ctx.mem.write(to, wide(text) + b"\0\0")
    return to


def wide_append(ctx: Any, ops: Ops, to: int, text: str) -> int:
    """Wcscat."""
    ctx.mem.write(to + 2 * units(wide_at(to, ctx.mem, 1 << 24)), wide(text) + b"\0\0")
    return to


def _wide_find(ctx: Any, text: int, char: int, *, last: bool) -> int:
    raw = wide(wide_at(text, ctx.mem, 1 << 24)) + b"\0\0"
    wanted = (char & 0xFFFF).to_bytes(2, "little")
    found = [i for i in range(0, len(raw), 2) if raw[i : i + 2] == wanted]
    return text + found[-1 if last else 0] if found else 0


def wide_find(ctx: Any, ops: Ops, text: int, char: int) -> int:
    """Wcschr."""
    return _wide_find(ctx, text, char, last=False)


def wide_find_last(ctx: Any, ops: Ops, text: int, char: int) -> int:
    """Wcsrchr."""
    return _wide_find(ctx, text, char, last=True)


def wide_find_text(ctx: Any, ops: Ops, text: int, part: str) -> int:
    """Wcsstr."""
    whole = wide_at(text, ctx.mem, 1 << 24)
    at = whole.find(part)
    return text + 2 * units(whole[:at]) if at >= 0 else 0


def wide_duplicate(ctx: Any, ops: Ops, text: str) -> int:
    """_wcsdup."""
    return keep(ctx, wide(text) + b"\0\0")


BLOCKS = {"to": To("to", POINTER), "source": To("source", POINTER), "count": To("count", RAW)}
PAIR = {"left": To("left", TEXT), "right": To("right", TEXT)}
RAW_PAIR = {"left": To("left", POINTER), "right": To("right", POINTER)}
COUNT = {"count": To("count", RAW)}
TO = {"to": To("to", POINTER)}
STRING, ADDRESS = {"text": To("text", TEXT)}, {"text": To("text", POINTER)}
CHAR = {"char": To("char", S32)}
CHARS = {"chars": To("chars", TEXT)}
WSTRING = {"text": To("text", WIDE)}
WPAIR = {"left": To("left", WIDE), "right": To("right", WIDE)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("memcpy", BLOCKS, copy, also=("memmove",)),
    c("memset", {**TO, **CHAR, **COUNT}, fill),
    c("memcmp", {**RAW_PAIR, **COUNT}, compare),
    c("memchr", {"block": To("block", POINTER), **CHAR, **COUNT}, find_byte),
    c("strlen", STRING, length),
    c("strnlen", {**ADDRESS, **COUNT}, length_n),
    c("strcmp", PAIR, compare_text, also=("strcoll",)),
    c("strncmp", {**RAW_PAIR, **COUNT}, compare_n),
    c("_stricmp", PAIR, compare_case, also=("stricmp", "_strcmpi", "strcasecmp")),
    c("_strnicmp", {**RAW_PAIR, **COUNT}, compare_case_n, also=("strnicmp", "strncasecmp")),
    c("strcpy", {**TO, **STRING}, copy_text),
    c("strcpy_s", {**TO, "room": To("room", RAW), **STRING}, copy_text_s, fail=fails.ERRNO),
    c("strncpy", {**TO, **ADDRESS, **COUNT}, copy_n),
    c("strcat", {**TO, **STRING}, append),
    c("strncat", {**TO, **ADDRESS, **COUNT}, append_n),
    c("strchr", {**ADDRESS, **CHAR}, find_char),
    c("strrchr", {**ADDRESS, **CHAR}, find_last),
    c("strstr", {**ADDRESS, "part": To("part", TEXT)}, find_text),
    c("strspn", {**STRING, **CHARS}, span),
    c("strcspn", {**STRING, **CHARS}, span_not),
    c("strpbrk", {**ADDRESS, **CHARS}, find_any),
    c("strtok", {**ADDRESS, **CHARS}, token),
    c("strtok_s", {**ADDRESS, **CHARS, "where": To("where", POINTER)}, token_s),
    *(c(name, CHAR, classify(members)) for name, members in CLASSES.items()),
    c("tolower", CHAR, to_lower, also=("towlower",)),
    c("toupper", CHAR, to_upper, also=("towupper",)),
    c("wcslen", WSTRING, wide_length),
    c("wcscmp", WPAIR, wide_compare, also=("wcscoll",)),
    c("_wcsicmp", WPAIR, wide_compare_case),
    c("wcsncmp", {**RAW_PAIR, **COUNT}, wide_compare_n),
    c("wcscpy", {**TO, **WSTRING}, wide_copy),
    c("wcscat", {**TO, **WSTRING}, wide_append),
    c("wcschr", {**ADDRESS, **CHAR}, wide_find),
    c("wcsrchr", {**ADDRESS, **CHAR}, wide_find_last),
    c("wcsstr", {**ADDRESS, "part": To("part", WIDE)}, wide_find_text),
    c("_wcsdup", WSTRING, wide_duplicate),
)
# fmt: on
