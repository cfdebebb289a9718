"""Which calls of a run machine code may answer, and what it has to know of the context that makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aot.image.model import Arch
from aot.manifest import GateKind, StubClass
from aot.personality.abi.gate import ErrorStyle
from aot.personality.abi.system import System
from runtime.cpu.routines import CLOCKS, TRAP, Routine, RoutineTable
from runtime.kernel.context import Context

if TYPE_CHECKING:
    from runtime.policy.guard import Guard


def routine_table(
    system: System,
    arch: Arch,
    *,
    deterministic: bool,
    watched: bool,
    counted: bool,
    timed: bool = False,
    guard: Guard | None = None,
) -> RoutineTable | None:
    """The rows of a system that have a routine, none when every call is `watched` in Python.

    Routines answer success alone, in the result register: systems that also tell it by carry, or change
    other registers, have none. Clocks of a deterministic run stand still, so Python moves them. Where calls
    are `counted`, untranslated traps are Python's, which notes where they are. What a `guard` looks at is, too.
    """
    gate = system.gates.get(arch.value)
    if watched or not system.routines or gate is None:
        return None
    if gate.style is not ErrorStyle.NEGATIVE or gate.zeroed or gate.second:
        return None
    rows = {name: Routine[routine] for name, routine in system.routines.items()}
    if guard is not None:
        rows = {name: routine for name, routine in rows.items() if guard.plain(name)}
    if deterministic:
        rows = {name: routine for name, routine in rows.items() if routine not in CLOCKS}
    kinds = [GateKind.BOUND, GateKind.TABLE] if counted else [GateKind.BOUND, GateKind.TABLE, TRAP]
    return RoutineTable(rows, kinds, timed=timed)


def class_of(kind: int) -> str:
    """The class of the crossings of one kind, as --stats and profiles name it."""
    cls = (
        StubClass.DYNAMIC if kind == TRAP else StubClass.TABLE if kind == GateKind.TABLE else StubClass.BOUND
    )
    return str(cls.value)


def facts(ctx: Context) -> tuple[int, int, int, int]:
    """Address and number of the descriptor words, process id, context id."""
    direct = ctx.process.files.direct
    return direct.address, len(direct.words), ctx.process.pid, ctx.tid
