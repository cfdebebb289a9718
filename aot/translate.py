"""From an image to a native ELF: analyse, plan, apply, emit."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aot.analyze.candidates import candidates
from aot.analyze.identify import Identity, identify
from aot.analyze.sites import analyze
from aot.errors import IdentifyError
from aot.image.elf_headers import ElfHeaders, load_segments, read_headers
from aot.image.formats import load_image, read_image
from aot.image.model import Arch, Format, Image
from aot.image.native import emit
from aot.manifest import encode
from aot.overlay import Overlay
from aot.personality.abi.personality import Personality
from aot.personality.registry import PERSONALITIES, system_of
from aot.record import replace
from aot.rewrite.apply import apply, apply_all
from aot.rewrite.binder import SystemBinder
from aot.rewrite.call import Binder
from aot.rewrite.overlay import overlay_of
from aot.rewrite.plan import Plan, plan


@contextmanager
def _without_collector() -> Iterator[None]:
    """Translating makes hundreds of thousands of objects and next to no cycles: looking for them is a tenth of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def plan_for(image: Image, binder: Binder) -> Plan:
    """What would be patched, and how; nothing is written."""
    return plan(image, analyze(image, binder.gate), binder)


def translate(image: Image, identity: Identity, binder: Binder) -> bytes:
    """The native ELF of `image`: equal inputs give equal bytes."""
    manifest, segments = apply(plan_for(image, binder), identity)
    return emit(manifest, segments, arch=image.arch, pie=image.pie, personality=identity.personality)


def identity_of(image: Image, personality: str | None = None, column: str | None = None) -> Identity:
    """Whose ABI `image` expects; `personality` (a name) and `column` overrule the evidence.

    Raises IdentifyError when the personality has no such column for the image's architecture.
    """
    forced = Personality[personality.upper()] if personality else None
    found = identify(image, forced)
    who = Personality(found.personality)
    if who not in PERSONALITIES:
        raise IdentifyError(f"{found.name} programs are recognised but cannot be translated yet")
    columns = [c for c, archs in system_of(who).columns.items() if image.arch.value in archs]
    if column is not None and column not in columns:
        raise IdentifyError(
            f"{found.name} has no column {column!r} for {image.arch.value}: {', '.join(columns)}"
        )
    if column is None:
        column = found.column if found.column in columns else columns[0]
    return replace(found, column=column)


def binder_for(image: Image, identity: Identity) -> SystemBinder:
    """The tables of the personality, as planning asks for them."""
    system = system_of(Personality(identity.personality))
    return SystemBinder(system, identity.column, image.arch.value)


def translate_file(
    source: Path | bytes,
    personality: str | None = None,
    column: str | None = None,
    *,
    arch: str | None = None,
) -> bytes:
    """The native ELF of an executable; `arch` chooses a slice of a universal file. Raises an AotError."""
    with _without_collector():
        image = load_image(source, arch=Arch(arch) if arch else None)
        identity = identity_of(image, personality, column)
        return translate(image, identity, binder_for(image, identity))


def translate_library(raw: bytes, personality: Personality) -> Overlay | None:
    """The overlay of a shared object of `personality`; None when nothing in it asks the kernel.

    Raises an AotError for what is no shared object of an architecture the personality has.
    """
    headers = read_headers(raw)
    system, arch = system_of(personality), headers.arch.value
    column = next((c for c, archs in system.columns.items() if arch in archs), None)
    if column is None:
        raise IdentifyError(f"{system.name} does not exist on {arch}")
    binder = SystemBinder(system, column, arch)
    if not candidates(_outline(raw, headers), (binder.gate,)):
        return None
    with _without_collector():
        image = read_image(raw, analysis=True)
        identity = Identity(int(personality), system.name, column, ())
        applied = apply_all(plan(image, analyze(image, binder.gate), binder, gap=0), identity)
    if not applied.manifest.sites:
        return None
    return overlay_of(applied, headers.phdrs, encode(applied.manifest))


def _outline(raw: bytes, headers: ElfHeaders) -> Image:
    """As much of a shared object as shows whether there is anything to look for."""
    segments = load_segments(raw, headers)
    return Image(Format.ELF, headers.arch, headers.entry, segments, pie=headers.dynamic, sha256="")
