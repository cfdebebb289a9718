"""Code that the guest made while it ran (by a JIT, unpacked, patched, on a stack): its traps are bound in place.

Nothing is written into such code: the guest may read it back, go on writing it, jump anywhere into it, or have it
at a second address. When memory becomes executable, whatever could be a trap in it is noted. The first crossing of
one binds its handler to the address, and later ones go straight to that handler while the number register says the
same. So what was noted and is no instruction, or is one no more, costs nothing and changes nothing. A trap that was
written after its page had become executable is met by the dynamic path once, and bound from then on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from aot.image.traps import LONGEST, matches
from aot.manifest import StubClass
from aot.personality.abi.gate import Gate
from aot.record import dataclass, field
from runtime.cpu.api import NOWHERE, Handler, InPlace
from runtime.kernel.frames import PAGE
from runtime.kernel.memory import AddressSpace
from runtime.kernel.residence import contents

TOGETHER = 1 << 22  # bytes that are looked at at once
AROUND = 1 << 16  # bytes that are looked at where nothing had been noted
MOST = 1 << 16  # traps of one address space that are kept: a hostile guest can make any number


@dataclass(slots=True)
class Tally:
    """What a run counts of such code."""

    pages: int = 0  # with something in them that became executable
    noted: int = 0  # what could have been traps in it
    calls: Counter[str] = field(default_factory=Counter)  # by class; bound ones where somebody counts


@dataclass(slots=True)
class MadeCode:
    """The traps in such code of one address space."""

    gate: Gate
    listed: set[int]  # addresses of traps that the translator knows
    tally: Tally
    wrap: Callable[[Handler], Handler] | None  # goes around handlers that are bound; None: nothing is
    places: InPlace = field(default_factory=dict)
    noted: set[int] = field(default_factory=set)  # what could be a trap and was not crossed yet

    def copied(self) -> MadeCode:
        """The same for a copy of the address space."""
        return MadeCode(self.gate, self.listed, self.tally, self.wrap, dict(self.places), set(self.noted))

    def executable(self, space: AddressSpace, start: int, end: int) -> None:
        """Note what could be a trap in memory that became executable."""
        self.tally.pages += self._look(space, start, end)

    def _look(self, space: AddressSpace, start: int, end: int) -> int:
        """Note what could be a trap in [start, end); how many pages of it hold something."""
        pages = 0
        for lo, hi in contents(space, start, end):
            pages += (hi - lo) // PAGE
            for at in range(lo, hi, TOGETHER):
                self._note(space.peek(at, min(hi - at, TOGETHER + LONGEST - 1)), at)
        return pages

    def _note(self, code: bytes, address: int) -> None:
        for at, _, _ in matches(code, address, self.gate):
            if len(self.noted) >= MOST:
                return
            if not (at in self.places or at in self.noted or at in self.listed):
                self.noted.add(at)
                self.tally.noted += 1

    def gone(self, start: int, end: int) -> None:
        """Something else may come to [start, end)."""
        self.noted.difference_update([at for at in self.noted if start <= at < end])
        for at in [at for at in self.places if start <= at < end]:
            del self.places[at]

    def class_of(self, pc: int) -> str:
        """How the next trap at `pc` is served: its handler is found by number in a table, or by looking it up."""
        expected = self.wrap is not None and (pc in self.places or pc in self.noted)
        return StubClass.TABLE.value if expected else StubClass.DYNAMIC.value

    def meet(self, space: AddressSpace, pc: int, number: int, handler: Handler) -> bool:
        """The trap at `pc` makes the call `number` now; False when it is not in code that the guest made."""
        cls, (known, _) = self.class_of(pc), self.places.get(pc, NOWHERE)
        if known < 0 and pc not in self.noted:
            region = space.region_at(pc)
            if region is None or not region.made:
                return False
            self._look(space, max(region.start, pc & -AROUND), min(region.end, (pc & -AROUND) + AROUND))
        self.tally.calls[cls] += 1
        if self.wrap is None:
            if len(self.noted) < MOST:
                self.noted.add(pc)
        elif known != number and (known >= 0 or len(self.places) < MOST):
            self.noted.discard(pc)
            self.places[pc] = number, self.wrap(handler)
        return True
