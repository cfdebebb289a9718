"""The sites of a file, with numbers that a system lets a program pass as the first argument of another call."""

from __future__ import annotations

from aot.analyze.model import CallPath, FoundSite
from aot.analyze.sites import analyze
from aot.image.model import Image
from aot.personality.abi.system import System
from aot.record import replace


def sites_of(
    image: Image, system: System, column: str, known: tuple[FoundSite, ...] | None = None
) -> tuple[FoundSite, ...]:
    """Every site of `image`; one that asks with the number of syscall(2) has the paths of the real number.

    `known` are its sites, when somebody has looked already.
    """
    gate = system.gates[image.arch.value]
    sites = analyze(image, gate).sites if known is None else known
    indirect = frozenset(system.indirect.get(column, ()))
    asked = {site.address for site in sites if set(site.numbers) <= indirect and site.complete}
    if not asked:
        return sites
    register = system.indirect_register.get(column) or gate.args[0]
    passed = {s.address: s for s in analyze(image, replace(gate, number=register), only=asked).sites}
    real = system.indirect_class.get(column, 0)
    return tuple(
        replace(site, paths=_paths(passed[site.address], real)) if site.address in asked else site
        for site in sites
    )


def _paths(site: FoundSite, real: int) -> tuple[CallPath, ...]:
    """The paths of the first argument, as numbers of the class that syscall(2) makes."""
    paths = site.paths or tuple(CallPath(number, (), site.function) for number in site.numbers)
    return tuple(path if path.number is None else replace(path, number=path.number | real) for path in paths)
