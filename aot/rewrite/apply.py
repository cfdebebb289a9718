"""Turns a plan into bytes: patched segments, the stub area, and the manifest that describes both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aot.errors import RewriteError
from aot.image.model import Arch, Format, Image, Prot, Segment
from aot.manifest import PAGE, ExitWord, GateKind, ImportSite, Manifest, Site, StubClass, TlsFacts
from aot.personality.abi.personality import Personality
from aot.record import dataclass, field, replace
from aot.rewrite import stubs_aarch64, stubs_x86_64
from aot.rewrite.assemble import render
from aot.rewrite.build import Indexes, build
from aot.rewrite.call import Call
from aot.rewrite.plan import Plan, PlannedImport, PlannedSite
from aot.rewrite.space import Area, page_up

# Systems whose programs grow a heap at the end of their image.
_BRK = frozenset(Personality) - {Personality.WINDOWS, Personality.DARWIN}


class Identity(Protocol):
    """What `apply` needs to know of the system an image was made for."""

    @property
    def personality(self) -> int: ...
    @property
    def column(self) -> str: ...


@dataclass(slots=True)
class _Writer:
    """The image's segments while they are being patched, and the stubs laid out so far."""

    image: Image
    area: Area
    patched: dict[int, bytearray] = field(default_factory=dict)  # by index of segment
    stubs: bytearray = field(default_factory=bytearray)
    exits: list[ExitWord] = field(default_factory=list)
    inline: int = 0
    case: int = 0  # index of the next case
    outward: list[int] = field(default_factory=list)

    def put(self, address: int, new: bytes) -> bytes:
        """Overwrite loaded bytes; answers the old ones."""
        for index, segment in enumerate(self.image.segments):
            if segment.address <= address < segment.end:
                data = self.patched.get(index)
                if data is None:
                    data = self.patched[index] = bytearray(segment.data)
                at = address - segment.address
                if at + len(new) > len(data):
                    data.extend(bytes(at + len(new) - len(data)))
                old = bytes(data[at : at + len(new)])
                data[at : at + len(new)] = new
                return old
        raise RewriteError(f"the slot at {address:#x} is in no segment")

    @property
    def next(self) -> int:
        """Address of the next stub."""
        return self.area.code + len(self.stubs)

    def segments(self) -> tuple[Segment, ...]:
        """The patched image's segments, then the three of the area."""
        old = self.image.segments
        guest = [
            replace(segment, data=bytes(self.patched.pop(i))) if i in self.patched else segment
            for i, segment in enumerate(old)
        ]
        area = self.area
        ours = [
            Segment(area.base, PAGE, b"", Prot.R, "helctic.slots"),
            Segment(area.base + PAGE, PAGE * area.counters, b"", Prot.R | Prot.W, "helctic.counters"),
            Segment(area.code, len(self.stubs), bytes(self.stubs), Prot.R | Prot.X, "helctic.stubs"),
        ]
        return (*guest, *(segment for segment in ours if segment.size))


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` answers."""

    manifest: Manifest
    segments: tuple[Segment, ...]
    outward: tuple[int, ...]  # link addresses of the pc-relative fields in stubs that name the image


def apply(plan: Plan, identity: Identity) -> tuple[Manifest, tuple[Segment, ...]]:
    """The manifest and all segments of the translated image."""
    applied = apply_all(plan, identity)
    return applied.manifest, applied.segments


def apply_all(plan: Plan, identity: Identity) -> Applied:
    """The same, and what else has to be known of an image whose stubs go elsewhere."""
    writer = _Writer(plan.image, plan.area)
    return_stub = _return_stub(writer)
    imports = _imports(writer, plan.imports)
    writer.case = len(plan.sites)
    sites = tuple(_site(writer, index, site) for index, site in enumerate(plan.sites))
    area, image = plan.area, plan.image
    brk = page_up(image.end) if image.format is Format.ELF and identity.personality in _BRK else 0
    manifest = Manifest(
        personality=int(identity.personality), column=identity.column,
        arch=image.arch.value, format=image.format.value, source_sha256=image.sha256,
        entry=image.entry, pie=image.pie,
        area=area.base, area_size=area.size(len(writer.stubs)), counters=area.counters,
        sites=sites, imports=imports, exits=tuple(writer.exits), return_stub=return_stub,
        tls=_tls(image),
        phdr=image.phdr, image_base=image.image_base, image_end=image.end,
        brk=brk, brk_limit=area.base if brk and area.above else 0,
        subsystem=image.subsystem, heap_reserve=image.heap_reserve,
        stack_reserve=image.stack_reserve, stack_code=image.stack_code,
        interpreter=image.interpreter, needed=image.needed,
        page_zero=image.page_zero, main=image.main, initialisers=image.initialisers,
        relocations=plan.relocations,
    )  # fmt: skip
    return Applied(manifest, writer.segments(), tuple(writer.outward))


def _tls(image: Image) -> TlsFacts | None:
    tls = image.tls
    if tls is None:
        return None
    return TlsFacts(
        tls.address, len(tls.data), tls.size, tls.align, tls.index_slot, tls.callbacks, tls.descriptors
    )


def _return_stub(writer: _Writer) -> int:
    at = writer.next
    if writer.image.arch is Arch.X86_64:
        slot = writer.area.slot(GateKind.RETURN)
        writer.stubs += render(stubs_x86_64.return_stub(), at, {"slot": slot})
    else:
        word = stubs_aarch64.exit_word(GateKind.RETURN)
        writer.stubs += render(stubs_aarch64.return_stub(), at, {"exit": word})
        writer.exits.append(ExitWord(at, GateKind.RETURN))
    return at


def _imports(writer: _Writer, planned: Iterable[PlannedImport]) -> tuple[ImportSite, ...]:
    done: list[ImportSite] = []
    for index, item in enumerate(planned):
        slot = item.slot
        stub, size = 0, 0
        if not slot.data and not (slot.weak and item.info is None):
            first = done[item.first] if item.first < index else None
            stub, size = (first.stub, first.stub_size) if first else _import_stub(writer, index)
        old = writer.put(slot.slot, stub.to_bytes(8, "little"))
        done.append(ImportSite(
            slot.library, slot.name, slot.slot, slot.kind.value, stub, size,
            item.info.name if item.info else None, slot.data, old.hex(), slot.addend,
        ))  # fmt: skip
    return tuple(done)


def _import_stub(writer: _Writer, index: int) -> tuple[int, int]:
    at = writer.next
    if writer.image.arch is Arch.X86_64:
        values = {"index": index, "slot": writer.area.slot(GateKind.IMPORT)}
        code = render(stubs_x86_64.import_stub(), at, values)
    else:
        part, values = stubs_aarch64.import_stub(index)
        exit_word = stubs_aarch64.exit_word(GateKind.IMPORT)
        code = render(part, at, values | {"exit": exit_word})
        writer.exits += [ExitWord(at + f.offset, GateKind.IMPORT) for f in part.fields if f.name == "exit"]
    writer.stubs += code
    return at, len(code)


def _answers(call: Call) -> tuple[int, ...]:
    """The data words an inline stub reads."""
    if call.cls is not StubClass.INLINE or call.info is None:
        return ()
    return tuple(int(word) for word in (call.info.inline, call.info.second) if word is not None)


def _site(writer: _Writer, index: int, planned: PlannedSite) -> Site:
    found, call = planned.found, planned.call
    site = Site(
        addr=found.address, size=found.size, cls=call.cls.value, tactic=planned.why,
        number=call.number, call=call.info.name if call.info else None,
        resume=found.address + found.size + call.gate.skip,
        evidence=found.evidence, immediate=found.immediate, words=_answers(call),
    )  # fmt: skip
    if planned.window is None:
        return site
    built = build(planned, Indexes(index, writer.case, writer.inline), writer.area, writer.next)
    writer.inline += call.cls is StubClass.INLINE
    writer.case += len(built.cases)
    table = writer.next if built.table else 0
    writer.stubs += built.table + built.code
    writer.exits += built.exits
    writer.outward += built.outward
    old = writer.put(planned.window.start, built.new)
    window = planned.window
    landing_old = writer.put(window.landing, built.landing_new) if window.landing else b""
    return replace(
        site,
        tactic=window.tactic, window=window.start, old=old.hex(), new=built.new.hex(),
        stub=built.address if built.code else 0, stub_size=len(built.code),
        gate=built.gate, kind=int(built.kind), again=built.again, cont=built.cont,
        moved=built.moved, folded=window.folded,
        landing=window.landing, landing_old=landing_old.hex(), cases=built.cases, table=table, fast=built.fast,
    )  # fmt: skip
