"""The doors of a program: a handler behind every site, import and trap, counted or timed where somebody asks."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from aot.manifest import PAGE, StubClass
from aot.personality.abi.call import Call
from aot.personality.abi.compile import Door, Handler
from aot.personality.abi.gate import ErrorStyle
from runtime.answers import facts, routine_table
from runtime.counts import BOUND, IMPORT, TABLE, Counts
from runtime.cpu.api import Doors
from runtime.dispatch import Dispatcher, bind_imports, bind_numbers, bind_sites
from runtime.images import Images, Library, images_of
from runtime.kernel.context import Context
from runtime.kernel.memory import AddressSpace
from runtime.kernel.upcalls import Returned
from runtime.made import MadeCode
from runtime.trace import Tracer

if TYPE_CHECKING:
    from runtime.machine import Machine

Wrap = Callable[[Handler, Call, Door], Handler]


def dispatcher_of(machine: Machine, wrap: Wrap | None) -> Dispatcher:
    """The dispatcher of a program's system, which knows the program's sites; `wrap` goes around its handlers."""
    m, bias = machine.manifest, machine.loaded.bias
    guard, ops = machine.options.guard, machine.interface.ops
    if guard is not None:
        ops = guard.ops(ops)
    dispatcher = Dispatcher(machine.system, m.column, machine.arch, ops, wrap)
    dispatcher.known = {s.addr + bias for s in m.sites}
    if machine.first is not machine:  # a run has one summary
        dispatcher.foreign, dispatcher.unknown = (
            machine.first.dispatcher.foreign,
            machine.first.dispatcher.unknown,
        )
    return dispatcher


def wrap_of(machine: Machine) -> Wrap | None:
    """What guards, traces or times the handlers of a program, each around those before it."""
    options, column = machine.options, machine.manifest.column
    wraps: list[Wrap] = []
    if options.guard is not None:
        wraps.append(options.guard.wrapper(machine.system, column))
    if options.profile is not None:
        wraps.append(options.profile.wrap)
    elif options.trace is not None:
        wraps.append(Tracer(machine.system, column, options.trace.write).wrap)
    if options.stats is not None:
        wraps.append(machine.first.counts.wrap)
    if len(wraps) < 2:
        return wraps[0] if wraps else None

    def wrap(handler: Handler, row: Call, door: Door) -> Handler:
        for one in wraps:
            handler = one(handler, row, door)
        return handler

    return wrap


def doors_of(machine: Machine) -> Doors:
    """Doors to the handlers of a program's sites and imports."""
    dispatcher, options = machine.dispatcher, machine.options
    dispatcher.routines = routine_table(
        machine.system,
        machine.arch,
        deterministic=options.deterministic,
        watched=options.trace is not None or not options.routines,
        counted=options.stats is not None,
        timed=options.profile is not None,
        guard=options.guard,
    )
    doors = Doors(
        table=dispatcher.table,
        trap=dispatcher.trap,
        returned=_returned,
        page_fault=machine.space.fault,
        trap_carry=dispatcher.door.gate.style is ErrorStyle.CARRY,
        skip=dispatcher.door.gate.skip,
        number=dispatcher.door.index.get(dispatcher.door.gate.number),
        routines=dispatcher.routines,
        facts=facts,
    )
    bind_sites(dispatcher, machine.manifest, doors.sites)
    doors.placed.update(
        (site.addr + machine.loaded.bias, index)
        for index, site in enumerate(machine.manifest.sites)
        if site.cls == StubClass.BOUND.value and not site.stub
    )
    bind_imports(dispatcher, machine.manifest.imports, doors.imports, dynamic=machine.dynamic)
    dispatcher.meet = _meet
    if options.stats is not None:
        _count(doors, machine.first.counts)
    if options.profile is not None:
        options.profile.watch(doors)
    return doors


def _meet(ctx: Context, pc: int, number: int, handler: Handler) -> bool:
    return images_of(ctx).code.meet(ctx.mem, pc, number, handler)


def library_of(machine: Machine, doors: Doors) -> Library:
    """What a program's processes share about the objects they map."""

    def add_sites(numbers: list[int | None]) -> int:
        first = bind_numbers(machine.dispatcher, numbers, doors.sites)
        if machine.options.stats is not None:
            _count_sites(doors, first, machine.first.counts)
        if machine.options.profile is not None:
            machine.options.profile.watch_sites(doors, first)
        return first

    return Library(
        arch=machine.arch,
        personality=machine.manifest.personality,
        column=machine.manifest.column,
        find=machine.options.overlay if machine.system.linkers else None,
        add_sites=add_sites,
        known=machine.dispatcher.known,
        dynamic=machine.dynamic,
        sites=doors.sites,
        made=_made(machine),
    )


def _made(machine: Machine) -> MadeCode:
    """What an address space of a program begins with of code that the guest makes."""
    options, tally = machine.options, machine.first.tally

    def wrap(handler: Handler) -> Handler:
        if options.profile is not None:
            handler = options.profile.through(StubClass.BOUND.value, handler)
        if options.stats is None:
            return handler
        return _counted(tally.calls, BOUND, machine.first.counts.through(BOUND, handler))

    gate, known = machine.dispatcher.door.gate, machine.dispatcher.known
    return MadeCode(gate, known, tally, None if machine.dynamic else wrap)


def _count(doors: Doors, counts: Counts) -> None:
    """Wrap every door with a counter; only with --stats."""
    table, trap = doors.table, doors.trap
    assert table is not None and trap is not None

    def count_table(ctx: Context, number: int, where: int) -> int:
        counts.enter(TABLE)
        return table(ctx, number, where)

    def count_trap(ctx: Context, pc: int, immediate: int) -> int:
        counts.enter(images_of(ctx).code.class_of(pc))
        return trap(ctx, pc, immediate)

    _count_sites(doors, 0, counts)
    doors.imports[:] = [counts.through(IMPORT, handler) for handler in doors.imports]
    doors.table, doors.trap = count_table, count_trap


def _count_sites(doors: Doors, first: int, counts: Counts) -> None:
    """The same for sites from `first` on."""
    doors.sites[first:] = [counts.through(BOUND, handler) for handler in doors.sites[first:]]


def _counted(counts: Counter[str], name: str, handler: Handler) -> Handler:
    def count(ctx: Context) -> int:
        counts[name] += 1
        return handler(ctx)

    return count


def _returned(ctx: Context) -> int:
    raise Returned


def inline_calls(images: Images, space: AddressSpace) -> Counter[str]:
    """Calls that inline stubs answered, by name: from the counters in guest memory, one a site, in order."""
    found: Counter[str] = Counter()
    for manifest, area in images.manifests():
        if not manifest.counters:
            continue
        raw = space.peek(area + PAGE, manifest.counters * PAGE)
        sites = [site for site in manifest.sites if site.cls == StubClass.INLINE.value]
        for site, (count,) in zip(sites, struct.iter_unpack("<Q", raw), strict=False):
            found[site.call or hex(site.addr)] += count
    return found
