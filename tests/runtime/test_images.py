"""Overlays on real pages: what they look like when they are laid, where they go, and when they go away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from aot.errors import ManifestError
from aot.image.elf_headers import PT_LOAD, read_headers
from aot.image.model import Arch, Prot
from aot.manifest import PAGE, GateKind, Manifest, Site
from aot.overlay import Overlay, read, write
from aot.personality.abi.personality import Personality
from aot.personality.linux.system import SYSTEM as LINUX
from aot.record import replace
from aot.rewrite.disassembly import Checker
from aot.rewrite.memory import Chunk, Memory
from aot.rewrite.verify_stubs import _check_site
from aot.translate import translate_library
from corpus.dynamic import build
from runtime.images import NAME, REACH, Images, Laid, Library
from runtime.kernel.frames import Arena
from runtime.kernel.memory import AddressSpace
from runtime.kernel.regions import FileBacking
from runtime.made import MadeCode, Tally

MAIN = 0x40_0000  # the program's stub area
SPAN = 64 * PAGE


class Engine:
    """The part of a CPU that images use; its exit words are the ones in files."""

    def __init__(self, arch: Arch) -> None:
        self.arch = arch
        self.areas: list[tuple[int, int]] = []

    def exit_words(self) -> dict[int, int]:
        return {int(kind): int(kind) for kind in GateKind}

    def add_area(self, start: int, end: int) -> None:
        self.areas.append((start, end))

    def drop_area(self, start: int, end: int) -> None:
        self.areas.remove((start, end))


class World:
    """An address space with a program and the plugin of corpus/src/linux/dynamic on the host."""

    def __init__(self, arch: Arch, *, dynamic: bool = False) -> None:
        self.file = build(arch.value, "gnu") / "libplugin.so"
        self.raw = self.file.read_bytes()
        overlay = translate_library(self.raw, Personality.LINUX)
        assert overlay is not None
        self.overlay = read(write(overlay))
        self.space, self.engine = AddressSpace(Arena(), arch), Engine(arch)
        self.space.map(MAIN, PAGE, Prot.R, fixed=True)
        self.space.poke(MAIN, bytes(range(256)) * 16)
        self.sites: list[int | None] = []
        self.library = Library(
            arch=arch, personality=int(Personality.LINUX), column=arch.value, find=self.find,
            add_sites=self.add_sites, known=set(), dynamic=dynamic, sites=self.sites,  # type: ignore[arg-type]
            made=MadeCode(LINUX.gates[arch.value], set(), Tally(), None),
        )  # fmt: skip
        main = Manifest(
            personality=int(Personality.LINUX), column=arch.value, arch=arch.value, format="elf", source_sha256="",
            entry=0, pie=False, area=MAIN, area_size=PAGE, counters=0,
        )  # fmt: skip
        self.images = Images(self.library, self.engine, main, 0)  # type: ignore[arg-type]
        self.space.watch(self.images)

    def find(self, fd: int) -> Overlay:
        return self.overlay

    def add_sites(self, numbers: list[int | None]) -> int:
        self.sites += numbers
        return len(self.sites) - len(numbers)

    def load(self, at: int | None = None) -> int:
        """Map the plugin as a linker does; where."""
        base = self.space.map(at, SPAN, 0, fixed=at is not None)
        with self.file.open("rb") as file:
            for p in read_headers(self.raw).phdrs:
                if p.type == PT_LOAD:
                    start, end = p.address & -PAGE, -(-(p.address + p.filesz) // PAGE) * PAGE
                    backing = FileBacking(file.fileno(), p.offset - (p.address - start))
                    self.space.map(base + start, end - start, p.flags & 7, fixed=True, backing=backing)
        return base

    def laid(self) -> Laid:
        (found,) = self.images.laid
        return found

    def check(self, laid: Laid) -> None:
        """Every window and stub of `laid`, disassembled where it is."""
        bias = laid.bias
        regions = [r for r in self.space.regions() if r.prot]
        chunks = [
            Chunk(r.start, r.size, self.space.fetched.peek(r.start, r.size), Prot(r.prot & 7))
            for r in regions
        ]
        memory = Memory(chunks)
        manifest = laid.overlay.manifest
        sites = [self.final(site, laid) for site in manifest.sites]
        here = replace(manifest, area=laid.area, sites=tuple(sites))
        old = [(s.window, bytes.fromhex(s.old)) for s in sites if s.old]
        old += [(s.landing, bytes.fromhex(s.landing_old)) for s in sites if s.landing]
        checker = Checker(here, memory, memory.restored(old))
        inline, first = 0, laid.first + len(sites)
        for index, site in enumerate(sites, laid.first):
            _check_site(checker, index, site, inline, first)
            inline += site.cls == "inline"
            first += len(site.cases)
        assert [s.addr for s in manifest.sites] == [s.addr - bias for s in sites]

    def final(self, site: Site, laid: Laid) -> Site:
        area, size, bias = laid.overlay.area, laid.overlay.area_size, laid.bias

        def at(address: int) -> int:
            if not address:
                return 0
            return address + bias + (laid.shift if area <= address < area + size else 0)

        return replace(
            site, addr=at(site.addr), window=at(site.window), stub=at(site.stub), resume=at(site.resume),
            gate=at(site.gate), again=at(site.again), cont=at(site.cont), fast=at(site.fast), landing=at(site.landing),
            moved=tuple((at(m), at(g)) for m, g in site.moved),
            cases=tuple(
                replace(case, entry=at(case.entry), gate=at(case.gate), test=at(case.test)) for case in site.cases
            ),
            table=at(site.table),
            new=self.space.fetched.peek(at(site.window), len(site.new) // 2).hex(),
        )  # fmt: skip


@pytest.fixture(params=list(Arch), ids=[arch.value for arch in Arch])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.param)
    yield made
    made.space.close()


def test_windows_and_stubs_are_what_the_manifest_says(world: World) -> None:
    base = world.load()
    laid = world.laid()
    assert laid.bias == base and world.engine.areas == [(laid.area, laid.area + world.overlay.area_size)]
    world.check(laid)
    assert world.space.peek(laid.area, PAGE) == world.space.peek(MAIN, PAGE)
    assert {at + base for at in world.overlay.known} == world.library.known


def test_a_second_mapping_has_numbers_and_stubs_of_its_own(world: World) -> None:
    world.load()
    world.load()
    one, two = world.images.laid
    assert (one.first, two.first) == (0, len(world.overlay.numbers))
    assert world.sites == [*world.overlay.numbers, *world.overlay.numbers]
    world.check(one)
    world.check(two)


def test_what_is_unmapped_leaves_nothing_and_its_numbers_are_used_again(world: World) -> None:
    before = [(r.start, r.end) for r in world.space.regions()]
    for _ in range(3):
        base = world.load()
        assert len(world.images.laid) == 1
        world.space.unmap(base, SPAN)
        assert not world.images.laid and not world.engine.areas
    assert [(r.start, r.end) for r in world.space.regions()] == before
    assert world.sites == world.overlay.numbers


def test_a_place_in_pieces_is_laid_piece_by_piece(world: World) -> None:
    """A linker may map without the right to execute and give it later."""
    base = world.load()
    text = next(r for r in world.space.regions() if r.file is not None and r.prot & Prot.X)
    world.space.unmap(base, SPAN)
    with world.file.open("rb") as file:
        world.space.map(text.start, text.size, 4, fixed=True, backing=FileBacking(file.fileno(), text.offset))
    assert not world.images.laid
    world.space.protect(text.start, text.size, 5)
    world.check(world.laid())


def test_bytes_that_are_not_the_translators_stay(world: World) -> None:
    patch = world.overlay.patches[0]
    patch[1] = bytes(b ^ 1 for b in bytes.fromhex(patch[1])).hex()
    base = world.load()
    size = len(patch[2]) // 2
    assert world.space.fetched.peek(base + patch[0], size).hex() != patch[2]
    at = next(p for p in read_headers(world.raw).phdrs if p.type == PT_LOAD and p.flags & 1)
    offset = patch[0] - at.address + at.offset
    assert world.space.fetched.peek(base + patch[0], size) == world.raw[offset : offset + size]


def test_pages_move_as_they_were_and_are_laid_again(world: World) -> None:
    world.load()
    laid = world.laid()
    text = next(r for r in world.space.regions() if r.file is not None and r.prot & Prot.X)
    start, size = text.start, text.size
    target = world.space.find_free(size, top_down=False)
    world.space.move(start, size, target)
    moved = world.laid()
    assert moved is not laid and moved.bias == laid.bias + target - start
    world.check(moved)


def test_without_room_in_reach_nothing_is_laid(world: World) -> None:
    reach = REACH[world.engine.arch]
    base = 1 << 40
    world.space.map(base - reach, reach, 0, fixed=True)
    world.space.map(base + SPAN, reach, 0, fixed=True)
    world.load(base)
    assert not world.images.laid
    assert world.library.declined == {"no room in branch range": 1}


def test_a_dynamic_run_has_the_same_addresses(world: World) -> None:
    base = world.load()
    other = World(world.engine.arch, dynamic=True)
    assert other.load() == base
    shape = [(r.start, r.end, r.prot) for r in world.space.regions()]
    assert [(r.start, r.end, r.prot) for r in other.space.regions()] == shape
    assert not other.sites and not other.engine.areas and other.library.known == world.library.known
    for address, old, *_ in other.overlay.patches:
        assert other.space.fetched.peek(base + address, len(old) // 2).hex() == old
    other.space.unmap(base, SPAN)
    assert NAME not in {r.name for r in other.space.regions()}
    other.space.close()


def test_pcs_inside_are_shown_as_the_guest_has_them(world: World) -> None:
    base = world.load()
    laid = world.laid()
    for index, site in enumerate(laid.overlay.manifest.sites):
        if not site.stub:
            continue
        stub = site.stub + laid.bias + laid.shift
        shown = world.images.shown(stub)
        assert shown is not None and base <= shown.pc < base + SPAN
        again = world.images.again(laid.first + index, 0)
        assert again.pc in (site.addr + base, site.window + base)
        assert world.images.machine(shown.pc) in (shown.pc, stub)
    assert world.images.shown(base) is not None


def test_a_copy_of_the_space_has_its_own_list(world: World) -> None:
    base = world.load()
    child = world.space.clone()
    engine = Engine(world.engine.arch)
    engine.areas = list(world.engine.areas)
    child.watcher = world.images.copied(engine)  # type: ignore[arg-type]
    child.unmap(base, SPAN)
    assert not child.watcher.laid and not engine.areas
    world.check(world.laid())
    child.close()


def test_files_without_an_overlay_are_asked_for_once(world: World) -> None:
    asked = []

    def find(fd: int) -> None:
        asked.append(os.fstat(fd).st_ino)

    world.library.find = find
    world.load()
    world.load()
    assert len(asked) == 1 and not world.images.laid


def test_another_architectures_overlay_is_not_laid(world: World, tmp_path: Path) -> None:
    world.overlay = replace(world.overlay, arch="aarch64" if world.engine.arch is Arch.X86_64 else "x86_64")
    world.load()
    assert not world.images.laid


def test_a_damaged_overlay_is_refused_or_laid_harmlessly(world: World) -> None:
    """It may come with a program, from anywhere."""
    random, whole, laid = Random(1), write(world.overlay), 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(random.choice((1, 2, 5))):
            damaged[random.randrange(len(damaged))] = random.choice((0, 255, random.randrange(48, 58)))
        try:
            world.overlay = read(bytes(damaged))
        except ManifestError:
            continue
        world.library.overlays.clear()
        world.space.unmap(world.load(), SPAN)
        world.images.laid.clear()
        laid += 1
    assert laid > 50
