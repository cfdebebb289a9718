"""From a crossing to a handler: rows compiled once per run, for both ways of dispatching.

Ahead-of-time crossings name their site, so the handler is a list element. Dynamic crossings read the
number register and look the row up. Both run the very same compiled handlers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aot.image.model import Arch
from aot.manifest import ImportSite, Manifest, indexes
from aot.personality.abi.call import VALUE, Call, Level, Status
from aot.personality.abi.compile import M64, Door, Handler, compile_call
from aot.personality.abi.errors import E
from aot.personality.abi.op import Op
from aot.personality.abi.system import System
from aot.record import replace
from runtime.cpu.api import REG_INDEX
from runtime.kernel.context import Context
from runtime.kernel.leave import Invented, Unserved

if TYPE_CHECKING:
    from runtime.cpu.routines import RoutineTable

Wrap = Callable[[Handler, Call, Door], Handler]
Meet = Callable[[Context, int, int, Handler], bool]  # context, address, number, its handler
UNKNOWN_KEPT = 4096  # numbers without a row that are remembered; a hostile guest can try 2**32
HANDLERS_KEPT = 4 * UNKNOWN_KEPT
SP = {Arch.X86_64: "rsp", Arch.AARCH64: "sp"}


_ROWS: dict[tuple[str, str], dict[int, Call]] = {}
# the handler last made of a row: programs that a run executes one after the other have the same ones
_COMPILED: dict[tuple[str, str, str, str], tuple[Mapping[Op, Any], Call, Handler]] = {}


def _rows(system: System, column: str) -> dict[int, Call]:
    """Number -> row, made once: every program that a run executes asks."""
    key = system.name, column
    if key not in _ROWS:
        _ROWS[key] = system.by_number(column)
    return _ROWS[key]


class Dispatcher:
    """Handlers of one system, column and architecture; `wrap` adds tracing or counting."""

    def __init__(
        self, system: System, column: str, arch: Arch, ops: Mapping[Op, Any], wrap: Wrap | None = None
    ) -> None:
        self.system, self.column, self.arch = system, column, arch
        self._ops, self._wrap = ops, wrap
        self._rows = _rows(system, column)
        self._symbols: dict[str, Call] | None = None
        self._handlers: dict[int, Handler] = {}
        self._imports: dict[str, Handler] = {}
        gate = system.gates[arch.value]
        self.door = Door(gate, REG_INDEX[arch], SP[arch])
        library = system.libraries.get(arch.value)
        self._library = Door(library, REG_INDEX[arch], SP[arch]) if library else None
        self._number = self.door.index.get(gate.number)
        self._mask = system.number_mask or 0xFFFF_FFFF
        self._indirect = system.indirect.get(column, ())
        self._class = system.indirect_class.get(column, 0)
        # an exit that stands in place of the trap passes x8, which not every system uses
        self._reads_number = gate.number == "x16"
        self.unknown: Counter[int] = Counter()  # numbers no row has
        self.foreign: Counter[int] = Counter()  # trap addresses the translator did not list
        self.known: set[int] = set()
        self.meet: Meet | None = None  # told of other traps; whether they are in code that the guest made
        self.routines: RoutineTable | None = None  # told which rows sites and numbers are

    def by_number(self, number: int) -> Handler:
        """The handler of a call number; one that answers no-such-call when no row has it."""
        handler = self._handlers.get(number)
        if handler is None:
            if number & self._mask in self._indirect:
                handler = self._shifted()
            else:
                row = self._row(number)
                handler = self._compile(row, self.door)
                if self.routines is not None:
                    self.routines.bind_number(number, row.name)
                if number & self._mask not in self._rows and not self._note_unknown(number):
                    return handler
            _keep(self._handlers, number, handler)
        return handler

    def _note_unknown(self, number: int) -> bool:
        """Remember a number without a row; False once a guest has made up too many to keep."""
        if len(self.unknown) < UNKNOWN_KEPT:
            self.unknown[number & self._mask] += 1
            return True
        return False

    def _row(self, number: int) -> Call:
        """The row with this number, or one that answers no-such-call."""
        row = self._rows.get(number & self._mask)
        if row is None:
            row = Call(f"syscall_{number & self._mask:#x}", {}, (), None, _ABSENT, {}, VALUE, {})
        return row

    def bound(self, index: int, number: int) -> None:
        """Site `index` turned out to make the call `number`."""
        if self.routines is not None:
            self.routines.bind_site(index, self._row(number).name)

    def _shifted(self) -> Handler:
        """syscall(2): the number is the first argument and the others follow it, or has its own register."""
        gate, door = self.door.gate, self.door
        register = self.system.indirect_register.get(self.column)
        if register is None:
            door = replace(door, gate=replace(gate, args=gate.args[1:]))
        position, handlers = door.index[register or gate.args[0]], dict[int, Handler]()

        def shifted(ctx: Context) -> int:
            number = ctx.regs[position]
            handler = handlers.get(number)
            if handler is None:
                handler = self._compile(self._row(number | self._class), door)
                _keep(handlers, number, handler)
            return handler(ctx)

        return shifted

    def _compile(self, row: Call, door: Door) -> Handler:
        if door is not self.door or row.status is _ABSENT:  # a guest can make up any number of calls
            handler = compile_call(row, self.column, door, self._ops, self.system.errors)
        else:
            key = self.system.name, self.column, self.arch.value, row.name
            known = _COMPILED.get(key)
            if known is None or known[0] is not self._ops or known[1] is not row:
                handler = compile_call(row, self.column, door, self._ops, self.system.errors)
                _COMPILED[key] = known = self._ops, row, handler
            handler = known[2]
        return self._wrap(handler, row, door) if self._wrap else handler

    def table(self, ctx: Context, number: int, where: int) -> int:
        """A table-bound crossing: the handler is chosen by number from the prepared table."""
        if self._number is None:  # an exit that the guest wrote itself: ours are bound in place
            raise Invented
        if self._reads_number:
            number = ctx.regs[self._number]
        handler = self._handlers.get(number)
        return (handler or self.by_number(number))(ctx)

    def trap(self, ctx: Context, pc: int, immediate: int) -> int:
        """A dynamic crossing: number register (or immediate) to row to handler."""
        number = immediate if self._number is None else ctx.regs[self._number]
        handler = self._handlers.get(number) or self.by_number(number)
        if pc not in self.known and not (self.meet is not None and self.meet(ctx, pc, number, handler)):
            self.foreign[pc] += 1
        return handler(ctx)

    def row_of_import(self, library: str, name: str) -> Call | None:
        """The row behind an imported name, if any."""
        if self._symbols is None:
            self._symbols = self.system.by_symbol()
        return self.system.row_of_import(library, name, self._symbols)

    def by_import(self, library: str, name: str) -> Handler:
        """The handler of an imported function; one that raises Unserved when no row serves it."""
        key = f"{library}!{name}"
        handler = self._imports.get(key)
        if handler is None:
            row = self.row_of_import(library, name)
            if row is None or self._library is None:
                handler = _unknown(library, name)
            else:
                handler = self._compile(row, self._library)
            self._imports[key] = handler
        return handler

    def personality_syscall(self, ctx: Context, number: int, words: tuple[int, ...]) -> tuple[int, int]:
        """Make a call for the guest, as an embedder would: argument words in, (result word, carry) out.

        This is the boundary function of the dynamic path with its register reading left out; `trap` is the
        same for arguments that are in the registers already. Until the kernel-ops table is installed
        (Interface.personality_init) every call answers the personality's no-such-call error.
        """
        for name, word in zip(self.door.gate.args, words, strict=False):
            ctx.regs[self.door.index[name]] = word & M64
        carry = self.by_number(number)(ctx)
        return ctx.regs[self.door.index[self.door.gate.result]], carry


def _keep(handlers: dict[int, Handler], number: int, handler: Handler) -> None:
    """Remember a handler. One row answers 2**32 spellings of its number, which a hostile guest can try."""
    if len(handlers) < HANDLERS_KEPT:
        handlers[number] = handler


_ABSENT = Status(Level.ABSENT, "no row", E.NOSYS)


def _unknown(library: str, name: str) -> Handler:
    def unknown(ctx: Context) -> int:
        raise Unserved(library, name)

    return unknown


def bind_sites(dispatcher: Dispatcher, manifest: Manifest, sites: list[Handler]) -> None:
    """Fill `sites` so that each binds its handler on first use and is direct from then on."""
    bind_numbers(dispatcher, [number for _, number in indexes(manifest)], sites)


def bind_numbers(dispatcher: Dispatcher, numbers: Iterable[int | None], sites: list[Handler]) -> int:
    """Append a site for each number (None: its index is not for the bound gate); the index of the first."""
    first = len(sites)
    for index, number in enumerate(numbers, first):
        sites.append(_misplaced if number is None else _lazy_site(dispatcher, number, sites, index))
    return first


def _misplaced(ctx: Context) -> int:
    raise Invented  # the guest gave the index of a table-bound or dynamic site to the bound gate


def _lazy_site(dispatcher: Dispatcher, number: int, sites: list[Handler], index: int) -> Handler:
    def first(ctx: Context) -> int:
        handler = dispatcher.by_number(number)
        dispatcher.bound(index, number)
        if sites[index] is first:  # else something (--stats) stands in between and stays there
            sites[index] = handler
        return handler(ctx)

    return first


def bind_imports(
    dispatcher: Dispatcher, imports: tuple[ImportSite, ...], handlers: list[Handler], *, dynamic: bool
) -> None:
    """Fill `handlers`: bound on first use, or looked up by name at every call when `dynamic`."""
    for index, site in enumerate(imports):
        if dynamic:
            handlers.append(_named(dispatcher, site.library, site.name))
        else:
            handlers.append(_lazy_import(dispatcher, site, handlers, index))


def _named(dispatcher: Dispatcher, library: str, name: str) -> Handler:
    def by_name(ctx: Context) -> int:
        return dispatcher.by_import(library, name)(ctx)

    return by_name


def _lazy_import(dispatcher: Dispatcher, site: ImportSite, handlers: list[Handler], index: int) -> Handler:
    def first(ctx: Context) -> int:
        handler = dispatcher.by_import(site.library, site.name)
        if handlers[index] is first:
            handlers[index] = handler
        return handler(ctx)

    return first
