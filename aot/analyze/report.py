"""What analysis found in one image, as values for a person or as JSON: every claim with its evidence."""

from __future__ import annotations

import json
from collections.abc import Callable

from aot.analyze.imports import ImportedName, imported_names
from aot.analyze.model import Analysis, CallPath, Dynamic, FoundSite, Refused
from aot.image.model import Image
from aot.record import asdict, dataclass


@dataclass(frozen=True, slots=True)
class PathLine:
    """One way a number gets to a site, with its proof in the order of execution."""

    number: int | None
    call: str
    caller: str  # the function that decides; "" when that is nowhere in the image
    why: str  # the number is not known
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteLine:
    """One site as a report shows it."""

    address: int
    trap: str
    immediate: int
    numbers: tuple[int, ...]  # what it can ask for, or what callers were seen to pass
    known: bool  # `numbers` is complete
    why: str  # who decides the number when it is not known
    calls: tuple[str, ...]  # names of `numbers`
    function: str
    evidence: str
    paths: tuple[PathLine, ...]


@dataclass(frozen=True, slots=True)
class NumberLine:
    """One call number and who asks for it."""

    number: int
    call: str
    sites: int  # that always or perhaps ask for it
    wrapped: int  # wrapper sites whose callers were seen to pass it
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Sites, calls by number, imports, and byte matches that are not sites."""

    sites: tuple[SiteLine, ...]
    numbers: tuple[NumberLine, ...]
    imports: tuple[ImportedName, ...]
    refused: tuple[Refused, ...]

    def known_paths(self) -> tuple[int, int]:
        """How many call paths there are (site x caller), and of how many the number is known."""
        paths = [path for site in self.sites for path in site.paths]
        return len(paths), sum(path.number is not None for path in paths)

    def to_json(self) -> str:
        """Canonical JSON: equal analyses give equal text."""
        return json.dumps(asdict(self), sort_keys=True, default=lambda value: value.value)


def report(image: Image, analysis: Analysis, call_of: Callable[[int], str | None]) -> Report:
    """The report on `image`; `call_of` names a call number of its personality."""
    names = {s.address: s.name for s in (*image.exports, *image.symbols) if s.code and s.name}
    sites = tuple(_site(site, names, call_of) for site in analysis.sites)
    return Report(sites, _numbers(sites, call_of), imported_names(image), analysis.refused)


def _site(site: FoundSite, names: dict[int, str], call_of: Callable[[int], str | None]) -> SiteLine:
    return SiteLine(
        address=site.address,
        trap=site.trap.value,
        immediate=site.immediate,
        numbers=site.numbers,
        known=site.complete,
        why=site.number.why if isinstance(site.number, Dynamic) else "",
        calls=tuple(call_of(number) or f"#{number}" for number in site.numbers),
        function=names.get(site.function, f"{site.function:#x}"),
        evidence=site.evidence,
        paths=tuple(_path(path, names, call_of) for path in site.paths),
    )


def _path(path: CallPath, names: dict[int, str], call_of: Callable[[int], str | None]) -> PathLine:
    return PathLine(
        number=path.number,
        call="" if path.number is None else call_of(path.number) or f"#{path.number}",
        caller=names.get(path.caller, f"{path.caller:#x}" if path.caller else ""),
        why=path.why,
        proof=tuple(f"{link.address:#x} {link.text}" for link in path.proof),
    )


def _numbers(sites: tuple[SiteLine, ...], call_of: Callable[[int], str | None]) -> tuple[NumberLine, ...]:
    every = sorted({number for site in sites for number in site.numbers})
    out: list[NumberLine] = []
    for number in every:
        asking = [site for site in sites if number in site.numbers]
        out.append(
            NumberLine(
                number=number,
                call=call_of(number) or f"#{number}",
                sites=sum(site.known for site in asking),
                wrapped=sum(not site.known for site in asking),
                functions=tuple(sorted({site.function for site in asking})),
            )
        )
    return tuple(out)
