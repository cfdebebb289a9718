"""What happens when a file that the guest maps is cut short by somebody outside: the page reads as zero.

The guest's own truncations take pages out of its tables first. Nobody tells of others, and touching such a page, in
translated code or in the kernel's own copies, would end the whole run with SIGBUS. A handler in machine code lays a
page of zeros over the one that is lost and goes on; for any other address it puts the default back, and the same
instruction ends the run as it would have. The bytes are checked in as those of walker.py; a test takes them apart.
"""

from __future__ import annotations

import ctypes
import os
import struct

from runtime.cpu.walker import HostCode

SOURCES: dict[str, str] = {
    "x86_64": """\
  mov rdi, [rsi+16]; mov rax, rdi; sub rax, [rip+BASE]; cmp rax, [rip+SIZE]; jae other
  and rdi, -4096; mov esi, 4096; mov edx, 3; mov r10d, 0x32; mov r8, -1; xor r9d, r9d; mov eax, 9; syscall; ret
other: mov edi, 7; lea rsi, [rip+ZERO]; xor edx, edx; mov r10d, 8; mov eax, 13; syscall; ret
""",
    "aarch64": """\
  ldr x0, [x1, #16]; ldr x2, BASE; ldr x3, SIZE; sub x2, x0, x2; cmp x2, x3; b.hs other
  and x0, x0, #-4096; mov x1, #4096; mov x2, #3; mov x3, #0x32; mov x4, #-1; mov x5, #0; mov x8, #222; svc #0; ret
other: mov x0, #7; adr x1, ZERO; mov x2, #0; mov x3, #8; mov x8, #134; svc #0; ret
""",
}
"""SIGBUS is 7; mmap 9 and 222, rt_sigaction 13 and 134. Behind the code: BASE, SIZE, ZERO (an empty sigaction)."""
CODE: dict[str, bytes] = {
    "x86_64": bytes.fromhex(
        "488b7e104889f8482b0552000000483b055300000073294881e700f0ffffbe00100000ba0300000041ba3200000049c7"
        "c0ffffffff4531c9b8090000000f05c3bf07000000488d352400000031d241ba08000000b80d0000000f05c30f1f4000"
    ),
    "aarch64": bytes.fromhex(
        "200840f9a2020058c3020058020002cb5f0003eb4201005400cc7492010082d2620080d2430680d204008092050080d2"
        "c81b80d2010000d4c0035fd6e00080d241010010020080d2030180d2c81080d2010000d4c0035fd6"
    ),
}
SIGBUS = 7
SA_SIGINFO, SA_ONSTACK = 4, 0x0800_0000
_kept: list[HostCode] = []


class _Action(ctypes.Structure):
    """struct sigaction of the C library; From: glibc's and musl's bits/sigaction.h (64 bits)."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ulong * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def guard(base: int, size: int) -> bool:
    """Let pages of [base, base + size) be zero where their file has ended; whether this host can."""
    code = CODE.get(os.uname().machine)
    if code is None:
        return False
    host = HostCode(code + struct.pack("<QQ4Q", base, size, 0, 0, 0, 0))
    if not host.usable:
        return False
    _kept.append(host)
    action = _Action(handler=host.address, flags=SA_SIGINFO | SA_ONSTACK)
    return bool(ctypes.CDLL(None).sigaction(SIGBUS, ctypes.byref(action), None) == 0)
