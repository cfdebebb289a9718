"""How a Darwin program asks its kernel and its libSystem, and what they leave behind.

From: bsd/dev/i386/systemcalls.c (unix_syscall64), bsd/dev/arm/systemcalls.c (arm_prepare_u64_syscall_return),
osfmk/i386/bsd_i386.c (mach_call_munger64), osfmk/arm64/sleh.c of XNU; the AMD64 psABI; Apple's variant of the
AArch64 calling convention, where variadic arguments are always on the stack.
"""

from __future__ import annotations

from aot.personality.abi.gate import ErrorStyle, Gate, Second
from aot.personality.darwin.numbers import AARCH64, CLASS_BSD, X86_64

_X = tuple(f"x{i}" for i in range(8))

GATES = {
    "x86_64": Gate(
        trap="syscall",
        number="rax",
        args=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
        stack=8,  # behind the return address of the function that traps
        result="rax",
        style=ErrorStyle.CARRY,
        second="rdx",
        second_policy=Second.ZERO,  # kept on error
        lost=("rcx", "r11"),
    ),
    "aarch64": Gate(
        trap="svc",  # any immediate
        number="x16",
        args=_X,
        stack=None,
        result="x0",
        style=ErrorStyle.CARRY,
        second="x1",
        second_policy=Second.CLEARED,
    ),
}

LIBRARIES = {
    "x86_64": Gate(
        trap="import",
        number="",
        args=("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
        stack=8,
        result="rax",
        style=ErrorStyle.PLAIN,
    ),
    "aarch64": Gate(
        trap="import",
        number="",
        args=_X,
        stack=0,
        result="x0",
        style=ErrorStyle.PLAIN,
        variadic_stack=True,
    ),
}

INDIRECT = {X86_64: (CLASS_BSD,), AARCH64: (0,)}
"""syscall(2): the number of a BSD call is the first argument and the other arguments follow."""
INDIRECT_CLASS = {X86_64: CLASS_BSD}
