"""Linux signal frames: rt_sigframe, ucontext and siginfo of x86_64 and aarch64.

From: arch/x86/kernel/signal_64.c, arch/arm64/kernel/signal.c; asm/sigcontext.h, asm/ucontext.h and
asm-generic/siginfo.h of both.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aot.personality.abi.frame import (
    SA_RESTORER,
    SI_TIMER,
    Delivery,
    Entered,
    Read,
    Resumed,
    SigInfo,
    SignalFrames,
    frame_top,
    shown_stack,
)
from aot.personality.abi.neutral import SigStack
from aot.personality.abi.signals import Signal

INFO_SIZE = 128
FAULTS = frozenset({Signal.SEGV, Signal.BUS, Signal.ILL, Signal.FPE, Signal.TRAP})
_HEAD, _FAULT = struct.Struct("<iii4x"), struct.Struct("<Q")
_FROM, _CHILD = struct.Struct("<iIQ"), struct.Struct("<iIi4xQQ")
_TIMER = struct.Struct("<iiQ")
M64 = (1 << 64) - 1
TICK_NS = 10_000_000  # USER_HZ is 100


def siginfo(info: SigInfo) -> bytes:
    """struct siginfo, 128 bytes."""
    head = _HEAD.pack(info.signal, 0, info.code)
    if info.fault or (info.code > 0 and info.signal in FAULTS):
        body = _FAULT.pack(info.address)
    elif info.signal == Signal.CHLD and info.code > 0:
        body = _CHILD.pack(info.pid, info.uid, info.status, info.used_ns // TICK_NS, 0)
    elif info.code == SI_TIMER:
        body = _TIMER.pack(info.timer, info.overrun, info.value)
    else:
        body = _FROM.pack(info.pid, info.uid, info.value)
    return (head + body).ljust(INFO_SIZE, b"\0")


def read_siginfo(raw: bytes) -> SigInfo:
    """A siginfo the guest passes (rt_sigqueueinfo): sender and value."""
    signal, _, code = _HEAD.unpack_from(raw)
    pid, uid, value = _FROM.unpack_from(raw, _HEAD.size)
    return SigInfo(signal, code, pid=pid, uid=uid, value=value)


# -- x86_64 --------------------------------------------------------------------------------------

RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, RIP = 0, 1, 2, 3, 4, 5, 6, 7, 16
# registers in the order of struct sigcontext: r8..r15 rdi rsi rbp rbx rdx rax rcx rsp rip
X86_ORDER = (*range(8, 16), RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP)
UC_FLAGS = 6  # UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
USER_CS, USER_SS = 0x33, 0x2B
FXSAVE = 512
_X86_UC = struct.Struct("<QQQI4xQ")  # uc_flags, uc_link, uc_stack
# sigcontext: 17 registers, eflags, cs gs fs ss, err, trapno, oldmask, cr2, fpstate, reserved1; then the mask
_X86_MC = struct.Struct("<17Q Q HHHH QQQQQ 64x Q")
X86_MCONTEXT, X86_UCONTEXT = 40, 304
X86_FRAME = 8 + X86_UCONTEXT + INFO_SIZE
RED_ZONE = 128
RFLAGS_IN = 0x202  # what is always set
RFLAGS_KEPT = 0x50DD5  # what a frame may change: AC RF OF DF TF SF ZF AF PF CF
RFLAGS_CLEARED = 0x10500  # what a handler starts without: DF, RF, TF


def x86_enter(d: Delivery) -> Entered:
    """The frame: return address, ucontext, siginfo; the FXSAVE image above it."""
    regs, sp = d.state.regs, d.state.regs[RSP]
    fpstate = frame_top(d, sp, RED_ZONE) - FXSAVE & -64
    address = (fpstate - X86_FRAME & -16) - 8
    stack = shown_stack(d, sp)
    words = [regs[i] for i in X86_ORDER]
    head = _X86_UC.pack(UC_FLAGS, 0, stack.address, stack.flags, stack.size)
    body = _X86_MC.pack(
        *words, d.state.flags | RFLAGS_IN, USER_CS, 0, 0, USER_SS, d.info.error, d.info.trap, 0,
        d.info.address if d.info.fault else 0, fpstate, d.mask,
    )  # fmt: skip
    data = d.action.restorer.to_bytes(8, "little") + head + body + siginfo(d.info)
    data = data.ljust(fpstate - address, b"\0") + d.state.fp
    new = list(regs)
    new[RDI], new[RSI], new[RDX] = d.info.signal, address + 8 + X86_UCONTEXT, address + 8
    new[RAX], new[RSP], new[RIP] = 0, address, d.action.handler
    return Entered(address, data, tuple(new), d.state.flags & ~RFLAGS_CLEARED)


def x86_leave(regs: Sequence[int], flags: int, read: Read) -> Resumed:
    """The handler's return popped the return address: the frame is 8 bytes below."""
    raw = read(regs[RSP], X86_UCONTEXT)
    _, _, sp, ss_flags, size = _X86_UC.unpack_from(raw)
    *words, eflags, _, _, _, _, _, _, _, _, fpstate, mask = _X86_MC.unpack_from(raw, X86_MCONTEXT)
    new = [0] * len(X86_ORDER)
    for place, word in zip(X86_ORDER, words, strict=True):
        new[place] = word
    fp = read(fpstate, FXSAVE) if fpstate else None
    kept = flags & ~RFLAGS_KEPT | eflags & RFLAGS_KEPT
    return Resumed(tuple(new), kept, fp, mask, SigStack(sp, size, ss_flags))


