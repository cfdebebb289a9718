"""kernel32: character classes, case, comparison and locale facts; one locale, US English. From: winnls.h."""

from __future__ import annotations

import struct
import unicodedata
from functools import partial as bind
from typing import Any

from aot.personality.abi.call import Call
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import HEX32, S32, U32, To, Unused
from aot.personality.windows.files import Ops
from aot.personality.windows.kinds import POINTER
from aot.personality.windows.text import from_host, from_wide
from aot.personality.windows.win32 import both, encode, k32, refuse, text_at, value

UPPER, LOWER, DIGIT, SPACE, PUNCT, CNTRL, BLANK, XDIGIT, ALPHA, DEFINED = (
    1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200,
)  # fmt: skip
TO_LOWER, TO_UPPER, SORT_KEY = 0x100, 0x200, 0x400
LESS, EQUAL, GREATER = 1, 2, 3
IGNORE_CASE = 0x1 | 0x1000_0000 | 0x10
INSUFFICIENT, BAD_PARAMETER, BAD_FLAGS = 122, 87, 1004
US_ENGLISH = 0x409
INFO = {
    0x02: "English (United States)", 0x03: "ENU", 0x05: "1", 0x07: "United States", 0x0B: "437", 0x0E: ".",
    0x0F: ",", 0x10: "3;0", 0x14: "$", 0x1001: "English", 0x1002: "United States", 0x1004: "65001",
    0x59: "en", 0x5A: "US", 0x5C: "en-US", 0x28: "AM", 0x29: "PM",
}  # fmt: skip


def kind_of(char: str) -> int:
    """CT_CTYPE1 bits of a character."""
    category, code = unicodedata.category(char), ord(char)
    out = DEFINED if code < 0x1_0000 and category != "Cn" else 0
    out |= UPPER if category == "Lu" else LOWER if category == "Ll" else 0
    out |= ALPHA if category[0] == "L" else 0
    out |= DIGIT if category == "Nd" else 0
    out |= XDIGIT if char in "0123456789abcdefABCDEF" else 0
    out |= SPACE if char in " \t\n\v\f\r" or category == "Zs" else 0
    out |= BLANK if char == "\t" or category == "Zs" else 0
    out |= CNTRL if category == "Cc" else 0
    return out | (PUNCT if category[0] in "PS" else 0)


def _text(ctx: Any, address: int, count: int, *, wide: bool) -> str:
    if count < 0:
        return text_at(ctx, address, wide=wide) + "\0"
    raw = ctx.mem.read(address, count * (2 if wide else 1)) if count else b""
    return from_wide(raw) if wide else from_host(raw)


def string_type(ctx: Any, ops: Ops, cls: int, source: int, count: int, out: int, *, wide: bool) -> int:
    """GetStringType: a 16-bit word a character; only the first class means anything here."""
    text = _text(ctx, source, count, wide=wide)
    units = [text[i : i + 1] for i in range(len(text))]
    words = [kind_of(c) if cls == 1 and not 0xD800 <= ord(c) < 0xE000 else 0 for c in units]
    ctx.mem.write(out, struct.pack(f"<{len(words)}H", *words))
    return 1


def map_string(
    ctx: Any, ops: Ops, flags: int, source: int, count: int, out: int, room: int, *, wide: bool
) -> int:
    """LCMapString: case only."""
    if not count or room < 0:
        return refuse(ctx, BAD_PARAMETER)
    if flags & SORT_KEY:
        return refuse(ctx, BAD_FLAGS)
    text = _text(ctx, source, count, wide=wide)
    if flags & TO_LOWER:
        text = _each(text, str.lower)
    elif flags & TO_UPPER:
        text = _each(text, str.upper)
    raw = encode(text, wide=wide)
    units = len(raw) // (2 if wide else 1)
    if not room:
        return units
    if units > room:
        return refuse(ctx, INSUFFICIENT)
    ctx.mem.write(out, raw)
    return units


def _each(text: str, change: Any) -> str:
    """Case by single characters: the length stays."""
    return "".join(c if len(change(c)) != 1 else change(c) for c in text)


