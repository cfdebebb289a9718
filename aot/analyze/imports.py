"""The imported names of an image, one line a name whatever number of slots reach it."""

from __future__ import annotations

from aot.image.model import Image, ImportKind
from aot.record import dataclass


@dataclass(frozen=True, slots=True)
class ImportedName:
    """One name of one library and the slots through which the program reaches it."""

    library: str
    name: str
    slots: tuple[int, ...]
    kinds: tuple[ImportKind, ...]
    data: bool  # an object, which cannot be served by a call


def imported_names(image: Image) -> tuple[ImportedName, ...]:
    """Every imported name, by library and name."""
    slots: dict[tuple[str, str], list[int]] = {}
    kinds: dict[tuple[str, str], set[ImportKind]] = {}
    data: set[tuple[str, str]] = set()
    for entry in image.imports:
        key = (entry.library, entry.name)
        slots.setdefault(key, []).append(entry.slot)
        kinds.setdefault(key, set()).add(entry.kind)
        if entry.data:
            data.add(key)
    return tuple(
        ImportedName(
            library=library,
            name=name,
            slots=tuple(sorted(slots[library, name])),
            kinds=tuple(sorted(kinds[library, name], key=lambda kind: kind.value)),
            data=(library, name) in data,
        )
        for library, name in sorted(slots)
    )
