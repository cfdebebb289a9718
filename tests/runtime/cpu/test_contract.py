"""What every CPU backend must do, on every architecture: crossings, leaving, carry, order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aot.image.model import Arch
from aot.manifest import GateKind
from aot.personality.abi.leave import Leave
from runtime.cpu.api import Cpu, Fault, FaultKind, Kick, Left
from tests.runtime.cpu.rig import A64, CODE, DATA, NUMBER, STACK, X86, Rig, Thread, scripted

DOORS: list[GateKind | str] = [
    GateKind.BOUND,
    GateKind.BOUND_CARRY,
    GateKind.TABLE,
    GateKind.TABLE_CARRY,
    GateKind.IMPORT,
    "trap",
]


class Wait(Leave):
    """A handler that cannot go on."""


class Bench:
    """One backend with one program of crossings."""

    def __init__(self, backend: str, arch: Arch, steps: list[GateKind | str]) -> None:
        self.rig: Rig | None = None
        if backend == "unicorn":
            self.rig = Rig(arch)
            self.where = self.rig.program(steps)
            self.cpu: Cpu = self.rig.cpu
            self.thread = self.rig.thread()
        else:
            self.cpu = scripted(arch, steps)
            self.thread = Thread(self.cpu.new_regs())
        self.calls: list[tuple[Any, ...]] = []
        self.carry = 0
        self.cause: BaseException | None = None
        doors = self.cpu.doors
        doors.sites.append(lambda ctx: self.serve("bound", ctx))
        doors.imports.append(lambda ctx: self.serve("import", ctx))
        doors.table = lambda ctx, number, where: self.serve("table", ctx)
        doors.trap = lambda ctx, pc, immediate: self.serve("trap", ctx, pc, immediate)

    def serve(self, door: str, ctx: Any, *detail: int) -> int:
        assert ctx is self.thread
        if self.cause is not None:
            cause, self.cause = self.cause, None
            raise cause
        self.calls.append((door, *detail))
        ctx.regs[0] = 100 + len(self.calls)
        return self.carry

    def close(self) -> None:
        if self.rig:
            self.rig.close()


@pytest.fixture(params=[("unicorn", X86), ("unicorn", A64), ("scripted", X86), ("scripted", A64)])
def kind(request: pytest.FixtureRequest) -> tuple[str, Arch]:
    """Backend and architecture."""
    value: tuple[str, Arch] = request.param
    return value


@pytest.fixture
def bench(kind: tuple[str, Arch], request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A program that uses every door once, or the doors given by `parametrize(..., indirect)`."""
    made = Bench(*kind, getattr(request, "param", DOORS))
    yield made
    made.close()


CARRY_BIT = {X86: 1, A64: 1 << 29}


def test_every_door_is_served_in_order_and_the_end_is_a_fault(bench: Bench) -> None:
    end = bench.cpu.resume(bench.thread)
    assert isinstance(end, Fault)
    assert end.kind is FaultKind.ILLEGAL
    assert [call[0] for call in bench.calls] == ["bound", "bound", "table", "table", "import", "trap"]
    assert bench.thread.regs[0] == 106


@pytest.mark.parametrize("carry", [0, 1])
@pytest.mark.parametrize(
    "bench", [[GateKind.BOUND_CARRY], [GateKind.TABLE_CARRY], ["trap"]], indirect=True, ids=str
)
def test_carry_doors_set_and_clear_carry(bench: Bench, carry: int) -> None:
    bench.carry = carry
    bench.cpu.doors.trap_carry = True
    bit = CARRY_BIT[bench.cpu.arch]
    bench.cpu.set_flags(bench.thread, 0 if carry else bit)
    end = bench.cpu.resume(bench.thread)
    assert isinstance(end, Fault)
    if bench.cpu.arch is A64 and bench.rig and bench.rig.cpu.exit_words()[1] in _words(bench):
        assert bench.thread.regs[8] == carry  # the stub sets C from w8
    else:
        assert bool(bench.cpu.get_flags(bench.thread) & bit) == bool(carry)


def _words(bench: Bench) -> set[int]:
    assert bench.rig is not None
    raw = bench.rig.space.peek(CODE, 64)
    return {int.from_bytes(raw[i : i + 4], "little") for i in range(0, 64, 4)}


@pytest.mark.parametrize(
    "bench", [[GateKind.BOUND], [GateKind.TABLE], [GateKind.IMPORT], ["trap"]], indirect=True
)
def test_a_leaving_handler_is_made_again_and_completed(bench: Bench) -> None:
    cause = bench.cause = Wait()
    left = bench.cpu.resume(bench.thread)
    assert isinstance(left, Left)
    assert left.cause is cause
    assert not bench.calls
    bench.cpu.complete(bench.thread, left.again(bench.thread))
    if bench.rig:
        assert bench.thread.regs[-1] == bench.where[1]
    assert isinstance(bench.cpu.resume(bench.thread), Fault)
    assert len(bench.calls) == 1
    assert bench.thread.regs[0] == 101


def test_handlers_are_resumed_after_each_leave(bench: Bench) -> None:
    for _ in DOORS:
        bench.cause = Wait()
        left = bench.cpu.resume(bench.thread)
        assert isinstance(left, Left)
        bench.cpu.complete(bench.thread, left.again(bench.thread))
    assert isinstance(bench.cpu.resume(bench.thread), Fault)
    assert [call[0] for call in bench.calls] == ["bound", "bound", "table", "table", "import", "trap"]


