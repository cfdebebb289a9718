"""Mathematics of the C runtime: doubles travel in vector registers, so these rows name no arguments."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from aot.personality.abi.call import NOTHING, Call
from aot.personality.windows.crt import c
from aot.personality.windows.fails import set_errno
from aot.personality.windows.files import Ops

EDOM, ERANGE = 33, 34


def _get(ctx: Any, index: int, code: str) -> float:
    raw = (ctx.cpu.get_simd(ctx, index) & (1 << 64) - 1).to_bytes(8, "little")
    (value,) = struct.unpack_from("<" + code, raw)
    return float(value)


def _put(ctx: Any, value: float, code: str) -> None:
    try:
        raw = struct.pack("<" + code, value)
    except OverflowError:
        raw = struct.pack("<" + code, math.copysign(math.inf, value))
    ctx.cpu.set_simd(ctx, 0, int.from_bytes(raw, "little"))


def real(function: Callable[..., float], arity: int, code: str = "d") -> Callable[..., int]:
    """A row's function for a mathematical one; domain and range errors as C has them."""

    def via(ctx: Any, ops: Ops) -> int:
        arguments = [_get(ctx, i, code) for i in range(arity)]
        try:
            value = function(*arguments)
        except ValueError:
            value = _edge(ctx, function, arguments)
        except OverflowError:
            set_errno(ctx, ERANGE)
            value = math.inf
        _put(ctx, value, code)
        return 0

    return via


def _edge(ctx: Any, function: Callable[..., float], arguments: list[float]) -> float:
    """What C answers where Python refuses: infinity at a pole, else NaN."""
    if any(math.isnan(a) for a in arguments):
        return math.nan
    if function in (math.log, math.log2, math.log10) and arguments[0] == 0:
        set_errno(ctx, ERANGE)
        return -math.inf
    if function is math.pow and arguments[0] == 0 and arguments[1] < 0:
        set_errno(ctx, ERANGE)
        return math.inf
    set_errno(ctx, EDOM)
    return math.nan


def whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """Rounding that keeps infinities, NaN and the sign of zero."""

    def rounded(value: float) -> float:
        if not math.isfinite(value):
            return value
        return math.copysign(float(function(value)), value)

    return rounded


def _away(value: float) -> int:
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def _cube(value: float) -> float:
    return math.copysign(abs(value) ** (1 / 3), value) if math.isfinite(value) else value


def load_exponent(ctx: Any, ops: Ops) -> int:
    """Ldexp: the integer is the second argument's register on x86_64, the first on aarch64."""
    word = ctx.regs[2] if ctx.arch.value == "x86_64" else ctx.regs[0]
    exponent = ((word & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000
    try:
        value = math.ldexp(_get(ctx, 0, "d"), exponent)
    except OverflowError:
        set_errno(ctx, ERANGE)
        value = math.copysign(math.inf, _get(ctx, 0, "d"))
    _put(ctx, value, "d")
    return 0


def split_exponent(ctx: Any, ops: Ops) -> int:
    """Frexp."""
    address = ctx.regs[2] if ctx.arch.value == "x86_64" else ctx.regs[0]
    mantissa, exponent = math.frexp(_get(ctx, 0, "d"))
    ctx.mem.write(address, struct.pack("<i", exponent))
    _put(ctx, mantissa, "d")
    return 0


def split_whole(ctx: Any, ops: Ops) -> int:
    """Modf."""
    address = ctx.regs[2] if ctx.arch.value == "x86_64" else ctx.regs[0]
    value = _get(ctx, 0, "d")
    fraction, integral = math.modf(value)
    ctx.mem.write(address, struct.pack("<d", integral))
    _put(ctx, fraction, "d")
    return 0


ONE: dict[str, Callable[..., float]] = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos,
    "atan": math.atan,
    "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "asinh": math.asinh, "acosh": math.acosh,
    "atanh": math.atanh, "exp": math.exp, "log": math.log, "log2": math.log2, "log10": math.log10,
    "log1p": math.log1p, "expm1": math.expm1, "sqrt": math.sqrt, "cbrt": _cube, "fabs": math.fabs,
    "floor": whole(math.floor), "ceil": whole(math.ceil), "trunc": whole(math.trunc), "round": whole(_away),
    "rint": whole(round), "nearbyint": whole(round), "tgamma": math.gamma, "lgamma": math.lgamma,
    "erf": math.erf, "erfc": math.erfc, "exp2": lambda x: math.pow(2.0, x),
}  # fmt: skip
TWO: dict[str, Callable[..., float]] = {
    "pow": math.pow, "fmod": math.fmod, "atan2": math.atan2, "hypot": math.hypot, "copysign": math.copysign,
    "remainder": math.remainder, "fmax": max, "fmin": min, "fdim": lambda x, y: max(x - y, 0.0),
    "nextafter": math.nextafter,
}  # fmt: skip

CALLS: tuple[Call, ...] = (
    *(c(n, {}, real(f, 1), ret=NOTHING) for n, f in ONE.items()),
    *(c(n, {}, real(f, 2), ret=NOTHING) for n, f in TWO.items()),
    *(c(n + "f", {}, real(f, 1, "f"), ret=NOTHING) for n, f in ONE.items()),
    *(c(n + "f", {}, real(f, 2, "f"), ret=NOTHING) for n, f in TWO.items() if n != "nextafter"),
    c("ldexp", {}, load_exponent, ret=NOTHING, also=("scalbn",)),
    c("frexp", {}, split_exponent, ret=NOTHING),
    c("modf", {}, split_whole, ret=NOTHING),
)
