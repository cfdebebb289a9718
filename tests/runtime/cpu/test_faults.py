"""Every kind of fault has its exact PC, its address, and registers as they were at the instruction."""

from __future__ import annotations

import pytest

from runtime.cpu.api import Fault, FaultKind
from runtime.kernel.paging import FAULT_BEYOND, FAULT_RIGHTS, FAULT_UNMAPPED
from runtime.kernel.regions import FileBacking
from tests.runtime.cpu.rig import CODE, DATA, X86, Rig

K = FaultKind
WILD = 0x7000_0123

# fmt: off
X86_CASES = [
    # source before, the faulting instruction, kind, pc relative to it, address, code
    ("mov eax, 0x70000123", "mov cl, [rax]",       K.READ,       0, WILD, FAULT_UNMAPPED),
    ("mov eax, 0x70000123", "mov [rax], cl",       K.WRITE,      0, WILD, FAULT_UNMAPPED),
    ("mov eax, 0x400010",   "mov [rax], cl",       K.WRITE,      0, 0x40_0010, FAULT_RIGHTS),
    ("mov eax, 0x400010",   "lock inc dword ptr [rax]", K.WRITE, 0, 0x40_0010, FAULT_RIGHTS),
    ("mov eax, 0",          "mov cl, [rax]",       K.READ,       0, 0, FAULT_UNMAPPED),
    ("mov rax, 0x800000000010", "mov cl, [rax]",   K.READ,       0, 0x8000_0000_0010, FAULT_UNMAPPED),
    ("mov rax, -8",         "mov cl, [rax]",       K.READ,       0, (1 << 64) - 8, FAULT_UNMAPPED),
    ("mov rax, 0x8000000000000000", "push [rax]",  K.READ,       0, 1 << 63, FAULT_UNMAPPED),
    ("xor ecx, ecx",        "div ecx",             K.DIVIDE,     0, 0, 0),
    ("xor edx, edx; mov eax, 0x80000000; cdq; mov ecx, -1", "idiv ecx", K.DIVIDE, 0, 0, 0),
    ("nop",                 "int3",                K.BREAKPOINT, 1, 0, 3),
    ("nop",                 "int 0x2e",            K.SOFTWARE,   2, 0, 0x2E),
    ("nop",                 "ud2",                 K.ILLEGAL,    0, 0, 10),
    ("nop",                 "hlt",                 K.PRIVILEGED, 0, 0, 13),
    ("nop",                 "cli",                 K.PRIVILEGED, 0, 0, 13),
    ("nop",                 "wrmsr",               K.PRIVILEGED, 0, 0, 13),
    ("nop",                 "rdmsr",               K.PRIVILEGED, 0, 0, 13),
    ("nop",                 "mov rax, cr0",        K.PRIVILEGED, 0, 0, 13),
    ("nop",                 "lgdt [rsp]",          K.PRIVILEGED, 0, 0, 13),
    ("nop",                 "in al, dx",           K.PRIVILEGED, 0, 0, 13),
    ("nop",                 "out 0x41, eax",       K.PRIVILEGED, 0, 0, 13),
]
A64_CASES = [
    ("movz x0, #0x7000, lsl #16; movk x0, #0x123", "ldrb w1, [x0]", K.READ,  0, WILD, FAULT_UNMAPPED),
    ("movz x0, #0x7000, lsl #16; movk x0, #0x123", "strb w1, [x0]", K.WRITE, 0, WILD, FAULT_UNMAPPED),
    ("movz x0, #0x40, lsl #16",   "str x1, [x0, #16]",  K.WRITE,      0, 0x40_0010, FAULT_RIGHTS),
    ("movz x0, #0",               "ldr x1, [x0]",       K.READ,       0, 0, FAULT_UNMAPPED),
    ("movz x0, #1, lsl #48",      "ldr x1, [x0]",       K.READ,       0, 1 << 48, FAULT_UNMAPPED),
    ("movz x0, #0x2000, lsl #48", "ldr x1, [x0]",       K.READ,       0, 0, FAULT_UNMAPPED),
    ("nop",                       "brk #9",             K.BREAKPOINT, 0, 0, 7),
    ("nop",                       "hlt #9",             K.ILLEGAL,    0, 0, 1),
    ("nop",                       "smc #0",             K.ILLEGAL,    0, 0, 13),
    ("nop",                       ".word 0",            K.ILLEGAL,    0, 0, 1),
    ("movz x0, #0x60, lsl #16; add x0, x0, #1", "ldxr x1, [x0]", K.ALIGNMENT, 0, 0, 4),
]
# fmt: on


def check(rig: Rig, before: str, instruction: str, want: Fault) -> None:
    at = rig.load(before)
    rig.load(instruction, at)
    marker = rig.thread()
    marker.regs[3] = 0x1234
    for _ in range(2):  # serving a fault leaves nothing behind that changes the next
        marker.regs[-1] = CODE
        assert rig.cpu.resume(marker) == Fault(want.kind, at + want.pc, want.address, want.code)
        assert marker.regs[-1] == at + want.pc
        assert marker.regs[3] == 0x1234


