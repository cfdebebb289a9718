"""`header`: the C header of the native kernel interface, printed from the table the kernel itself uses."""

from __future__ import annotations

from collections.abc import Iterator

import click

from aot.cli.text import show
from aot.personality.abi.op import RESERVED, Op
from aot.personality.abi.personality import Personality
from aot.personality.native.header import constants, structs
from aot.personality.native.prototypes import functions, kernel_ops

# Which register holds what is the native Gate row (aot/personality/native).
CALLS = """\
/* One call. The result is the value, or -errno in -4095..-1. */
#if defined(__x86_64__)
static inline long helctic_call(long op, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(op), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline long helctic_call(long op, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = op;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#endif"""


@click.command(short_help="Print the C header of the native kernel interface.")
def command() -> None:
    """Print the C header that native programs are written against.

    \b
    Example:
      helctic-aot header > helctic.h && zig cc -target x86_64-freestanding -nostdlib hello.c
    """
    show(lines())


def lines() -> Iterator[str]:
    """The header."""
    yield "/* The native kernel interface. Printed by `helctic-aot header`; do not edit. */"
    yield from ("#ifndef HELCTIC_H", "#define HELCTIC_H", "")
    yield "enum helctic_personality {"
    yield from (f"    HELCTIC_PERSONALITY_{p.name} = {p.value}," for p in Personality)
    yield from ("};", "", "/* Call numbers: indices into the kernel-ops table. Values are never reused. */")
    yield "enum helctic_op {"
    yield from (f"    HELCTIC_{op.name} = {op.value}," for op in Op)
    yield from ("};", "", "/* Size of the kernel-ops table; unused entries answer -ENOSYS. */")
    yield from (f"#define HELCTIC_OPS {RESERVED}", "", *constants(), "", *structs(), "", *kernel_ops(), "")
    yield from (CALLS, "", *functions(), "", "#endif")
