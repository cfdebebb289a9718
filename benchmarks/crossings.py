"""What one crossing from guest to kernel costs, by the way it is made, side by side in one run.

    python -m benchmarks.crossings [COUNT]

Microseconds of CPU time a crossing, above the same loop without one, best of interleaved rounds, and the
ratio to an empty hook. `dynamic` is the fastest we know: number and six arguments from the engine's own
register array. `batch` gets them through a prepared uc_reg_read_batch, `plain` through the binding, one by
one. Except for `empty` and `inline` every handler reads three arguments, adds them and writes the result.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unicorn import Uc
from unicorn import arm64_const as a64
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from aot.image.model import Arch
from aot.manifest import GateKind
from runtime.cpu.unicorn_cpu import UnicornCpu
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace

CODE, GATES, DATA, PAGE = 0x40_0000, 0x50_0000, 0x60_0000, 4096
ROUNDS = 7
Timed = Callable[[], float]
NUMBERS = {
    Arch.X86_64: tuple(
        getattr(x86, f"UC_X86_REG_{n}") for n in ("RAX", "RDI", "RSI", "RDX", "R10", "R8", "R9")
    ),
    Arch.AARCH64: tuple(getattr(a64, f"UC_ARM64_REG_X{i}") for i in (8, 0, 1, 2, 3, 4, 5)),
}
INDEX = {Arch.X86_64: (0, 7, 6, 2, 10, 8, 9), Arch.AARCH64: (8, 0, 1, 2, 3, 4, 5)}
CALL = 5  # the number in the loop


def words(*values: int) -> bytes:
    """aarch64 instructions."""
    return b"".join(value.to_bytes(4, "little") for value in values)


def loop(arch: Arch, body: bytes) -> bytes:
    """`body` as often as rbx (x19) says, the number register loaded before each; ends undefined."""
    if arch is Arch.X86_64:
        body = b"\xb8" + CALL.to_bytes(4, "little") + body
        back = -(len(body) + 9)
        return body + b"\x48\xff\xcb\x0f\x85" + back.to_bytes(4, "little", signed=True) + b"\x0f\x0b"
    body = words(0xD280_0008 | CALL << 5) + body
    return body + words(0xF100_0673, 0x5400_0001 | (-(len(body) // 4 + 1) & 0x7FFFF) << 5, 0)


TRAP = {Arch.X86_64: b"\x0f\x05", Arch.AARCH64: words(0xD400_0001)}
INLINE = {  # the test of the `traced` word, then the answer from the data page (rsi, x20)
    Arch.X86_64: bytes.fromhex("488b0e e301 90 488b4608"),
    Arch.AARCH64: words(0xF940_0289, 0xB500_0029, 0xF940_0680),
}


def add(a: int, b: int, c: int, _d: int, _e: int, _f: int) -> int:
    """The work of every handler."""
    return a + b + c & 0xFFFF_FFFF


TABLE = {CALL: add}


# a bare engine, as small as it gets


def bare(arch: Arch, count: int, hook: Callable[[Uc], Callable[[], None]] | None) -> Timed:
    """A loop of traps on an engine of its own, with one raw hook."""
    if arch is Arch.X86_64:
        engine, kind, counter = Uc(uc.UC_ARCH_X86, uc.UC_MODE_64), uc.UC_HOOK_INSN, x86.UC_X86_REG_RBX
        extra: tuple[ctypes.c_int, ...] = (ctypes.c_int(x86.UC_X86_INS_SYSCALL),)
    else:
        engine, kind, counter = Uc(uc.UC_ARCH_ARM64, uc.UC_MODE_ARM), uc.UC_HOOK_INTR, a64.UC_ARM64_REG_X19
        extra = ()
    code = loop(arch, TRAP[arch] if hook else b"")
    engine.mem_map(CODE, PAGE)
    engine.mem_write(CODE, code)
    callback = ctypes.CFUNCTYPE(None)(hook(engine) if hook else nothing)
    handle, everywhere = ctypes.c_size_t(), (ctypes.c_uint64(1), ctypes.c_uint64(0))
    if hook:
        uclib.uc_hook_add(engine._uch, ctypes.byref(handle), kind, callback, None, *everywhere, *extra)
    end = CODE + len(code) - (2 if arch is Arch.X86_64 else 4)

    def once() -> float:
        engine.reg_write(counter, count)
        begin = time.process_time()
        engine.emu_start(CODE, end)
        return time.process_time() - begin + 0 * id(callback)

    return once


def nothing() -> None:
    """An empty hook."""


def batch(arch: Arch) -> Callable[[Uc], Callable[[], None]]:
    """Registers through uc_reg_read_batch, everything prepared."""

    def make(engine: Uc) -> Callable[[], None]:
        lib, numbers = ctypes.CDLL(uclib._name), NUMBERS[arch]
        read, write = lib.uc_reg_read_batch, lib.uc_reg_write
        read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        write.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        ids, values = (ctypes.c_int * 7)(*numbers), (ctypes.c_uint64 * 7)()
        pointers = (ctypes.c_void_p * 7)(*[ctypes.addressof(values) + 8 * i for i in range(7)])
        result, handle = ctypes.c_uint64(), engine._uch.value
        view, where = memoryview(values).cast("B").cast("Q"), ctypes.addressof(result)
        target = numbers[0 if arch is Arch.X86_64 else 1]
        prepared = ctypes.addressof(ids), ctypes.addressof(pointers), 7

        def hook() -> None:
            read(handle, *prepared)
            n, a, b, c, d, e, f = view
            result.value = TABLE[n](a, b, c, d, e, f)
            write(handle, target, where)

        hook.keep = (ids, pointers)  # type: ignore[attr-defined]
        return hook

    return make


def plain(arch: Arch) -> Callable[[Uc], Callable[[], None]]:
    """Registers one by one through the binding."""

    def make(engine: Uc) -> Callable[[], None]:
        numbers = NUMBERS[arch]
        target = numbers[0 if arch is Arch.X86_64 else 1]

        def hook() -> None:
            n, a, b, c, d, e, f = [engine.reg_read(r) for r in numbers]
            engine.reg_write(target, TABLE[n](a, b, c, d, e, f))

        return hook

    return make


# our own backend


@dataclass
class Thread:
    """A context with nothing in it."""

    regs: memoryview
    fpu: Any = None


def handler(arch: Arch) -> Callable[[Any], int]:
    """A handler as the compiler of rows makes them."""
    _, a, b, c, *_ = INDEX[arch]

    def serve(ctx: Any) -> int:
        regs = ctx.regs
        regs[0] = regs[a] + regs[b] + regs[c] & 0xFFFF_FFFF
        return 0

    return serve


def dynamic(arch: Arch) -> Callable[[Any, int, int], int]:
    """The same for a trap: the number decides."""
    n, a, b, c, d, e, f = INDEX[arch]

    def trap(ctx: Any, _pc: int, _immediate: int) -> int:
        regs = ctx.regs
        regs[0] = TABLE[regs[n]](regs[a], regs[b], regs[c], regs[d], regs[e], regs[f])
        return 0

    return trap


def stub(cpu: UnicornCpu, kind: GateKind) -> bytes:
    """A crossing through a gate, as a stub of site 0 makes it."""
    if cpu.arch is Arch.X86_64:
        at, (_, offsets) = CODE + 5, cpu.gate_code()
        jump = GATES + offsets[kind] - (at + 18) & 0xFFFF_FFFF
        return bytes.fromhex("488d0d0b000000 41bb00000000 e9") + jump.to_bytes(4, "little")
    if kind in (GateKind.TABLE, GateKind.TABLE_CARRY):
        return words(cpu.exit_words()[kind])
    return words(0x5280_0008, cpu.exit_words()[kind])


def ours(arch: Arch, count: int, kind: GateKind | bytes) -> Timed:
    """A loop of crossings through one of our gates, or of other code."""
    space = AddressSpace(Arena(), arch)
    for at, prot in ((CODE, 5), (GATES, 5), (DATA, 6)):
        space.map(at, PAGE, prot, fixed=True)
    cpu = UnicornCpu(arch, space)
    space.poke(GATES, cpu.gate_code()[0])
    cpu.set_areas([(GATES, GATES + PAGE)])
    doors = cpu.doors
    serve = handler(arch)
    doors.sites.append(serve)
    doors.table = lambda ctx, number, where: {CALL: serve}[number](ctx)
    doors.trap = dynamic(arch)
    space.poke(CODE, loop(arch, kind if isinstance(kind, bytes) else stub(cpu, kind)))
    thread = Thread(cpu.new_regs())

    def once() -> float:
        regs = thread.regs
        regs[-1], regs[3 if arch is Arch.X86_64 else 19] = CODE, count
        regs[6 if arch is Arch.X86_64 else 20] = DATA
        begin = time.process_time()
        cpu.resume(thread)
        return time.process_time() - begin

    return once


def ways(arch: Arch, count: int) -> dict[str, tuple[Timed, str]]:
    """Name -> (one run, the name of the loop to subtract)."""
    return {
        "loop, bare engine": (bare(arch, count, None), ""),
        "loop, our engine": (ours(arch, count, b""), ""),
        "empty hook": (bare(arch, count, lambda _engine: nothing), "loop, bare engine"),
        "inline": (ours(arch, count, INLINE[arch]), "loop, our engine"),
        "bound": (ours(arch, count, GateKind.BOUND), "loop, our engine"),
        "bound, carry": (ours(arch, count, GateKind.BOUND_CARRY), "loop, our engine"),
        "table": (ours(arch, count, GateKind.TABLE), "loop, our engine"),
        "dynamic": (ours(arch, count, TRAP[arch]), "loop, our engine"),
        "batch": (bare(arch, count, batch(arch)), "loop, bare engine"),
        "plain": (bare(arch, count, plain(arch)), "loop, bare engine"),
    }


def main(count: int = 100_000) -> None:
    """Measure and print one table for each architecture."""
    for arch in Arch:
        made = ways(arch, count)
        best = dict.fromkeys(made, float("inf"))
        for _ in range(ROUNDS):
            for name, (once, _) in made.items():
                best[name] = min(best[name], once())
        above = {name: (best[name] - best.get(base, 0.0)) / count * 1e6 for name, (_, base) in made.items()}
        print(f"{arch.value:20}{'us':>9}{'empty hooks':>14}")
        for name, cost in above.items():
            print(f"  {name:18}{cost:9.3f}{cost / above['empty hook']:14.2f}")


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))
