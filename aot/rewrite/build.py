"""One site's bytes: its stub at an address, and what is written over its window."""

from __future__ import annotations

from aot.analyze.model import Insn
from aot.manifest import DataWord, ExitWord, GateKind, StubClass
from aot.record import dataclass
from aot.rewrite import stubs_aarch64, stubs_x86_64
from aot.rewrite.assemble import render
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


def build(planned: PlannedSite, index: int, area: Area, address: int, ordinal: int) -> Built:
    """The bytes of a patched site whose stub starts at `address`; `ordinal` counts inline sites."""
    if planned.call.gate.trap == "svc":
        return _aarch64(planned, index, area, address, ordinal)
    return _x86_64(planned, index, area, address, ordinal)


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
    }


def _x86_64(planned: PlannedSite, index: int, area: Area, address: int, ordinal: int) -> Built:
    window, found = planned.window, planned.found
    assert window is not None
    kind = stubs_x86_64.gate_kind(planned.call)
    body = stubs_x86_64.body(planned.call)
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
    behind = again + len(body.code)
    values = {"index": index, "slot": area.slot(kind)} | _words(planned, area, ordinal)
    values["resume"] = behind if window.after else found.address + found.size
    code += render(body, again, values)
    if not window.after:
        outward += (again + field.offset for field in body.fields if field.name == "resume")
    gate = again + stubs_x86_64.gate_offset(planned.call)
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
    )  # fmt: skip


def _doorway(window: Window, stub: int) -> tuple[bytes, bytes]:
    """What goes over the window, and over the landing if there is one."""
    jump = stubs_x86_64.jump()
    if not window.landing:
        return render(jump, window.start, {"target": stub}), b""
    distance = window.landing - (window.start + SHORT)
    short = b"\xeb" + distance.to_bytes(1, "little", signed=True)
    return short, render(jump, window.landing, {"target": stub})


def _aarch64(planned: PlannedSite, index: int, area: Area, address: int, ordinal: int) -> Built:
    call, site = planned.call, planned.found.address
    kind = stubs_aarch64.gate_kind(call)
    word = stubs_aarch64.exit_word(kind)
    if call.cls is StubClass.TABLE:
        new = word.to_bytes(4, "little")
        return Built(address, b"", new, kind, site, site, exits=(ExitWord(site, kind),))
    part, values = stubs_aarch64.body(call, index)
    values |= _words(planned, area, ordinal)
    values |= {"exit": word, "resume": site + planned.found.size + call.gate.skip}
    code = render(part, address, values)
    (gate,) = (address + f.offset for f in part.fields if f.name == "exit")
    new = render(stubs_aarch64.jump(), site, {"target": address})
    outward = tuple(address + f.offset for f in part.fields if f.name == "resume")
    return Built(address, code, new, kind, gate, site, exits=(ExitWord(gate, kind),), outward=outward)
