"""The native page-table walker: machine code that answers the engine's TLB misses without entering Python.

A C function `bool fill(uc, va, access, entry, table)` in position-independent bytes, one per host
architecture and table format; `table` points at {arena base in the host, physical address of the root,
misses left, address of a word}. It leaves `{physical page, rights}` in `entry`, or returns false and the
engine asks the next hook. The engine's TLB begins with 256 entries and only a flush makes a crowded one
larger, so the walker counts its answers and sets the word when there have been many; the poll then ends
the run, the TLB is flushed, and the next count is twice as long. The
bytes are checked in because nothing that runs a translated file may load an assembler; the sources beside
them are what tests/runtime/cpu/test_walker.py assembles and compares.

Pages of code are written first and made executable after: that is also what makes an aarch64 host's
kernel synchronise its instruction cache.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct

from aot.image.model import Arch

SOURCES: dict[tuple[str, Arch], str] = {
    ("x86_64", Arch.X86_64): """\
  mov rax, rsi; shr rax, 47; jnz no
  mov r9, [r8]; mov rax, [r8+8]; movabs r11, 0xfffffffff000
  add rax, r9; mov r10, rsi; shr r10, 39; and r10d, 511; mov rax, [rax+r10*8]; test al, 1; jz no
  and rax, r11
  add rax, r9; mov r10, rsi; shr r10, 30; and r10d, 511; mov rax, [rax+r10*8]; test al, 1; jz no
  and rax, r11
  add rax, r9; mov r10, rsi; shr r10, 21; and r10d, 511; mov rax, [rax+r10*8]; test al, 1; jz no
  and rax, r11
  add rax, r9; shr rsi, 12; and esi, 511; mov rax, [rax+rsi*8]; test al, 1; jz no
  mov r10d, eax; and r10d, 2; inc r10d; bt rax, 63; jc rights; or r10d, 4
rights:
  sub edx, 16; bt r10d, edx; jnc no
  mov [rcx+8], r10d; and rax, r11; mov [rcx], rax; mov eax, 1
  dec qword ptr [r8+16]; jz many; ret
many: mov r9, [r8+24]; mov [r9], eax; ret
no: xor eax, eax; ret
""",
    ("x86_64", Arch.AARCH64): """\
  mov rax, rsi; shl rax, 8; shr rax, 56; jnz no
  mov r9, [r8]; mov rax, [r8+8]; movabs r11, 0xfffffffff000
  add rax, r9; mov r10, rsi; shr r10, 39; and r10d, 511; mov rax, [rax+r10*8]; mov r10d, eax
  and r10d, 3; cmp r10d, 3; jne no
  and rax, r11
  add rax, r9; mov r10, rsi; shr r10, 30; and r10d, 511; mov rax, [rax+r10*8]; mov r10d, eax
  and r10d, 3; cmp r10d, 3; jne no
  and rax, r11
  add rax, r9; mov r10, rsi; shr r10, 21; and r10d, 511; mov rax, [rax+r10*8]; mov r10d, eax
  and r10d, 3; cmp r10d, 3; jne no
  and rax, r11
  add rax, r9; shr rsi, 12; and esi, 511; mov rax, [rax+rsi*8]; mov r10d, eax; and r10d, 3
  cmp r10d, 3; jne no
  mov r10d, 3; bt eax, 7; jnc writable; mov r10d, 1
writable: bt rax, 54; jc rights; or r10d, 4
rights:
  sub edx, 16; bt r10d, edx; jnc no
  mov [rcx+8], r10d; and rax, r11; mov [rcx], rax; mov eax, 1
  dec qword ptr [r8+16]; jz many; ret
many: mov r9, [r8+24]; mov [r9], eax; ret
no: xor eax, eax; ret
""",
    ("aarch64", Arch.X86_64): """\
  lsr x7, x1, #47; cbnz x7, no
  ldp x5, x6, [x4]
  add x6, x6, x5; ubfx x7, x1, #39, #9; ldr x6, [x6, x7, lsl #3]; tbz x6, #0, no
  and x6, x6, #0xfffffffff000
  add x6, x6, x5; ubfx x7, x1, #30, #9; ldr x6, [x6, x7, lsl #3]; tbz x6, #0, no
  and x6, x6, #0xfffffffff000
  add x6, x6, x5; ubfx x7, x1, #21, #9; ldr x6, [x6, x7, lsl #3]; tbz x6, #0, no
  and x6, x6, #0xfffffffff000
  add x6, x6, x5; ubfx x7, x1, #12, #9; ldr x6, [x6, x7, lsl #3]; tbz x6, #0, no
  and w9, w6, #2; add w9, w9, #1; tbnz x6, #63, rights; orr w9, w9, #4
