"""What signal delivery needs of a system: the frame a handler finds on its stack, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aot.personality.abi.neutral import SigAction, SigStack
from aot.record import dataclass

# flags of an action, neutral: the bits of Linux
SA_SIGINFO, SA_RESTORER, SA_ONSTACK = 0x4, 0x0400_0000, 0x0800_0000
SA_RESTART, SA_NODEFER, SA_RESETHAND = 0x1000_0000, 0x4000_0000, 0x8000_0000
SS_ONSTACK, SS_DISABLE = 1, 2
"""Flags of an alternate stack, neutral."""

# where a signal came from (si_code), neutral: the numbers of Linux
SI_USER, SI_KERNEL, SI_QUEUE, SI_TIMER, SI_TKILL = 0, 0x80, -1, -2, -6
SS_AUTODISARM = 1 << 31
"""Of an alternate stack: it is off while a handler runs on it."""


@dataclass(frozen=True, slots=True)
class SigInfo:
    """What a handler is told of its signal. `address` is a fault's, `value` a queued signal's word."""

    signal: int
    code: int = SI_KERNEL
    pid: int = 0
    uid: int = 0
    value: int = 0
    address: int = 0
    status: int = 0
    trap: int = 0  # exception number of the architecture
    error: int = 0  # error word of the exception
    fault: bool = False  # an instruction of the context caused it
    used_ns: int = 0  # processor time of a child that ended
    timer: int = 0  # id of a timer and, in `overrun`, how often it expired meanwhile
    overrun: int = 0
    late: Callable[[SigInfo], SigInfo] | None = None  # fills in what is known only when it is taken

    @property
    def value_int(self) -> int:
        """The low half of the word, as a C int."""
        return ((self.value & 0xFFFF_FFFF) ^ 0x8000_0000) - 0x8000_0000


@dataclass(frozen=True, slots=True)
class Machine:
    """A context's registers: words in hardware order with the PC last, flags, FPU/SIMD image.

    `fp` is the FXSAVE image on x86_64; on aarch64 v0..v31, then fpsr and fpcr as 32-bit words.
    """

    regs: tuple[int, ...]
    flags: int
    fp: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """A signal about to reach its handler. `mask` is what the return restores, numbers are neutral."""

    arch: str
    info: SigInfo
    action: SigAction
    mask: int
    stack: SigStack
    state: Machine
    trampoline: int = 0  # address of SignalFrames.trampoline, where the action names no restorer


@dataclass(frozen=True, slots=True)
class Entered:
    """The frame to write, and the registers and flags the handler starts with."""

    address: int
    data: bytes
    regs: tuple[int, ...]
    flags: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a frame says: the state to go on with. `fp` and `stack` are None where it leaves them alone."""

    regs: tuple[int, ...]
    flags: int
    fp: bytes | None
    mask: int
    stack: SigStack | None = None


Read = Callable[[int, int], bytes]
"""(address, size) -> guest bytes; raises Errno(FAULT)."""


@dataclass(frozen=True, slots=True)
class SignalFrames:
    """One architecture's signal frames. `leave` gets the registers at the return call.

    `trampoline` is code that makes the return call, for actions without a restorer of their own.
    """

    enter: Callable[[Delivery], Entered]
    leave: Callable[[Sequence[int], int, Read], Resumed]
    trampoline: bytes = b""


def on_stack(stack: SigStack, sp: int) -> bool:
    """Whether a stack pointer is on the alternate stack; nobody is on one that disarms itself."""
    return not stack.flags & (SS_DISABLE | SS_AUTODISARM) and 0 < sp - stack.address <= stack.size


def frame_top(d: Delivery, sp: int, red_zone: int) -> int:
    """Where frames grow down from: the top of the alternate stack, or below what the context uses."""
    if d.action.flags & SA_ONSTACK and d.stack.size and not on_stack(d.stack, sp):
        return d.stack.address + d.stack.size
    return sp - red_zone


def shown_stack(d: Delivery, sp: int) -> SigStack:
    """The alternate stack as a frame describes it."""
    if not d.stack.size:
        return SigStack(0, 0, SS_DISABLE)
    here = SS_ONSTACK if on_stack(d.stack, sp) else 0
    return SigStack(d.stack.address, d.stack.size, here | d.stack.flags & SS_AUTODISARM)
