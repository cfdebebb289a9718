"""The ordered ways to make room for a jump at a site; each answers a window or None.

A tactic must prove that it may: no branch lands inside the bytes it overwrites, moved instructions mean the
same elsewhere, nothing is taken twice. Bytes of a window behind the jump stay as they were, so that an
address we did not know about still finds its old instruction there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from aot.analyze.decode import LONGEST, Decoder, Flow, Raw
from aot.analyze.model import FoundSite, Insn, Known
from aot.image.model import Image
from aot.record import dataclass, field
from aot.rewrite.relocate import ends_flow, moved_size, refers_to

JUMP = 5  # e9 rel32
SHORT = 2  # eb rel8
RANGE = (1 << 31) - 0x1000  # of a rel32, whatever the length of the instruction around it
SHORT_REACH = 127
MOST = 8  # instructions worth moving


@dataclass(frozen=True, slots=True)
class Window:
    """What a tactic takes: `size` bytes at `start` are overwritten, [start, end) may not be taken again."""

    tactic: str
    start: int
    size: int
    end: int
    before: tuple[Insn, ...] = ()  # moved into the stub, ahead of the gate
    after: tuple[Insn, ...] = ()  # moved into the stub, behind the gate
    folded: bool = False  # the number load is gone too
    landing: int = 0  # where the long jump is when the window only holds a short one


@dataclass(slots=True)
class Ground:
    """What tactics know of an image: where branches land, and which bytes are taken already."""

    image: Image
    targets: frozenset[int]  # nothing that starts here may be inside an overwritten range
    decoder: Decoder
    area: tuple[int, int]  # the most that the stub area may take
    starts: tuple[int, ...] = ()  # of functions, in order
    taken: set[int] = field(default_factory=set)

    def free(self, start: int, size: int, end: int) -> bool:
        """True when [start, start + size) may be overwritten and [start, end) reserved."""
        segment = self.image.segment_at(start)
        if segment is None or end > segment.address + len(segment.data):
            return False
        if any(at in self.targets for at in range(start + 1, start + size)):
            return False
        if not self.taken.isdisjoint(range(start, end)):
            return False
        return not any(low < end and start < high for low, high in self.image.data_in_code)

    def next_function(self, address: int) -> int:
        """The first known function start from `address` on."""
        at = bisect_left(self.starts, address)
        return self.starts[at] if at < len(self.starts) else 1 << 64

    def movable(self, insn: Insn) -> bool:
        """True when `insn` means the same anywhere in the stub area."""
        if moved_size(insn) is None:
            return False
        goal = refers_to(insn)
        return goal is None or all(abs(goal - edge) < RANGE for edge in self.area)

    def take(self, window: Window) -> None:
        """Reserve what `window` uses."""
        self.taken.update(range(window.start, window.end))
        if window.landing:
            self.taken.update(range(window.landing, window.landing + JUMP))

    def leave(self, window: Window) -> None:
        """Give back what a window without a landing reserved."""
        self.taken.difference_update(range(window.start, window.end))


_BYTES = 2  # of code that are searched for padding in the time of one step

Tactic = Callable[[Ground, FoundSite], Window | None]


def in_place(ground: Ground, site: FoundSite) -> Window | None:
    """The trap is as long as what replaces it (aarch64: a branch, or the exit word itself)."""
    end = site.address + site.size
    free = ground.free(site.address, site.size, end)
    return Window("in place", site.address, site.size, end) if free else None


def fold(ground: Ground, site: FoundSite) -> Window | None:
    """`mov eax, number` right before the trap: one jump replaces both."""
    if not isinstance(site.number, Known) or site.number.load is None or not site.before:
        return None
    start, size = site.number.load
    last = site.before[-1]
    if (last.address, last.size) != (start, size) or start + size != site.address or size < JUMP:
        return None
    if last.raw[:1] != b"\xb8" and last.raw[:3] != b"\x48\xc7\xc0":  # the forms that touch no flag
        return None
    end = site.address + site.size
    return Window("fold", start, JUMP, end, folded=True) if ground.free(start, JUMP, end) else None


def before(ground: Ground, site: FoundSite) -> Window | None:
    """The nearest instructions before the trap run in the stub, ahead of the gate."""
    return ahead(ground, site, JUMP)


def ahead(ground: Ground, site: FoundSite, room: int) -> Window | None:
    """A window of "before" that begins at least `room` bytes before the end of the trap; all of them are free."""
    moved: tuple[Insn, ...] = ()
    end = site.address + site.size
    for insn in reversed(site.before[-MOST:]):
        if insn.address + insn.size != (moved[0].address if moved else site.address):
            return None
        if not ground.movable(insn) or ends_flow(insn):
            return None
        moved = (insn, *moved)
        if end - insn.address >= room:
            free = ground.free(insn.address, room, end)
            return Window("before", insn.address, JUMP, end, before=moved) if free else None
    return None


def after(ground: Ground, site: FoundSite) -> Window | None:
    """The nearest instructions after the trap run in the stub, behind the gate."""
    moved: list[Insn] = []
    end = site.address + site.size
    while end - site.address < JUMP and not (moved and ends_flow(moved[-1])):
        insn = _instruction(ground, end)  # control falls through to it: its boundary is certain
        if insn is None or not ground.movable(insn):
            break
        moved.append(insn)
        end += insn.size
    if not moved:
        return None
    if end - site.address < JUMP and ends_flow(moved[-1]):
        # behind a return there is often padding; it never runs
        room = _padding(ground, end, site.address + JUMP)
        end = site.address + JUMP if room else end
    if end - site.address < JUMP or not ground.free(site.address, JUMP, end):
        return None
    return Window("after", site.address, JUMP, end, after=tuple(moved))


def short(ground: Ground, site: FoundSite) -> Window | None:
    """A two-byte jump to padding nearby, which holds the long one."""
    end = site.address + site.size
    if not ground.free(site.address, SHORT, end):
        return None
    for landing in _landings(ground, site):
        near = abs(landing - end) <= SHORT_REACH
        if near and ground.free(landing, JUMP, landing + JUMP):
            return Window("short", site.address, SHORT, end, landing=landing)
    return None


# fold and before come first: the guest's next PC stays a real address of its own.
TACTICS_X86_64: tuple[Tactic, ...] = (fold, before, after, short)
TACTICS_AARCH64: tuple[Tactic, ...] = (in_place,)


def _instruction(ground: Ground, address: int) -> Insn | None:
    code = ground.image.read(address, LONGEST)
    for at, size, mnemonic, operands in ground.decoder.sweep(code, address)[:1]:
        return Insn(at, size, code[:size], mnemonic, operands)
    return None


def _padding(ground: Ground, start: int, end: int) -> bool:
    """True when [start, end) is nothing but padding and nothing lands in it."""
    if any(at in ground.targets for at in range(start, end)):
        return False
    reach = start
    for insn in ground.decoder.sweep(ground.image.read(start, end - start + 16), start):
        if reach >= end:
            break
        if not _pads(insn):
            return False
        reach += insn[1]
    return reach >= end


def _pads(insn: Raw) -> bool:
    mnemonic, operands = insn[2], insn[3]
    filler = mnemonic in ("nop", "int3") or mnemonic.endswith(" nop")
    return filler or (mnemonic, operands) in (("xchg", "ax, ax"), ("data16", ""))


def _landings(ground: Ground, site: FoundSite) -> Iterator[int]:
    """Addresses of five bytes of padding near `site`: those after it, then those before."""
    forward = site.address + site.size
    # the next function may not have been read: where its instructions are, and what is padding there, is not known
    end = min(forward + SHORT_REACH + 64, ground.next_function(forward))
    yield from _gaps(ground, forward, end)
    if site.function < site.address:
        near = max(site.function, site.address - SHORT_REACH)
        yield from _gaps(ground, near, site.address, site.function)


def _gaps(ground: Ground, start: int, end: int, sweep_from: int | None = None) -> Iterator[int]:
    """Runs of padding in [start, end) behind an instruction that ends the flow."""
    at = start if sweep_from is None else sweep_from
    decoder, dead, run = ground.decoder, False, 0
    if not decoder.effort.spend((end - at) // _BYTES):
        return
    for insn in decoder.sweep(ground.image.read(at, end - at), at):
        address, size = insn[0], insn[1]
        if dead and not _pads(insn) and address not in ground.targets:
            return  # data, or code that is reached in a way we do not know: the sweep may be out of step
        if dead and _pads(insn) and address not in ground.targets:
            run = run or address
            if address + size - run >= JUMP and run >= start:
                yield run
                run += JUMP
                if run > address + size:
                    run = 0
            continue
        run, dead = 0, _never_falls_through(decoder, insn)


def _never_falls_through(decoder: Decoder, insn: Raw) -> bool:
    # int3 and hlt stop too, but a guest's handler may go on behind them
    flow = decoder.flow(insn)
    return flow in (Flow.JUMP, Flow.JUMP_INDIRECT) or (
        flow is Flow.STOP and insn[2].removeprefix("bnd ").startswith(("ret", "ud2"))
    )
