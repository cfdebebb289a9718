"""Builds the call set of a program from its files: links them by name, then asks every site that can run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aot.analyze.callset.model import CallSet, CallUse, How, OpenSite, Source
from aot.analyze.callset.parts import LOOKUPS, Part
from aot.analyze.model import CallPath, Dynamic, FoundSite
from aot.analyze.passed import passed
from aot.personality.abi.system import System
from aot.record import dataclass, field

EXPORTED, PARAMETER = "exported as ", "parameter "  # how analysis says who else decides a number
_OPENS = frozenset(("dlopen", "dlmopen", "LoadLibraryA", "LoadLibraryW", "LoadLibraryExW", "LoadLibraryExA"))


@dataclass(frozen=True, slots=True)
class Question:
    """Whose calls are asked for: the program first, then what its linker loads, then what it may open itself."""

    system: System
    column: str
    arch: str
    program: Part
    loaded: Sequence[Part] = field(default=())
    opened: Sequence[Part] = field(default=())  # every function of these may be called
    missing: tuple[str, ...] = field(default=())

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every file."""
        return (self.program, *self.loaded, *self.opened)


def call_set(question: Question) -> CallSet:
    """The calls of a program, over-approximated: what is left out cannot be asked for by the files given."""
    _link(question)
    found = _Collector(question, _looked_up(question.parts))
    for part in question.parts:
        for site in part.live():
            found.site(part, site)
    found.imports()
    found.by_kernel()
    return CallSet(
        program=question.program.name,
        system=question.system.name,
        column=question.column,
        arch=question.arch,
        calls=found.calls(),
        open=tuple(found.open),
        files=tuple(part.facts() for part in question.parts),
        whole=found.whole(),
        missing=question.missing or _left_out(question),
        notes=tuple(_notes(question)),
    )


def _link(question: Question) -> None:
    """Let run what the files use of each other, until nothing is added."""
    parts = question.parts
    for part in parts:
        part.run((), everything=part in question.opened)
    known: set[str] = set()
    while True:
        wanted = set[str]().union(*(part.imports for part in parts)) | _looked_up(parts)
        if wanted <= known:
            return
        for part in parts:
            part.run(wanted - known)
        known |= wanted


def _looked_up(parts: Sequence[Part]) -> set[str]:
    """Names of functions that are words of a file which looks functions up by name.

    The names that a file offers itself are words of it anyway; those it looks up are there a second time.
    """
    found: set[str] = set()
    for asking in parts:
        if not asking.imports & LOOKUPS:
            continue
        for part in parts:
            least = 2 if part is asking else 1
            found |= {name for name in part.exports if asking.words.get(name.encode(), 0) >= least}
    return found


def _notes(question: Question) -> Iterable[str]:
    for part in question.parts:
        opens = sorted(part.imports & _OPENS)
        if opens and part not in question.loaded:
            yield f"{part.name} may load more code while it runs ({', '.join(opens)})"


def _left_out(question: Question) -> tuple[str, ...]:
    """The linker and the libraries of a dynamic program that nobody looked for."""
    image = question.program.image
    left = question.system.linkers and image.interpreter and not question.loaded
    return (image.interpreter, *image.needed) if left else ()


