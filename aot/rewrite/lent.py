"""A last way to a landing: a site nearby takes more of the straight code before it than it needs, and lends the rest.

Two jumps then stand in the window of the neighbour: its own, and the long one that a site without room reaches by a
short jump. Everything that was there runs in the neighbour's stub. musl's reads are such a site: four bytes between two
branch targets, beside a `readv` with two loads of constants before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from aot.analyze.model import FoundSite
from aot.rewrite.tactics import JUMP, SHORT, SHORT_REACH, Ground, Window, ahead

LENDERS = ("fold", "before")

Planned = tuple[FoundSite, Window | None]


def lent(ground: Ground, sites: Sequence[Planned], needy: int) -> tuple[int, Window, Window] | None:
    """(index of a neighbour, its wider window, the window of the needy site), or None; nothing is taken yet."""
    site = sites[needy][0]
    end = site.address + site.size
    if not ground.free(site.address, SHORT, end):
        return None
    for index in (needy - 1, needy + 1):
        if not 0 <= index < len(sites):
            continue
        neighbour, window = sites[index]
        if window is None or window.tactic not in LENDERS:
            continue
        wider = _wider(ground, neighbour, window)
        if wider is None:
            continue
        landing = wider.start + JUMP
        if -SHORT_REACH - 1 <= landing - (site.address + SHORT) <= SHORT_REACH:
            return index, wider, Window("lent", site.address, SHORT, end, landing=landing)
    return None


def _wider(ground: Ground, site: FoundSite, window: Window) -> Window | None:
    """The window of a site with room for two jumps, everything before its trap moved."""
    ground.leave(window)
    wider = ahead(ground, site, 2 * JUMP)
    ground.take(window)
    return wider
