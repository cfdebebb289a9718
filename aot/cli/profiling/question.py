"""From the file a user names to the question whose answer is its call set."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from aot.analyze.callset.build import Question, call_set
from aot.analyze.callset.model import CallSet
from aot.analyze.callset.parts import Part
from aot.analyze.callset.sites import sites_of
from aot.cli.prepare import read_file
from aot.errors import IdentifyError
from aot.image.closure import closure
from aot.image.formats import load_image
from aot.image.model import Arch, Image
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
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
    found = _Files(system, identity.column)
    program = found.part(str(path), raw, image)
    if root is not None and system.linkers:
        found.load(raw, path, image, root)
    opened = []
    for file in also:
        other, code = read_file(file), _checked(file, image)
        opened.append(found.part(str(file), other, code))
        if root is not None and system.linkers:
            found.load(other, file, code, root)
    loaded = tuple(found.loaded.values())
    missing = tuple(sorted(found.missing))
    return call_set(
        Question(system, identity.column, image.arch.value, program, loaded, tuple(opened), missing)
    )


class _Files:
    """The files of a closure; one that several need is there once."""

    def __init__(self, system: System, column: str) -> None:
        self._system, self._column = system, column
        self.loaded: dict[str, Part] = {}
        self.missing: set[str] = set()

    def part(self, name: str, raw: bytes, image: Image) -> Part:
        """One file, analysed."""
        return Part(name, raw, image, sites_of(image, self._system, self._column))

    def load(self, raw: bytes, path: Path, image: Image, root: Path) -> None:
        """Add what the linker of the tree at `root` loads for a program or a library."""
        if not (image.interpreter or image.needed):
            return
        found = closure(raw, os.path.abspath(path), root)
        for name, file in found.files:
            if name not in self.loaded:
                self.loaded[name] = self.part(name, read_file(file), load_image(file, analysis=True))
        self.missing |= set(found.missing)


def _checked(file: Path, program: Image) -> Image:
    """The image of a file that comes to run in the program. Raises IdentifyError for another machine's."""
    image = load_image(file, analysis=True)
    if image.arch is not program.arch or image.format is not program.format:
        raise IdentifyError(f"{file}: {image.format.value} {image.arch.value} does not run with the program")
    return image
