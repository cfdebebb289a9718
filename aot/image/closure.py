"""Which shared objects a dynamic program will load, found in a directory tree as its linker would find them.

From: ld.so(8) (order: RPATH/RUNPATH, /etc/ld.so.conf, the default directories) and musl's documentation of its
loader (/etc/ld-musl-ARCH.path, else /lib:/usr/local/lib:/usr/lib). What a program opens by name while it runs
(dlopen) is not known ahead of time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from aot.errors import ImageError
from aot.image.elf_needed import Needs, read_needs
from aot.image.model import Arch
from aot.image.source import read_source
from aot.record import dataclass, field

MAX_LINKS = 40
MAX_INCLUDES = 64
DEFAULT = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
MUSL_DEFAULT = ("/lib", "/usr/local/lib", "/usr/lib")
MUSL_NAMES = ("c", "pthread", "rt", "m", "dl", "util", "xnet")  # lib*.so that its loader answers itself
MULTIARCH = {Arch.X86_64: "x86_64-linux-gnu", Arch.AARCH64: "aarch64-linux-gnu"}


@dataclass(frozen=True, slots=True)
class Closure:
    """The files of a program's closure, by the path its linker will open, and the names nobody has."""

    files: tuple[tuple[str, Path], ...]  # (path in the tree, file on this computer)
    missing: tuple[str, ...] = field(default=())


class Tree:
    """A directory that is somebody's /: links in it lead to places in it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def find(self, path: str) -> Path | None:
        """The file at an absolute path; None when there is none."""
        pending, here, links = deque(path.split("/")), self.root, 0
        while pending:
            name = pending.popleft()
            if name in ("", "."):
                continue
            if name == "..":
                here = here.parent if here != self.root else here
                continue
            here = here / name
            if not here.is_symlink():
                continue
            links += 1
            if links > MAX_LINKS:
                return None
            target = os.readlink(here)
            here = self.root if target.startswith("/") else here.parent
            pending.extendleft(reversed(target.split("/")))
        return here if here.is_file() else None

    def lines(self, path: str) -> list[str]:
        """The lines of a text file without comments; none when it is not there."""
        file = self.find(path)
        if file is None:
            return []
        text = file.read_text(errors="surrogateescape")
        return [line for raw in text.splitlines() if (line := raw.partition("#")[0].strip())]


def closure(program: bytes, origin: str, root: Path) -> Closure:
    """Everything that a program at the tree's path `origin` loads: its interpreter, and its libraries'
    libraries. Raises ImageError when the program is no ELF file."""
    tree = Tree(root)
    first = read_needs(program)
    names: dict[str, tuple[str, Path] | None] = {}
    if first.interpreter:
        file = tree.find(first.interpreter)
        names[first.interpreter] = (first.interpreter, file) if file else None
    system = _system_directories(tree, first)
    pending = deque([(first, origin)])
    while pending:
        needs, path = pending.popleft()
        for name in needs.needed:
            if name in names or _is_linker(name, first.interpreter):
                continue
            names[name] = found = _look(tree, name, (*_own(needs, first, path, origin), *system), first.arch)
            if found is not None:
                pending.append((read_needs(read_source(found[1])), found[0]))
    unique: dict[str, tuple[str, Path]] = {}
    for found in names.values():
        if found is not None:
            unique.setdefault(str(found[1]), found)
    return Closure(tuple(unique.values()), tuple(name for name, found in names.items() if found is None))


def _is_linker(name: str, interpreter: str) -> bool:
    """Whether a needed name means the interpreter itself; musl's is its C library, too."""
    if name == interpreter.rpartition("/")[2]:
        return True
    return "ld-musl" in interpreter and name.startswith("lib") and name[3:].partition(".")[0] in MUSL_NAMES


def _own(needs: Needs, first: Needs, path: str, origin: str) -> Iterator[str]:
    """The directories an object, and the program, ask for themselves."""
    for one, where in ((needs, path), (first, origin)):
        directory = where.rpartition("/")[0]
        for place in one.search:
            for spelling in ("$ORIGIN", "${ORIGIN}"):
                place = place.replace(spelling, directory)  # noqa: PLW2901 - both spellings may stand in it
            yield place


def _look(tree: Tree, name: str, directories: tuple[str, ...], arch: Arch) -> tuple[str, Path] | None:
    """The first file of this name that is for `arch`."""
    places = [name] if "/" in name else [f"{directory.rstrip('/')}/{name}" for directory in directories]
    for place in places:
        file = tree.find(place)
        if file is None:
            continue
        try:
            if read_needs(read_source(file)).arch is arch:
                return place, file
        except ImageError:
            continue
    return None


def _system_directories(tree: Tree, first: Needs) -> tuple[str, ...]:
    """Where the linker of `first` looks by itself."""
    if "ld-musl" in first.interpreter:
        arch = first.arch.value
        listed = tree.lines(f"/etc/ld-musl-{arch}.path")
        return tuple(d for line in listed for d in line.split(":") if d) or (
            *MUSL_DEFAULT,
            f"/lib/{arch}-linux-musl",
            f"/usr/lib/{arch}-linux-musl",
        )
    triple = MULTIARCH[first.arch]
    return (
        *_configured(tree, "/etc/ld.so.conf", [0]),
        f"/lib/{triple}",
        f"/usr/lib/{triple}",
        *DEFAULT,
    )


def _configured(tree: Tree, path: str, seen: list[int]) -> Iterator[str]:
    """The directories of ld.so.conf and of the files it includes."""
    seen[0] += 1
    if seen[0] > MAX_INCLUDES:
        return
    for line in tree.lines(path):
        word, _, rest = line.partition(" ")
        if word != "include":
            yield line.partition("=")[0]
            continue
        pattern = rest.strip()
        pattern = pattern if pattern.startswith("/") else f"{path.rpartition('/')[0]}/{pattern}"
        folder, _, name = pattern.rpartition("/")
        for file in sorted((tree.root / folder.lstrip("/")).glob(name or "*")):
            yield from _configured(tree, f"{folder}/{file.name}", seen)
