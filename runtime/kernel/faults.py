"""Which signal a hardware exception becomes, and what its handler is told."""

from __future__ import annotations

from aot.image.model import Arch
from aot.personality.abi.frame import SI_KERNEL, SigInfo
from aot.personality.abi.signals import Signal
from runtime.cpu.api import Fault, FaultKind
from runtime.kernel.paging import FAULT_BEYOND, FAULT_MEMORY, FAULT_RIGHTS

MAPERR, ACCERR, ADRERR, ADRALN = 1, 2, 2, 1  # si_code of SEGV and BUS
INTDIV, FLTINV, ILLOPC, ILLOPN, BRKPT = 1, 7, 1, 2, 1  # of FPE, ILL, TRAP
PAGE_FAULT = 14
_X86_TRAP = {
    FaultKind.DIVIDE: 0, FaultKind.BREAKPOINT: 3, FaultKind.ILLEGAL: 6, FaultKind.PRIVILEGED: 13,
    FaultKind.ALIGNMENT: 17, FaultKind.FPU: 19, FaultKind.SOFTWARE: 13,
}  # fmt: skip
_MEMORY = (FaultKind.READ, FaultKind.WRITE, FaultKind.FETCH)
_ABORT, _FETCH_ABORT, _WRITE = 0x9200_0000, 0x8200_0000, 0x40  # ESR of aarch64
_TRANSLATION, _PERMISSION = 0x07, 0x0F

SIGNAL_OF = {
    FaultKind.READ: Signal.SEGV,
    FaultKind.WRITE: Signal.SEGV,
    FaultKind.FETCH: Signal.SEGV,
    FaultKind.DIVIDE: Signal.FPE,
    FaultKind.BREAKPOINT: Signal.TRAP,
    FaultKind.ILLEGAL: Signal.ILL,
    FaultKind.PRIVILEGED: Signal.SEGV,
    FaultKind.ALIGNMENT: Signal.BUS,
    FaultKind.SOFTWARE: Signal.SEGV,
    FaultKind.FPU: Signal.FPE,
}
"""What a fault is by its kind alone."""


def death_of(fault: Fault) -> int:
    """The signal that ends a guest which does not handle a fault."""
    if fault.kind in _MEMORY and fault.code in (FAULT_BEYOND, FAULT_MEMORY):
        return Signal.BUS if fault.code == FAULT_BEYOND else Signal.KILL
    return SIGNAL_OF[fault.kind]


def signal_info(fault: Fault, arch: Arch) -> SigInfo:
    """The signal of a fault."""
    x86 = arch is Arch.X86_64
    if fault.kind in _MEMORY:
        return _memory(fault, x86=x86)
    trap = _X86_TRAP.get(fault.kind, 0) if x86 else 0
    signal, code, address = {
        FaultKind.DIVIDE: (Signal.FPE, INTDIV, fault.pc),
        FaultKind.FPU: (Signal.FPE, FLTINV, fault.pc),
        FaultKind.ILLEGAL: (Signal.ILL, ILLOPN if x86 else ILLOPC, fault.pc),
        FaultKind.BREAKPOINT: (Signal.TRAP, SI_KERNEL if x86 else BRKPT, 0 if x86 else fault.pc),
        FaultKind.PRIVILEGED: (Signal.SEGV, SI_KERNEL, 0) if x86 else (Signal.ILL, ILLOPC, fault.pc),
        FaultKind.ALIGNMENT: (Signal.BUS, ADRALN, fault.address),
        FaultKind.SOFTWARE: (Signal.SEGV, SI_KERNEL, 0),
    }[fault.kind]
    return SigInfo(signal, code, address=address, trap=trap, fault=True)


def _memory(fault: Fault, *, x86: bool) -> SigInfo:
    write, fetch = fault.kind is FaultKind.WRITE, fault.kind is FaultKind.FETCH
    rights = fault.code == FAULT_RIGHTS
    signal, code = (Signal.SEGV, ACCERR if rights else MAPERR)
    if fault.code == FAULT_BEYOND:
        signal, code = Signal.BUS, ADRERR
    if fault.code == FAULT_MEMORY:  # what Linux does to who takes the last of it
        signal, code = Signal.KILL, SI_KERNEL
    if x86:
        error = int(rights) | 2 * write | 4 | 0x10 * fetch
    else:
        error = (_FETCH_ABORT if fetch else _ABORT) | (_WRITE if write else 0)
        error |= _PERMISSION if rights else _TRANSLATION
    trap = PAGE_FAULT if x86 else 0
    return SigInfo(signal, code, address=fault.address, trap=trap, error=error, fault=True)
