"""Bound crossings in the functions that the kernel itself puts into an address space (Linux: the vDSO).

Nobody has to find or patch anything there: such a function is one call, so ahead of time the whole function is
written as the call's number, the crossing and a return. What a register holds afterwards is what the trap leaves.
"""

from __future__ import annotations

import struct

from aot.image.model import Arch
from aot.manifest import GateKind
from runtime.cpu.api import Cpu

ROOM = 40  # bytes of the longer one
_A64 = struct.Struct("<IIII")


def bound_function(cpu: Cpu, number: int, index: int, page: bytes) -> bytes:
    """The function that makes call `number` through site `index`; `page` is page 0 of a stub area."""
    if cpu.arch is Arch.X86_64:
        # mov eax, number; lea rcx, [rip + 12]; mov r11d, index; jmp [rip + 8]; ret; the gate's address
        code = struct.pack("<BI", 0xB8, number) + bytes.fromhex("488d0d0c000000")
        code += b"\x41\xbb" + struct.pack("<I", index) + bytes.fromhex("ff2508000000 c3")
        (gate,) = struct.unpack_from("<Q", page, 8 * GateKind.BOUND)
        return code.ljust(ROOM - 8, b"\xcc") + struct.pack("<Q", gate)
    # movz w8, #index; the exit; movz x8, #number; ret
    exit_word = cpu.exit_words()[GateKind.BOUND]
    return _A64.pack(0x5280_0008 | index << 5, exit_word, 0xD280_0008 | number << 5, 0xD65F_03C0)
