"""Mathematics of C runtimes: doubles travel in vector registers, so these functions name no arguments."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

EDOM, ERANGE = 33, 34
X86_64 = "x86_64"
Via = Callable[[Any, Any], int]


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


class Mathematics:
    """The functions of one runtime: how it sets errno, and the x86_64 register of an integer behind a double."""

    def __init__(self, set_errno: Callable[[Any, int], None], register: int) -> None:
        self._set_errno, self._register = set_errno, register

    def functions(self) -> Iterator[tuple[str, Via]]:
        """Every function by its C name."""
        for code, suffix in (("d", ""), ("f", "f")):
            for arity, table in ((1, ONE), (2, TWO)):
                for name, function in table.items():
                    if (code, name) != ("f", "nextafter"):
                        yield name + suffix, self.real(function, arity, code)
        yield "ldexp", self.load_exponent
        yield "scalbn", self.load_exponent
        yield "frexp", self.split_exponent
        yield "modf", self.split_whole

    def real(self, function: Callable[..., float], arity: int, code: str) -> Via:
        """A row's function for a mathematical one; domain and range errors as C has them."""

        def via(ctx: Any, ops: Any) -> int:
            arguments = [_get(ctx, i, code) for i in range(arity)]
            try:
                value = function(*arguments)
            except ValueError:
                value = self._edge(ctx, function, arguments)
            except OverflowError:
                self._set_errno(ctx, ERANGE)
                value = math.inf
            _put(ctx, value, code)
            return 0

        return via

    def _edge(self, ctx: Any, function: Callable[..., float], arguments: list[float]) -> float:
        """What C answers where Python refuses: infinity at a pole, else NaN."""
        if any(math.isnan(a) for a in arguments):
            return math.nan
        if function in (math.log, math.log2, math.log10) and arguments[0] == 0:
            self._set_errno(ctx, ERANGE)
            return -math.inf
        if function is math.pow and arguments[0] == 0 and arguments[1] < 0:
            self._set_errno(ctx, ERANGE)
            return math.inf
        self._set_errno(ctx, EDOM)
        return math.nan

    def _integer(self, ctx: Any) -> int:
        word: int = ctx.regs[self._register] if ctx.arch.value == X86_64 else ctx.regs[0]
        return word

    def load_exponent(self, ctx: Any, ops: Any) -> int:
        """Ldexp: the integer has a register of its own."""
        exponent = ((self._integer(ctx) & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000
        try:
            value = math.ldexp(_get(ctx, 0, "d"), exponent)
        except OverflowError:
            self._set_errno(ctx, ERANGE)
            value = math.copysign(math.inf, _get(ctx, 0, "d"))
        _put(ctx, value, "d")
        return 0

    def split_exponent(self, ctx: Any, ops: Any) -> int:
        """Frexp."""
        mantissa, exponent = math.frexp(_get(ctx, 0, "d"))
        ctx.mem.write(self._integer(ctx), struct.pack("<i", exponent))
        _put(ctx, mantissa, "d")
        return 0

    def split_whole(self, ctx: Any, ops: Any) -> int:
        """Modf."""
        fraction, integral = math.modf(_get(ctx, 0, "d"))
        ctx.mem.write(self._integer(ctx), struct.pack("<d", integral))
        _put(ctx, fraction, "d")
        return 0
