"""The engine of the windows: one Unicorn with the original or the patched code, everything the ABI defines read back."""

from __future__ import annotations

import ctypes
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import unicorn as uc
from unicorn import arm64_const as a64
from unicorn import x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from aot.image.model import Arch, Prot, Segment
from aot.manifest import DATA as WORDS
from aot.manifest import PAGE, GateKind, Manifest, indexes
from aot.personality.abi.gate import ErrorStyle, Gate
from tests.aot.rewrite.windows.ended import SLOT, Crossing, Ended, registers
from tests.aot.rewrite.windows.room import (
    ANSWERS,
    ARENA_SIZE,
    CODE,
    DATA,
    GATES,
    HALT,
    INLINE,
    MOST,
    answer,
)

_PLAIN = bytes.fromhex("0f05 ffe1")  # syscall; jmp rcx
_CARRY = bytes.fromhex("0f05 4987cb e304 f9 41ffe3 f8 41ffe3")  # the same, and r11 says what CF becomes
TRAP_GATE = 8  # slot of the gate that traps left in place go through
INT = 0x81  # stands for `syscall` where one is left: the engine's own loses what it does to flags
_BY_NUMBER = (GateKind.TABLE, GateKind.TABLE_CARRY)
_EXIT = 0x4840  # aarch64: `svc #(_EXIT + kind)` is an exit word

_FILL = ctypes.CFUNCTYPE(
    ctypes.c_bool,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.c_void_p,
)
_NEEDS = {
    uc.UC_MEM_READ: uc.UC_PROT_READ,
    uc.UC_MEM_WRITE: uc.UC_PROT_WRITE,
    uc.UC_MEM_FETCH: uc.UC_PROT_EXEC,
}


def rights_of(segment: Segment) -> int:
    """As the segment says; but a window that reads its own code would see what was patched, so none may."""
    pairs = ((Prot.R, uc.UC_PROT_READ), (Prot.W, uc.UC_PROT_WRITE), (Prot.X, uc.UC_PROT_EXEC))
    rights = sum(right for bit, right in pairs if segment.prot & bit)
    return rights & ~uc.UC_PROT_READ if segment.address == CODE else rights


def _numbers(arch: Arch, names: Iterable[str]) -> list[int]:
    prefix, module = ("UC_X86_REG_", x86) if arch is Arch.X86_64 else ("UC_ARM64_REG_", a64)
    return [int(getattr(module, prefix + name.upper())) for name in names]


