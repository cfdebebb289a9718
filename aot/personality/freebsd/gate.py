"""How a FreeBSD program asks its kernel, and what that kernel leaves behind.

From: sys/amd64/amd64/exception.S (fast_syscall), sys/amd64/amd64/trap.c, sys/amd64/amd64/vm_machdep.c
(cpu_set_syscall_retval), sys/arm64/arm64/trap.c, sys/arm64/arm64/vm_machdep.c; FreeBSD 14.
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
        second_policy=Second.KEPT,  # the second result starts as the guest's rdx
        zeroed=("r8", "r9", "r10"),
        lost=("rcx", "r11"),
    ),
    "aarch64": Gate(
        trap="svc",
        number="x8",
        args=("x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"),
        stack=None,
        result="x0",
        style=ErrorStyle.CARRY,
        second="x1",
        second_policy=Second.ZERO,
        immediates=(0,),  # any other svc is SIGILL
    ),
}

INDIRECT = (0, 198)
"""syscall(2) and __syscall(2): the number is the first argument and the other arguments follow."""
