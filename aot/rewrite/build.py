"""One site's bytes: its stub at an address, and what is written over its window."""

from __future__ import annotations

from aot.analyze.model import Insn
from aot.manifest import Case, DataWord, ExitWord, GateKind, StubClass
from aot.record import dataclass
from aot.rewrite import conditions, stubs_aarch64, stubs_x86_64
from aot.rewrite.assemble import render
from aot.rewrite.cases import aarch64, table_size, x86_64, x86_64_size
from aot.rewrite.plan import PlannedSite
from aot.rewrite.relocate import ends_flow, moved, moved_field
from aot.rewrite.space import Area
from aot.rewrite.tactics import SHORT, Window


@dataclass(frozen=True, slots=True)
class Built:
    """What `build` answers; addresses are link-time."""

    address: int  # of the stub
    code: bytes  # empty when the exit word is in place
    new: bytes  # over the window
    kind: GateKind
    gate: int
    again: int
    cont: int = 0
    moved: tuple[tuple[int, int], ...] = ()
    exits: tuple[ExitWord, ...] = ()
    landing_new: bytes = b""
    outward: tuple[int, ...] = ()  # addresses of pc-relative fields in the stub that name the image
    cases: tuple[Case, ...] = ()
    table: bytes = b""  # in front of the stub
    fast: int = 0  # of an inline stub: where it answers


@dataclass(frozen=True, slots=True)
class Indexes:
    """What a stub is numbered with: its site, its first case, and its place among the inline ones."""

    site: int
    first: int
    ordinal: int


def build(planned: PlannedSite, indexes: Indexes, area: Area, address: int) -> Built:
    """The bytes of a patched site whose table and stub go to `address`."""
    if planned.call.gate.trap == "svc":
        return _aarch64(planned, indexes, area, address)
    return _x86_64(planned, indexes, area, address + table_size(planned.call))


def _words(planned: PlannedSite, area: Area, ordinal: int) -> dict[str, int]:
    """Addresses of what an inline stub reads and counts."""
    info = planned.call.info
    if planned.call.cls is not StubClass.INLINE or info is None or info.inline is None:
        return {}
    return {
        "traced": area.word(DataWord.TRACED),
        "word": area.word(info.inline),
        "counter": area.counter(ordinal),
        "second": area.word(info.second) if info.second is not None else 0,
        **conditions.places(info.when, area),
    }


def _x86_64(planned: PlannedSite, indexes: Indexes, area: Area, address: int) -> Built:
    window, found, call = planned.window, planned.found, planned.call
    assert window is not None
    kind = stubs_x86_64.gate_kind(call)
    body = stubs_x86_64.body(call)
    pairs: list[tuple[int, int]] = []
    code, outward = b"", list[int]()

    def move(insn: Insn) -> None:
        nonlocal code
        here, field = address + len(code), moved_field(insn)
        pairs.append((here, insn.address))
        outward.extend(() if field is None else (here + field,))
        code += moved(insn, here)

    for insn in window.before:
        move(insn)
    again = address + len(code)
    behind = again + len(body.code) + x86_64_size(call)
    resume = behind if window.after else found.address + found.size
    values = {"index": indexes.site, "slot": area.slot(kind), "resume": resume}
    values |= _words(planned, area, indexes.ordinal)
    chosen = x86_64(call, indexes.first, (address, again), resume, area)
    enter = again + len(chosen.search)
    code += chosen.search + render(body, enter, values) + chosen.parts
    if not window.after:
        outward += (enter + field.offset for field in body.fields if field.name == "resume")
        outward += chosen.outward
    gate = enter + stubs_x86_64.gate_offset(call)
    for insn in window.after:
        move(insn)
    if window.after and not ends_flow(window.after[-1]):
        last = window.after[-1]
        jump, here = stubs_x86_64.jump(), address + len(code)
        outward.append(here + jump.fields[0].offset)
        code += render(jump, here, {"target": last.address + last.size})
    new, landing_new = _doorway(window, address)
    return Built(
        address, code, new, kind, gate,
        again=window.start if window.folded else again,
        cont=behind if window.after else 0,
        moved=tuple(pairs), landing_new=landing_new, outward=tuple(outward),
        cases=chosen.cases, table=chosen.table,
        fast=enter + stubs_x86_64.answer_offset(call) if call.cls is StubClass.INLINE else 0,
    )  # fmt: skip


def _doorway(window: Window, stub: int) -> tuple[bytes, bytes]:
    """What goes over the window, and over the landing if there is one."""
    jump = stubs_x86_64.jump()
    if not window.landing:
        return render(jump, window.start, {"target": stub}), b""
    distance = window.landing - (window.start + SHORT)
    short = b"\xeb" + distance.to_bytes(1, "little", signed=True)
    return short, render(jump, window.landing, {"target": stub})


def _aarch64(planned: PlannedSite, indexes: Indexes, area: Area, address: int) -> Built:
    call, site = planned.call, planned.found.address
    kind = stubs_aarch64.gate_kind(call)
    word = stubs_aarch64.exit_word(kind)
    resume = site + planned.found.size + call.gate.skip
    if call.cases:
        return _a64_cases(planned, indexes, address, resume)
    if call.cls is StubClass.TABLE or call.in_place:
        new = word.to_bytes(4, "little")
        return Built(address, b"", new, kind, site, site, exits=(ExitWord(site, kind),))
    part, values = stubs_aarch64.body(call, indexes.site)
    values |= _words(planned, area, indexes.ordinal)
    values |= {"exit": word, "resume": resume}
    code = render(part, address, values)
    (gate,) = (address + f.offset for f in part.fields if f.name == "exit")
    new = render(stubs_aarch64.jump(), site, {"target": address})
    outward = tuple(address + f.offset for f in part.fields if f.name == "resume")
    fast = next((address + f.offset for f in part.fields if f.name == "counter"), 0)
    return Built(
        address, code, new, kind, gate, site, exits=(ExitWord(gate, kind),), outward=outward, fast=fast
    )


def _a64_cases(planned: PlannedSite, indexes: Indexes, address: int, resume: int) -> Built:
    """A stub that looks for its cases before it leaves by table."""
    call, site = planned.call, planned.found.address
    kind, part = stubs_aarch64.gate_kind(call), stubs_aarch64.by_table()
    chosen = aarch64(call, indexes.first, address, resume)
    gate = address + len(chosen.search)
    code = chosen.search + render(part, gate, {"exit": stubs_aarch64.exit_word(kind), "resume": resume})
    outward = (*(gate + f.offset for f in part.fields if f.name == "resume"), *chosen.outward)
    new = render(stubs_aarch64.jump(), site, {"target": address})
    exits = (ExitWord(gate, kind), *chosen.exits)
    return Built(
        address, code + chosen.parts, new, kind, gate, site, exits=exits, outward=outward, cases=chosen.cases
    )
