"""What `inspect` shows: the manifest of a translated file, or the one a foreign file would get."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aot.cli.prepare import read_file, refuse_choice
from aot.cli.profiling.text import as_json, paragraph
from aot.cli.text import table
from aot.image.native_reader import is_native, read_native
from aot.manifest import ImportSite, Manifest, Site, StubClass
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from aot.record import asdict, dataclass

if TYPE_CHECKING:
    from aot.analyze.callset.model import CallSet
    from aot.analyze.report import Report, SiteLine
    from aot.rewrite.call import CallInfo

MOST = 4  # calls of one site that a line shows


@dataclass(frozen=True, slots=True)
class Inspection:
    """One file: its manifest, what spoke for its personality, and byte matches that are not sites."""

    path: Path
    translated: bool
    manifest: Manifest
    evidence: tuple[str, ...] = ()
    report: Report | None = None  # of a foreign file
    calls: CallSet | None = None  # likewise; of this file alone

    def as_json(self) -> dict[str, Any]:
        """Everything known."""
        return {
            "file": str(self.path),
            "translated": self.translated,
            "system": Personality(self.manifest.personality).name.lower(),
            "evidence": self.evidence,
            "analysis": None if self.report is None else json.loads(self.report.to_json()),
            "calls": None if self.calls is None else json.loads(as_json(self.calls)),
            "manifest": asdict(self.manifest),
        }

    def lines(self, *, proofs: bool = False) -> Iterator[str]:
        """For a terminal: the file, then sites, then imports; `proofs` adds what proves each number."""
        yield from self._head()
        if self.calls is not None:
            yield from paragraph(self.calls)
        yield from self._sites()
        if self.report is not None:
            yield from _paths(self.report, proofs=proofs)
        yield from _imports(self.manifest.imports)
        refused = self.report.refused if self.report else ()
        if refused:
            yield f"byte matches that are no sites: {len(refused)}"
            yield from table(("address", "why"), [(hex(r.address), r.why) for r in refused])

    def _sites(self) -> Iterator[str]:
        sites = self.manifest.sites
        counted = Counter(site.cls for site in sites)
        parts = [f"{counted[c.value]} {c.value}" for c in StubClass if counted[c.value]]
        yield f"sites: {len(sites)}" + (f" ({', '.join(parts)})" if parts else "")
        lines = {line.address: line for line in self.report.sites} if self.report else {}
        yield from table(
            ("address", "in", "asks for", "class", "tactic"),
            [
                (hex(s.addr), _function(lines.get(s.addr)), _calls(s, lines.get(s.addr)), _class(s), s.tactic)
                for s in sites
            ],
        )

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


def inspect_file(
    path: Path, personality: str | None, nt_build: str | None, arch: str | None = None
) -> Inspection:
    """What is known of the file at `path`. Raises AotError."""
    raw = read_file(path)
    if is_native(raw):
        refuse_choice(path, personality, nt_build)
        return Inspection(path, True, read_native(raw)[0])
    return _foreign(path, raw, personality, nt_build, arch)


def _foreign(
    path: Path, raw: bytes, personality: str | None, nt_build: str | None, arch: str | None
) -> Inspection:
    from aot.analyze.callset.build import Question, call_set
    from aot.analyze.callset.parts import Part
    from aot.analyze.callset.sites import sites_of
    from aot.analyze.report import report
    from aot.analyze.sites import analyze
    from aot.image.formats import load_image
    from aot.image.model import Arch
    from aot.rewrite.apply import apply
    from aot.rewrite.plan import plan
    from aot.translate import binder_for, identity_of

    image = load_image(path, arch=Arch(arch) if arch else None)
    identity = identity_of(image, personality, nt_build)
    binder = binder_for(image, identity)
    analysis = analyze(image, binder.gate)
    manifest, _ = apply(plan(image, analysis, binder), identity)
    found = report(image, analysis, lambda number: _name(binder.call(number)))
    system = system_of(Personality(identity.personality))
    part = Part(str(path), raw, image, sites_of(image, system, identity.column, analysis.sites))
    calls = call_set(Question(system, identity.column, image.arch.value, part))
    return Inspection(path, False, manifest, identity.evidence, found, calls)


def _class(site: Site) -> str:
    """The class, and for how many numbers the handler is chosen ahead of time all the same."""
    return f"{site.cls}, {len(site.cases)} bound" if site.cases else site.cls


def _paths(report: Report, *, proofs: bool) -> Iterator[str]:
    """How many call paths are known, and what proves them."""
    count, known = report.known_paths()
    share = f" ({known / count:.1%})" if count else ""
    yield f"call paths: {count}, of known number: {known}{share}"
    for site in report.sites if proofs else ():
        for path in site.paths:
            what = path.call if path.number is None else f"{path.call} ({path.number})"
            caller = f", decided in {path.caller}" if path.caller else ""
            yield f"  {site.address:#x} {what or f'unknown: {path.why}'}{caller}"
            yield from (f"    {line}" for line in path.proof)


def _function(line: SiteLine | None) -> str:
    return line.function if line else ""


def _name(call: CallInfo | None) -> str | None:
    return call.name if call else None


def _calls(site: Site, line: SiteLine | None) -> str:
    """What a site asks for: its call, or the calls it was seen to make, or nothing."""
    if site.number is not None:
        return f"{site.call or 'no row'} ({site.number})"
    if line is None or not line.calls:
        return "by number"
    shown = ", ".join(line.calls[:MOST])
    return f"by number: {shown}" + (", ..." if len(line.calls) > MOST else "")


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