@pytest.mark.parametrize("case", X86_CASES, ids=lambda case: case[1])
def test_x86_64(x86: Rig, case: tuple[str, str, FaultKind, int, int, int]) -> None:
    before, instruction, kind, offset, address, code = case
    check(x86, before, instruction, Fault(kind, offset, address, code))


@pytest.mark.parametrize("case", A64_CASES, ids=lambda case: case[1])
def test_aarch64(a64: Rig, case: tuple[str, str, FaultKind, int, int, int]) -> None:
    before, instruction, kind, offset, address, code = case
    check(a64, before, instruction, Fault(kind, offset, address, code))


JUMP = {"x86_64": "mov rax, {}; jmp rax", "aarch64": "ldr x0, l; br x0; l: .quad {}"}


@pytest.mark.parametrize("target", [0, 0x7000_0000, DATA, 0x7FFF_FFFF_F000, 0xFFFF_FFFF_FFFF_0000, 1 << 63])
def test_a_jump_to_where_no_code_is(rig: Rig, target: int) -> None:
    rig.load(JUMP[rig.arch.value].format(target))
    end = rig.cpu.resume(rig.thread())
    assert isinstance(end, Fault)
    assert (end.kind, end.address) == (K.FETCH, target & rig.space.mask)
    assert end.pc & rig.space.mask == target & rig.space.mask
    assert end.code == (FAULT_RIGHTS if target == DATA else FAULT_UNMAPPED)


TOUCH = {
    "x86_64": "mov eax, {}; mov cl, [rax]; ud2",
    "aarch64": "ldr x0, l; ldrb w1, [x0]; .word 0; l: .quad {}",
}


def test_a_page_beyond_the_end_of_its_file(rig: Rig, tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    path = tmp_path / "short"
    path.write_bytes(b"x" * 5000)
    with path.open("rb") as file:
        rig.space.map(0x90_0000, 0x4000, 4, fixed=True, backing=FileBacking(file.fileno()))
    rig.load(TOUCH[rig.arch.value].format(0x90_1FFF))
    end = rig.cpu.resume(rig.thread())
    assert isinstance(end, Fault) and end.kind is K.ILLEGAL  # the last partial page reads as zero
    rig.load(TOUCH[rig.arch.value].format(0x90_2000))
    end = rig.cpu.resume(rig.thread())
    assert isinstance(end, Fault) and (end.kind, end.code) == (K.READ, FAULT_BEYOND)


def test_a_faulting_instruction_can_be_restarted(rig: Rig) -> None:
    rig.load(TOUCH[rig.arch.value].format(0x90_0008))
    thread = rig.thread()
    end = rig.cpu.resume(thread)
    assert isinstance(end, Fault) and end.kind is K.READ
    rig.space.map(0x90_0000, 0x1000, 6, fixed=True)
    rig.space.write(0x90_0008, b"\x5a")
    end = rig.cpu.resume(thread)
    assert isinstance(end, Fault) and end.kind is K.ILLEGAL
    assert thread.regs[1] & 0xFF == 0x5A


def test_a_page_fault_handler_of_the_kernels_own(rig: Rig) -> None:
    rig.load(TOUCH[rig.arch.value].format(0x90_0008))
    asked: list[tuple[int, int]] = []

    def serve(address: int, access: int) -> bool:
        asked.append((address, access))
        if address >> 12 == 0x900:
            rig.space.map(0x90_0000, 0x1000, 6, fixed=True)
        return rig.space.fault(address, access)

    rig.cpu.doors.page_fault = serve
    end = rig.cpu.resume(rig.thread())
    assert isinstance(end, Fault) and end.kind is K.ILLEGAL
    assert (0x90_0000, 0) in asked


def test_what_a_page_fault_handler_raises_comes_out(rig: Rig) -> None:
    rig.load(TOUCH[rig.arch.value].format(0x90_0008))

    def serve(address: int, access: int) -> bool:
        raise RuntimeError("kept")

    rig.cpu.doors.page_fault = serve
    with pytest.raises(RuntimeError, match="kept"):
        rig.cpu.resume(rig.thread())


def test_int_n_of_a_personality_is_a_trap(x86: Rig) -> None:
    x86.load("mov eax, 5; int 0x2e; ud2")
    seen: list[tuple[int, int]] = []

    def trap(ctx: object, pc: int, immediate: int) -> int:
        seen.append((pc, immediate))
        return 0

    x86.cpu.doors.trap = trap
    x86.cpu.doors.interrupts = frozenset({0x2E})
    end = x86.cpu.resume(x86.thread())
    assert isinstance(end, Fault) and end.kind is K.ILLEGAL and end.pc == CODE + 7
    assert seen == [(CODE + 5, 0x2E)]


def test_a_trap_nobody_serves_is_illegal(rig: Rig) -> None:
    rig.put(rig.trap(), CODE)
    end = rig.cpu.resume(rig.thread())
    assert isinstance(end, Fault) and (end.kind, end.pc) == (K.ILLEGAL, CODE)


def test_after_a_trap_rcx_is_the_next_address(x86: Rig) -> None:
    x86.load("syscall; ud2")
    x86.cpu.doors.trap = lambda ctx, pc, immediate: 0
    thread = x86.thread()
    x86.cpu.resume(thread)
    assert thread.regs[1] == CODE + 2
    assert x86.arch is X86
