"""The native page-table walker: machine code that answers the engine's TLB misses without entering Python.

A C function `bool fill(uc, va, access, entry, table)` in position-independent bytes, one per host
architecture and table format; `table` points at {arena base in the host, physical address of the root}.
It leaves `{physical page, rights}` in `entry`, or returns false and the engine asks the next hook. The
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
  mov [rcx+8], r10d; and rax, r11; mov [rcx], rax; mov eax, 1; ret
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
  mov [rcx+8], r10d; and rax, r11; mov [rcx], rax; mov eax, 1; ret
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
  str w9, [x3, #8]; and x6, x6, #0xfffffffff000; str x6, [x3]; mov w0, #1; ret
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
  str w9, [x3, #8]; and x6, x6, #0xfffffffff000; str x6, [x3]; mov w0, #1; ret
no: mov w0, #0; ret
""",
}

CODE: dict[tuple[str, Arch], bytes] = {
    ("x86_64", Arch.X86_64): bytes.fromhex(
        "4889f048c1e82f0f85a80000004d8b08498b400849bb00f0ffffffff00004c01c84989f249c1ea274181e2ff0100004a"
        "8b04d0a801747e4c21d84c01c84989f249c1ea1e4181e2ff0100004a8b04d0a80174624c21d84c01c84989f249c1ea15"
        "4181e2ff0100004a8b04d0a80174464c21d84c01c848c1ee0c81e6ff010000488b04f0a801742e4189c24183e20241ff"
        "c2480fbae03f72044183ca0483ea10410fa3d27310448951084c21d8488901b801000000c331c0c3"
    ),
    ("x86_64", Arch.AARCH64): bytes.fromhex(
        "4889f048c1e00848c1e8380f85d80000004d8b08498b400849bb00f0ffffffff00004c01c84989f249c1ea274181e2ff"
        "0100004a8b04d04189c24183e2034183fa030f85a10000004c21d84c01c84989f249c1ea1e4181e2ff0100004a8b04d0"
        "4189c24183e2034183fa03757c4c21d84c01c84989f249c1ea154181e2ff0100004a8b04d04189c24183e2034183fa03"
        "75574c21d84c01c848c1ee0c81e6ff010000488b04f04189c24183e2034183fa03753641ba030000000fbae007730641"
        "ba01000000480fbae03672044183ca0483ea10410fa3d27310448951084c21d8488901b801000000c331c0c3"
    ),
    ("aarch64", Arch.X86_64): bytes.fromhex(
        "27fc6fd3270400b5851840a9c600058b27bc67d3c67867f886030036c68c7492c600058b27985ed3c67867f8e6020036"
        "c68c7492c600058b277455d3c67867f846020036c68c7492c600058b27504cd3c67867f8a6010036c9001f1229050011"
        "4600f8b729011e32424000512a25c21aca000036690800b9c68c7492660000f920008052c0035fd600008052c0035fd6"
    ),
    ("aarch64", Arch.AARCH64): bytes.fromhex(
        "27dc70d3470500b5851840a9c600058b27bc67d3c67867f8c7044092ff0c00f161040054c68c7492c600058b27985ed3"
        "c67867f8c7044092ff0c00f181030054c68c7492c600058b277455d3c67867f8c7044092ff0c00f1a1020054c68c7492"
        "c600058b27504cd3c67867f8c7044092ff0c00f1c10100546900805246003836290080524600b0b729011e3242400051"
        "2a25c21aca000036690800b9c68c7492660000f920008052c0035fd600008052c0035fd6"
    ),
}


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

    def __init__(self, guest: Arch, base: int, root: int) -> None:
        self._words = ctypes.create_string_buffer(struct.pack("<QQ", base, root), 16)
        self.table = ctypes.addressof(self._words)
        code = CODE.get((os.uname().machine, guest))
        self._host = HostCode(code) if code else None
        self.address = self._host.address if self._host and self._host.usable else None
