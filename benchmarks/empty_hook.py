"""The least a crossing can cost here: a trap in a loop whose hook is an empty function
behind ctypes with the arguments of the C interface.

    python -m benchmarks.empty_hook ARCH COUNT [bare]     prints: seconds status

With `bare` the function is declared without arguments, which leaves the engine's own cost and the call.
"""

from __future__ import annotations

import ctypes
import sys
import time

from unicorn import Uc
from unicorn import arm64_const as a64
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

P = ctypes.c_void_p
CODE = 0x10000
# mov rbx is done from here; l: syscall; dec rbx; jnz l; nop
X86 = bytes.fromhex("0f05 48ffcb 75f9 90")
# l: svc #0; subs x9, x9, #1; b.ne l; nop
A64 = bytes.fromhex("010000d4 290500f1 c1ffff54 1f2003d5")


def engine(arch: str, count: int, *, bare: bool) -> tuple[Uc, int, object]:
    """A loop of `count` traps, its end, and the hook to keep alive."""
    handle = ctypes.c_size_t()
    if arch == "x86_64":
        made, code = Uc(uc.UC_ARCH_X86, uc.UC_MODE_64), X86
        hook = ctypes.CFUNCTYPE(None, *(() if bare else (P, P)))(nothing)
        kind, extra = uc.UC_HOOK_INSN, (ctypes.c_int(x86.UC_X86_INS_SYSCALL),)
    else:
        made, code = Uc(uc.UC_ARCH_ARM64, uc.UC_MODE_ARM), A64
        hook = ctypes.CFUNCTYPE(None, *(() if bare else (P, ctypes.c_uint32, P)))(nothing)
        kind, extra = uc.UC_HOOK_INTR, ()
    made.mem_map(CODE, 0x1000)
    made.mem_write(CODE, code)
    made.reg_write(x86.UC_X86_REG_RBX if arch == "x86_64" else a64.UC_ARM64_REG_X9, count)
    everywhere = (ctypes.c_uint64(1), ctypes.c_uint64(0))
    status = uclib.uc_hook_add(made._uch, ctypes.byref(handle), kind, hook, None, *everywhere, *extra)
    if status:
        raise RuntimeError(f"uc_hook_add: {status}")
    return made, CODE + len(code), hook


def nothing(*_: object) -> None:
    """The hook, called with what unicorn.h says such a hook is called with."""


def main(arch: str, count: str, declared: str = "") -> None:
    """Run once and print what it took."""
    made, end, _hook = engine(arch, int(count), bare=declared == "bare")
    begin = time.process_time()
    made.emu_start(CODE, end)
    print(f"{time.process_time() - begin:.6f} 0", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
