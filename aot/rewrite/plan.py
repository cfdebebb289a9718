"""Decides for every site its class and its window; refuses with a reason, never with an exception."""

from __future__ import annotations

from aot.analyze.decode import Decoder
from aot.analyze.model import Analysis, FoundSite, Known, Trap
from aot.image.model import Arch, Image, Import, Prot
from aot.manifest import PAGE, StubClass
from aot.record import dataclass, replace
from aot.rewrite.call import Binder, Call, CallInfo
from aot.rewrite.cases import case_numbers, cases_size
from aot.rewrite.lent import lent
from aot.rewrite.space import GAP, Area, place, reaches
from aot.rewrite.tactics import TACTICS_AARCH64, TACTICS_X86_64, Ground, Window

LARGEST_STUB = 256  # bytes, moved neighbours included; only an estimate of the area needs it
IMPORT_STUB = 16
WORDS_A_PAGE = PAGE // 8

_TRAPS = {"syscall": Trap.SYSCALL, "svc": Trap.SVC, "int": Trap.INT}


@dataclass(frozen=True, slots=True)
class PlannedSite:
    """One site: patched through `window`, or left to the dynamic path because of `why`."""

    found: FoundSite
    call: Call
    window: Window | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class PlannedImport:
    """One import slot; `first` is the index of the first slot with the same name, whose stub serves all."""

    slot: Import
    info: CallInfo | None
    first: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything `apply` needs; sites are in the order of the manifest."""

    image: Image
    area: Area
    sites: tuple[PlannedSite, ...]
    imports: tuple[PlannedImport, ...]
    relocations: tuple[tuple[int, int], ...] = ()  # for us to fill, where no dynamic linker does


def plan(image: Image, analysis: Analysis, binder: Binder, gap: int = GAP) -> Plan:
    """The plan for `image`, with `gap` free bytes between it and stubs that go above it."""
    found = sorted(analysis.sites, key=lambda site: site.address)
    calls = [_classify(site, binder) for site in found]
    inline = sum(call.cls is StubClass.INLINE for call, _ in calls)
    bound = (len(found) + 1) * LARGEST_STUB + len(image.imports) * IMPORT_STUB * binder.serves_imports
    bound += sum(cases_size(call) for call, _ in calls)
    area = place(image, -(-inline // WORDS_A_PAGE), bound, gap)
    extent = (area.base, area.base + area.size(bound))
    # a name without a size may be a label inside a function
    names = ("symbol", "export")
    starts = tuple(sorted({f.start for f in image.functions if f.end or f.source not in names}))
    ground = Ground(image, _targets(image, analysis, found), Decoder(image.arch), extent, starts)
    ranged = [
        _in_range(image, reaches(image, area, bound, site.address), *_lasting(image, site, *told))
        for site, told in zip(found, calls, strict=True)
    ]
    sites = [_patch(ground, site, *told) for site, told in zip(found, ranged, strict=True)]
    if image.arch is Arch.X86_64:
        _lend(ground, sites, ranged)
    relocations = image.relocations if binder.serves_imports else ()
    return Plan(image, area, tuple(sites), _imports(image, binder), relocations)


def _lend(ground: Ground, sites: list[PlannedSite], ranged: list[tuple[Call, str]]) -> None:
    """Sites without room get a landing from a neighbour's window."""
    lending: set[int] = set()  # each has room for one
    for needy, (call, why) in enumerate(ranged):
        if sites[needy].window is not None or why:
            continue
        near = range(max(needy - 1, 0), min(needy + 2, len(sites)))
        windows = [(sites[at].found, None if at in lending else sites[at].window) for at in near]
        found = lent(ground, windows, min(needy, 1))
        if found is None:
            continue
        index, wider, window = found
        lender = needy + index - min(needy, 1)
        old = sites[lender].window
        assert old is not None
        ground.leave(old)
        ground.take(wider)
        ground.take(window)
        lending.add(lender)
        sites[lender] = replace(sites[lender], window=wider)
        sites[needy] = PlannedSite(sites[needy].found, call, window)


