"""The translated images of an address space: the program, and the shared objects its linker maps.

The kernel tells (`MappingWatcher`) when pages of a file become executable and when they go. The file's overlay
(aot/overlay.py) is then laid over the private pages, and its stubs go where there is room in branch range. A dynamic
run gives the stubs the same room and leaves everything else alone, so both ways see the same addresses.

What has no overlay (nothing in it asks the kernel, or nobody translates), what is mapped in an unusual way and what
finds no room stays as it is: its calls take the dynamic path, and `--stats` counts them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

from aot.errors import ManifestError
from aot.image.model import Arch
from aot.manifest import DATA, PAGE, WAITS, DataWord, Manifest, Site
from aot.overlay import Overlay
from aot.pcmap import PcMap, Shown
from aot.personality.abi.errors import Errno
from aot.personality.abi.system import KernelCode
from aot.record import dataclass, field, replace
from runtime.cpu.api import Cpu, Handler
from runtime.kernel.context import Context
from runtime.kernel.memory import AddressSpace
from runtime.kernel.regions import FileBacking
from runtime.kernelcode import bound_function
from runtime.laying import patch, stubs_at
from runtime.made import MadeCode

REACH = {Arch.X86_64: 1 << 31, Arch.AARCH64: 1 << 27}  # bytes of a branch, either way
MARGIN = 1 << 20  # bytes kept free of that: the fields are not all at the ends
MOST = 200  # images with stubs in one address space: the CPU's stop poll looks at a list of them
MOST_SITES = 1 << 16  # an aarch64 stub names its site in sixteen bits
NAME = "[helctic stubs]"
OUT_OF_REACH = "no room in branch range"


@dataclass(slots=True, eq=False)
class Laid:
    """One image whose overlay is in place. Addresses are final."""

    overlay: Overlay
    bias: int
    area: int
    first: int  # index of its first site in the doors
    start: int  # of its code
    end: int
    shift: int  # how much farther from the image its stubs are than at link time
    replaced: bool = False  # something else was mapped over its code
    unpatched: tuple[tuple[int, int], ...] = ()  # where its windows are gone, for good
    pcs: PcMap | None = None

    def holds(self, pc: int) -> bool:
        """Whether `pc` is in its stubs or its code."""
        in_area = self.area <= pc < self.area + self.overlay.area_size
        return in_area or (self.start <= pc < self.end and not self.replaced)


Find = Callable[[int], Overlay | None]
"""The overlay of the file behind a descriptor; None when there is nothing to lay."""


@dataclass(slots=True)
class Library:
    """What a program knows of the shared objects that its processes map: overlays, and numbers of sites."""

    arch: Arch
    personality: int
    column: str
    find: Find | None
    add_sites: Callable[[list[int | None]], int]  # binds handlers; the index of the first
    known: set[int]  # addresses of traps that the translator listed; another process may still have them
    dynamic: bool
    sites: list[Handler]  # of the doors
    made: MadeCode  # empty: what an address space begins with
    overlays: dict[tuple[int, int, int, int], Overlay | None] = field(default_factory=dict)
    indexes: dict[str, list[int]] = field(default_factory=dict)  # sha256 -> first indexes it was given
    declined: dict[str, int] = field(default_factory=dict)  # why an overlay was not laid -> how often

    def overlay(self, fd: int) -> Overlay | None:
        """The overlay of an open file."""
        if self.find is None:
            return None
        status = os.fstat(fd)
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if key not in self.overlays:
            found = self.find(fd)
            fits = found is not None and (found.arch, found.personality, found.column) == (
                self.arch.value,
                self.personality,
                self.column,
            )
            self.overlays[key] = found if fits else None
        return self.overlays[key]

    def first_index(self, overlay: Overlay, taken: set[int]) -> int | None:
        """Index of the first site of one more mapping of `overlay`; None when there are too many sites."""
        given = self.indexes.setdefault(overlay.sha256, [])
        free = next((first for first in given if first not in taken), None)
        if free is None and not self.dynamic:
            if len(self.sites) + len(overlay.numbers) > MOST_SITES:
                return None
            free = self.add_sites(overlay.numbers)
            given.append(free)
        return free or 0

    def decline(self, why: str) -> None:
        """Count an overlay that was not laid."""
        self.declined[why] = self.declined.get(why, 0) + 1


class Images:
    """The images of one address space; implements runtime.kernel.memory.MappingWatcher."""

    def __init__(self, library: Library, cpu: Cpu, main: Manifest, bias: int) -> None:
        self.library, self.cpu, self.main, self.bias = library, cpu, main, bias
        self.laid: list[Laid] = []
        self.own: dict[
            int, int
        ] = {}  # index of a site in code of the kernel's own -> where its function begins
        self.code = library.made.copied()
        self.unpatched: list[tuple[int, int]] = []  # where the program's own windows are gone
        self._main_pcs: PcMap | None = None

    def copied(self, cpu: Cpu) -> Images:
        """The images of a copy of the address space, which has an engine of its own."""
        twin = Images(self.library, cpu, self.main, self.bias)
        twin.laid = [replace(laid) for laid in self.laid]
        twin.own = self.own
        twin.unpatched = [*self.unpatched]
        twin.code = self.code.copied()
        return twin

    # what the kernel tells

    def executable(self, space: AddressSpace, start: int, end: int, file: FileBacking, offset: int) -> None:
        """[start, end) of a private mapping became executable; `offset` is that of `start` in the file."""
        overlay = self.library.overlay(file.fd)
        if overlay is None or not self.main.area:
            return
        for address, at, size in overlay.loads:
            if offset <= at and at + size <= offset + end - start:
                bias = start + at - offset - address
                if bias % PAGE == 0:
                    self._lay(space, overlay, bias, (start, end))

    def made(self, space: AddressSpace, start: int, end: int) -> None:
        """[start, end) is executable from now on, and what it holds the guest can have put there."""
        self.code.executable(space, start, end)

    def gone(self, space: AddressSpace, start: int, end: int, *, unmapped: bool) -> None:
        """[start, end) was unmapped, or is about to be something else."""
        self.code.gone(start, end)
        for laid in [laid for laid in self.laid if start < laid.end and laid.start < end]:
            if not unmapped or not (start <= laid.start and laid.end <= end):
                laid.replaced = True
                continue
            self.laid.remove(laid)
            if not self.library.dynamic:
                self.cpu.drop_area(laid.area, laid.area + laid.overlay.area_size)
            space.unseal(laid.area, laid.overlay.area_size)
            space.unmap(laid.area, laid.overlay.area_size)

    def plain(self, start: int, end: int) -> None:
        """Code in [start, end) is the guest's to change: its traps take the dynamic path. Stubs stay, for whoever
        is inside one."""
        self.unpatched.append((start, end))
        self._main_pcs = None
        for laid in self.laid:
            if start < laid.end and laid.start < end:
                laid.unpatched, laid.pcs = (*laid.unpatched, (start, end)), None

    def own_code(self, address: int, size: int) -> None:
        """The kernel put code of its own there: its traps are no surprise."""
        self.library.known.update(range(address, address + size))

    def bind_own(self, space: AddressSpace, start: int, code: KernelCode) -> None:
        """Ahead of time the functions of `code`, which the kernel put at `start`, make bound crossings."""
        library = self.library
        if library.dynamic or not self.main.area or len(library.sites) + len(code.functions) > MOST_SITES:
            return
        first = library.add_sites([number for _, number in code.functions])
        page = space.peek(self.main.area + self.bias, PAGE)
        for index, (at, number) in enumerate(code.functions, first):
            self.own[index] = start + at
            space.poke(start + at, bound_function(self.cpu, number, index, page))

    # laying

    def _lay(self, space: AddressSpace, overlay: Overlay, bias: int, within: tuple[int, int]) -> None:
        """Lay `overlay` over what of its image is in `within`, making its stubs when it is the first part."""
        laid = next((one for one in self.laid if one.overlay is overlay and one.bias == bias), None)
        if laid is None:
            laid = self._make(space, overlay, bias)
            if laid is None:
                return
        laid.replaced = False
        if any(start < within[1] and within[0] < end for start, end in laid.unpatched):
            return
        if not self.library.dynamic:
            try:
                patch(space, overlay, bias, laid.shift, within, self.cpu)
            except struct.error:  # nothing was written
                self.library.decline(OUT_OF_REACH)

    def _make(self, space: AddressSpace, overlay: Overlay, bias: int) -> Laid | None:
        """The stubs of one more image, or None where they cannot be had."""
        library = self.library
        start = min(load[0] for load in overlay.loads) + bias
        end = max(load[0] + load[2] for load in overlay.loads) + bias
        first = library.first_index(overlay, {one.first for one in self.laid if one.overlay is overlay})
        if first is None or len(self.laid) >= MOST:
            library.decline("too many sites or images")
            return None
        reach = REACH[library.arch] - MARGIN
        try:
            area = space.find_free(overlay.area_size, lo=max(space.low, end - reach), hi=start + reach)
            laid = Laid(overlay, bias, area, first, start, end, area - overlay.area - bias)
            self._map(space, laid, stubs_at(overlay, laid.shift, first, self.cpu))
        except (Errno, struct.error, ManifestError):
            library.decline(OUT_OF_REACH)
            return None
        self.laid.append(laid)
        library.known.update(at + bias for at in overlay.known)
        return laid

    def _map(self, space: AddressSpace, laid: Laid, code: bytes) -> None:
        area, overlay = laid.area, laid.overlay
        stubs = overlay.stubs - overlay.area
        space.map(area, PAGE, 4, fixed=True, name=NAME)
        if overlay.counters:
            space.map(area + PAGE, PAGE * overlay.counters, 6, fixed=True, name=NAME)
        space.map(area + stubs, overlay.area_size - stubs, 5, fixed=True, name=NAME)
        space.poke(area, space.peek(self.main.area + self.bias, PAGE))  # the gates' addresses, the data words
        space.poke(area + stubs, code)
        space.seal(area, overlay.area_size)
        if not self.library.dynamic:
            self.cpu.add_area(area, area + overlay.area_size)

    # what others ask

    def set_words(self, space: AddressSpace, words: dict[DataWord, int], waits: bytes) -> None:
        """Keep current what inline stubs read: all data words, and the table at WAITS."""
        raw = struct.pack(f"<{len(words)}Q", *(words[word] & 0xFFFF_FFFF_FFFF_FFFF for word in sorted(words)))
        raw = raw.ljust(WAITS - DATA, b"\0") + waits
        for area in self.areas():
            space.poke(area + DATA, raw)

    def areas(self) -> Iterator[int]:
        """Addresses of the stub areas."""
        if self.main.area:
            yield self.main.area + self.bias
        yield from (laid.area for laid in self.laid)

    def manifests(self) -> Iterator[tuple[Manifest, int]]:
        """(manifest, address of its stub area) of every image."""
        yield self.main, self.main.area + self.bias
        for laid in self.laid:
            yield laid.overlay.manifest, laid.area

    def shown(self, pc: int) -> Shown | None:
        """See PcMap."""
        return self._pcs(pc).shown(pc)

    def machine(self, pc: int) -> int:
        """See PcMap."""
        return self._pcs(pc).machine(pc)

    def again(self, index: int | None, pc: int) -> Shown:
        """See PcMap."""
        if index is None:
            return self._pcs(pc).again(None, pc)
        for laid in self.laid:
            if laid.first <= index < laid.first + len(laid.overlay.numbers):
                return _pcs_of(laid).again(index - laid.first, pc)
        if index in self.own:
            return Shown(self.own[index])
        return self._main().again(index, pc)

    def _pcs(self, pc: int) -> PcMap:
        if not self.library.dynamic:
            for laid in self.laid:
                if laid.holds(pc):
                    return _pcs_of(laid)
        return self._main()

    def _main(self) -> PcMap:
        if self._main_pcs is None:
            main = replace(self.main, sites=()) if self.library.dynamic else self.main
            self._main_pcs = PcMap(main, self.bias)
            for start, end in self.unpatched:
                self._main_pcs.restored(start, end)
        return self._main_pcs


def images_of(ctx: Context) -> Images:
    """The images of the address space that a context runs in."""
    images = ctx.mem.watcher
    assert isinstance(images, Images), "a context without images"
    return images


def _pcs_of(laid: Laid) -> PcMap:
    """The map of one shared object, made when the first signal needs it."""
    if laid.pcs is None:
        manifest, area, size = laid.overlay.manifest, laid.overlay.area, laid.overlay.area_size

        def final(address: int) -> int:
            return address + laid.shift if area <= address < area + size else address

        def moved(site: Site) -> Site:
            return replace(
                site, stub=final(site.stub), gate=final(site.gate), again=final(site.again),
                cont=final(site.cont), fast=final(site.fast), moved=tuple((final(m), g) for m, g in site.moved),
                cases=tuple(
                    replace(case, entry=final(case.entry), gate=final(case.gate), test=final(case.test))
                    for case in site.cases
                ),
            )  # fmt: skip

        sites = tuple(moved(site) for site in manifest.sites)
        laid.pcs = PcMap(replace(manifest, sites=sites), laid.bias)
        for start, end in laid.unpatched:
            laid.pcs.restored(start, end)
    return laid.pcs
