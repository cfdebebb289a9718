"""What is said of a guest that a fault or signal killed, and of a run with --stats."""

from __future__ import annotations

from collections.abc import Mapping

from aot.manifest import Manifest, StubClass
from aot.personality.abi.signals import Signal
from runtime.answers import class_of
from runtime.cpu.api import REGS, FaultKind
from runtime.dispatch import Dispatcher
from runtime.images import Images
from runtime.kernel.context import Context
from runtime.kernel.ends import End
from runtime.kernel.faults import death_of
from runtime.made import Tally

BOUND, TABLE, DYNAMIC = StubClass.BOUND, StubClass.TABLE, StubClass.DYNAMIC

SILENT = frozenset({Signal.PIPE, Signal.INT})
"""Signals that shells end a program with and say nothing: `program | head` is no crash."""


def _named(number: int) -> str:
    try:
        return f"SIG{Signal(number).name}"
    except ValueError:
        return f"signal {number}"


def signal_of(end: End) -> int:
    """Signal number that ended the guest, 0 for an ordinary exit."""
    if end.fault is not None:
        return death_of(end.fault)
    return end.signal


def describe(end: End) -> str:
    """Several lines for a person: what happened, where, registers, last calls."""
    if end.reason:
        return f"helctic-aot: {end.reason}\n"
    number = signal_of(end)
    lines = [f"helctic-aot: guest killed by {_named(number)}"]
    if end.fault is not None:
        lines[0] += f": {_fault_words(end)}"
    if end.ctx is not None:
        lines += [*_registers(end.ctx), f"  last calls: {', '.join(end.ctx.calls) or 'none'}"]
    return "\n".join(lines) + "\n"


def _fault_words(end: End) -> str:
    fault = end.fault
    assert fault is not None
    words = {
        FaultKind.READ: f"read of {fault.address:#x}",
        FaultKind.WRITE: f"write of {fault.address:#x}",
        FaultKind.FETCH: f"execution of {fault.address:#x}",
        FaultKind.DIVIDE: "division error",
        FaultKind.BREAKPOINT: "breakpoint",
        FaultKind.ILLEGAL: "illegal instruction",
        FaultKind.PRIVILEGED: "privileged instruction",
        FaultKind.ALIGNMENT: "misaligned exclusive access",
        FaultKind.SOFTWARE: f"software interrupt {fault.code:#x}",
        FaultKind.FPU: "floating-point exception",
    }
    return f"{words[fault.kind]} at pc {fault.pc:#x}{_where(end)}"


def _where(end: End) -> str:
    assert end.fault is not None and end.ctx is not None
    region = end.ctx.mem.region_at(end.fault.pc)
    return f" ({region.name.rpartition('/')[2]})" if region is not None and region.name else ""


def _registers(ctx: Context) -> list[str]:
    cells = [f"{n:>4} {v:016x}" for n, v in zip(REGS[ctx.arch], ctx.regs, strict=True)]
    return ["  " + "  ".join(cells[i : i + 4]) for i in range(0, len(cells), 4)]


def answered_by_class(dispatcher: Dispatcher) -> dict[str, int]:
    """Calls that machine code answered, by class of the crossing. No Python counter has seen them."""
    found: dict[str, int] = {}
    for (kind, _), count in (dispatcher.routines.counts() if dispatcher.routines else {}).items():
        name = class_of(kind)
        found[name] = found.get(name, 0) + count
    return found


def _libraries(images: Images) -> list[str]:
    """What became of the shared objects that the first process has mapped."""
    lines = []
    if images.laid:
        count = sum(len(laid.overlay.known) for laid in images.laid)
        lines.append(f"shared objects with sites: {len(images.laid)}, sites: {count}")
    declined = images.library.declined
    lines += [f"shared objects left as they are ({why}): {count}" for why, count in sorted(declined.items())]
    return lines


def _made(tally: Tally) -> list[str]:
    """What the guest made while it ran."""
    if not tally.pages and not tally.calls:
        return []
    calls = ", ".join(f"{cls.value} {tally.calls[cls.value]}" for cls in (BOUND, TABLE, DYNAMIC))
    return [
        f"code made at run time: pages that became executable: {tally.pages}, "
        f"possible traps: {tally.noted}, calls: {calls}"
    ]


def stats(
    dispatcher: Dispatcher, manifest: Manifest, counters: Mapping[str, int], inline: int, images: Images
) -> str:
    """The --stats summary: calls per class, images, traps by where they stand, numbers nobody serves."""
    lines = ["calls per class:"]
    answered = answered_by_class(dispatcher)
    for name, count in counters.items():
        by = answered.get(name, 0)
        lines.append(f"  {name:8} {count + by}" + (f", {by} of them answered by routines" if by else ""))
    lines.append(f"  {'inline':8} {inline}")
    lines.append(f"sites: {len(manifest.sites)}, imports: {len(manifest.imports)}")
    lines += _libraries(images)
    tally = images.library.made.tally
    lines += _made(tally)
    foreign = dispatcher.foreign.total()
    listed = counters["dynamic"] - tally.calls["dynamic"] - foreign
    lines.append(f"traps of sites that stand as they were: {listed}")
    lines.append(f"traps from addresses the translator did not know: {foreign}")
    lines += [f"  {address:#x} {count}" for address, count in dispatcher.foreign.most_common(8)]
    if dispatcher.unknown:
        numbers = ", ".join(f"{n:#x}" for n in sorted(dispatcher.unknown))
        lines.append(f"numbers without a row: {numbers}")
    return "\n".join(lines) + "\n"
