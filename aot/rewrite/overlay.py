"""From a patched shared object to its overlay: which bytes depend on where the runtime puts the stubs."""

from __future__ import annotations

from collections.abc import Iterator

from aot.image.elf_headers import PT_LOAD, Phdr
from aot.image.model import Arch, Prot
from aot.manifest import PAGE, Manifest, Site, StubClass, indexes
from aot.overlay import Overlay, Patch, PatchKind
from aot.rewrite import stubs_x86_64
from aot.rewrite.apply import Applied
from aot.rewrite.assemble import render

BEFORE = 4  # bytes from the field that loads a site's index to the instruction that enters the gate


def overlay_of(applied: Applied, phdrs: tuple[Phdr, ...], manifest: bytes) -> Overlay:
    """The overlay of the shared object with these program headers; `manifest` is its manifest, encoded."""
    m = applied.manifest
    first = m.area + PAGE * (1 + m.counters)
    code = next((s.data for s in applied.segments if s.address == first and s.name == "helctic.stubs"), b"")
    in_stubs = [exit_ for exit_ in m.exits if m.area <= exit_.addr < m.area + m.area_size]
    return Overlay(
        personality=m.personality, column=m.column, arch=m.arch, sha256=m.source_sha256,
        loads=[[p.address, p.offset, p.filesz] for p in phdrs if p.type == PT_LOAD and p.flags & Prot.X],
        area=m.area, area_size=m.area_size, counters=m.counters,
        numbers=[number for _, number in indexes(m)],
        known=[s.addr for s in m.sites],
        indexes=[gate - BEFORE - first if gate else -1 for gate in _gates(m)],
        exits=[[exit_.addr - first, exit_.kind] for exit_ in in_stubs],
        outward=[at - first for at in applied.outward],
        patches=[patch for site in m.sites for patch in _patches(site)],
        code=code, manifest_bytes=manifest,
    )  # fmt: skip


def _gates(manifest: Manifest) -> Iterator[int]:
    """Addresses of the instructions that enter a gate right behind the load of an index, by index; 0: none does."""
    in_place = Arch(manifest.arch) is Arch.AARCH64  # the exit by table needs no index
    for site in manifest.sites:
        yield 0 if not site.stub or (in_place and site.cls == StubClass.TABLE.value) else site.gate
    yield from (case.gate for site in manifest.sites for case in site.cases)


def _patches(site: Site) -> list[Patch]:
    """What is written over the image for one site."""
    if site.cls == StubClass.DYNAMIC.value:
        return []
    if not site.stub:
        return [[site.window, site.old, site.new, int(PatchKind.EXIT)]]
    if not site.landing:
        return [[site.window, site.old, site.new, int(PatchKind.BRANCH)]]
    jump = render(stubs_x86_64.jump(), site.landing, {"target": site.stub})
    return [
        [site.landing, site.landing_old, jump.hex(), int(PatchKind.BRANCH)],
        [site.window, site.old, site.new, int(PatchKind.PLAIN)],
    ]