rights:
  sub w2, w2, #16; lsr w10, w9, w2; tbz w10, #0, no
  str w9, [x3, #8]; and x6, x6, #0xfffffffff000; str x6, [x3]; mov w0, #1
  ldp x7, x8, [x4, #16]; sub x7, x7, #1; str x7, [x4, #16]; cbz x7, many; ret
many: str w0, [x8]; ret
no: mov w0, #0; ret
""",
    ("aarch64", Arch.AARCH64): """\
  ubfx x7, x1, #48, #8; cbnz x7, no
  ldp x5, x6, [x4]
  add x6, x6, x5; ubfx x7, x1, #39, #9; ldr x6, [x6, x7, lsl #3]; and x7, x6, #3; cmp x7, #3; b.ne no
  and x6, x6, #0xfffffffff000
  add x6, x6, x5; ubfx x7, x1, #30, #9; ldr x6, [x6, x7, lsl #3]; and x7, x6, #3; cmp x7, #3; b.ne no
  and x6, x6, #0xfffffffff000
  add x6, x6, x5; ubfx x7, x1, #21, #9; ldr x6, [x6, x7, lsl #3]; and x7, x6, #3; cmp x7, #3; b.ne no
  and x6, x6, #0xfffffffff000
  add x6, x6, x5; ubfx x7, x1, #12, #9; ldr x6, [x6, x7, lsl #3]; and x7, x6, #3; cmp x7, #3; b.ne no
  mov w9, #3; tbz x6, #7, writable; mov w9, #1
writable: tbnz x6, #54, rights; orr w9, w9, #4
rights:
  sub w2, w2, #16; lsr w10, w9, w2; tbz w10, #0, no
  str w9, [x3, #8]; and x6, x6, #0xfffffffff000; str x6, [x3]; mov w0, #1
  ldp x7, x8, [x4, #16]; sub x7, x7, #1; str x7, [x4, #16]; cbz x7, many; ret
many: str w0, [x8]; ret
no: mov w0, #0; ret
""",
}

CODE: dict[tuple[str, Arch], bytes] = {
    ("x86_64", Arch.X86_64): bytes.fromhex(
        "4889f048c1e82f0f85ba0000004d8b08498b400849bb00f0ffffffff00004c01c84989f249c1ea274181e2ff0100004a"
        "8b04d0a8010f848c0000004c21d84c01c84989f249c1ea1e4181e2ff0100004a8b04d0a80174704c21d84c01c84989f2"
        "49c1ea154181e2ff0100004a8b04d0a80174544c21d84c01c848c1ee0c81e6ff010000488b04f0a801743c4189c24183"
        "e20241ffc2480fbae03f72044183ca0483ea10410fa3d2731e448951084c21d8488901b80100000049ff48107401c34d"
        "8b4818418901c331c0c3"
    ),
    ("x86_64", Arch.AARCH64): bytes.fromhex(
        "4889f048c1e00848c1e8380f85ea0000004d8b08498b400849bb00f0ffffffff00004c01c84989f249c1ea274181e2ff"
        "0100004a8b04d04189c24183e2034183fa030f85b30000004c21d84c01c84989f249c1ea1e4181e2ff0100004a8b04d0"
        "4189c24183e2034183fa030f858a0000004c21d84c01c84989f249c1ea154181e2ff0100004a8b04d04189c24183e203"
        "4183fa0375654c21d84c01c848c1ee0c81e6ff010000488b04f04189c24183e2034183fa03754441ba030000000fbae0"
        "07730641ba01000000480fbae03672044183ca0483ea10410fa3d2731e448951084c21d8488901b80100000049ff4810"
        "7401c34d8b4818418901c331c0c3"
    ),
    ("aarch64", Arch.X86_64): bytes.fromhex(
        "27fc6fd3e70400b5851840a9c600058b27bc67d3c67867f846040036c68c7492c600058b27985ed3c67867f8a6030036"
        "c68c7492c600058b277455d3c67867f806030036c68c7492c600058b27504cd3c67867f866020036c9001f1229050011"
        "4600f8b729011e32424000512a25c21a8a010036690800b9c68c7492660000f920008052872041a9e70400d1870800f9"
        "470000b4c0035fd6000100b9c0035fd600008052c0035fd6"
    ),
    ("aarch64", Arch.AARCH64): bytes.fromhex(
        "27dc70d3070600b5851840a9c600058b27bc67d3c67867f8c7044092ff0c00f121050054c68c7492c600058b27985ed3"
        "c67867f8c7044092ff0c00f141040054c68c7492c600058b277455d3c67867f8c7044092ff0c00f161030054c68c7492"
        "c600058b27504cd3c67867f8c7044092ff0c00f1810200546900805246003836290080524600b0b729011e3242400051"
        "2a25c21a8a010036690800b9c68c7492660000f920008052872041a9e70400d1870800f9470000b4c0035fd6000100b9"
        "c0035fd600008052c0035fd6"
    ),
}


MISSES, MOST_MISSES = 1 << 10, 1 << 20  # before the TLB is flushed to grow: at first, at last


class HostCode:
    """A page of host machine code."""

    def __init__(self, code: bytes) -> None:
        size = -(-len(code) // mmap.PAGESIZE) * mmap.PAGESIZE
        rights = mmap.PROT_READ | mmap.PROT_WRITE
        self._page = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=rights)
        self._page[: len(code)] = code
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self.usable = not protect(self.address, size, mmap.PROT_READ | mmap.PROT_EXEC)


class Walker:
    """The walker for one page table, ready to be a hook: `address` with `table` as user data.

    `address` is None on a host without bytes (or one that forbids new code): a Python hook serves alone.
    """

    def __init__(self, guest: Arch, base: int, root: int, crowded: int = 0) -> None:
        """`crowded` is the host address of the word to set after many misses."""
        limit = MISSES if crowded else 0  # counting down from 0 never ends
        self._words = ctypes.create_string_buffer(struct.pack("<4Q", base, root, limit, crowded), 32)
        self.table = ctypes.addressof(self._words)
        self._left, self._limit = ctypes.c_uint64.from_buffer(self._words, 16), limit
        code = CODE.get((os.uname().machine, guest))
        self._host = HostCode(code) if code else None
        self.address = self._host.address if self._host and self._host.usable else None

    def again(self) -> None:
        """Count anew: flushing costs least where it is not needed often."""
        self._limit = min(2 * self._limit, MOST_MISSES)
        self._left.value = self._limit
