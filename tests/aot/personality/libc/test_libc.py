"""What C runtimes share: where variadic arguments come from, formats, numbers, dates, code that sorts."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest

from aot.personality.darwin.crt_print import DARWIN
from aot.personality.libc import calendar, numbers, printf, variadic
from aot.personality.libc.guest_code import CPU, FLAGS, SORT, TARGETS
from aot.personality.libc.scan import scan
from corpus.build import SRC
from tests.aot.personality.libc.lab import code_of

STACK, AREA = 0x1000, 0x2000


class Memory:
    """Guest memory as one page table of bytes."""

    def __init__(self) -> None:
        self.bytes = bytearray(0x4000)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.bytes[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        self.bytes[address : address + len(data)] = data

    def load_u64(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")


def context(arch: str) -> Any:
    """A call in progress: integers 1.. in registers, doubles 1.5.. in vectors, 101.. on the stack."""
    mem = Memory()
    regs = [0] * 33
    if arch == "x86_64":
        for i, register in enumerate(variadic.INTEGERS):
            regs[register] = i + 1
        regs[variadic.RSP] = STACK
    else:
        regs[variadic.SP] = STACK + 8
    for i in range(16):
        mem.write(STACK + 8 + 8 * i, struct.pack("<Q", 101 + i))

    def simd(ctx: Any, index: int) -> int:
        return int.from_bytes(struct.pack("<d", index + 1.5), "little")

    return SimpleNamespace(
        arch=SimpleNamespace(value=arch), mem=mem, regs=regs, cpu=SimpleNamespace(get_simd=simd)
    )


def test_registers_run_out_before_the_stack() -> None:
    arguments = variadic.passed(context("x86_64"), 2)
    assert [arguments.word() for _ in range(6)] == [3, 4, 5, 6, 101, 102]
    assert arguments.real("") == 1.5
    assert [arguments.real("") for _ in range(7)][-1] == 8.5
    assert struct.pack("<d", arguments.real("")) == struct.pack("<Q", 103)  # the ninth double


def test_all_on_the_stack_where_the_convention_says_so() -> None:
    arguments = variadic.passed(context("aarch64"), 2)
    assert [arguments.word() for _ in range(3)] == [101, 102, 103]


def test_saved_list() -> None:
    ctx = context("x86_64")
    ctx.mem.write(AREA, struct.pack("<6Q", *range(10, 16)) + struct.pack("<dd", 2.5, 0.0))
    ctx.mem.write(AREA + 0x800, struct.pack("<IIQQ", 40, 48, STACK + 8, AREA))
    arguments = variadic.listed(ctx, AREA + 0x800)
    assert [arguments.word() for _ in range(3)] == [15, 101, 102]
    assert arguments.real("") == 2.5


@pytest.mark.parametrize(("raw", "value"), [
    ("0000000000000080ff3f", 1.0), ("00000000000000c000c0", -3.0), ("0000000000000080ff7f", float("inf")),
    ("00000000000000000000", 0.0),
])  # fmt: skip
def test_extended_precision(raw: str, value: float) -> None:
    assert variadic.extended(bytes.fromhex(raw)) == value


def formatted(template: str, *words: int) -> str:
    queue = list(words)
    texts = {1: "text", 2: "long text"}
    source = printf.Source(
        lambda: queue.pop(0),
        lambda a, most: texts[a][:most],
        lambda a, most: texts[a][:most],
        lambda *_: None,
    )
    return printf.render(template, source, DARWIN)


def bits(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


@pytest.mark.parametrize(("template", "words", "text"), [
    ("%d|%ld|%u", (0xFFFF_FFFF, (1 << 64) - 5, 0xFFFF_FFFF), "-1|-5|4294967295"),
    ("%p", (0x1234,), "0x1234"),
    ("%-6s|%.2s|%5s", (1, 2, 1), "text  |lo| text"),
    ("%.3f %e %g", (bits(3.14159), bits(12345.678), bits(0.5)), "3.142 1.234568e+04 0.5"),
    ("%hhd %hd %qd", (0x1FF, 0x1FFFF, (1 << 64) - 1), "-1 -1 -1"),
    ("%f", (bits(float("nan")) | 1 << 63,), "nan"),
    ("%%|%c", (0x41,), "%|A"),
    ("%*d", (5, 42), "   42"),
])  # fmt: skip
def test_formats(template: str, words: tuple[int, ...], text: str) -> None:
    assert formatted(template, *words) == text


@pytest.mark.parametrize(("text", "base", "value", "used"), [
    (b"123abc", 10, 123, 3), (b"  -0x1fz", 0, -31, 7), (b"0x", 16, 0, 1), (b"077", 0, 63, 3), (b"zz", 36, 1295, 2),
    (b"", 10, 0, 0), (b"+", 10, 0, 0), (b"12", 37, 0, 0),
])  # fmt: skip
def test_integers(text: bytes, base: int, value: int, used: int) -> None:
    assert numbers.integer(text, base) == (value, used)


def test_reals() -> None:
    assert numbers.real(b"2.5e3x") == (2500.0, 5)
    assert numbers.real(b" -0x1.8p1") == (-3.0, 9)
    assert numbers.real(b"x") == (0.0, 0)


def test_dates_there_and_back() -> None:
    for moment in (0, 86400 * 365, 951_782_400, 4_102_444_799, -1):
        assert calendar.seconds(calendar.broken_down(moment)) == moment
    overflowing = calendar.FIELDS.pack(75, 0, 0, 1, 12, 70, 0, 0, 0)  # month 13, 75 seconds
    assert calendar.seconds(overflowing) == 365 * 86400 + 75


def test_scanning() -> None:
    ctx = SimpleNamespace(mem=Memory())
    targets = iter((0x10, 0x20, 0x30, 0x40))
    assert scan(ctx, "7 0x10 word 9", "%d %i %3s%*s %ld", lambda: next(targets))[0] == 4
    assert ctx.mem.read(0x10, 4) == struct.pack("<i", 7)
    assert ctx.mem.read(0x20, 4) == struct.pack("<i", 16)
    assert ctx.mem.read(0x30, 4) == b"wor\0"
    assert ctx.mem.read(0x40, 8) == struct.pack("<q", 9)


@pytest.mark.parametrize("convention", SORT)
def test_code_that_sorts_is_what_the_compiler_makes(convention: str) -> None:
    target = TARGETS[convention]
    arch = target.partition("-")[0]
    assert code_of(SRC / "windows" / "sort.c", target, (*FLAGS, CPU[arch])) == SORT[convention]
