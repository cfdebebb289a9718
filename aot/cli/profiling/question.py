"""From the file a user names to the question whose answer is its call set."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from aot.analyze.callset.build import Question, call_set
from aot.analyze.callset.model import CallSet
from aot.analyze.callset.parts import Part
from aot.analyze.sites import analyze
from aot.cli.prepare import read_file
from aot.errors import IdentifyError
from aot.image.closure import closure
from aot.image.formats import load_image
from aot.image.model import Arch, Image
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from aot.translate import identity_of


def call_set_of(
    path: Path,
    *,
    personality: str | None = None,
    nt_build: str | None = None,
    arch: str | None = None,
    root: Path | None = None,
    also: Iterable[Path] = (),
) -> CallSet:
    """The call set of the program at `path`.

    With `root` its linker and libraries are found there and are part of it. The files of `also` are what it
    loads or executes besides. Raises an AotError for what cannot be read, or is of another system.
    """
    raw = read_file(path)
    image = load_image(path, arch=Arch(arch) if arch else None)
    identity = identity_of(image, personality, nt_build)
    system = system_of(Personality(identity.personality))
    gate = system.gates[image.arch.value]

    def part(name: str, raw: bytes, image: Image) -> Part:
        return Part(name, raw, image, analyze(image, gate).sites)

    loaded, missing = [], tuple[str, ...]()
    if root is not None and image.interpreter and system.linkers:
        found = closure(raw, os.path.abspath(path), root)
        loaded = [part(name, read_file(file), load_image(file, analysis=True)) for name, file in found.files]
        missing = found.missing
    opened = [part(str(file), read_file(file), _checked(file, image)) for file in also]
    program = part(str(path), raw, image)
    arch_name = image.arch.value
    return call_set(
        Question(system, identity.column, arch_name, program, tuple(loaded), tuple(opened), missing)
    )


def _checked(file: Path, program: Image) -> Image:
    """The image of a file that comes to run in the program. Raises IdentifyError for another machine's."""
    image = load_image(file, analysis=True)
    if image.arch is not program.arch or image.format is not program.format:
        raise IdentifyError(f"{file}: {image.format.value} {image.arch.value} does not run with the program")
    return image
