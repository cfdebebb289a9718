"""Translated code follows its bytes, whoever changes them and through whichever address."""

from __future__ import annotations

from runtime.cpu.api import Fault, FaultKind
from runtime.kernel.frames import Extent
from runtime.kernel.regions import SharedBacking
from tests.runtime.cpu.rig import X86, Rig, Thread, assemble

JIT = 0x90_0000


def constant(rig: Rig, value: int) -> bytes:
    """Code that loads a constant and stops."""
    return assemble(rig.arch, f"mov eax, {value}; ud2" if rig.arch is X86 else f"movz x0, #{value}; .word 0")


def run(rig: Rig, at: int = JIT) -> int:
    thread: Thread = rig.thread(at)
    end = rig.cpu.resume(thread)
    assert isinstance(end, Fault) and end.kind is FaultKind.ILLEGAL, end
    return int(thread.regs[0])


def test_the_kernel_writes_into_code(rig: Rig) -> None:
    rig.space.map(JIT, 0x1000, 7, fixed=True)
    for i in range(3):
        rig.space.write(JIT, constant(rig, 10 + i))
        assert run(rig) == 10 + i
        rig.space.poke(JIT, constant(rig, 20 + i))
        assert run(rig) == 20 + i
        code = constant(rig, 30 + i)
        (view,) = rig.space.buffers(JIT, len(code), True)
        view[:] = code
        assert run(rig) == 30 + i


def test_a_jit_that_toggles_rights(rig: Rig) -> None:
    rig.space.map(JIT, 0x1000, 6, fixed=True)
    for i in range(3):
        rig.space.protect(JIT, 0x1000, 6)
        rig.space.write(JIT, constant(rig, i))
        rig.space.protect(JIT, 0x1000, 5)
        assert run(rig) == i
    rig.space.protect(JIT, 0x1000, 4)
    end = rig.cpu.resume(rig.thread(JIT))
    assert isinstance(end, Fault) and end.kind is FaultKind.FETCH


def test_a_write_through_another_address(rig: Rig) -> None:
    extent = Extent(rig.space.arena.alloc(0x1000), 0x1000, shared=True)
    rig.space.map(JIT, 0x1000, 6, fixed=True, backing=SharedBacking(extent))
    rig.space.write(JIT, constant(rig, 1))  # the page is in the write cache before it is code elsewhere
    rig.space.map(JIT + 0x10_0000, 0x1000, 5, fixed=True, backing=SharedBacking(extent))
    assert run(rig, JIT + 0x10_0000) == 1
    rig.space.write(JIT, constant(rig, 2))
    assert run(rig, JIT + 0x10_0000) == 2


def test_a_mapping_replaced_by_another(rig: Rig) -> None:
    for i in range(4):
        rig.space.map(JIT, 0x1000, 5, fixed=True)
        rig.space.poke(JIT, constant(rig, 40 + i))
        assert run(rig) == 40 + i
        if i % 2:
            rig.space.unmap(JIT, 0x1000)


def test_code_dropped_and_read_as_zero(rig: Rig) -> None:
    rig.space.map(JIT, 0x1000, 7, fixed=True)
    rig.space.write(JIT, constant(rig, 7))
    assert run(rig) == 7
    rig.space.decommit(JIT, 0x1000)
    assert rig.space.read(JIT, 4) == bytes(4)
    rig.space.write(JIT, constant(rig, 8))
    assert run(rig) == 8


def test_the_guest_writes_its_own_code(rig: Rig) -> None:
    rig.space.map(JIT, 0x1000, 7, fixed=True)
    rig.space.write(JIT + 0x800, constant(rig, 1))
    assert run(rig, JIT + 0x800) == 1
    if rig.arch is X86:
        patch = "mov byte ptr [rip+0x7f9], 9; jmp 0x900800"  # the immediate behind b8
    else:
        word = int.from_bytes(constant(rig, 9)[:4], "little")
        patch = "ldr w1, l; movz x2, #0x90, lsl #16; add x2, x2, #0x800; str w1, [x2]; dsb sy; isb; br x2;"
        patch += f"l: .word {word}"
    rig.load(patch, JIT)
    if rig.arch is X86:
        rig.put(b"\xc6\x05" + (0x800 + 1 - 7).to_bytes(4, "little") + b"\x09", JIT)
    assert run(rig) == 9
