"""How Windows programs ask: NT services by trap, library functions by import.

x86_64 traps with the number in eax and the first argument in r10 (the stub in ntdll moves it out of
rcx, which `syscall` destroys); further arguments lie above the stub's return address and the 32 bytes
of home space. aarch64 has the number in the immediate of `svc`.

What a call leaves in the volatile registers of x86_64 is written down nowhere; this is what the exits
of kernels and of Wine do (ReactOS ntoskrnl/ke/amd64/trap.S KiSystemServiceExit; the sysret path of a
Windows 11 kernel, disassembled; __wine_syscall_dispatcher in Wine 8 and 10, disassembled):

    rcx, r11     the address behind the trap, and the flags: all three
    rdx          zero: all three (in Wine the word of what is left to restore)
    r8, r9       the stack pointer and rbp (ReactOS), rsp and zero (Windows), whatever the service left (Wine)
    r10          zero (ReactOS); whatever the service left (Wine)
    xmm0-xmm5    zero (ReactOS, Windows); whatever the service left (Wine)

Here rdx is zero, and the rest keep their values, which no program can tell from "whatever the service left".
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
        zeroed=("rdx",),
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
