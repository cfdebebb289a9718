"""Signal frames against the structs of the headers zig carries, and there and back again."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aot.personality.abi.frame import SA_ONSTACK, SA_RESTORER, Delivery, Machine, SigInfo
from aot.personality.abi.neutral import SigAction, SigStack
from aot.personality.abi.signals import Signal
from aot.personality.linux import layouts_event as le
from aot.personality.linux import signal_frame as sf
from corpus.build import run_zig

SP, FRAME = 0x7000_0000, 0x5000
WORDS = {"x86_64": 17, "aarch64": 33}
STACK = {"x86_64": 4, "aarch64": 31}
FACTS = {
    "x86_64": {
        "sizeof(struct ucontext)": sf.X86_UCONTEXT,
        "offsetof(struct ucontext, uc_mcontext)": sf.X86_MCONTEXT,
        "offsetof(struct ucontext, uc_mcontext.rip)": sf.X86_MCONTEXT + 8 * sf.X86_ORDER.index(sf.RIP),
        "offsetof(struct ucontext, uc_mcontext.rax)": sf.X86_MCONTEXT + 8 * sf.X86_ORDER.index(sf.RAX),
        "offsetof(struct ucontext, uc_mcontext.eflags)": sf.X86_MCONTEXT + 136,
        "offsetof(struct ucontext, uc_mcontext.fpstate)": sf.X86_MCONTEXT + 184,
        "offsetof(struct ucontext, uc_sigmask)": 296,
        "sizeof(struct _fpstate)": sf.FXSAVE,
        "offsetof(struct _fpstate, xmm_space)": 160,
    },
    "aarch64": {
        "sizeof(struct ucontext)": sf.A64_UCONTEXT,
        "offsetof(struct ucontext, uc_mcontext)": sf.A64_MCONTEXT,
        "offsetof(struct ucontext, uc_sigmask)": 40,
        "offsetof(struct sigcontext, __reserved)": sf._A64_MC.size,
        "offsetof(struct sigcontext, pstate)": 8 + 33 * 8,
        "sizeof(struct fpsimd_context)": sf.FPSIMD_SIZE,
        "offsetof(struct fpsimd_context, vregs)": 16,
        "FPSIMD_MAGIC": sf.FPSIMD_MAGIC,
    },
}
COMMON = {
    "sizeof(siginfo_t)": sf.INFO_SIZE,
    "offsetof(siginfo_t, si_code)": 8,
    "offsetof(siginfo_t, si_pid)": 16,
    "offsetof(siginfo_t, si_addr)": 16,
    "offsetof(siginfo_t, si_value)": le.SIGINFO.offsets()["si_value"],
    "offsetof(siginfo_t, si_status)": 24,
    "sizeof(struct signalfd_siginfo)": le.SIGNALFD.size,
}


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_offsets_are_the_headers(arch: str, tmp_path: Path) -> None:
    facts = FACTS[arch] | COMMON
    source = tmp_path / "facts.c"
    source.write_text(
        "#include <stddef.h>\n#include <asm/signal.h>\n#include <asm/siginfo.h>\n#include <asm/sigcontext.h>\n"
        "#include <asm/ucontext.h>\n#include <linux/signalfd.h>\n"
        + "".join(f'_Static_assert({what} == {value}, "{what}");\n' for what, value in facts.items())
    )
    run_zig("cc", "-target", f"{arch}-linux-musl", "-c", str(source), "-o", str(tmp_path / "facts.o"))


def delivery(arch: str, **changes: object) -> Delivery:
    regs = [0x1000 + 8 * i for i in range(WORDS[arch])]
    regs[STACK[arch]] = SP
    fp = bytes(i % 251 for i in range(512 if arch == "x86_64" else 520))
    fields = {
        "arch": arch, "info": SigInfo(Signal.USR1, -6, pid=7, uid=8), "mask": 0x55,
        "action": SigAction(handler=0x9000, flags=SA_RESTORER, restorer=0x9100), "stack": SigStack(),
        "state": Machine(tuple(regs), 0x246 if arch == "x86_64" else 0x6000_0000, fp),
    }  # fmt: skip
    return Delivery(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_a_frame_is_read_back_as_it_was_written(arch: str) -> None:
    d = delivery(arch)
    entered = sf.FRAMES[arch].enter(d)

    def read(address: int, size: int) -> bytes:
        at = address - entered.address
        assert at >= 0 and at + size <= len(entered.data)
        return entered.data[at : at + size]

    at_return = list(entered.regs)
    at_return[STACK[arch]] += 8 if arch == "x86_64" else 0  # the handler's return took its address
    back = sf.FRAMES[arch].leave(at_return, 0, read)
    assert (back.regs, back.mask, back.fp) == (d.state.regs, 0x55, d.state.fp)
    assert back.flags & 0xF000_0000 | back.flags & 1 == d.state.flags & 0xF000_0000 | d.state.flags & 1


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_frames_are_aligned_below_the_stack_and_on_the_alternate_one(arch: str) -> None:
    entered = sf.FRAMES[arch].enter(delivery(arch))
    red_zone = 128 if arch == "x86_64" else 0
    assert entered.address + len(entered.data) <= SP - red_zone
    assert entered.regs[STACK[arch]] % 16 == (8 if arch == "x86_64" else 0)
    action = SigAction(handler=0x9000, flags=SA_RESTORER | SA_ONSTACK, restorer=0x9100)
    moved = sf.FRAMES[arch].enter(delivery(arch, action=action, stack=SigStack(0x10000, FRAME, 0)))
    assert moved.address > 0x10000 and moved.address + len(moved.data) <= 0x10000 + FRAME


def test_handler_arguments() -> None:
    d = delivery("x86_64", info=SigInfo(Signal.SEGV, 1, address=0x1234, trap=14, error=6, fault=True))
    entered = sf.FRAMES["x86_64"].enter(d)
    info = entered.regs[6] - entered.address
    assert struct.unpack_from("<iii4xQ", entered.data, info) == (11, 0, 1, 0x1234)
    assert entered.regs[7] == 11 and entered.regs[2] == entered.address + 8
    assert entered.data[:8] == (0x9100).to_bytes(8, "little")
    d = delivery("aarch64", action=SigAction(handler=0x9000), trampoline=0x4000)
    assert sf.FRAMES["aarch64"].enter(d).regs[30] == 0x4000
