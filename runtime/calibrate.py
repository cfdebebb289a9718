"""What one empty crossing costs on this machine, by class: the real engine, gates and dispatcher."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from aot.image.model import Arch, Prot
from aot.manifest import GateKind
from aot.personality.abi.gate import ErrorStyle
from aot.personality.abi.system import System
from aot.record import dataclass, field
from runtime.cpu import routines
from runtime.cpu.api import REG_INDEX, Handler
from runtime.cpu.unicorn_cpu import UnicornCpu
from runtime.dispatch import Dispatcher
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace

CODE, GATES, DATA, PAGE = 0x40_0000, 0x50_0000, 0x60_0000, 0x1_0000
STUB = CODE + 0x400  # of the import
COUNT, ROUNDS = 4_000, 25  # short rounds, many: some are not disturbed
NUMBER = 0x01ED  # no handler is asked what it means
COUNTER = {Arch.X86_64: "rbx", Arch.AARCH64: "x19"}
POINTER = {Arch.X86_64: "rsi", Arch.AARCH64: "x20"}
UNDEFINED = {Arch.X86_64: b"\x0f\x0b", Arch.AARCH64: bytes(4)}


@dataclass(slots=True)
class Thread:
    """A context with nothing in it."""

    regs: memoryview
    fpu: Any = None
    calls: deque[str] = field(default_factory=lambda: deque(maxlen=1))


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def _loop(arch: Arch, body: bytes) -> bytes:
    """`body` as often as the counter says, the number register loaded before each; ends undefined."""
    if arch is Arch.X86_64:
        body = b"\xb8" + NUMBER.to_bytes(4, "little") + body
        back = -(len(body) + 9)
        return body + b"\x48\xff\xcb\x0f\x85" + back.to_bytes(4, "little", signed=True) + UNDEFINED[arch]
    body = _words(0xD280_0008 | NUMBER << 5, 0xD280_0010 | NUMBER << 5) + body  # movz x8; movz x16 (darwin)
    back = -(len(body) // 4 + 1) & 0x7FFFF
    return body + _words(0xF100_0673, 0x5400_0001 | back << 5) + UNDEFINED[arch]


SITE = {Arch.X86_64: 5, Arch.AARCH64: 8}  # where the body stands in the loop
TRAP = {Arch.X86_64: b"\x0f\x05", Arch.AARCH64: _words(0xD400_0001)}
INLINE = {  # the test of `traced`, the counter and the answer, as an inline stub has them
    Arch.X86_64: bytes.fromhex("488b0e e301 90 4c8b5e10 4d8d5b01 4c895e10 488b4608"),
    Arch.AARCH64: _words(0xF940_0289, 0xB500_00A9, 0xF940_0A80, 0x9100_0400, 0xF900_0A80, 0xF940_0680),
}


class Calibration:
    """One engine that runs loops of crossings; every handler returns at once."""

    def __init__(self, system: System, column: str, arch: Arch) -> None:
        self.arch = arch
        self.space = AddressSpace(Arena(), arch)
        for at, prot in ((CODE, Prot.R | Prot.X), (GATES, Prot.R | Prot.X), (DATA, Prot.R | Prot.W)):
            self.space.map(at, PAGE, prot, fixed=True)
        self.cpu = UnicornCpu(arch, self.space)
        self.space.poke(GATES, self.cpu.gate_code()[0])
        self.cpu.set_areas([(GATES, GATES + PAGE), (STUB, STUB + 32)])
        gate = system.gates[arch.value]
        self.carry = gate.style is ErrorStyle.CARRY
        dispatcher = Dispatcher(system, column, arch, {}, lambda handler, row, door: _nothing)
        site = CODE + SITE[arch]
        dispatcher.known = {site}
        self.trap = TRAP[arch] if gate.number != "imm" else _words(0xD400_0001 | NUMBER << 5)
        doors = self.cpu.doors
        doors.sites.append(_nothing)
        self.in_place = gate.number == "imm"  # no register is free for a stub
        doors.placed.update({site: 0} if self.in_place else {})
        doors.imports += (_nothing, _by_name("library", "name"))
        doors.table, doors.trap, doors.trap_carry = dispatcher.table, dispatcher.trap, self.carry
        self.cpu.doors = self.doors = doors
        self.plain = gate.style is ErrorStyle.NEGATIVE and not gate.zeroed and not gate.second
        self.thread = Thread(self.cpu.new_regs())

    def crossings(self) -> dict[str, float]:
        """Seconds of one crossing by class, above the same loop without one: the least of several rounds."""
        loops = {"": b"", "inline": INLINE[self.arch], "dynamic": self.trap}
        loops["table"] = self._stub(GateKind.TABLE_CARRY if self.carry else GateKind.TABLE)
        loops["bound"] = self._stub(GateKind.BOUND_CARRY if self.carry else GateKind.BOUND)
        if self.in_place:
            loops["bound"] = loops["table"]
        loops["import"] = self._import(STUB, 0)
        loops["import by name"] = self._import(STUB + 16, 1)
        found = self._least(loops)
        self.doors.routines = routines.RoutineTable(
            {"": routines.Routine.GETPID}, (GateKind.BOUND, GateKind.TABLE, routines.TRAP)
        )
        self.doors.routines.bind_site(0, "")
        self.doors.routines.bind_number(NUMBER, "")
        self.cpu.doors = self.doors
        if self.plain and self.cpu.answers:
            names = ("", "bound", "table", "dynamic")
            answered = self._least({name: loops[name] for name in names})
            found |= {f"{name} routine": cost for name, cost in answered.items()}
        return found

    def _least(self, loops: dict[str, bytes]) -> dict[str, float]:
        best = dict.fromkeys(loops, float("inf"))
        for _ in range(ROUNDS):
            for name, body in loops.items():
                best[name] = min(best[name], self._once(body))
        return {name: max(best[name] - best[""], 0.0) / COUNT for name in loops if name}

    def _stub(self, kind: GateKind) -> bytes:
        """The crossing of a bound or table-bound stub of site 0."""
        if self.arch is Arch.X86_64:
            at = CODE + 5
            return bytes.fromhex("488d0d0b000000 41bb00000000") + self._jump(at + 13, kind)
        if kind in (GateKind.TABLE, GateKind.TABLE_CARRY):
            return _words(self.cpu.exit_words()[kind])
        return _words(0x5280_0008, 0x5280_0010, self.cpu.exit_words()[kind])  # movz w8; movz w16 (darwin)

    def _import(self, stub: int, index: int) -> bytes:
        """A call of the import stub at `stub`, which is put there."""
        if self.arch is Arch.X86_64:
            enter = b"\x41\xbb" + index.to_bytes(4, "little")
            self.space.poke(stub, enter + self._jump(stub + 6, GateKind.IMPORT))
            return b"\xe8" + (stub - CODE - 10).to_bytes(4, "little")
        enter = _words(0x5280_0010 | index << 5, self.cpu.exit_words()[GateKind.IMPORT], 0xD65F_03C0)
        self.space.poke(stub, enter)
        return _words(0x9400_0000 | (stub - CODE - 8) // 4)

    def _jump(self, at: int, kind: GateKind) -> bytes:
        target = GATES + self.cpu.gate_code()[1][kind]
        return b"\xe9" + (target - at - 5 & 0xFFFF_FFFF).to_bytes(4, "little")

    def _once(self, body: bytes) -> float:
        index, regs = REG_INDEX[self.arch], self.thread.regs
        self.space.poke(CODE, _loop(self.arch, body).ljust(0x100, UNDEFINED[self.arch][:1]))
        regs[-1], regs[index[COUNTER[self.arch]]] = CODE, COUNT
        regs[index[POINTER[self.arch]]] = DATA
        regs[index["rsp" if self.arch is Arch.X86_64 else "sp"]] = DATA + PAGE - 64
        begin = time.process_time()
        self.cpu.resume(self.thread)
        spent = time.process_time() - begin
        assert not self.thread.regs[index[COUNTER[self.arch]]], "a crossing did not come back"
        return spent

    def close(self) -> None:
        """Free the engine."""
        self.cpu.close()
        self.space.close()


def _nothing(_ctx: Any) -> int:
    return 0


def _by_name(library: str, name: str) -> Handler:
    """What the dynamic way does at an import: look the name up at every call."""
    handlers: dict[str, Handler] = {f"{library}!{name}": _nothing}

    def find(library: str, name: str) -> Handler:
        return handlers[f"{library}!{name}"]

    def by_name(ctx: Any) -> int:
        return find(library, name)(ctx)

    return by_name


def crossings(system: System, column: str, arch: Arch) -> dict[str, float]:
    """Seconds of one empty crossing by class."""
    calibration = Calibration(system, column, arch)
    try:
        return calibration.crossings()
    finally:
        calibration.close()
