"""What `inspect` shows: the manifest of a translated file, or the one a foreign file would get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aot.cli.prepare import read_file
from aot.cli.text import table
from aot.image.native_reader import is_native, read_native
from aot.manifest import ImportSite, Manifest, Site, StubClass
from aot.personality.abi.personality import Personality


@dataclass(frozen=True, slots=True)
class Inspection:
    """One file: its manifest, what spoke for its personality, and byte matches that are not sites."""

    path: Path
    translated: bool
    manifest: Manifest
    evidence: tuple[str, ...] = ()
    refused: tuple[tuple[int, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Everything known."""
        return {
            "file": str(self.path),
            "translated": self.translated,
            "system": Personality(self.manifest.personality).name.lower(),
            "evidence": self.evidence,
            "not_sites": [{"addr": a, "why": why} for a, why in self.refused],
            **asdict(self.manifest),
        }

    def lines(self) -> Iterator[str]:
        """For a terminal: the file, then sites, then imports."""
        yield from self._head()
        yield from _sites(self.manifest.sites)
        yield from _imports(self.manifest.imports)
        if self.refused:
            yield f"matches that are not sites: {len(self.refused)}"
            yield from table(("address", "why"), [(hex(a), why) for a, why in self.refused])

    def _head(self) -> Iterator[str]:
        facts = self.manifest
        system = Personality(facts.personality).name.lower()
        kind = "position-independent" if facts.pie else "fixed address"
        yield f"{self.path}: {facts.format} {facts.arch}, {kind}, {system} (column {facts.column})"
        yield from (f"  {text}" for text in self.evidence)
        yield f"  entry {facts.entry:#x}, image ends at {facts.image_end:#x}"
        if facts.area:
            state = "is" if self.translated else "would be"
            yield f"  the stub area {state} {facts.area_size} bytes at {facts.area:#x}"
        if self.translated:
            yield f"  translated from sha256 {facts.source_sha256}"
        if facts.interpreter:
            yield f"  interpreter {facts.interpreter}"
        if facts.needed:
            yield f"  needs {', '.join(facts.needed)}"


def inspect_file(path: Path, personality: str | None, nt_build: str | None) -> Inspection:
    """What is known of the file at `path`. Raises AotError."""
    raw = read_file(path)
    if is_native(raw):
        return Inspection(path, True, read_native(raw)[0])
    return _foreign(path, personality, nt_build)


def _foreign(path: Path, personality: str | None, nt_build: str | None) -> Inspection:
    from aot.analyze.sites import analyze
    from aot.image.formats import load_image
    from aot.rewrite.apply import apply
    from aot.rewrite.plan import plan
    from aot.translate import binder_for, identity_of

    image = load_image(path)
    identity = identity_of(image, personality, nt_build)
    binder = binder_for(image, identity)
    analysis = analyze(image, binder.gate)
    manifest, _ = apply(plan(image, analysis, binder), identity)
    refused = tuple((r.address, r.why) for r in analysis.refused)
    return Inspection(path, False, manifest, identity.evidence, refused)


def _sites(sites: tuple[Site, ...]) -> Iterator[str]:
    counted = Counter(site.cls for site in sites)
    parts = [f"{counted[c.value]} {c.value}" for c in StubClass if counted[c.value]]
    yield f"sites: {len(sites)}" + (f" ({', '.join(parts)})" if parts else "")
    yield from table(
        ("address", "number", "call", "class", "tactic", "found by"),
        [(hex(s.addr), _number(s), s.call or "", s.cls, s.tactic, s.evidence) for s in sites],
    )


def _number(site: Site) -> str:
    return "" if site.number is None else str(site.number)


def _imports(imports: tuple[ImportSite, ...]) -> Iterator[str]:
    without = sum(1 for i in imports if i.call is None and not i.data)
    yield f"imports: {len(imports)}" + (f" ({without} without a row)" if without else "")
    yield from table(
        ("library", "name", "slot", "kind", "served by"),
        [(i.library, i.name, hex(i.slot), i.kind, _served(i)) for i in imports],
    )


def _served(slot: ImportSite) -> str:
    if slot.data:
        return "(object)"
    return slot.call or "no row"
