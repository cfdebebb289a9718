"""Which address of its own code a guest is shown for a PC inside a stub, and where a named one continues."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from aot.image.model import Arch
from aot.manifest import Case, Manifest, Site, StubClass, indexes
from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """What the guest may see: PC, and what its number register holds there (None: what it does, plus `more`).

    `trap` is the address of the trap where that is not the PC: its number is loaded first.
    """

    pc: int
    number: int | None = None
    more: int = 0
    trap: int = 0


class PcMap:
    """Both directions for one loaded image; `bias` is where it was loaded against its link addresses."""

    def __init__(self, manifest: Manifest, bias: int = 0) -> None:
        self.bias = bias
        self._indexes = tuple(indexes(manifest))
        self._x86 = Arch(manifest.arch) is Arch.X86_64
        self._sites = sorted((s for s in manifest.sites if s.stub), key=lambda s: s.stub)
        self._starts = [site.stub for site in self._sites]
        self._landings = {site.landing: site.addr for site in self._sites if site.landing}
        self._machine: dict[int, int] = {}
        for site in self._sites:
            self._machine |= self._replaced(site)
        # a long jump may stand in what another site moved away
        jumps = ((site.landing, len(site.landing_old) // 2) for site in self._sites)
        landings = {at for start, size in jumps for at in range(start, start + size)}
        moved = (pair for site in self._sites for pair in site.moved)
        self._machine |= {guest: machine for machine, guest in moved if guest in landings}

    def restored(self, start: int, end: int) -> None:
        """The guest's own instructions are back in the windows that reach into [start, end)."""
        back = [*self._windows(start - self.bias, end - self.bias)]
        for low, high in back:
            for at in range(low, high):
                self._machine.pop(at, None)
                self._landings.pop(at, None)

    def _windows(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        for site in self._sites:
            for at, old in ((site.window, site.old), (site.landing, site.landing_old)):
                if old and at < end and start < at + len(old) // 2:
                    yield at, at + len(old) // 2

    def site_at(self, pc: int) -> Site | None:
        """The site whose stub holds `pc`."""
        index = bisect_right(self._starts, pc - self.bias) - 1
        site = self._sites[index] if index >= 0 else None
        return site if site and pc - self.bias < site.stub + site.stub_size else None

    def shown(self, pc: int) -> Shown | None:
        """What to show for `pc`: itself outside stubs; None when the stub has to run on first, because
        a part of its result is already there (some instructions, no gate)."""
        site = self.site_at(pc)
        if site is None:
            landed = self._landings.get(pc - self.bias)
            return Shown(pc if landed is None else landed + self.bias)
        here = pc - self.bias
        found = self._shown_x86(site, here) if self._x86 else self._shown_a64(site, here)
        return Shown(found.pc + self.bias, found.number, found.more) if found else None

    def again(self, index: int | None, pc: int) -> Shown:
        """What to show of a call that is made again: `index` of its site, or the `pc` of what left."""
        if index is not None:
            site, number = self._indexes[index]
        elif (found := self.site_at(pc)) is not None:
            gates = {case.gate: case.number for case in found.cases}
            site, number = found, gates.get(pc - self.bias, found.number)
        else:
            return Shown(pc)
        if site.folded and self._x86:
            return Shown(site.window + self.bias, trap=site.addr + self.bias)
        return Shown(site.addr + self.bias, number)

    def machine(self, pc: int) -> int:
        """Where the machine continues when the guest continues at `pc`."""
        here = pc - self.bias
        return self._machine.get(here, here) + self.bias

    @staticmethod
    def _replaced(site: Site) -> dict[int, int]:
        """Addresses of old instructions that are not there any more, and where they are now."""
        start, end = site.window, site.window + len(site.new) // 2
        places = {guest: machine for machine, guest in site.moved if start < guest < end}
        if site.addr not in (site.again, start):
            places[site.addr] = site.again
        if site.cont and site.resume < end:
            places[site.resume] = site.cont
        return places

    @staticmethod
    def _shown_x86(site: Site, here: int) -> Shown | None:
        for machine, guest in site.moved:
            if machine == here:
                return Shown(guest)
        if here <= site.gate or here < site.fast:
            # nothing has happened: rcx and r11 are the call's to lose
            return Shown(site.window if site.folded else site.addr)
        if site.cases:
            case = _case_at(site, here)
            return Shown(site.addr) if case is None or here <= case.gate else None
        return None

    @staticmethod
    def _shown_a64(site: Site, here: int) -> Shown | None:
        last = site.gate
        if site.cases and (case := _case_at(site, here)) is not None:
            return Shown(site.addr, case.number) if here <= case.gate else None
        for case in site.cases:
            if case.test and here in (case.test, case.test + 4):
                return Shown(site.addr, more=case.number)
        if site.cls == StubClass.INLINE.value:
            last = site.fast - 4
        return Shown(site.addr, site.number) if here <= last else None


def _case_at(site: Site, here: int) -> Case | None:
    """The case whose part of the stub holds `here`; parts are in order, at the end of what is not moved."""
    return max((case for case in site.cases if case.entry <= here), key=lambda case: case.entry, default=None)
