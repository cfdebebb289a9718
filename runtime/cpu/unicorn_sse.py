"""Integer SSE instructions of x86_64 guests on an x86_64 host, without what makes the engine's own slow.

The engine serves them by functions `helper_NAME_xmm(env, d, s)` on two pointers to 16 bytes. A 16-byte load by
the guest reaches such a function as two stores of 8 bytes, and a load of 16 bytes that overlaps two stores
waits until both have left the processor; the string routines of every C library and of Go, a load, a compare
and a mask, spend half of their time in those waits. The bodies here load the halves they were stored in, then
execute the one instruction. The mask (pmovmskb), a loop over bytes in the engine, is an instruction too.

A function is replaced, by a jump at its beginning, only when it is exported, large enough for the jump, and
answers chosen operands as the new body does. Where code may not be written everything stays as it is.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from functools import cache

from runtime.cpu.unicorn_library import Library
from runtime.cpu.walker import HostCode

PAGE = mmap.PAGESIZE
# name -> opcode behind 66 0f (Intel SDM vol. 2)
SSE2 = {
    "paddb": 0xFC, "paddw": 0xFD, "paddl": 0xFE, "paddq": 0xD4,
    "psubb": 0xF8, "psubw": 0xF9, "psubl": 0xFA, "psubq": 0xFB,
    "paddusb": 0xDC, "paddsb": 0xEC, "psubusb": 0xD8, "psubsb": 0xE8,
    "paddusw": 0xDD, "paddsw": 0xED, "psubusw": 0xD9, "psubsw": 0xE9,
    "pminub": 0xDA, "pmaxub": 0xDE, "pminsw": 0xEA, "pmaxsw": 0xEE,
    "pand": 0xDB, "pandn": 0xDF, "por": 0xEB, "pxor": 0xEF,
    "pcmpgtb": 0x64, "pcmpgtw": 0x65, "pcmpgtl": 0x66, "pcmpeqb": 0x74, "pcmpeqw": 0x75, "pcmpeql": 0x76,
    "pmullw": 0xD5, "pmulhuw": 0xE4, "pmulhw": 0xE5, "pavgb": 0xE0, "pavgw": 0xE3,
    "pmuludq": 0xF4, "pmaddwd": 0xF5, "psadbw": 0xF6,
    "punpcklbw": 0x60, "punpcklwd": 0x61, "punpckldq": 0x62, "punpcklqdq": 0x6C,
    "punpckhbw": 0x68, "punpckhwd": 0x69, "punpckhdq": 0x6A, "punpckhqdq": 0x6D,
    "packsswb": 0x63, "packuswb": 0x67, "packssdw": 0x6B,
    "psllw": 0xF1, "pslld": 0xF2, "psllq": 0xF3, "psrlw": 0xD1, "psrld": 0xD2, "psrlq": 0xD3,
    "psraw": 0xE1, "psrad": 0xE2,
}  # fmt: skip
MASKS = {"pmovmskb": "660fd7c0"}  # (env, s), the mask is returned
LOAD_D = bytes.fromhex("f30f7e06 0f164608")  # movq xmm0, [rsi]; movhps xmm0, [rsi+8]
LOAD_S = bytes.fromhex("f30f7e0a 0f164a08")  # movq xmm1, [rdx]; movhps xmm1, [rdx+8]
STORE, RET = bytes.fromhex("0f1106"), b"\xc3"  # movups [rsi], xmm0
ROOM = 32  # bytes of a body
JUMP = 12  # movabs rax, body; jmp rax
OPERANDS = (  # edges of every element size; shift counts inside and beyond
    (bytes.fromhex("ff7f0080017fff80fe00ff7f00800100"), bytes.fromhex("0500000000000000ff80017f0080ff7f")),
    (bytes.fromhex("80ff7f01feff0100ffffff7f00000080"), bytes.fromhex("7fff80010100ff7f8000000000000080")),
    (bytes.fromhex("0102030405060708090a0b0c0d0e0f10"), bytes.fromhex("1100000000000000090a0b0c0d0e0f80")),
)
Function = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def bodies() -> dict[str, bytes]:
    """Name of an instruction -> the function that executes it."""
    found = {name: LOAD_D + LOAD_S + bytes((0x66, 0x0F, op, 0xC1)) + STORE + RET for name, op in SSE2.items()}
    return found | {name: LOAD_D + bytes.fromhex(code) + RET for name, code in MASKS.items()}


def _answers(address: int, *, mask: bool) -> list[bytes]:
    """What a function makes of the operands: the destination, and the result of a mask."""
    function, found = Function(address), []
    for first, second in OPERANDS:
        d, s = ctypes.create_string_buffer(first, 64), ctypes.create_string_buffer(second, 64)
        at = (s, d) if mask else (d, s)
        result = function(None, ctypes.addressof(at[0]), ctypes.addressof(at[1]))
        found.append(d.raw[:16] + (result.to_bytes(4, "little") if mask else b""))
    return found


def _write(jumps: dict[int, bytes]) -> bool:
    """Put code over functions of the library; False when their pages cannot be written."""
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    pages = sorted({page for at, code in jumps.items() for page in (at & -PAGE, at + len(code) - 1 & -PAGE)})
    for page in pages:
        if protect(page, PAGE, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC):
            return False
    for at, code in jumps.items():
        ctypes.memmove(at, code, len(code))
    for page in pages:
        protect(page, PAGE, mmap.PROT_READ | mmap.PROT_EXEC)
    return True


_kept: list[HostCode] = []  # bodies that functions of libraries jump to


@cache
def quicker_sse(handle: int) -> tuple[str, ...]:
    """Replace what can be; the names of the instructions. `handle` is the library's, as dlopen gave it."""
    if os.uname().machine != "x86_64":
        return ()
    library, made = Library(handle), bodies()
    page = HostCode(b"".join(body.ljust(ROOM, b"\xcc") for body in made.values()))
    if not page.usable:
        return ()
    jumps: dict[int, bytes] = {}
    names = []
    for i, name in enumerate(made):
        there, ours = library.function(f"helper_{name}_xmm_x86_64".encode()), page.address + ROOM * i
        if there is None or there[1] < JUMP:
            continue
        if _answers(there[0], mask=name in MASKS) == _answers(ours, mask=name in MASKS):
            jumps[there[0]] = b"\x48\xb8" + ours.to_bytes(8, "little") + b"\xff\xe0"
            names.append(name)
    if not _write(jumps):
        return ()
    _kept.append(page)
    return tuple(names)