# -- aarch64 -------------------------------------------------------------------------------------

SP, PC, LR, FP = 31, 32, 30, 29
FPSIMD_MAGIC, FPSIMD_SIZE = 0x4650_8001, 528
ESR_MAGIC, ESR_SIZE = 0x4553_5201, 16
NZCV = 0xF000_0000
_A64_UC = struct.Struct("<QQQI4xQ Q 120x 8x")  # flags, link, stack, mask, its room, alignment to 16
_A64_MC = struct.Struct("<Q33Q Q 8x")  # fault_address, x0..x30 sp pc, pstate, alignment of __reserved
_RECORD = struct.Struct("<II")
A64_MCONTEXT, RESERVED = 176, 4096
A64_UCONTEXT = A64_MCONTEXT + _A64_MC.size + RESERVED
A64_FRAME = INFO_SIZE + A64_UCONTEXT
# mov x8, #139; svc #0: what unwinders look for behind a handler
A64_TRAMPOLINE = struct.pack("<II", 0xD280_1168, 0xD400_0001)


def a64_enter(d: Delivery) -> Entered:
    """The frame: siginfo, ucontext with its records; a frame record above it."""
    regs, info = d.state.regs, d.info
    record = frame_top(d, regs[SP], 0) - 16 & -16
    address = record - A64_FRAME & -16
    stack = shown_stack(d, regs[SP])
    vectors, words = d.state.fp[:512], d.state.fp[512:520]
    records = _RECORD.pack(FPSIMD_MAGIC, FPSIMD_SIZE) + words + vectors
    if info.fault:
        records += _RECORD.pack(ESR_MAGIC, ESR_SIZE) + info.error.to_bytes(8, "little")
    data = siginfo(info) + _A64_UC.pack(0, 0, stack.address, stack.flags, stack.size, d.mask)
    data += _A64_MC.pack(info.address if info.fault else 0, *regs, d.state.flags & NZCV)
    data = (data + records).ljust(record - address, b"\0")
    data += regs[FP].to_bytes(8, "little") + regs[LR].to_bytes(8, "little")
    new = list(regs)
    new[0], new[1], new[2] = info.signal, address, address + INFO_SIZE
    new[FP], new[SP], new[PC] = record, address, d.action.handler
    new[LR] = d.action.restorer if d.action.flags & SA_RESTORER else d.trampoline
    return Entered(address, data, tuple(new), d.state.flags)


def a64_leave(regs: Sequence[int], flags: int, read: Read) -> Resumed:
    """The frame is at the stack pointer."""
    raw = read(regs[SP] + INFO_SIZE, A64_UCONTEXT)
    _, _, sp, ss_flags, size, mask = _A64_UC.unpack_from(raw)
    _, *words, pstate = _A64_MC.unpack_from(raw, A64_MCONTEXT)
    fp, at = None, A64_MCONTEXT + _A64_MC.size
    while at + _RECORD.size <= len(raw):
        magic, length = _RECORD.unpack_from(raw, at)
        if magic == FPSIMD_MAGIC and length == FPSIMD_SIZE:
            fp = raw[at + 16 : at + FPSIMD_SIZE] + raw[at + 8 : at + 16]
        if not magic or length < _RECORD.size:
            break
        at += length
    return Resumed(tuple(words), pstate & NZCV, fp, mask, SigStack(sp, size, ss_flags))


FRAMES = {
    "x86_64": SignalFrames(x86_enter, x86_leave),
    "aarch64": SignalFrames(a64_enter, a64_leave, A64_TRAMPOLINE),
}
