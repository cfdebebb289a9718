"""Runs one translated guest on our runtime and measures the CPU seconds of the run.

    python -m benchmarks.ours MODE HANDLERS FILE ROOT ARGS...     prints: seconds status

Modes: `aot` as translated; `bound` the same with inline stubs told to take their bound path; `dynamic`
the dynamic dispatch; `plain` the same with the registers read one by one through the Python binding, as
tools built on it do. HANDLERS: `real` are the project's own; with `trivial`, getpid is answered by a
function that does nothing else, which leaves the crossing; machine code answers real calls alone.
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path
from typing import Any

from aot.image.model import Arch
from aot.manifest import DATA, DataWord
from runtime.machine import Machine, RunOptions

MODES = ("aot", "bound", "dynamic", "plain")


def prepare(mode: str, file: Path, root: str, args: list[str], *, real: bool) -> Machine:
    """A machine about to run `file` in `mode`."""
    options = RunOptions(
        argv=[file.name, *args],
        dispatch="aot" if mode in ("aot", "bound") else "dynamic",
        root=root,
        routines=real and mode != "plain",
    )
    machine = Machine(file, options)
    if mode == "bound":
        _without_inline(machine)
    if mode == "plain":
        _plainly(machine)
    return machine


def _without_inline(machine: Machine) -> None:
    identify = machine._identify

    def traced(ctx: Any) -> None:
        identify(ctx)
        if machine.loaded.area:
            machine.space.poke(machine.loaded.area + DATA + 8 * DataWord.TRACED, (1).to_bytes(8, "little"))

    machine.scheduler.tid_changed = traced


def _plainly(machine: Machine) -> None:
    """Put seven register reads and one write by the binding around every trap."""
    from unicorn import arm64_const, unicorn_const, x86_const
    from unicorn.unicorn_py3 import Uc

    x86 = machine.arch is Arch.X86_64
    names = "RAX RDI RSI RDX R10 R8 R9".split() if x86 else "X8 X0 X1 X2 X3 X4 X5".split()
    module, prefix = (x86_const, "UC_X86_REG_") if x86 else (arm64_const, "UC_ARM64_REG_")
    registers = [getattr(module, prefix + name) for name in names]
    result = registers[0] if x86 else registers[1]
    arch, mode = (
        (unicorn_const.UC_ARCH_X86, unicorn_const.UC_MODE_64)
        if x86
        else (unicorn_const.UC_ARCH_ARM64, unicorn_const.UC_MODE_ARM)
    )
    binding = Uc(arch, mode)
    binding._uch = ctypes.c_void_p(machine.cpu.engine.handle)  # type: ignore[attr-defined]
    doors = machine._doors

    def plain_doors() -> Any:
        made = doors()
        trap = made.trap
        assert trap is not None

        def read_one_by_one(ctx: Any, pc: int, immediate: int) -> int:
            for register in registers:
                binding.reg_read(register)
            carry = trap(ctx, pc, immediate)
            binding.reg_write(result, ctx.regs[0])  # rax, x0
            return carry

        made.trap = read_one_by_one
        return made

    machine._doors = plain_doors  # type: ignore[method-assign]


def _trivially(machine: Machine) -> None:
    """Answer getpid with as little as a handler can do."""
    compile_row = machine.dispatcher._compile
    result = 0  # rax and x0 are both word 0

    def trivial(ctx: Any) -> int:
        ctx.regs[result] = 1
        return 0

    def compile_or_not(row: Any, door: Any) -> Any:
        return trivial if row.name == "getpid" else compile_row(row, door)

    machine.dispatcher._compile = compile_or_not  # type: ignore[method-assign]


def main(mode: str, handlers: str, file: str, root: str, *args: str) -> None:
    """Run once and print what it took."""
    machine = prepare(mode, Path(file), root, list(args), real=handlers == "real")
    if handlers == "trivial":
        _trivially(machine)
    begin = time.process_time()
    end = machine.run()
    print(f"{time.process_time() - begin:.6f} {end.status}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
