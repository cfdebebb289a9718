"""How a native program asks: both gates return -errno and keep everything else."""

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
