"""What is said of a guest that a fault or signal killed, and of a run with --stats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from aot.manifest import Manifest
from aot.personality.abi.signals import Signal
from aot.record import dataclass
from runtime.answers import class_of
from runtime.counts import BOUND, CLASSES, DYNAMIC, INLINE, TABLE, Counts
from runtime.cpu.api import REGS, FaultKind
from runtime.dispatch import Dispatcher
from runtime.images import Images
from runtime.kernel.context import Context
from runtime.kernel.ends import End
from runtime.kernel.faults import death_of
from runtime.made import Tally

SHOWN = 12  # calls that --stats names

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


@dataclass(slots=True)
class Calls:
    """What a run with --stats made: crossings by class, of them those that machine code answered, calls by name."""

    crossed: Counter[str]
    answered: Counter[str]
    named: Counter[tuple[str, str]]  # (call, class)


def calls(dispatcher: Dispatcher, counts: Counts, inline: Mapping[str, int]) -> Calls:
    """Everything that was counted: in Python, in machine code and in the guest's own memory."""
    found = Calls(Counter(counts.classes), Counter(), Counter(counts.calls))
    for (kind, call), count in (dispatcher.routines.counts() if dispatcher.routines else {}).items():
        found.answered[class_of(kind)] += count
        found.named[call, class_of(kind)] += count
    for call, count in inline.items():
        found.crossed[INLINE] += count
        found.named[call, INLINE] += count
    return found


def _classes(made: Calls) -> list[str]:
    """A line for each class, and what they decided together."""
    totals = {cls: made.crossed[cls] + made.answered[cls] for cls in CLASSES}
    total = sum(totals.values())
    lines = ["calls per class:"]
    for cls, count in totals.items():
        by = made.answered[cls]
        share = f" ({100 * count / total:.1f} %)" if count else ""
        lines.append(f"  {cls:8} {count}{share}" + (f", {by} of them answered by routines" if by else ""))
    if total:
        lines.append(f"decided ahead of time: {100 * (total - totals[DYNAMIC]) / total:.1f} %")
    return lines


def _most(made: Calls) -> list[str]:
    """The calls made most, and the classes they took."""
    totals: Counter[str] = Counter()
    for (call, _), count in made.named.items():
        totals[call] += count
    lines = []
    for call, total in [(call, total) for call, total in totals.most_common(SHOWN) if total]:
        taken = ((cls, made.named[call, cls]) for cls in CLASSES if made.named[call, cls])
        shares = ", ".join(f"{cls} {100 * count / total:.0f} %" for cls, count in taken)
        lines.append(f"  {total:7} {call}: {shares}")
    return ["calls made most:", *lines] if lines else []


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
    calls = ", ".join(f"{cls} {tally.calls[cls]}" for cls in (BOUND, TABLE, DYNAMIC))
    return [
        f"code made at run time: pages that became executable: {tally.pages}, "
        f"possible traps: {tally.noted}, calls: {calls}"
    ]


def stats(dispatcher: Dispatcher, manifest: Manifest, made: Calls, images: Images) -> str:
    """The --stats summary: calls per class, images, traps by where they stand, numbers nobody serves."""
    lines = [*_classes(made), *_most(made)]
    lines.append(f"sites: {len(manifest.sites)}, imports: {len(manifest.imports)}")
    lines += _libraries(images)
    tally = images.library.made.tally
    lines += _made(tally)
    foreign = dispatcher.foreign.total()
    listed = made.crossed[DYNAMIC] - tally.calls["dynamic"] - foreign
    lines.append(f"traps of sites that stand as they were: {listed}")
    lines.append(f"traps from addresses the translator did not know: {foreign}")
    lines += [f"  {address:#x} {count}" for address, count in dispatcher.foreign.most_common(8)]
    if dispatcher.unknown:
        numbers = ", ".join(f"{n:#x}" for n in sorted(dispatcher.unknown))
        lines.append(f"numbers without a row: {numbers}")
    return "\n".join(lines) + "\n"
