"""The contract between translator and runtime for shared objects: what is laid over one that the guest maps itself.

Nobody knows ahead of time where a linker will map a library, how far from it there is room for stubs, and which
site numbers are taken by then. An overlay therefore says which of its bytes depend on that:

    patches   what replaces which bytes of the image; a branch into the stubs moves with the distance
    outward   places in the stubs that name the image, pc-relative; they move with the distance, the other way
    indexes   where each site's stub loads its index; the runtime adds the first number it gave to the library
    exits     words the runtime writes for the CPU backend (aarch64)

File: MAGIC, u32 sizes of three parts, then the parts: this description as JSON, the manifest of the image (only
read when a PC inside the image has to be explained), the stubs. Nothing here imports a third-party library.
"""

from __future__ import annotations

import json
import struct
from enum import IntEnum
from typing import Any

from aot.errors import ManifestError
from aot.manifest import PAGE, GateKind, Manifest, decode
from aot.record import asdict, dataclass, fields

MAGIC = b"helctic overlay 1\n"
_SIZES = struct.Struct("<III")


class PatchKind(IntEnum):
    """What becomes of a patch's new bytes before they are written."""

    PLAIN = 0
    BRANCH = 1  # they end in a pc-relative field that leads into the stubs
    EXIT = 2  # aarch64: they are `udf #kind`, which the backend's exit word replaces


_ROOM = {PatchKind.PLAIN: 2, PatchKind.BRANCH: 4, PatchKind.EXIT: 4}  # least bytes of a patch

Patch = list[Any]  # [link address, old bytes as hex, new bytes as hex, PatchKind]


@dataclass(frozen=True, slots=True)
class Overlay:
    """One shared object's translation. Addresses are link-time, offsets count from the first stub."""

    personality: int
    column: str
    arch: str
    sha256: str  # of the shared object
    loads: list[list[int]]  # executable segments: [address, offset in the file, bytes in the file]
    area: int
    area_size: int
    counters: int  # pages
    numbers: list[int | None]  # by index (of sites, then cases): the call's number when a stub asks for it so
    known: list[int]  # by site: the address of the trap
    indexes: list[int]  # by index: offset of the word that loads the index, -1 when none does
    exits: list[list[int]]  # [offset, GateKind]
    outward: list[int]  # offsets of pc-relative fields
    patches: list[Patch]
    code: bytes
    manifest_bytes: bytes

    @property
    def manifest(self) -> Manifest:
        """Everything about the sites. Raises ManifestError."""
        return decode(self.manifest_bytes)

    @property
    def stubs(self) -> int:
        """Link address of the first stub."""
        return self.area + PAGE * (1 + self.counters)


def write(overlay: Overlay) -> bytes:
    """The bytes of an overlay's file: equal overlays are equal bytes."""
    described = asdict(overlay)
    code, manifest = described.pop("code"), described.pop("manifest_bytes")
    head = json.dumps(described, sort_keys=True, separators=(",", ":")).encode()
    return b"".join((MAGIC, _SIZES.pack(len(head), len(manifest), len(code)), head, manifest, code))


def read(raw: bytes) -> Overlay:
    """An overlay from its file's bytes. Raises ManifestError for anything else."""
    if not raw.startswith(MAGIC):
        raise ManifestError("not an overlay, or one of another version")
    try:
        sizes = _SIZES.unpack_from(raw, len(MAGIC))
        at = len(MAGIC) + _SIZES.size
        if at + sum(sizes) != len(raw):
            raise ManifestError("a damaged overlay: it is not as long as it says")
        head = json.loads(raw[at : at + sizes[0]])
        manifest, code = raw[at + sizes[0] : at + sizes[0] + sizes[1]], raw[len(raw) - sizes[2] :]
        return _plausible(Overlay(**head, manifest_bytes=manifest, code=code))
    except (struct.error, ValueError, TypeError, KeyError) as error:
        raise ManifestError(f"a damaged overlay: {error}") from None


def _shaped(o: Overlay) -> bool:
    """Whether the lists hold what they are declared to hold."""
    return (
        all(type(n) is int for n in (*o.known, *o.indexes, *o.outward))
        and all(n is None or type(n) is int for n in o.numbers)
        and all(len(row) == 3 and all(type(n) is int for n in row) for row in o.loads)
        and all(type(at) is int and type(kind) is int and 0 <= kind < len(GateKind) for at, kind in o.exits)
        and all(map(_is_patch, o.patches))
    )


def _is_patch(patch: Patch) -> bool:
    address, old, new, kind = patch
    code = bytes.fromhex(new)
    if type(address) is not int or len(bytes.fromhex(old)) != len(code) or len(code) < _ROOM[PatchKind(kind)]:
        return False
    return kind != PatchKind.EXIT or int.from_bytes(code, "little") < len(GateKind)


def _plausible(overlay: Overlay) -> Overlay:
    """`overlay`, when its parts fit together. Raises ManifestError."""
    if not _shaped(overlay) or not overlay.loads:
        raise ManifestError("the overlay's lists hold something else")
    count, room = len(overlay.numbers), len(overlay.code) - 3
    for item in fields(overlay):
        value = getattr(overlay, item.name)
        if type(value) is int and not 0 <= value < 1 << 47:
            raise ManifestError(f"the overlay's {item.name} cannot be {value:#x}")
    if not len(overlay.known) <= len(overlay.indexes) == count:
        raise ManifestError("the overlay's sites do not fit together")
    places = (*overlay.outward, *(at for at, _ in overlay.exits), *(i for i in overlay.indexes if i >= 0))
    if places and not 0 <= min(places) <= max(places) < room:
        raise ManifestError("the overlay's fields are not in its stubs")
    if overlay.area % PAGE or PAGE * (1 + overlay.counters) + len(overlay.code) > overlay.area_size:
        raise ManifestError("the overlay's stub area is none")
    return overlay