class _Collector:
    """The calls of one set while they are found."""

    def __init__(self, question: Question, looked_up: set[str]) -> None:
        self.question, self.looked_up = question, looked_up
        self.open: list[OpenSite] = []
        system = question.system
        self._rows = system.by_number(question.column)
        self._mask = system.number_mask or 0xFFFF_FFFF
        self._indirect = system.indirect.get(question.column, ())
        self._found: dict[tuple[str, int | None], list[Source]] = {}

    def calls(self) -> tuple[CallUse, ...]:
        """Everything found, by name."""
        return tuple(
            CallUse(name, number, tuple(sources))
            for (name, number), sources in sorted(self._found.items(), key=lambda item: item[0][0])
        )

    def whole(self) -> int:
        """How many calls there would be if all sites could run."""
        sites = [site for part in self.question.parts for site in part.sites]
        numbers = {path.number for site in sites for path in site.paths if path.number is not None}
        others = {name for name, number in self._found if number is None}
        return len({self._named(number) for number in numbers} | others | {name for name, _ in self._found})

    def _named(self, number: int) -> str:
        row = self._rows.get(number & self._mask)
        return row.name if row else f"#{number & self._mask:#x}"

    def _add(self, number: int, source: Source) -> None:
        row = self._rows.get(number & self._mask)
        if row is not None:  # a number without a row fails everywhere
            self._found.setdefault((row.name, number & self._mask), []).append(source)

    def site(self, part: Part, site: FoundSite) -> None:
        """The calls of one site, by the ways numbers get there from functions that can run."""
        for path in site.paths or (CallPath(number, (), 0) for number in site.numbers):
            if path.why.startswith(EXPORTED):
                self._from_others(part, site, path)
            else:
                self._path(part, part, site, path)
        if isinstance(site.number, Dynamic) and not site.paths:
            self._doubt(part, site, site.number.why)

    def _path(self, part: Part, caller: Part, site: FoundSite, path: CallPath) -> None:
        """One way in which code of `caller` that can run gives a site of `part` its number."""
        if path.caller and not caller.runs(path.caller):
            return
        if path.number is None:
            self._doubt(part, site, path.why)
        elif path.number & self._mask in self._indirect:
            self._doubt(part, site, "its number is the first argument")
        else:
            proof = "; ".join(f"{link.address:#x} {link.text}" for link in path.proof)
            source = Source(How.SITE, part.name, site.address, site.evidence, proof)
            self._add(path.number, source)

    def _from_others(self, part: Part, site: FoundSite, path: CallPath) -> None:
        """The numbers that other files pass to an exported function (libc's syscall())."""
        name = path.why.removeprefix(EXPORTED)
        place = site.number.why.removeprefix(PARAMETER) if isinstance(site.number, Dynamic) else ""
        gate = self.question.system.gates[self.question.arch]
        for other in self.question.parts:
            if other is part or name not in other.imports:
                continue
            if not place.isalnum():
                self._doubt(part, site, path.why)
            for found in passed(other.image, {name}, place, gate):
                self._path(part, other, site, found)
        if part in self.question.opened or name in self.looked_up:
            self._doubt(part, site, f"{name} may be called by a name given while it runs")

    def _doubt(self, part: Part, site: FoundSite, why: str) -> None:
        seen = tuple(sorted(map(self._named, site.numbers)))
        self.open.append(OpenSite(part.name, site.address, site.evidence, why, seen))

    def imports(self) -> None:
        """Imported functions that are rows themselves, and names that may be looked up."""
        system = self.question.system
        if system.linkers:
            return
        rows = system.by_symbol()
        for part in self.question.parts:
            for entry in part.image.imports:
                row = None if entry.data else system.row_of_import(entry.library, entry.name, rows)
                if row is not None:
                    what = f"{entry.library}!{entry.name}"
                    source = Source(How.IMPORT, part.name, entry.slot, what)
                    self._found.setdefault((row.name, None), []).append(source)
            if part.imports & LOOKUPS:
                libraries = part.libraries(system.library)
                for symbol, row in rows.items():
                    library, _, name = symbol.rpartition("!")
                    if (not library or library in libraries) and part.holds(name.encode()):
                        source = Source(How.NAME, part.name, 0, symbol)
                        self._found.setdefault((row.name, None), []).append(source)

    def by_kernel(self) -> None:
        """Calls that the kernel's own code makes for the program, or makes it make."""
        system, numbers = self.question.system, dict[str, int]()
        for number, row in self._rows.items():
            numbers.setdefault(row.name, number)
        for function, name in system.vdso.get(self.question.arch, {}).items():
            for part in self.question.parts:
                if part.holds(function.encode()):
                    self._add(numbers[name], Source(How.VDSO, part.name, 0, function))
        present = {name for name, _ in self._found}
        for cause, effects in system.implied.items():
            for effect in effects if cause in present else ():
                if effect in numbers:
                    self._add(numbers[effect], Source(How.KERNEL, "", 0, cause))
