"""Maps a dynamic linker beside the program that names it, the way its kernel would (fs/binfmt_elf.c).

Only the linker is mapped here: it maps the libraries itself, through the calls of its system.
"""

from __future__ import annotations

import os

from aot.errors import ImageError, SetupError
from aot.image.elf_headers import PT_LOAD, ElfHeaders, Phdr, read_headers
from aot.image.model import Arch, Prot
from aot.personality.abi.errors import Errno
from aot.personality.abi.neutral import Open
from aot.record import dataclass
from runtime.kernel.frames import PAGE
from runtime.kernel.memory import AddressSpace
from runtime.kernel.namespace import Namespace
from runtime.kernel.node import File
from runtime.kernel.regions import FileBacking

LARGEST = 64 << 20  # bytes of a linker


class NoInterpreter(SetupError):
    """The guest's tree does not hold the interpreter that a program names."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where the interpreter is: what its link addresses were moved by, and where it begins."""

    base: int
    entry: int


def map_interpreter(space: AddressSpace, names: Namespace, path: str, arch: Arch) -> Interpreter:
    """Map the ELF file at the guest's `path` where there is room.

    Raises NoInterpreter when it is not there, SetupError when it is no linker for `arch`.
    """
    file = _open(names, path)
    try:
        headers = _headers(file, path, arch)
        base = _place(space, headers, path)
        for load in _loads(headers):
            _map(space, file, load, base, path)
    except Errno as error:
        raise SetupError(f"the interpreter {path} cannot be mapped: {error.code.value}") from None
    finally:
        file.close()
    return Interpreter(base, headers.entry + base)


def _open(names: Namespace, path: str) -> File:
    try:
        return names.open(names.top, os.fsencode(path), Open.READ, 0)
    except Errno as error:
        raise NoInterpreter(
            f"the program needs the interpreter {path}, which the guest does not see ({error.code.value}): "
            "give a directory that holds it and its libraries with --root (--root / for this computer's own)"
        ) from None


def _headers(file: File, path: str, arch: Arch) -> ElfHeaders:
    try:
        headers = read_headers(_read(file, 0, LARGEST))
    except ImageError as error:
        raise SetupError(f"the interpreter {path}: {error}") from None
    if headers.arch is not arch or not _loads(headers):
        raise SetupError(f"the interpreter {path} is for {headers.arch.value}, the program for {arch.value}")
    return headers


def _read(file: File, offset: int, size: int) -> bytes:
    """At most `size` bytes of `file`."""
    parts, chunk = bytearray(), bytearray(1 << 20)
    while len(parts) < size:
        got = file.read_at((memoryview(chunk)[: size - len(parts)],), offset + len(parts))
        if not got:
            break
        parts += chunk[:got]
    return bytes(parts)


def _loads(headers: ElfHeaders) -> list[Phdr]:
    return [p for p in headers.phdrs if p.type == PT_LOAD and p.memsz]


def _place(space: AddressSpace, headers: ElfHeaders, path: str) -> int:
    """What is added to the linker's link addresses."""
    if not headers.dynamic:
        return 0
    loads = _loads(headers)
    low = min(p.address for p in loads) & -PAGE
    high = max(p.address + p.memsz for p in loads)
    align = max(PAGE, *(p.align for p in loads))
    if align & align - 1:
        raise SetupError(f"the interpreter {path}: its segments are aligned to {align:#x}")
    return space.find_free(high - low, align) - low


def _map(space: AddressSpace, file: File, load: Phdr, base: int, path: str) -> None:
    """One segment: the file's pages, then zeroes."""
    start, prot = load.address + base & -PAGE, Prot(load.flags & 7)
    data, end = load.address + base + load.filesz, load.address + base + load.memsz
    filled = start
    if load.filesz:
        filled = -(-data // PAGE) * PAGE
        offset = load.offset - (load.address + base - start)
        if file.host_fd is not None:
            backing = FileBacking(file.host_fd, offset)
            space.map(start, filled - start, prot, fixed=True, backing=backing, name=path)
        else:
            space.map(start, filled - start, prot, fixed=True, name=path)
            space.poke(start, _read(file, offset, data - start))
        if end > data and prot & Prot.W:
            space.poke(data, bytes(filled - data))  # whole pages: linkers give the rest out as memory
    if end > filled:
        space.map(filled, -(-end // PAGE) * PAGE - filled, prot, fixed=True, name=path)