def _classify(site: FoundSite, binder: Binder) -> tuple[Call, str]:
    """The class of a site, or dynamic and why."""
    gate = binder.gate
    if site.trap is not _TRAPS[gate.trap]:
        return Call(StubClass.DYNAMIC, gate), f"{site.trap.value} is not this system's door"
    if site.trap is Trap.INT:
        return Call(StubClass.DYNAMIC, gate), "an int trap leaves no register free"
    if gate.immediates is not None and site.immediate not in gate.immediates:
        return Call(StubClass.DYNAMIC, gate), f"{gate.trap} #{site.immediate:#x} is not a call"
    number = site.number.value if isinstance(site.number, Known) else None
    if gate.number == "imm":
        # the number is in the trap itself: no register is free, the exit in its place is known by its address
        return Call(StubClass.BOUND, gate, site.immediate, binder.call(site.immediate)), ""
    if number is None:
        return Call(StubClass.TABLE, gate, cases=_cases(site, binder)), ""
    info = binder.call(number)
    inline = info is not None and info.inline is not None
    return Call(StubClass.INLINE if inline else StubClass.BOUND, gate, number, info), ""


def _cases(site: FoundSite, binder: Binder) -> tuple[Call, ...]:
    """Calls of a row that the site is known to make, as far as a stub can look for their numbers."""
    found = ((number, binder.call(number)) for number in case_numbers(binder.gate, site.numbers))
    return tuple(
        Call(StubClass.BOUND, binder.gate, number, info) for number, info in found if info is not None
    )


def _targets(image: Image, analysis: Analysis, found: list[FoundSite]) -> frozenset[int]:
    """Every address where control may arrive other than from the instruction before."""
    return analysis.branch_targets.union(
        (image.entry,),
        (f.start for f in image.functions),
        (s.address for s in (*image.symbols, *image.exports)),
        (site.function for site in found),
    )


def _lasting(image: Image, site: FoundSite, call: Call, why: str) -> tuple[Call, str]:
    """Where code is writable from the start nobody tells when the program changes it: its own bytes stay."""
    segment = image.segment_at(site.address)
    writable = segment is not None and segment.prot & Prot.W
    return (call, "the program may write its code here") if writable and not why else (call, why)


def _in_range(image: Image, reachable: bool, call: Call, why: str) -> tuple[Call, str]:
    """The class a site keeps when no branch gets from it to the area."""
    if reachable or why or call.in_place:
        return call, why
    if image.arch is Arch.AARCH64:  # in place needs no branch at all
        return replace(call, cls=StubClass.TABLE, cases=()), ""
    return call, "the stub area is out of branch range"


def _patch(ground: Ground, site: FoundSite, call: Call, why: str) -> PlannedSite:
    if not why:
        for tactic in TACTICS_X86_64 if ground.image.arch is Arch.X86_64 else TACTICS_AARCH64:
            window = tactic(ground, site)
            if window is not None:
                ground.take(window)
                return PlannedSite(site, call, window)
    return PlannedSite(site, replace(call, cls=StubClass.DYNAMIC), None, why or _why(site))


def _why(site: FoundSite) -> str:
    last = site.before[-1].mnemonic if site.before else "a block's start"
    following = site.after[0].mnemonic if site.after else "a branch or target"
    return f"no room for a jump between {last} and {following}, no landing nearby"


def _imports(image: Image, binder: Binder) -> tuple[PlannedImport, ...]:
    if not binder.serves_imports:
        return ()
    first: dict[tuple[str, str], int] = {}
    planned = []
    for index, found in enumerate(image.imports):
        slot = replace(found, data=True) if not found.data and binder.import_object(found.name) else found
        info = None if slot.data else binder.import_call(slot.library, slot.name)
        at = first.setdefault((slot.library, slot.name), index)
        planned.append(PlannedImport(slot, info, at))
    return tuple(planned)
