"""How a Linux program asks.

From: arch/x86/entry/entry_64.S, arch/arm64/kernel/syscall.c.
x86_64 loses rcx and r11 to the instruction itself; aarch64 keeps everything but x0 and ignores the immediate.
"""

from __future__ import annotations

from aot.personality.abi.gate import ErrorStyle, Gate

GATES = {
    "x86_64": Gate(
        trap="syscall",
        number="rax",
        args=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
        stack=None,
        result="rax",
        style=ErrorStyle.NEGATIVE,
        lost=("rcx", "r11"),
    ),
    "aarch64": Gate(
        trap="svc",
        number="x8",
        args=("x0", "x1", "x2", "x3", "x4", "x5"),
        stack=None,
        result="x0",
        style=ErrorStyle.NEGATIVE,
    ),
}
