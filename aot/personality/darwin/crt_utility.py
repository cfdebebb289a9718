"""Sorting, numbers, environment and time of libSystem. From: stdlib.h, time.h of macOS 14."""

from __future__ import annotations

import struct
import time
from typing import Any

from aot.personality.abi.call import FULL, NOTHING, ZERO, Call, call, partial, sig
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.kinds import S32, S64, U32, To, Unused
from aot.personality.abi.neutral import Clock, Time
from aot.personality.abi.op import Op
from aot.personality.bsd import kinds as bk
from aot.personality.darwin import flags as fl
from aot.personality.darwin.crt import TEXT, Ops, Steps, c, calls_back, constant, crt, keep, static, word
from aot.personality.darwin.fails import NULL, SYSTEM_CALL
from aot.personality.darwin.kinds import RAW
from aot.personality.darwin.state import set_errno, state
from aot.personality.libc import calendar, numbers
from aot.personality.libc.guest_code import SORT

M64 = 0xFFFF_FFFF_FFFF_FFFF
RAND_MAX = 0x7FFF_FFFF


# -- sorting and searching ---------------------------------------------------------------------------


def sort_address(ctx: Any) -> int:
    """Where qsort's code lies, mapped when first needed."""
    parts = state(ctx).parts
    if "sort" not in parts:
        code = SORT["sysv" if ctx.arch.value == "x86_64" else "aarch64"]
        address = ctx.mem.map(None, len(code), 5, name="[runtime code]")
        ctx.mem.poke(address, code)
        parts["sort"] = address
    found: int = parts["sort"]
    return found


@calls_back
def sort(ctx: Any, ops: Ops, base: int, count: int, size: int, compare: int) -> Steps:
    """Qsort: guest code does it, see libc/guest_code.py."""
    yield sort_address(ctx), (base, count, size, compare)
    return 0


