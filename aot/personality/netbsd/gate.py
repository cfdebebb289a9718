"""How a NetBSD program asks its kernel, and what that kernel leaves behind.

From: sys/arch/x86/x86/syscall.c, sys/arch/amd64/amd64/locore.S, sys/arch/aarch64/aarch64/syscall.c,
sys/sys/syscallvar.h (sy_call clears both results first); NetBSD 10.
"""

from __future__ import annotations

from aot.personality.abi.gate import ErrorStyle, Gate, Second

GATES = {
    "x86_64": Gate(
        trap="syscall",
        number="rax",
        args=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
        stack=8,  # behind the return address of the function that traps
        result="rax",
        style=ErrorStyle.CARRY,
        second="rdx",
        second_policy=Second.ZERO,
        lost=("rcx", "r11"),
    ),
    "aarch64": Gate(
        trap="svc",
        number="imm",  # the kernel reads it from the exception syndrome
        args=("x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"),
        stack=0,
        result="x0",
        style=ErrorStyle.CARRY,
        second="x1",
        second_policy=Second.ZERO,
    ),
}

INDIRECT = (0, 198)
"""syscall(2) and __syscall(2). amd64: the number is the first argument; arm64: it is in x17."""
INDIRECT_REGISTER = {"aarch64": "x17"}
NUMBER_MASK = 511
"""SYS_NSYSENT - 1: numbers wrap around."""
