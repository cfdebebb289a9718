"""Where variadic arguments come from: registers and stack of the System V AMD64 convention, or a row of words.

From: the AMD64 psABI (3.5.7 Variable Argument Lists); Apple's AArch64 convention, where a va_list is a pointer
to 8-byte words. Register files are in hardware encoding order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from aot.personality.libc.printf import Source
from aot.record import dataclass

INTEGERS = (7, 6, 2, 1, 8, 9)  # rdi rsi rdx rcx r8 r9
RSP, SP = 4, 31
VECTORS = 8
SAVED = 48  # bytes of integer registers in a register save area
Text = Callable[[int, int | None], str]


def double(word: int) -> float:
    """A word's bits as a double."""
    number: float = struct.unpack("<d", struct.pack("<Q", word))[0]
    return number


def extended(raw: bytes) -> float:
    """An x87 80-bit number, as near as a double gets."""
    mantissa, head = struct.unpack("<QH", raw[:10])
    exponent = head & 0x7FFF
    if exponent == 0x7FFF:
        number = float("inf") if mantissa << 1 & (1 << 64) - 1 == 0 else float("nan")
    else:
        try:
            number = mantissa * 2.0 ** (exponent - 16383 - 63)
        except OverflowError:
            number = float("inf")
    return -number if head >> 15 else number


@dataclass(slots=True)
class Row:
    """8-byte words one behind the other."""

    ctx: Any
    at: int

    def word(self) -> int:
        """The next integer."""
        value: int = self.ctx.mem.load_u64(self.at)
        self.at += 8
        return value

    def real(self, size: str) -> float:
        """The next floating-point number."""
        return double(self.word())


@dataclass(slots=True)
class Registers:
    """The arguments of the running x86_64 call behind `general` named integers."""

    ctx: Any
    general: int
    vector: int
    overflow: int

    def word(self) -> int:
        """The next integer."""
        if self.general < len(INTEGERS):
            value: int = self.ctx.regs[INTEGERS[self.general]]
            self.general += 1
            return value
        return self._stacked()

    def real(self, size: str) -> float:
        """The next floating-point number; a long double is always on the stack."""
        if size == "L":
            return self._long()
        if self.vector < VECTORS:
            low: int = self.ctx.cpu.get_simd(self.ctx, self.vector) & 0xFFFF_FFFF_FFFF_FFFF
            self.vector += 1
            return double(low)
        return double(self._stacked())

    def _stacked(self) -> int:
        value: int = self.ctx.mem.load_u64(self.overflow)
        self.overflow += 8
        return value

    def _long(self) -> float:
        at = self.overflow + 15 & -16
        self.overflow = at + 16
        return extended(self.ctx.mem.read(at, 16))


@dataclass(slots=True)
class Saved:
    """A System V AMD64 va_list."""

    ctx: Any
    general: int
    vector: int
    overflow: int
    area: int

    def word(self) -> int:
        """The next integer."""
        if self.general < SAVED:
            self.general += 8
            value: int = self.ctx.mem.load_u64(self.area + self.general - 8)
            return value
        return self._stacked()

    def real(self, size: str) -> float:
        """The next floating-point number."""
        if size == "L":
            at = self.overflow + 15 & -16
            self.overflow = at + 16
            return extended(self.ctx.mem.read(at, 16))
        if self.vector < SAVED + 16 * VECTORS:
            self.vector += 16
            return double(self.ctx.mem.load_u64(self.area + self.vector - 16))
        return double(self._stacked())

    def _stacked(self) -> int:
        value: int = self.ctx.mem.load_u64(self.overflow)
        self.overflow += 8
        return value


Arguments = Row | Registers | Saved


def passed(ctx: Any, named: int) -> Arguments:
    """The variadic arguments of the running call: x86_64 System V, or all on the stack (arm64 darwin)."""
    if ctx.arch.value == "x86_64":
        return Registers(ctx, named, 0, ctx.regs[RSP] + 8)
    return Row(ctx, ctx.regs[SP])


def listed(ctx: Any, address: int) -> Arguments:
    """The arguments of a va_list as the same two conventions have it."""
    if ctx.arch.value == "x86_64":
        general, vector, overflow, area = struct.unpack("<IIQQ", ctx.mem.read(address, 24))
        return Saved(ctx, general, vector, overflow, area)
    return Row(ctx, address)


def source(ctx: Any, arguments: Arguments, narrow: Text, wide: Text) -> Source:
    """Values for a format."""

    def count(address: int, size: int, total: int) -> None:
        ctx.mem.write(address, total.to_bytes(size, "little"))

    return Source(arguments.word, narrow, wide, count, arguments.real)