@pytest.mark.parametrize("bench", [[d] for d in DOORS], indirect=True)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_other_exceptions_come_out_of_resume(bench: Bench, error: type[BaseException]) -> None:
    bench.cause = error("kept")
    with pytest.raises(error, match="kept"):
        bench.cpu.resume(bench.thread)


def test_a_kick_before_the_run_is_not_lost(bench: Bench) -> None:
    bench.cpu.kick()
    assert isinstance(bench.cpu.resume(bench.thread), Kick)
    assert not bench.calls
    assert isinstance(bench.cpu.resume(bench.thread), Fault)


def test_a_kick_from_a_handler_is_not_lost(bench: Bench) -> None:
    def kicking(ctx: Any) -> int:
        bench.cpu.kick()
        return bench.serve("bound", ctx)

    bench.cpu.doors.sites[0] = kicking
    ends = [bench.cpu.resume(bench.thread) for _ in range(3)]
    assert [type(end) for end in ends] == [Kick, Kick, Fault]
    assert len(bench.calls) == len(DOORS)


@pytest.mark.parametrize("flags", range(0, 64, 7))
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_only_carry_changes(rig: Rig, door: GateKind | str, flags: int) -> None:
    bits = (0, 2, 4, 6, 7, 11) if rig.arch is X86 else (28, 29, 30, 31)
    value = sum(1 << bit for i, bit in enumerate(bits) if flags >> i & 1)
    rig.program([door])
    carry = flags & 1
    rig.cpu.doors.sites.append(lambda ctx: carry)
    rig.cpu.doors.imports.append(lambda ctx: carry)
    rig.cpu.doors.table = lambda ctx, number, where: carry
    rig.cpu.doors.trap = lambda ctx, pc, immediate: carry
    rig.cpu.doors.trap_carry = True
    thread = rig.thread()
    rig.cpu.set_flags(thread, value | 2 * (rig.arch is X86))
    rig.cpu.resume(thread)
    carries = door in (GateKind.TABLE_CARRY, "trap") or (door is GateKind.BOUND_CARRY and rig.arch is X86)
    bit = CARRY_BIT[rig.arch]
    expected = (value & ~bit | (bit if carry else 0)) if carries else value
    mask = sum(1 << b for b in bits)
    assert rig.cpu.get_flags(thread) & mask == expected


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_a_crossing_touches_only_what_the_gate_may(rig: Rig, door: GateKind | str) -> None:
    end = rig.program([door])[-1]
    seen: list[list[int]] = []

    def serve(ctx: Any, *_: int) -> int:
        seen.append(list(ctx.regs))
        return 0

    doors = rig.cpu.doors
    doors.sites.append(serve)
    doors.imports.append(serve)
    doors.table = doors.trap = serve
    thread = rig.thread()
    sp = 4 if rig.arch is X86 else 31
    for i in range(len(thread.regs) - 1):
        if i != sp:
            thread.regs[i] = 0xA5A5_0000_0000_0000 + i
    before = list(thread.regs)
    assert rig.cpu.resume(thread) == Fault(FaultKind.ILLEGAL, end, code=thread_code(rig))
    lost = {1, 11, 16} if rig.arch is X86 else {8, 16, 30, 32}
    for i, (old, new) in enumerate(zip(before, thread.regs, strict=True)):
        if i not in lost:
            assert old == new, i
    number = NUMBER[rig.arch]
    if door not in (GateKind.BOUND, GateKind.BOUND_CARRY) or rig.arch is X86:
        assert seen[0][number] == before[number]


def thread_code(rig: Rig) -> int:
    """`code` of an undefined instruction is the engine's own."""
    return 10 if rig.arch is X86 else 1


def test_an_invented_site_index_is_the_guests_fault(rig: Rig) -> None:
    rig.put(rig.crossing(GateKind.BOUND, 99, CODE), CODE)
    end = rig.cpu.resume(rig.thread())
    assert isinstance(end, Fault)
    assert end.kind is FaultKind.ILLEGAL


def test_a_return_gate_reaches_its_door(rig: Rig) -> None:
    class Back(Leave):
        pass

    def returned(ctx: Any) -> int:
        raise Back

    rig.cpu.doors.returned = returned
    rig.put(rig.crossing(GateKind.RETURN, 0, CODE), CODE)
    left = rig.cpu.resume(rig.thread())
    assert isinstance(left, Left)
    assert isinstance(left.cause, Back)


def test_handlers_see_and_change_registers_and_memory(rig: Rig) -> None:
    rig.program([GateKind.BOUND, GateKind.BOUND])
    first = {X86: 7, A64: 0}[rig.arch]

    def serve(ctx: Any) -> int:
        rig.space.store_u64(ctx.regs[first], ctx.regs[2])
        ctx.regs[first] += 8
        return 0

    rig.cpu.doors.sites.append(serve)
    thread = rig.thread()
    thread.regs[first], thread.regs[2] = DATA, 0x1234_5678_9ABC_DEF0
    rig.cpu.resume(thread)
    assert rig.space.read(DATA, 16) == (0x1234_5678_9ABC_DEF0).to_bytes(8, "little") * 2
    assert rig.space.read(STACK, 8) == bytes(8)


def test_doors_can_be_replaced(rig: Rig) -> None:
    from runtime.cpu.api import Doors

    rig.program([GateKind.BOUND])
    calls: list[str] = []
    for name in ("old", "new"):
        doors = Doors(sites=[lambda ctx, name=name: calls.append(name) or 0])
        rig.cpu.doors = doors
        rig.cpu.resume(rig.thread())
    assert calls == ["old", "new"]