class Bench:
    """One engine, with the segments of one side of the comparison."""

    def __init__(self, arch: Arch, gate: Gate, manifest: Manifest, segments: Sequence[Segment]) -> None:
        self.arch, self.gate, self.manifest = arch, gate, manifest
        self.uc = uc.Uc(*(
            (uc.UC_ARCH_X86, uc.UC_MODE_64) if arch is Arch.X86_64 else (uc.UC_ARCH_ARM64, uc.UC_MODE_ARM)
        ))  # fmt: skip
        if arch is Arch.AARCH64:
            self.uc.ctl_set_cpu_model(a64.UC_CPU_ARM64_MAX)
            self.uc.ctl_set_page_size(PAGE)
        self.uc.ctl_set_tlb_mode(uc.UC_TLB_VIRTUAL)  # otherwise a fault does not say where it was
        self._pages: dict[int, int] = {}  # page -> rights
        self._engine = self.uc._uch
        few, more = registers(arch)
        self._names = {name: i for i, name in enumerate([*few, *more])}
        self._few = len(few)
        numbers = _numbers(arch, [*few, *more])
        self._regs = (ctypes.c_int * len(numbers))(*numbers)
        self._state = ctypes.create_string_buffer(SLOT * len(numbers))
        base = ctypes.addressof(self._state)
        self._values = (ctypes.c_void_p * len(numbers))(*(base + SLOT * i for i in range(len(numbers))))
        self._words = memoryview(self._state).cast("B").cast("Q")  # two a register
        self.arena = bytearray(ARENA_SIZE)
        held = (ctypes.c_char * ARENA_SIZE).from_buffer(self.arena)
        self.uc.mem_map_ptr(DATA, ARENA_SIZE, uc.UC_PROT_ALL, ctypes.addressof(held))
        self._rights(DATA, ARENA_SIZE, uc.UC_PROT_READ | uc.UC_PROT_WRITE)
        self._keep: list[Any] = [held]
        self._sites = {site.addr: site for site in manifest.sites}
        self._indexes = list(indexes(manifest))
        self._leaves = {site.gate: site.addr for site in manifest.sites if site.gate}
        self._exits = {word.addr: word.kind for word in manifest.exits}
        self._map(segments)
        self._hook()
        self._begin()

    def _map(self, segments: Sequence[Segment]) -> None:
        engine = self.uc
        for page in (GATES, HALT):
            engine.mem_map(page, PAGE)
            self._rights(page, PAGE, uc.UC_PROT_READ | uc.UC_PROT_EXEC)
        engine.mem_write(
            HALT, b"\xf4" * PAGE if self.arch is Arch.X86_64 else b"\x00\x00\x40\xd4" * (PAGE // 4)
        )
        for segment in segments:
            low, high = segment.address & -PAGE, (segment.end + PAGE - 1) & -PAGE
            engine.mem_map(low, high - low)
            self._rights(low, high - low, rights_of(segment))
            engine.mem_write(segment.address, segment.data)
        if self.arch is Arch.X86_64:
            for kind in (*GateKind, TRAP_GATE, TRAP_GATE + 1):
                carry = kind in (GateKind.BOUND_CARRY, GateKind.TABLE_CARRY, TRAP_GATE + 1)
                engine.mem_write(GATES + 16 * kind, _CARRY if carry else _PLAIN)
                if kind < TRAP_GATE:
                    engine.mem_write(self.manifest.area + 8 * kind, struct.pack("<Q", GATES + 16 * kind))
            for address in self._sites:
                if bytes(engine.mem_read(address, 2)) == b"\x0f\x05":
                    engine.mem_write(address, bytes((0xCD, INT)))
        else:
            for at, kind in self._exits.items():
                if bytes(engine.mem_read(at, 4)) == struct.pack("<I", kind):
                    engine.mem_write(at, struct.pack("<I", 0xD4000001 | (_EXIT + kind) << 5))

    def _rights(self, start: int, size: int, rights: int) -> None:
        self._pages |= dict.fromkeys(range(start, start + size, PAGE), rights)

    def traced(self, on: bool) -> None:
        """Whether inline stubs take their bound path; their words are the kernel's."""
        area = self.manifest.area
        self.uc.mem_write(area + WORDS, struct.pack("<Q", int(on)))
        for number, word in INLINE.items():
            self.uc.mem_write(area + WORDS + 8 * word, struct.pack("<Q", ANSWERS[number]))

    # running

    def prepare(self, values: Mapping[str, int]) -> Any:
        """A register state to start from."""
        for name, value in values.items():
            (number,) = _numbers(self.arch, [name])
            self.uc.reg_write(number, value)
        return self.uc.context_save()

    def run(self, start: int, state: Any, memory: bytes, number: int | None = None, count: int = 0) -> Ended:
        """One case, or its first `count` instructions; `number` goes into the number register first."""
        self._begin()
        self.uc.context_restore(state)
        if number is not None:
            self._write(self.gate.number, number)
        self.arena[:] = memory
        return self.go_on(start, count)

    def go_on(self, at: int, count: int = 0) -> Ended:
        """From where it was stopped."""
        status = uclib.uc_emu_start(
            self._engine,
            ctypes.c_uint64(at),
            ctypes.c_uint64(HALT + 64),
            ctypes.c_uint64(0),
            ctypes.c_size_t(count),
        )
        if self._raised is not None:
            raise self._raised
        self._read(len(self._regs))
        self._ended.status = status
        self._ended.state = self._state.raw
        self._ended.memory = bytes(self.arena)
        return self._ended

    def take_over(self, state: Any, other: Ended, changed: Mapping[str, int]) -> Ended:
        """Run on from where another engine stopped, with some registers changed; `state` is any."""
        self._begin()
        self.uc.context_restore(state)  # an earlier run may have left an exception pending
        self._ended.crossings = list(other.crossings)
        self.arena[:] = other.memory
        ctypes.memmove(self._state, other.state, len(other.state))
        for name, value in changed.items():
            self._words[2 * self._names[name]] = value & (1 << 64) - 1
        for at, register in enumerate(self._regs):
            uclib.uc_reg_write(self._engine, register, ctypes.c_void_p(self._values[at]))
        return self.go_on(changed["rip" if self.arch is Arch.X86_64 else "pc"])

    def _begin(self) -> None:
        self._ended = Ended(0, b"", b"")
        self._raised: BaseException | None = None

    def _read(self, count: int) -> None:
        uclib.uc_reg_read_batch(self._engine, self._regs, self._values, count)

    def _write(self, name: str, value: int) -> None:
        at = self._names[name]
        self._words[2 * at] = value & (1 << 64) - 1
        uclib.uc_reg_write(self._engine, self._regs[at], ctypes.c_void_p(self._values[at]))

    def _get(self, name: str) -> int:
        return self._words[2 * self._names[name]]

    # the kernel

    def _hook(self) -> None:
        served = self._guarded(self._gate_entered)
        raised = self._guarded(self._x86_interrupt if self.arch is Arch.X86_64 else self._a64_interrupt)
        kinds = [
            (
                uc.UC_HOOK_INTR,
                ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)(raised),
                (),
            ),
            (uc.UC_HOOK_TLB_FILL, _FILL(self._fill), ()),
        ]
        if self.arch is Arch.X86_64:
            prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
            kinds.append((uc.UC_HOOK_INSN, prototype(served), (ctypes.c_int(x86.UC_X86_INS_SYSCALL),)))
        for kind, callback, extra in kinds:
            handle = ctypes.c_size_t()
            status = uclib.uc_hook_add(
                self._engine,
                ctypes.byref(handle),
                kind,
                callback,
                None,
                ctypes.c_uint64(1),
                ctypes.c_uint64(0),
                *extra,
            )
            assert status == 0
            self._keep.append(callback)

    def _fill(self, _engine: int, address: int, access: int, entry: Any, _user: int) -> bool:
        rights = self._pages.get(address & -PAGE)
        if rights is None or not rights & _NEEDS[access]:
            return False
        entry[0], entry[1] = address & -PAGE, rights
        return True

    def _guarded(self, function: Any) -> Any:
        def call(*arguments: int) -> None:
            try:
                function(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised again by run
                self._raised = error
                uclib.uc_emu_stop(self._engine)

        return call

    def _x86_interrupt(self, _engine: int, vector: int, _user: int) -> None:
        self._read(self._few)
        if vector != INT:
            self._ended.vector = vector
            uclib.uc_emu_stop(self._engine)
            return
        carry = self.gate.style is ErrorStyle.CARRY
        self._write("rcx", self._get("rip"))
        self._write("rip", GATES + 16 * (TRAP_GATE + carry))

    def _gate_entered(self, _engine: int, _user: int) -> None:
        self._read(self._few)
        kind = (self._get("rip") - GATES) // 16
        number, back = self._get("rax"), self._get("rcx")
        if not 0 <= kind <= TRAP_GATE + 1 or (kind < TRAP_GATE and self._get("r11") >= len(self._indexes)):
            self._broke(f"a gate was entered at {self._get('rip'):#x}")
            return
        if kind >= TRAP_GATE:
            site = self._sites[back - 2]
        else:
            site, known = self._indexes[self._get("r11")]
            if back != (site.cont or site.resume):
                self._broke(f"the gate would come back to {back:#x}")
            if (kind in _BY_NUMBER) is not (known is None):
                self._broke(f"gate {kind} is not that of number {known}")
            if known is not None:
                if not site.folded and number != known:
                    self._broke(f"number {number:#x} of the register is not {known:#x} of the site")
                number = known
        self._cross(site.addr, number, ("rax", "rcx", "r11", "rip"))
        failed = self._answer(number)
        self._write("r11", failed)

    def _a64_interrupt(self, _engine: int, vector: int, _user: int) -> None:
        self._read(self._few)
        pc = self._get("pc") - 4
        kind = self._exits.get(pc)
        if vector != 2 or (kind is None and pc not in self._sites):
            self._ended.vector = vector
            uclib.uc_emu_stop(self._engine)
            return
        register = self.gate.number
        number, site = self._get(register), self._leaves.get(pc, pc)
        if (
            kind in (GateKind.BOUND, GateKind.BOUND_CARRY)
            and bytes(self.uc.mem_read(pc, 4)) != b"\x01\x00\x00\xd4"
        ):
            found, known = self._indexes[number & 0xFFFFFFFF]
            assert known is not None
            number, site = known, found.addr
        self._cross(site, number, (register, "pc"))
        failed = self._answer(number)
        if self.gate.style is ErrorStyle.CARRY:
            if kind in (GateKind.BOUND_CARRY,) and pc not in self._sites:
                self._write(register, failed)
            else:
                self._write("nzcv", self._get("nzcv") & ~(1 << 29) | failed << 29)

    def _broke(self, why: str) -> None:
        self._ended.broken = self._ended.broken or why

    def _cross(self, site: int, number: int, hidden: Sequence[str]) -> None:
        for name in hidden:
            self._words[2 * self._names[name]] = 0
        state = ctypes.string_at(ctypes.addressof(self._state), self._few * SLOT)
        crossings = self._ended.crossings
        crossings.append(Crossing(site, number, state, zlib.crc32(self.arena)))
        if len(crossings) >= MOST:
            self._ended.cut = True
            uclib.uc_emu_stop(self._engine)

    def _answer(self, number: int) -> int:
        """Give the registers what the call leaves; whether it failed, for those that tell by carry."""
        gate = self.gate
        nth = sum(c.number not in ANSWERS for c in self._ended.crossings)  # inline calls may not be seen
        value = answer(number, tuple(self._get(name) for name in gate.args), nth)
        self._write(gate.result, value)
        carry = gate.style is ErrorStyle.CARRY
        if gate.second and carry and gate.second_policy.name in ("ZERO", "CLEARED"):
            self._write(gate.second, 0)
        for name in gate.zeroed:
            self._write(name, 0)
        return int(carry and number not in ANSWERS and value & 4 != 0)