def _signed(result: int) -> int:
    return ((result & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000


@calls_back
def search(ctx: Any, ops: Ops, key: int, base: int, count: int, size: int, compare: int) -> Steps:
    """Bsearch."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        result = _signed((yield compare, (key, base + middle * size)))
        if result == 0:
            return base + middle * size
        low, high = (middle + 1, high) if result > 0 else (low, middle)
    return 0


# -- numbers -----------------------------------------------------------------------------------------


def integer(low: int, high: int, *, wrap: bool = False) -> Any:
    """A strtol-like function over a range; `wrap` lets a minus sign count modulo the range."""

    def convert(ctx: Any, ops: Ops, text: int, end: int, base: int) -> int:
        value, used = numbers.integer(ctx.mem.cstr(text, 1 << 20), base)
        if end:
            ctx.mem.write(end, word(text + used))
        if wrap and -high <= value < 0:
            return value & high
        if not low <= value <= high:
            set_errno(ctx, 34)
            value = high if value > high or wrap else low
        return value & M64

    return convert


def to_int(ctx: Any, ops: Ops, text: bytes) -> int:
    """Atoi: what strtol says, cut."""
    return numbers.integer(text, 10)[0] & 0xFFFF_FFFF


def to_long(ctx: Any, ops: Ops, text: bytes) -> int:
    """Atol, atoll."""
    return max(-(1 << 63), min((1 << 63) - 1, numbers.integer(text, 10)[0])) & M64


def _double(ctx: Any, value: float) -> int:
    ctx.cpu.set_simd(ctx, 0, int.from_bytes(struct.pack("<d", value), "little"))
    return 0


def to_double(ctx: Any, ops: Ops, text: int, end: int) -> int:
    """Strtod: the result is in the first vector register."""
    value, used = numbers.real(ctx.mem.cstr(text, 1 << 20))
    if end:
        ctx.mem.write(end, word(text + used))
    return _double(ctx, value)


def text_to_double(ctx: Any, ops: Ops, text: bytes) -> int:
    """Atof."""
    return _double(ctx, numbers.real(text)[0])


def absolute(ctx: Any, ops: Ops, value: int) -> int:
    """Abs, labs."""
    return abs(value) & M64


def random(ctx: Any, ops: Ops) -> int:
    """Rand: 16807 times the seed modulo 2**31 - 1, so that programs see its numbers."""
    runtime = crt(ctx)
    runtime.seed = (runtime.seed or 123459876) * 16807 % RAND_MAX
    return runtime.seed


def seed(ctx: Any, ops: Ops, value: int) -> int:
    """Srand."""
    crt(ctx).seed = value
    return 0


def arc4random(ctx: Any, ops: Ops) -> int:
    """arc4random: 32 random bits."""
    raw = bytearray(4)
    ops[Op.RANDOM](ctx, buf=(memoryview(raw),))
    return int.from_bytes(raw, "little")


def arc4random_uniform(ctx: Any, ops: Ops, bound: int) -> int:
    """arc4random_uniform."""
    return arc4random(ctx, ops) % bound if bound else 0


def arc4random_buf(ctx: Any, ops: Ops, data: int, size: int) -> int:
    """arc4random_buf."""
    if size:
        ops[Op.RANDOM](ctx, buf=ctx.mem.buffers(data, size, True))
    return 0


# -- environment -------------------------------------------------------------------------------------


def get_variable(ctx: Any, ops: Ops, name: bytes) -> int:
    """Getenv: the value where it stands."""
    made = crt(ctx).environ.get(name)
    if made is not None:
        return made + len(name) + 1 if made else 0
    at = ctx.process.data["environ"]
    while entry := ctx.mem.load_u64(at):
        if ctx.mem.cstr(entry).startswith(name + b"="):
            return int(entry) + len(name) + 1
        at += 8
    return 0


def set_variable(ctx: Any, ops: Ops, name: bytes, value: bytes, overwrite: int) -> int:
    """Setenv."""
    if not name or b"=" in name:
        raise Errno(E.INVAL)
    if overwrite or not get_variable(ctx, ops, name):
        crt(ctx).environ[name] = keep(ctx, name + b"=" + value + b"\0")
    return 0


def unset_variable(ctx: Any, ops: Ops, name: bytes) -> int:
    """Unsetenv."""
    crt(ctx).environ[name] = 0
    return 0


# -- time --------------------------------------------------------------------------------------------


def now(ctx: Any, ops: Ops, out: int) -> int:
    """Time."""
    seconds: int = ops[Op.CLOCK_GETTIME](ctx, clock=Clock.REALTIME).sec
    if out:
        ctx.mem.write(out, word(seconds))
    return seconds


def clock(ctx: Any, ops: Ops) -> int:
    """Clock: microseconds."""
    return int(ops[Op.CLOCK_GETTIME](ctx, clock=Clock.PROCESS).ns // 1000)


def _tm(ctx: Any, seconds: int) -> bytes:
    known = crt(ctx).static
    if "zone" not in known:
        known["zone"] = keep(ctx, b"UTC\0")
    return calendar.broken_down(seconds) + bytes(4) + struct.pack("<qQ", 0, known["zone"])


def _seconds(ctx: Any, where: int) -> int:
    (value,) = struct.unpack("<q", ctx.mem.read(where, 8))
    return int(value)


def broken_down(ctx: Any, ops: Ops, where: int) -> int:
    """Gmtime and localtime: the time zone is UTC."""
    return static(ctx, "tm", _tm(ctx, _seconds(ctx, where)))


def broken_down_into(ctx: Any, ops: Ops, where: int, out: int) -> int:
    """gmtime_r and localtime_r."""
    ctx.mem.write(out, _tm(ctx, _seconds(ctx, where)))
    return out


def make_time(ctx: Any, ops: Ops, where: int) -> int:
    """Mktime and timegm: fields out of range are carried over."""
    seconds = calendar.seconds(ctx.mem.read(where, calendar.FIELDS.size))
    ctx.mem.write(where, _tm(ctx, seconds))
    return seconds & M64


def format_time(ctx: Any, ops: Ops, out: int, room: int, template: bytes, where: int) -> int:
    """Strftime in the C locale."""
    moment = calendar.calendar(ctx.mem.read(where, calendar.FIELDS.size))
    text = time.strftime(template.decode("utf-8", "surrogateescape"), moment).encode(
        "utf-8", "surrogateescape"
    )
    if len(text) >= room:
        return 0
    ctx.mem.write(out, text + b"\0")
    return len(text)


def as_text(ctx: Any, ops: Ops, where: int) -> int:
    """Asctime."""
    moment = calendar.calendar(ctx.mem.read(where, calendar.FIELDS.size))
    return static(ctx, "asctime", time.strftime("%a %b %e %H:%M:%S %Y\n\0", moment).encode())


def clock_ns(ctx: Any, ops: Ops, clock: Clock) -> int:
    """clock_gettime_nsec_np."""
    return int(ops[Op.CLOCK_GETTIME](ctx, clock=clock).ns)


def sleep(unit: int) -> Any:
    """Sleep and usleep: a number of units of `unit` nanoseconds."""

    def rest(ctx: Any, ops: Ops, count: int) -> int:
        limit = Time(*divmod(count * unit, 1_000_000_000))
        ops[Op.NANOSLEEP](ctx, time=limit, clock=Clock.MONOTONIC, absolute=False)
        return 0

    return rest


ARRAY = {
    "base": To("base", RAW), "count": To("count", RAW), "size": To("size", RAW),
    "compare": To("compare", RAW),
}  # fmt: skip
CONVERT = {"text": To("text", RAW), "end": To("end", RAW), "base": To("base", S32)}
STRING = {"text": To("text", TEXT)}
WHERE, OUT = {"where": To("where", RAW)}, {"out": To("out", RAW)}
VARIABLE = {"name": To("name", TEXT)}
CLOCK_ID = {"clock_id": To("clock", fl.CLOCK)}

# fmt: off
CALLS: tuple[Call, ...] = (
    c("qsort", ARRAY, sort, ret=NOTHING, also=("heapsort", "mergesort")),
    c("bsearch", {"key": To("key", RAW), **ARRAY}, search),
    c("strtol", CONVERT, integer(-(1 << 63), (1 << 63) - 1), also=("strtoll", "strtoimax", "strtoq")),
    c("strtoul", CONVERT, integer(0, M64, wrap=True), also=("strtoull", "strtoumax", "strtouq")),
    c("strtod", {"text": To("text", RAW), "end": To("end", RAW)}, to_double, ret=NOTHING),
    c("atof", STRING, text_to_double, ret=NOTHING),
    c("atoi", STRING, to_int),
    c("atol", STRING, to_long, also=("atoll",)),
    c("abs", {"value": To("value", S32)}, absolute),
    c("labs", {"value": To("value", S64)}, absolute, also=("llabs",)),
    c("rand", {}, random),
    c("srand", {"value": To("value", U32)}, seed, ret=NOTHING),
    c("arc4random", {}, arc4random),
    c("arc4random_uniform", {"bound": To("bound", U32)}, arc4random_uniform),
    c("arc4random_buf", {"data": To("data", RAW), "size": To("size", RAW)}, arc4random_buf, ret=NOTHING),
    c("getenv", VARIABLE, get_variable, fail=NULL),
    c("setenv", {**VARIABLE, "value": To("value", TEXT), "overwrite": To("overwrite", S32)}, set_variable),
    c("unsetenv", VARIABLE, unset_variable),
    c("time", OUT, now),
    c("clock", {}, clock),
    c("gmtime", WHERE, broken_down, fail=NULL, also=("localtime",)),
    c("gmtime_r", {**WHERE, **OUT}, broken_down_into, fail=NULL, also=("localtime_r",)),
    c("mktime", WHERE, make_time, also=("timegm",)),
    c("strftime", {**OUT, "room": To("room", RAW), "template": To("template", TEXT), **WHERE}, format_time),
    c("asctime", WHERE, as_text),
    c("difftime", {"left": To("left", S64), "right": To("right", S64)},
        lambda ctx, ops, left, right: _double(ctx, float(left - right)), ret=NOTHING),
    c("tzset", {}, constant(0), ret=NOTHING),
    c("sleep", {"seconds": To("count", U32)}, sleep(1_000_000_000)),
    c("usleep", {"microseconds": To("count", U32)}, sleep(1000)),
    call("clock_gettime", None, Op.CLOCK_GETTIME, FULL, sig(**CLOCK_ID, tp=bk.TIME_OUT), ZERO,
         symbols=("_clock_gettime",), fail=SYSTEM_CALL),
    call("clock_getres", None, Op.CLOCK_GETRES, FULL, sig(**CLOCK_ID, tp=bk.TIME_OUT_OPT), ZERO,
         symbols=("_clock_getres",), fail=SYSTEM_CALL),
    c("clock_gettime_nsec_np", CLOCK_ID, clock_ns),
    call("nanosleep", None, Op.NANOSLEEP, partial("the remaining time is not reported"),
         sig(rqtp=To("time", bk.TIME_IN), rmtp=Unused("sleeps are not cut short")), ZERO,
         symbols=("_nanosleep", "_nanosleep$NOCANCEL"), fail=SYSTEM_CALL, clock=Clock.MONOTONIC, absolute=False),
)
# fmt: on
