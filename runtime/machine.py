"""Introduces CPU, kernel and loader to each other for one run; decides nothing else."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from aot.errors import AotError, ManifestError, SetupError
from aot.image.model import Arch
from aot.image.native_reader import is_native, read_native
from aot.manifest import PAGE, DataWord, StubClass
from aot.overlay import Overlay
from aot.personality.abi.call import Call
from aot.personality.abi.compile import Door, Handler
from aot.personality.abi.errors import E, Errno
from aot.personality.abi.gate import ErrorStyle
from aot.personality.abi.neutral import Clock
from aot.personality.abi.personality import Personality
from aot.personality.registry import system_of
from aot.record import dataclass, field, replace
from runtime import report
from runtime.answers import facts, routine_table
from runtime.cpu.api import Cpu, Doors, Fault
from runtime.cpu.routines import RoutineTable
from runtime.cpu.unicorn_cpu import UnicornCpu
from runtime.cpu.watchdog import Watchdog
from runtime.dispatch import Dispatcher, bind_imports, bind_numbers, bind_sites
from runtime.hostsignals import HostSignals
from runtime.images import Images, Library, images_of
from runtime.imports import ImportTable
from runtime.interpreter import NoInterpreter, map_interpreter
from runtime.kernel.boot import World, boot
from runtime.kernel.context import Context, Process
from runtime.kernel.deliver import Deliverer
from runtime.kernel.ends import End, leave_space
from runtime.kernel.faults import signal_info
from runtime.kernel.frames import Arena
from runtime.kernel.kin import group_of, session_of
from runtime.kernel.leave import Upcall
from runtime.kernel.memory import AddressSpace, Heap
from runtime.kernel.optable import Interface
from runtime.kernel.sched import Scheduler
from runtime.kernel.signals import IGNORE, set_mask
from runtime.kernel.upcalls import Returned, upcall
from runtime.loader import Loaded, Start, begin, facts_of, load
from runtime.trace import Tracer

if TYPE_CHECKING:
    from runtime.profile import Profile

PREEMPT_S = 0.005  # shorter periods cost measurably more than they give


@dataclass(slots=True)
class RunOptions:
    """How to run a translated image. Paths in `mounts` are (guest, host, read-only)."""

    argv: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    dispatch: str = "aot"  # or "dynamic"
    trace: TextIO | None = None
    deterministic: bool = False
    root: str | None = None
    mounts: list[tuple[str, str, bool]] = field(default_factory=list)
    cwd: str | None = None
    stats: TextIO | None = None
    routines: bool = True  # machine code may answer calls
    profile: Profile | None = None  # filled with counts and times by call; not together with a trace
    ready: Callable[[], None] | None = None  # called when the guest is about to run
    forward: bool = False  # signals of this process go to the guest while it runs
    file: str | None = None  # host path of what runs, where the image came as bytes
    translate: Callable[[bytes], bytes] | None = None  # an executable the guest runs; raises AotError
    overlay: Callable[[int], Overlay | None] | None = None  # of a shared object, by its descriptor
    errors: TextIO | None = None  # where a killed guest is described


class Machine:
    """One guest program on one CPU engine."""

    def __init__(
        self,
        image: bytes | os.PathLike[str],
        options: RunOptions,
        within: tuple[Machine, Process] | None = None,
    ) -> None:
        self.options, self.image, self.closed = options, image, False
        self.manifest, segments = read_native(image)
        self.arch = Arch(self.manifest.arch)
        self.system = system_of(Personality(self.manifest.personality))
        if self.arch.value not in self.system.columns.get(self.manifest.column, ()):
            raise ManifestError(
                f"{self.system.name} has no column {self.manifest.column!r} for {self.arch.value}"
            )
        if self.manifest.interpreter and not (self.system.libraries or self.system.linkers):
            raise SetupError(
                f"needs the interpreter {self.manifest.interpreter} and {', '.join(self.manifest.needed)}: "
                f"{self.system.name} programs run when they are linked statically"
            )
        self.dynamic = options.dispatch == "dynamic"
        arena = within[0].space.arena if within else Arena()
        self.space: AddressSpace = AddressSpace(arena, self.arch)
        self.cpu: Cpu = UnicornCpu(self.arch, self.space)
        layout = self.system.layout(self.arch.value)
        try:
            self.loaded: Loaded = load(
                self.space, self.cpu, self.manifest, segments, dynamic=self.dynamic, layout=layout
            )
        except Errno as error:
            raise _unloadable(error) from None
        self.counts: dict[str, int] = {}
        if within is not None:
            self.first: Machine = within[0].first
            self.process: Process = within[1]
            self.interface: Interface = self.first.interface
            self.dispatcher: Dispatcher = self._dispatcher()
            self.scheduler: Scheduler = self.first.scheduler
            self._link()
            return
        self.first = self
        self.process, self.interface = self._kernel(image)
        self._link()
        self.dispatcher = self._dispatcher()
        self.exec_node = self.process.names.exec_node
        self.process.kernel.load = self._load
        self.process.kernel.identify = self._identify
        self.scheduler = Scheduler(
            cpu=self.cpu,
            process=self.process,
            library=self.system.libraries.get(self.arch.value),
            on_fault=self._fault,
            signals=Deliverer(self.system.signal_frames.get(self.arch.value), images_of),
            forked=self._forked,
            shown=self._shown,
            return_stub=self.loaded.return_stub,
            tid_changed=self._identify,
            timer=None if options.deterministic else Watchdog(self._kick, PREEMPT_S),
        )

    def _link(self) -> None:
        """Map the program's own dynamic linker, if it names one."""
        path = self.manifest.interpreter
        if not path or not self.system.linkers:
            return
        try:
            linker = map_interpreter(self.space, self.process.names, path, self.arch)
        except AotError:
            self.cpu.close()
            self.space.close()
            raise
        self.loaded = replace(self.loaded, interpreter=linker)

    def _kick(self) -> None:
        self.scheduler.kick()

    def _forked(self, ctx: Context, pid: int, share: bool) -> Context:
        """The first context of a copy of `ctx`'s process: an address space has one engine."""
        old, space, cpu = ctx.process, ctx.mem, ctx.cpu
        program: Machine = old.program or self
        if share:
            space.users += 1
        else:
            space = space.clone()
            cpu = UnicornCpu(program.arch, space)
            cpu.doors = replace(ctx.cpu.doors, page_fault=space.fault)
            cpu.set_areas(ctx.cpu.areas)
            space.watcher = images_of(ctx).copied(cpu)
        names = replace(old.names)
        process = replace(
            old,
            pid=pid,
            ppid=old.pid,
            pgid=group_of(old),
            sid=session_of(old),
            stopped=0,
            life=old.life.of_child(),
            mem=space,
            files=old.files.copy(),
            names=names,
            creds=replace(old.creds),
            actions=dict(old.actions),
            pending=0,
            infos={},
            contexts=[],
            data={k: v for k, v in old.data.items() if not k.startswith("itimer")},
        )
        names.cwd, names.owner = old.names.cwd, process
        old.kernel.processes[pid] = process
        child = program.new_context(pid)
        child.process, child.mem, child.cpu, child.regs = process, space, cpu, cpu.new_regs()
        child.sigmask, child.data = ctx.sigmask, dict(ctx.data)
        return child

    def _fault(self, ctx: Context, fault: Fault) -> bool:
        """Give a fault to the guest's handler, if it has one."""
        signals: Deliverer = ctx.process.signals or self.scheduler.signals
        return signals.fault(ctx, signal_info(fault, ctx.arch))

    def _shown(self, ctx: Context, fault: Fault) -> Fault:
        """A fault of an instruction that was moved into a stub, shown where the guest has it."""
        shown = images_of(ctx).shown(fault.pc)
        if shown is None or shown.pc == fault.pc:
            return fault
        ctx.regs[-1] = shown.pc
        return replace(fault, pc=shown.pc)

    def _kernel(self, image: bytes | os.PathLike[str]) -> tuple[Process, Interface]:
        o = self.options
        exec_path = self._exec_path(image)
        self.exec_path = os.fsencode(exec_path)
        program = o.file or exec_path
        world = World(
            deterministic=o.deterministic,
            root=o.root,
            mounts=o.mounts,
            cwd=o.cwd,
            program=program if os.path.isfile(program) else None,
        )
        process, interface = boot(self.space, world, os.fsencode(exec_path))
        self._fill(process)
        return process, interface

    def _fill(self, process: Process) -> None:
        """What a process knows of its program."""
        o, m, bias = self.options, self.manifest, self.loaded.bias
        process.data["argv"] = tuple(os.fsencode(a) for a in o.argv)
        process.data["env"] = tuple(os.fsencode(f"{name}={value}") for name, value in o.env.items())
        start = m.brk + bias if m.brk else 0
        self.space.heap = Heap(start, start, m.brk_limit + bias if m.brk_limit else 0)

    def _dispatcher(self) -> Dispatcher:
        m, bias = self.manifest, self.loaded.bias
        dispatcher = Dispatcher(self.system, m.column, self.arch, self.interface.ops, self._wrap())
        dispatcher.known = {s.addr + bias for s in m.sites}
        dispatcher.immediates = {s.addr + bias: s.number for s in m.sites if s.number is not None}
        return dispatcher

    def _load(
        self, process: Process, raw: bytes, name: bytes, argv: tuple[bytes, ...], env: tuple[bytes, ...]
    ) -> Callable[[Context], Context]:
        """The program that replaces a process's own. Raises NOEXEC for a file that cannot be run."""
        o = self.options
        try:
            if name == self.exec_path:
                raw = self.image if isinstance(self.image, bytes) else _read(self.image)
            elif not is_native(raw):
                if o.translate is None:
                    raise Errno(E.NOEXEC)
                raw = o.translate(raw)
            pairs = (os.fsdecode(pair).partition("=") for pair in env)
            options = replace(
                o, argv=[os.fsdecode(a) for a in argv], env={n: v for n, found, v in pairs if found}
            )
            machine = Machine(raw, options, (self, process))
        except NoInterpreter:
            raise Errno(E.NOENT) from None
        except AotError:
            raise Errno(E.NOEXEC) from None
        return lambda ctx: machine._take_over(ctx, name)

    def _take_over(self, ctx: Context, name: bytes) -> Context:
        """Start in the place of `ctx`'s program: descriptors, ids and ignored signals stay."""
        process, old = self.process, ctx.process.program or self.first
        process.files.close_all(only_cloexec=True)
        process.mem, process.exec_path = self.space, name
        process.actions = {n: a for n, a in process.actions.items() if a.handler == IGNORE}
        process.data = {k: v for k, v in process.data.items() if k in ("limits", "itimer", "itimers")}
        process.program = self
        process.signals = Deliverer(self.system.signal_frames.get(self.arch.value), images_of)
        process.library = self.system.libraries.get(self.arch.value)
        process.return_stub = self.loaded.return_stub
        self._fill(process)
        new = self.start()
        new.pending, new.infos, new.used_ns = ctx.pending, ctx.infos, ctx.used_ns
        set_mask(new, ctx.sigmask)
        process.life.executed = True
        if leave_space(ctx.mem, ctx.cpu) and ctx.cpu is old.cpu:
            old.closed = True
        return new

    def _exec_path(self, image: bytes | os.PathLike[str]) -> str:
        """The program's absolute path: the image's file, or what argv[0] names when it came as bytes."""
        named = (self.options.argv or ["program"])[0] if isinstance(image, bytes) else image
        return os.path.abspath(named)

    def _wrap(self) -> Callable[[Handler, Call, Door], Handler] | None:
        if self.options.profile is not None:
            return self.options.profile.wrap
        if self.options.trace is None:
            return None
        return Tracer(self.system, self.manifest.column, self.options.trace.write).wrap

    def _doors(self) -> Doors:
        dispatcher = self.dispatcher
        dispatcher.routines = self._routines()
        doors = Doors(
            table=dispatcher.table,
            trap=dispatcher.trap,
            returned=_returned,
            page_fault=self.space.fault,
            trap_carry=dispatcher.door.gate.style is ErrorStyle.CARRY,
            skip=dispatcher.door.gate.skip,
            routines=dispatcher.routines,
            facts=facts,
        )
        bind_sites(dispatcher, self.manifest, doors.sites)
        bind_imports(dispatcher, self.manifest.imports, doors.imports, dynamic=self.dynamic)
        if self.options.stats is not None:
            self._count(doors)
        if self.options.profile is not None:
            self.options.profile.watch(doors)
        return doors

    def _watch(self, doors: Doors) -> None:
        """See to the shared objects that the program maps from now on, and to its linker."""

        def add_sites(numbers: list[int | None]) -> int:
            first = bind_numbers(self.dispatcher, numbers, doors.sites)
            if self.options.stats is not None:
                self._count_sites(doors, first)
            if self.options.profile is not None:
                self.options.profile.watch_sites(doors, first)
            return first

        library = Library(
            arch=self.arch,
            personality=self.manifest.personality,
            column=self.manifest.column,
            find=self.options.overlay if self.system.linkers else None,
            add_sites=add_sites,
            known=self.dispatcher.known,
            dynamic=self.dynamic,
        )
        self.space.watch(Images(library, self.cpu, self.manifest, self.loaded.bias))

    def _routines(self) -> RoutineTable | None:
        o = self.options
        return routine_table(
            self.system,
            self.arch,
            deterministic=o.deterministic,
            watched=o.trace is not None or o.profile is not None or not o.routines,
            counted=o.stats is not None,
        )

    def _count(self, doors: Doors) -> None:
        """Wrap every door with a counter; only with --stats."""
        counts = self.counts = dict.fromkeys(("bound", "table", "import", "dynamic"), 0)
        imports = list(doors.imports)
        table, trap = doors.table, doors.trap
        assert table is not None and trap is not None

        def count_table(ctx: Context, number: int, where: int) -> int:
            counts["table"] += 1
            return table(ctx, number, where)

        def count_trap(ctx: Context, pc: int, immediate: int) -> int:
            counts["dynamic"] += 1
            return trap(ctx, pc, immediate)

        self._count_sites(doors, 0)
        doors.imports[:] = [_counted(counts, "import", h) for h in imports]
        doors.table, doors.trap = count_table, count_trap

    def _count_sites(self, doors: Doors, first: int) -> None:
        """The same for sites from `first` on."""
        doors.sites[first:] = [_counted(self.counts, "bound", handler) for handler in doors.sites[first:]]

    def _identify(self, ctx: Context) -> None:
        """Keep the data page current for the context about to run."""
        names = self.process.names  # what /proc was made with: it shows the process that runs
        names.owner = ctx.process
        names.exec_node = ctx.process.data.get("exec_node", self.exec_node)
        creds = ctx.process.creds
        words = {
            DataWord.TRACED: int(self.options.trace is not None),
            DataWord.PID: ctx.process.pid,
            DataWord.TID: ctx.tid,
            DataWord.PPID: ctx.process.ppid,
            DataWord.UID: creds.uid,
            DataWord.EUID: creds.euid,
            DataWord.GID: creds.gid,
            DataWord.EGID: creds.egid,
        }
        images_of(ctx).set_words(ctx.mem, words)

    def start(self) -> Context:
        """The first context, in the start state its system prepares."""
        ctx = self.new_context(self.process.pid)
        kernel = self.process.kernel
        o = self.options
        start = Start(
            argv=tuple(os.fsencode(a) for a in o.argv),
            env=tuple(os.fsencode(f"{k}={v}") for k, v in o.env.items()),
            exec_path=self.process.exec_path,
            random=kernel.random.randbytes(64),
            realtime_ns=kernel.clocks.now_ns(Clock.REALTIME),
            monotonic_ns=kernel.clocks.monotonic_ns(),
        )
        self.process.data["imports"] = ImportTable(self)
        self.cpu.doors = self._doors()
        self._watch(self.cpu.doors)
        assert self.system.start is not None, f"{self.system.name} has no start"
        try:
            state = begin(ctx, self.cpu, self.system.start, facts_of(self.loaded, ctx, start))
        except Errno as error:
            raise _unloadable(error) from None
        self.process.data.update(state.data)
        if state.before:
            self._before(ctx, state.before)
        return ctx

    def new_context(self, tid: int) -> Context:
        """A context of the process with a zero register file."""
        return Context(
            process=self.process,
            mem=self.space,
            cpu=self.cpu,
            arch=self.arch,
            tid=tid,
            personality=self.system.personality,
            column=self.manifest.column,
            regs=self.cpu.new_regs(),
        )

    def _before(self, ctx: Context, calls: tuple[tuple[int, tuple[int, ...]], ...]) -> None:
        """Arrange that guest functions (TLS callbacks) run before the entry point."""
        first, rest = calls[0], calls[1:]

        def then(ctx: Context, result: int) -> int:
            if rest:
                self._before(ctx, rest)
            return 0

        upcall(self.scheduler, ctx, Upcall(first[0], first[1], then))

    def run(self) -> End:
        """Run the program to its end."""
        self.scheduler.add(self.start())
        ticker = self._ticker()
        if self.options.ready is not None:
            self.options.ready()
        signals = HostSignals(self.process, self._kick) if self.options.forward else None
        if signals is not None and signals.start():
            self.scheduler.alarm, self.scheduler.bell = signals.take, signals.bell
        try:
            return self.scheduler.run()
        finally:
            if signals is not None:
                signals.stop()
            if ticker is not None:
                ticker.stop()

    def _ticker(self) -> Watchdog | None:
        """Keeps the system's clock page current while the guest runs; a deterministic run's stands still."""
        page = self.system.clock_page
        if page is None or self.options.deterministic:
            return None
        window, clocks = self.space.window(page.address, PAGE), self.process.kernel.clocks

        def tick() -> None:
            for address, data in page.words(clocks.now_ns(Clock.REALTIME), clocks.monotonic_ns()):
                at = address - page.address
                window[at : at + len(data)] = data

        ticker = Watchdog(tick, page.period_s)
        ticker.start()
        return ticker

    def inline_calls(self) -> int:
        """Calls that inline stubs answered."""
        return sum(self.inline_by_name().values())

    def inline_by_name(self) -> dict[str, int]:
        """The same by call, from the counters in guest memory: one for each inline site, in order."""
        pages = 0 if self.closed else self.manifest.counters  # a program that was replaced took them along
        raw = self.space.peek(self.loaded.area + PAGE, pages * PAGE) if pages else b""
        sites = [s for s in self.manifest.sites if s.cls == StubClass.INLINE.value]
        found: dict[str, int] = {}
        for site, (count,) in zip(sites, struct.iter_unpack("<Q", raw), strict=False):
            name = site.call or hex(site.addr)
            found[name] = found.get(name, 0) + count
        return found

    def close(self) -> None:
        """Free the engine and the guest's memory."""
        if self.closed or not self.space.users:
            return
        self.cpu.close()
        self.space.close()


def _unloadable(error: Errno) -> ManifestError:
    """What is said of a program whose segments, stubs, stack or TLS cannot be where it wants them."""
    return ManifestError(f"the program cannot be loaded: {error.code.value} where its memory should be")


def _counted(counts: dict[str, int], name: str, handler: Handler) -> Handler:
    def count(ctx: Context) -> int:
        counts[name] += 1
        return handler(ctx)

    return count


def _returned(ctx: Context) -> int:
    raise Returned


def _read(path: os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def run(image: bytes | os.PathLike[str], options: RunOptions) -> int:
    """Run a native ELF and return the status a shell would show."""
    machine = Machine(image, options)
    try:
        end = machine.run()
        if options.stats is not None:
            inline = machine.inline_calls()
            options.stats.write(report.stats(machine.dispatcher, machine.manifest, machine.counts, inline))
        number = report.signal_of(end)
        if (number or end.reason) and number not in report.SILENT and options.errors is not None:
            options.errors.write(report.describe(end))
        return 128 + number if number else end.status & 0xFF
    finally:
        machine.close()
