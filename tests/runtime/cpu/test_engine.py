"""The engine's constants are those of its own binding, and the register array is found and verified."""

from __future__ import annotations

from typing import Any

import pytest
from unicorn import arm64_const, unicorn_const, x86_const

from aot.image.model import Arch
from aot.manifest import GateKind
from runtime.cpu import unicorn_cpu
from runtime.cpu import unicorn_engine as engine
from runtime.cpu.api import Fault, FaultKind
from runtime.cpu.unicorn_aarch64 import Aarch64
from runtime.cpu.unicorn_state import find
from runtime.cpu.unicorn_x86_64 import X86
from tests.runtime.cpu.rig import Rig

NAMES = {
    "OK": "UC_ERR_OK",
    "ERR_EXCEPTION": "UC_ERR_EXCEPTION",
    "ERR_INSN_INVALID": "UC_ERR_INSN_INVALID",
    "ARCH_ARM64": "UC_ARCH_ARM64",
    "ARCH_X86": "UC_ARCH_X86",
    "MODE_ARM": "UC_MODE_ARM",
    "MODE_64": "UC_MODE_64",
    "HOOK_INTR": "UC_HOOK_INTR",
    "HOOK_INSN": "UC_HOOK_INSN",
    "HOOK_BLOCK": "UC_HOOK_BLOCK",
    "HOOK_TLB_FILL": "UC_HOOK_TLB_FILL",
    "CTL_PAGE_SIZE": "UC_CTL_UC_PAGE_SIZE",
    "CTL_USE_EXITS": "UC_CTL_UC_USE_EXITS",
    "CTL_CPU_MODEL": "UC_CTL_CPU_MODEL",
    "CTL_TB_REMOVE_CACHE": "UC_CTL_TB_REMOVE_CACHE",
    "CTL_TB_FLUSH": "UC_CTL_TB_FLUSH",
    "CTL_TLB_FLUSH": "UC_CTL_TLB_FLUSH",
    "CTL_TLB_TYPE": "UC_CTL_TLB_TYPE",
}


@pytest.mark.parametrize("name", NAMES)
def test_constants(name: str) -> None:
    assert getattr(engine, name) == getattr(unicorn_const, NAMES[name])


def test_instruction_and_model_numbers() -> None:
    found = (engine.INS_IN, engine.INS_OUT, engine.INS_SYSCALL)
    assert found == (x86_const.UC_X86_INS_IN, x86_const.UC_X86_INS_OUT, x86_const.UC_X86_INS_SYSCALL)
    assert engine.CPU_ARM64_MAX == arm64_const.UC_CPU_ARM64_MAX


def test_register_numbers() -> None:
    names = "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15 RIP".split()
    assert X86.registers == tuple(getattr(x86_const, f"UC_X86_REG_{n}") for n in names)
    assert X86.flags == x86_const.UC_X86_REG_EFLAGS
    assert X86.bases == {"fs": x86_const.UC_X86_REG_FS_BASE, "gs": x86_const.UC_X86_REG_GS_BASE}
    assert X86.simd == x86_const.UC_X86_REG_XMM0
    words = [*(f"X{i}" for i in range(31)), "SP", "PC"]
    assert Aarch64.registers == tuple(getattr(arm64_const, f"UC_ARM64_REG_{n}") for n in words)
    assert Aarch64.flags == arm64_const.UC_ARM64_REG_NZCV
    assert Aarch64.simd == arm64_const.UC_ARM64_REG_Q0
    assert Aarch64.bases == {
        "tpidr_el0": arm64_const.UC_ARM64_REG_TPIDR_EL0,
        "tpidrro_el0": arm64_const.UC_ARM64_REG_TPIDRRO_EL0,
    }


@pytest.mark.parametrize(("arch", "half"), [(Arch.X86_64, X86), (Arch.AARCH64, Aarch64)])
def test_the_array_is_the_engines(arch: Arch, half: type[X86] | type[Aarch64]) -> None:
    made = engine.Engine(arch)
    state = find(made, half.registers)
    assert state is not None
    for index, register in enumerate(half.registers):
        made.write(register, 0x4000 + index * 16)
        assert state.regs[index] == 0x4000 + index * 16
        state.regs[index] = 0x8000 + index * 16
        assert made.read(register) == 0x8000 + index * 16
    made.close()


@pytest.mark.parametrize("arch", [Arch.X86_64, Arch.AARCH64])
def test_an_engine_whose_array_is_not_found_serves_as_well(
    arch: Arch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unicorn_cpu, "find", lambda made, registers: None)
    rig = Rig(arch)
    assert isinstance(rig.cpu, unicorn_cpu.UnicornCpu) and rig.cpu.state is None
    where = rig.program([*[*GateKind][:5], "trap"])
    calls: list[int] = []

    def serve(ctx: Any, *_: int) -> int:
        calls.append(ctx.regs[2])
        ctx.regs[0], ctx.regs[2] = 40 + len(calls), ctx.regs[2] + 1
        return len(calls) & 1

    doors = rig.cpu.doors
    doors.sites.append(serve)
    doors.imports.append(serve)
    doors.table = doors.trap = serve
    doors.trap_carry = True
    a, b = rig.thread(), rig.thread()
    for thread in (a, b):
        thread.regs[2] = 7
        end = rig.cpu.resume(thread)
        assert isinstance(end, Fault) and (end.kind, end.pc) == (FaultKind.ILLEGAL, where[-1])
        assert calls == list(range(7, 13))
        assert (thread.regs[0], thread.regs[2]) == (46, 13)
        assert rig.cpu.get_flags(thread) & (1 if arch is Arch.X86_64 else 1 << 29) == 0
        calls.clear()
    assert a.regs[0] == 46
    rig.close()
