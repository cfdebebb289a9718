"""What an overlay becomes at one distance from its image: the bytes of its stubs, and what replaces its windows.

A shell starts the same libraries at the same addresses again and again, so what was made is remembered.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from aot.image.model import Arch
from aot.overlay import Overlay, Patch, PatchKind
from aot.record import dataclass, field
from runtime.cpu.api import Cpu
from runtime.kernel.frames import PAGE
from runtime.kernel.memory import AddressSpace

TOGETHER = 1 << 16  # bytes of code that are read and written at once
B26 = (1 << 26) - 1
REMEMBERED = 64  # (overlay, distance) pairs

Piece = tuple[int, bytes, bytes]
"""Link address, the bytes there before, and after."""


@dataclass(slots=True)
class Ready:
    """What was made of `overlay` for one distance."""

    overlay: Overlay
    stubs: dict[int, bytes] = field(default_factory=dict)  # by index of the first site
    pieces: dict[tuple[int, int], list[Piece]] = field(default_factory=dict)  # by range of link addresses


_READY: dict[tuple[int, int], Ready] = {}


def _ready(overlay: Overlay, shift: int) -> Ready:
    """What there is for `overlay` so far; keeping it keeps its identity from being another's."""
    key = (id(overlay), shift)
    if key not in _READY:
        if len(_READY) >= REMEMBERED:
            _READY.clear()
        _READY[key] = Ready(overlay)
    return _READY[key]


def stubs_at(overlay: Overlay, shift: int, first: int, cpu: Cpu) -> bytes:
    """The stubs of an overlay, `shift` bytes farther from the image than at link time, whose sites are numbered
    from `first`. Raises struct.error for what is out of branch range."""
    ready = _ready(overlay, shift)
    if first not in ready.stubs:
        ready.stubs[first] = _stubs(overlay, shift, first, cpu)
    return ready.stubs[first]


def _stubs(overlay: Overlay, shift: int, first: int, cpu: Cpu) -> bytes:
    code = bytearray(overlay.code)
    for at in overlay.outward:
        _move(code, at, -shift, cpu.arch)
    more = first if cpu.arch is Arch.X86_64 else first << 5  # mov r11d, index; movz w, #index
    for at in overlay.indexes:
        if at >= 0:
            (word,) = struct.unpack_from("<I", code, at)
            struct.pack_into("<I", code, at, word + more)
    for at, kind in overlay.exits:
        struct.pack_into("<I", code, at, cpu.exit_words()[kind])
    return bytes(code)


def _move(code: bytearray, at: int, distance: int, arch: Arch) -> None:
    """Lengthen a pc-relative field by `distance` bytes."""
    if arch is Arch.X86_64:
        (old,) = struct.unpack_from("<i", code, at)
        struct.pack_into("<i", code, at, old + distance)
        return
    (word,) = struct.unpack_from("<I", code, at)
    steps = ((word & B26 ^ 1 << 25) - (1 << 25)) + distance // 4
    if not -(1 << 25) <= steps < 1 << 25:
        raise struct.error("branch out of range")
    struct.pack_into("<I", code, at, word & ~B26 | steps & B26)


def patch(
    space: AddressSpace, overlay: Overlay, bias: int, shift: int, within: tuple[int, int], cpu: Cpu
) -> None:
    """Have other code executed at the windows of `overlay` that are mapped in `within` and hold what the
    translator saw."""
    ready, key = _ready(overlay, shift), (within[0] - bias, within[1] - bias)
    known = ready.pieces.get(key)
    if known is not None and all(space.peek(at + bias, len(old)) == old for at, old, _ in known):
        pieces = known
    else:
        pieces = _pieces(space, overlay, bias, shift, key, cpu)
        ready.pieces.setdefault(key, pieces)
    space.fetched.put([(at + bias, new) for at, _, new in pieces])


def _pieces(
    space: AddressSpace, overlay: Overlay, bias: int, shift: int, within: tuple[int, int], cpu: Cpu
) -> list[Piece]:
    """What is executed in a range of link addresses, page by page, many windows in one go."""
    patches = sorted(p for p in overlay.patches if within[0] <= p[0] and p[0] + len(p[1]) // 2 <= within[1])
    pieces: list[Piece] = []
    at = 0
    while at < len(patches):
        start, first = patches[at][0], at
        while at < len(patches) and patches[at][0] - start < TOGETHER:
            at += 1
        size = patches[at - 1][0] + len(patches[at - 1][1]) // 2 - start
        before = space.peek(start + bias, size)
        code = bytearray(before)
        for one in patches[first:at]:
            _replace(code, one, one[0] - start, shift, cpu)
        cuts = [0, *range(-start % PAGE or PAGE, size, PAGE), size]
        for lo, hi in pairwise(cuts):
            if code[lo:hi] != before[lo:hi]:
                pieces.append((start + lo, before[lo:hi], bytes(code[lo:hi])))
    return pieces


def _replace(code: bytearray, one: Patch, at: int, shift: int, cpu: Cpu) -> None:
    """Overwrite the window at offset `at`."""
    old, new = bytes.fromhex(one[1]), bytearray.fromhex(one[2])
    if code[at : at + len(old)] != old:
        return
    if one[3] == PatchKind.BRANCH:
        _move(new, len(new) - 4, shift, cpu.arch)
    elif one[3] == PatchKind.EXIT:
        new[:] = cpu.exit_words()[int.from_bytes(new, "little")].to_bytes(4, "little")
    code[at : at + len(new)] = new