def compare(
    ctx: Any, ops: Ops, flags: int, left: int, size: int, right: int, other: int, *, wide: bool
) -> int:
    """CompareString: by code point, case folded when asked."""
    a = _text(ctx, left, size, wide=wide).removesuffix("\0" if size < 0 else "")
    b = _text(ctx, right, other, wide=wide).removesuffix("\0" if other < 0 else "")
    if flags & IGNORE_CASE:
        a, b = a.casefold(), b.casefold()
    return LESS if a < b else GREATER if a > b else EQUAL


def compare_ordinal(ctx: Any, ops: Ops, left: int, size: int, right: int, other: int, fold: int) -> int:
    """CompareStringOrdinal."""
    return compare(ctx, ops, 1 if fold else 0, left, size, right, other, wide=True)


def locale_info(ctx: Any, ops: Ops, what: int, out: int, room: int, *, wide: bool) -> int:
    """GetLocaleInfo: text, or a number when asked for one."""
    kind = what & 0xFFFF
    if what & 0x2000_0000:
        raw = struct.pack("<I", 65001 if kind in (0x1004, 0x0B) else 0)
    elif kind in INFO:
        raw = encode(INFO[kind] + "\0", wide=wide)
    else:
        raise Errno(E.INVAL)
    units = len(raw) // (2 if wide else 1)
    if not room:
        return units
    if units > room:
        return refuse(ctx, INSUFFICIENT)
    ctx.mem.write(out, raw)
    return units


def locale_name(ctx: Any, ops: Ops, out: int, room: int) -> int:
    """GetUserDefaultLocaleName and its like."""
    raw = encode("en-US\0", wide=True)
    if room < 6:
        return refuse(ctx, INSUFFICIENT)
    ctx.mem.write(out, raw)
    return 6


LOCALE = {"Locale": Unused("one locale")}
SOURCE = {"lpSrcStr": To("source", POINTER), "cchSrc": To("count", S32)}
MAP = {
    "dwMapFlags": To("flags", HEX32), **SOURCE, "lpDestStr": To("out", POINTER), "cchDest": To("room", S32),
}  # fmt: skip
PAIR = {
    "lpString1": To("left", POINTER), "cchCount1": To("size", S32), "lpString2": To("right", POINTER),
    "cchCount2": To("other", S32),
}  # fmt: skip
TYPE = {"dwInfoType": To("cls", U32), **SOURCE, "lpCharType": To("out", POINTER)}

# fmt: off
CALLS: tuple[Call, ...] = (
    k32("GetStringTypeW", TYPE, bind(string_type, wide=True)),
    k32("GetStringTypeExW", {**LOCALE, **TYPE}, bind(string_type, wide=True)),
    k32("GetStringTypeA", {**LOCALE, **TYPE}, bind(string_type, wide=False), also=("GetStringTypeExA",)),
    *both("LCMapString", {**LOCALE, **MAP}, map_string),
    k32("LCMapStringEx", {**LOCALE, **MAP}, bind(map_string, wide=True)),
    *both("CompareString", {**LOCALE, "dwCmpFlags": To("flags", HEX32), **PAIR}, compare),
    k32("CompareStringEx", {**LOCALE, "dwCmpFlags": To("flags", HEX32), **PAIR}, bind(compare, wide=True)),
    k32("CompareStringOrdinal", {**PAIR, "bIgnoreCase": To("fold", U32)}, compare_ordinal),
    *both("GetLocaleInfo", {**LOCALE, "LCType": To("what", HEX32), "lpLCData": To("out", POINTER),
        "cchData": To("room", S32)}, locale_info),
    k32("GetLocaleInfoEx", {**LOCALE, "LCType": To("what", HEX32), "lpLCData": To("out", POINTER),
        "cchData": To("room", S32)}, bind(locale_info, wide=True)),
    k32("GetUserDefaultLocaleName", {"lpLocaleName": To("out", POINTER), "cchLocaleName": To("room", S32)},
        locale_name, also=("GetSystemDefaultLocaleName",)),
    k32("GetUserDefaultLCID", {}, value(US_ENGLISH), also=("GetSystemDefaultLCID", "GetThreadLocale",
        "GetUserDefaultLangID", "GetSystemDefaultLangID", "GetUserDefaultUILanguage")),
    k32("IsValidLocale", {**LOCALE}, value(1), also=("IsValidLocaleName",)),
)
# fmt: on
