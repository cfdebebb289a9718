"""Puts a native ELF into an address space: segments, gates, import slots, stack, start state."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from aot.errors import ManifestError
from aot.image.model import Arch, Prot, Segment
from aot.manifest import PAGE, Manifest, StubClass
from aot.personality.abi.start import StartFacts, StartState
from aot.personality.abi.system import Layout
from aot.record import dataclass, field
from runtime.cpu.api import REGS, Cpu
from runtime.interpreter import Interpreter
from runtime.kernel.context import Context
from runtime.kernel.memory import AddressSpace

PIE_BASE = 0x5555_5555_4000
STACK_SIZE = 8 << 20
IMAGE_NAME = "[image]"  # of the program's mappings until its path is known
DATA_IMPORT = 64  # bytes given to an imported object nobody provides


@dataclass(frozen=True, slots=True)
class Loaded:
    """Where a translated image ended up. Addresses are final."""

    manifest: Manifest
    bias: int
    entry: int
    phdr: int
    area: int
    return_stub: int
    stack_top: int
    page_size: int = PAGE
    interpreter: Interpreter | None = None  # its own dynamic linker
    objects: Mapping[str, int] = field(default_factory=dict)  # imported objects: name -> address


@dataclass(frozen=True, slots=True)
class Start:
    """What the caller decides about a program start."""

    argv: tuple[bytes, ...]
    env: tuple[bytes, ...]
    exec_path: bytes
    random: bytes
    realtime_ns: int
    monotonic_ns: int


def load(
    space: AddressSpace,
    cpu: Cpu,
    manifest: Manifest,
    segments: list[Segment],
    *,
    dynamic: bool,
    layout: Layout | None = None,
    executable_stack: bool = False,
) -> Loaded:
    """Map the image. Every patched site gets its original bytes back; what replaces them is for fetches alone,
    and with `dynamic` for nobody."""
    layout = layout or Layout()
    bias = PIE_BASE if manifest.pie else 0
    space.low, space.high = max(space.low, manifest.page_zero), min(space.high, layout.high)
    for segment in segments:
        _map_segment(space, segment, bias)
    if manifest.area:
        _install_gates(space, cpu, manifest, bias)
    patched = _revert(space, manifest, bias)
    for slot, target in manifest.relocations:
        space.poke(slot + bias, struct.pack("<Q", target + bias))
    objects = _bind_slots(space, manifest, bias)
    if not dynamic:
        space.fetched.put(patched)
    stack_top = layout.stack_top
    size = max(STACK_SIZE, manifest.stack_reserve)
    rights = Prot.R | Prot.W | (Prot.X if executable_stack else 0)
    space.map(stack_top - size, size, rights, fixed=True, name="[stack]")
    space.page_size = layout.page_size  # what is ours keeps the tables' own pages
    return Loaded(
        manifest=manifest,
        bias=bias,
        entry=manifest.entry + bias,
        phdr=manifest.phdr[0] + bias if manifest.phdr[0] else 0,
        area=manifest.area + bias,
        return_stub=manifest.return_stub + bias if manifest.return_stub else 0,
        stack_top=stack_top,
        page_size=layout.page_size,
        objects=objects,
    )


def _map_segment(space: AddressSpace, segment: Segment, bias: int) -> None:
    """Map whole pages; a page that two segments share keeps the rights of both."""
    lo, hi = segment.address + bias & -PAGE, segment.end + bias + PAGE - 1 & -PAGE
    page = lo
    while page < hi:
        region = space.region_at(page)
        if region is None:
            above = space.layout.within(page, hi)
            end = above[0].start if above else hi
            space.map(page, end - page, segment.prot, fixed=True, name=segment.name or IMAGE_NAME)
        else:
            end = min(region.end, hi)
            space.protect(page, end - page, Prot(region.prot) | segment.prot)
        page = end
    if segment.data:
        space.poke(segment.address + bias, segment.data)


def _install_gates(space: AddressSpace, cpu: Cpu, manifest: Manifest, bias: int) -> None:
    area = manifest.area + bias
    if not space.layout.covered(area, area + manifest.area_size):
        raise ManifestError("the manifest's stub area is in no segment")
    ranges = [(area, area + manifest.area_size)]
    if cpu.arch is Arch.X86_64:
        code, offsets = cpu.gate_code()
        size = len(code) + PAGE - 1 & -PAGE
        base = space.map(None, size, Prot.R | Prot.X, name="[gates]")
        space.poke(base, code)
        for kind, offset in offsets.items():
            space.poke(area + 8 * kind, struct.pack("<Q", base + offset))
        ranges.append((base, base + size))
        space.seal(base, size)
    else:
        words = cpu.exit_words()
        for word in manifest.exits:
            if word.kind not in words:
                raise ManifestError(f"the manifest's exit at {word.addr:#x} cannot be of kind {word.kind}")
            space.poke(word.addr + bias, struct.pack("<I", words[word.kind]))
    space.seal(area, manifest.area_size)
    cpu.set_areas(ranges)


def _revert(space: AddressSpace, manifest: Manifest, bias: int) -> list[tuple[int, bytes]]:
    """Put back what the patches replaced; (address, bytes) of the patches."""
    replaced = [(s.window, s.old) for s in manifest.sites if s.cls != StubClass.DYNAMIC.value and s.old]
    replaced += [(s.landing, s.landing_old) for s in manifest.sites if s.landing]
    patched = []
    for address, old in replaced:
        patched.append((address + bias, space.peek(address + bias, len(old) // 2)))
        space.poke(address + bias, bytes.fromhex(old))
    return patched


def _bind_slots(space: AddressSpace, manifest: Manifest, bias: int) -> dict[str, int]:
    """Fill the slots of imports; the addresses of imported objects by name."""
    objects: dict[str, int] = {}
    for slot in manifest.imports:
        if slot.data:
            if slot.name not in objects:
                name = f"[{slot.library}!{slot.name}]"
                objects[slot.name] = space.map(None, DATA_IMPORT, Prot.R | Prot.W, name=name)
            space.poke(slot.slot + bias, struct.pack("<Q", objects[slot.name] + slot.addend))
        elif bias:
            space.poke(slot.slot + bias, struct.pack("<Q", slot.stub + bias))
    return objects


class _Space:
    """StartSpace over a real address space."""

    def __init__(self, space: AddressSpace) -> None:
        self._space = space

    def map(self, size: int, *, at: int | None = None, prot: int = 6, name: str = "") -> int:
        return self._space.map(at, size, Prot(prot), fixed=at is not None, name=name)

    def poke(self, address: int, data: bytes) -> None:
        self._space.poke(address, data)

    def peek(self, address: int, size: int) -> bytes:
        return self._space.peek(address, size)


def facts_of(loaded: Loaded, ctx: Context, start: Start) -> StartFacts:
    """The facts a personality's start-up code gets for this image and context."""
    m, creds = loaded.manifest, ctx.process.creds
    tls = m.tls
    return StartFacts(
        arch=m.arch,
        column=m.column,
        argv=start.argv,
        env=start.env,
        exec_path=start.exec_path,
        entry=loaded.entry,
        bias=loaded.bias,
        phdr=(loaded.phdr, m.phdr[1], m.phdr[2]),
        image_base=m.image_base + loaded.bias,
        image_end=m.image_end + loaded.bias,
        interpreter_base=loaded.interpreter.base if loaded.interpreter else 0,
        interpreter_entry=loaded.interpreter.entry if loaded.interpreter else 0,
        interpreter=m.interpreter,
        stack_top=loaded.stack_top,
        stack_size=max(STACK_SIZE, m.stack_reserve),
        page_size=loaded.page_size,
        random=start.random,
        pid=ctx.process.pid,
        tid=ctx.tid,
        uid=creds.uid,
        euid=creds.euid,
        gid=creds.gid,
        egid=creds.egid,
        realtime_ns=start.realtime_ns,
        monotonic_ns=start.monotonic_ns,
        tls=(tls.address + loaded.bias, tls.filesize, tls.size, tls.align) if tls else None,
        tls_index_slot=tls.index_slot + loaded.bias if tls and tls.index_slot else 0,
        tls_callbacks=tuple(c + loaded.bias for c in tls.callbacks) if tls else (),
        subsystem=m.subsystem,
        heap_reserve=m.heap_reserve,
        return_stub=loaded.return_stub,
        cwd=ctx.process.names.cwd.text,
        main=m.main,
        initialisers=tuple(at + loaded.bias for at in m.initialisers),
        tls_descriptors=(tls.descriptors[0] + loaded.bias, tls.descriptors[1] + loaded.bias)
        if tls
        else (0, 0),
        objects=loaded.objects,
        resolve=ctx.process.data["imports"].address_of,
    )


def begin(ctx: Context, cpu: Cpu, begin_start: Callable[..., StartState], facts: StartFacts) -> StartState:
    """Give `ctx` the start state its system prepares: stack, registers, TLS bases."""
    state = begin_start(_Space(ctx.mem), facts)
    names = {name: i for i, name in enumerate(REGS[cpu.arch])}
    for name, value in state.regs.items():
        ctx.regs[names[name]] = value & 0xFFFF_FFFF_FFFF_FFFF
    for which, value in state.bases.items():
        cpu.set_base(ctx, which, value)
    ctx.data.update(state.data)
    return state
