"""From an image to a native ELF: analyse, plan, apply, emit."""

from __future__ import annotations

from pathlib import Path

from aot.analyze.identify import Identity, identify
from aot.analyze.sites import analyze
from aot.errors import IdentifyError
from aot.image.formats import load_image
from aot.image.model import Arch, Image
from aot.image.native import emit
from aot.personality.abi.personality import Personality
from aot.personality.registry import PERSONALITIES, system_of
from aot.record import replace
from aot.rewrite.apply import apply
from aot.rewrite.binder import SystemBinder
from aot.rewrite.call import Binder
from aot.rewrite.plan import Plan, plan


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
    source: Path, personality: str | None = None, column: str | None = None, *, arch: str | None = None
) -> bytes:
    """The native ELF of an executable; `arch` chooses a slice of a universal file. Raises an AotError."""
    image = load_image(source, arch=Arch(arch) if arch else None)
    identity = identity_of(image, personality, column)
    return translate(image, identity, binder_for(image, identity))
