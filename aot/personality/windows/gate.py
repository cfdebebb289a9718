"""How Windows programs ask: NT services by trap, library functions by import.

x86_64 traps with the number in eax and the first argument in r10 (the stub in ntdll moves it out of
rcx, which `syscall` destroys); further arguments lie above the stub's return address and the 32 bytes
of home space. aarch64 has the number in the immediate of `svc`. Volatile registers of the calling
convention (rdx, r8, r9, r10, xmm0-5) are the kernel's to change on a real system; here they keep
their values, which every program has to accept.
"""

from __future__ import annotations

from aot.personality.abi.gate import ErrorStyle, Gate

_X = tuple(f"x{i}" for i in range(8))

GATES = {
    "x86_64": Gate(
        trap="syscall",
        number="rax",
        args=("r10", "rdx", "r8", "r9"),
        stack=0x28,
        result="rax",
        style=ErrorStyle.NTSTATUS,
        lost=("rcx", "r11"),
    ),
    "aarch64": Gate(trap="svc", number="imm", args=_X, stack=0, result="x0", style=ErrorStyle.NTSTATUS),
}

LIBRARIES = {
    "x86_64": Gate(
        trap="import",
        number="",
        args=("rcx", "rdx", "r8", "r9"),
        stack=0x28,
        result="rax",
        style=ErrorStyle.PLAIN,
    ),
    "aarch64": Gate(trap="import", number="", args=_X, stack=0, result="x0", style=ErrorStyle.PLAIN),
}
