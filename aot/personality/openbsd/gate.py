"""How an OpenBSD program asks its kernel, and what that kernel leaves behind.

From: sys/arch/amd64/amd64/trap.c (syscall), sys/arch/arm64/arm64/syscall.c, sys/arch/arm64/arm64/exception.S;
OpenBSD 7. Every `svc` is followed by `dsb nsh; isb`, and the kernel resumes behind them.
"""

from __future__ import annotations

from aot.personality.abi.gate import ErrorStyle, Gate

GATES = {
    "x86_64": Gate(
        trap="syscall",
        number="rax",
        args=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
        stack=8,
        result="rax",
        style=ErrorStyle.CARRY,
        lost=("rcx", "r11"),
    ),
    "aarch64": Gate(
        trap="svc",
        number="x8",
        args=("x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"),
        stack=None,
        result="x0",
        style=ErrorStyle.CARRY,
        skip=8,
        immediates=(0,),
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
        args=GATES["aarch64"].args,
        stack=0,
        result="x0",
        style=ErrorStyle.PLAIN,
    ),
}
"""libc and libpthread: the C calling conventions."""
