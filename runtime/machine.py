"""Introduces CPU, kernel and loader to each other for one run; decides nothing else."""

from __future__ import annotations

import os
from functools import partial

from aot.errors import AotError, ManifestError, SetupError
from aot.image.model import Arch
from aot.image.native_reader import read_native
from aot.manifest import Manifest
from aot.personality.abi.errors import Errno
from aot.personality.abi.neutral import Clock
from aot.personality.abi.personality import Personality
from aot.personality.abi.system import System
from aot.personality.registry import system_of
from aot.record import replace
from runtime import programs, report
from runtime.companions import expiry_of, terminal_modes, ticker_of
from runtime.counts import Counts
from runtime.cpu.api import Cpu, Doors, Fault
from runtime.cpu.lost_pages import guard
from runtime.cpu.unicorn_cpu import UnicornCpu
from runtime.cpu.watchdog import Watchdog
from runtime.crossings import Wrap, dispatcher_of, doors_of, inline_calls, library_of, wrap_of
from runtime.dispatch import Dispatcher
from runtime.hostsignals import HostSignals
from runtime.images import NAME as STUBS_NAME
from runtime.images import Images, images_of
from runtime.imports import ImportTable
from runtime.interpreter import map_interpreter
from runtime.kernel.boot import World, boot
from runtime.kernel.context import Context, Process
from runtime.kernel.deliver import Deliverer
from runtime.kernel.ends import End
from runtime.kernel.faults import signal_info
from runtime.kernel.frames import Arena
from runtime.kernel.leave import Upcall
from runtime.kernel.memory import AddressSpace, Heap
from runtime.kernel.optable import Interface
from runtime.kernel.paging import FAULT_MEMORY
from runtime.kernel.sched import Scheduler
from runtime.kernel.schemes import shadows
from runtime.kernel.upcalls import upcall
from runtime.loader import IMAGE_NAME, Loaded, Start, begin, facts_of, load
from runtime.made import Tally
from runtime.options import RunOptions as RunOptions

PREEMPT_S = 0.005  # shorter periods cost measurably more than they give


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
        self.system = _system_for(self.manifest)
        self.dynamic = options.dispatch == "dynamic"
        arena = within[0].space.arena if within else Arena(before_files=guard)
        if options.limits is not None:
            arena.limit = options.limits.memory
        self.space: AddressSpace = AddressSpace(arena, self.arch)
        self.cpu: Cpu = UnicornCpu(self.arch, self.space)
        layout = self.system.layout(self.arch.value)
        try:
            self.loaded: Loaded = load(
                self.space,
                self.cpu,
                self.manifest,
                segments,
                dynamic=self.dynamic,
                layout=layout,
                executable_stack=self.manifest.stack_code and self.system.executable_stacks,
            )
        except (Errno, AotError) as error:
            self._discard()
            raise (_unloadable(error) if isinstance(error, Errno) else error) from None
        self.counts = Counts()
        self.tally = Tally()
        if within is not None:
            self.first: Machine = within[0].first
            self.process: Process = within[1]
            self.interface: Interface = self.first.interface
            self.dispatcher: Dispatcher = dispatcher_of(self, self._wrap())
            self.scheduler: Scheduler = self.first.scheduler
            self._link()
            return
        self.first = self
        self.process, self.interface = self._kernel(image)
        self._link()
        self.dispatcher = dispatcher_of(self, self._wrap())
        self.exec_node = self.process.names.exec_node
        self.process.kernel.load = partial(programs.load, self)
        self.process.kernel.identify = self._identify
        self.scheduler = self._scheduler()

    def _scheduler(self) -> Scheduler:
        return Scheduler(
            cpu=self.cpu,
            process=self.process,
            library=self.system.libraries.get(self.arch.value),
            on_fault=self._fault,
            signals=Deliverer(self.system.signal_frames.get(self.arch.value), images_of),
            forked=partial(programs.fork, self),
            shown=self._shown,
            return_stub=self.loaded.return_stub,
            tid_changed=self._identify,
            timer=None if self.options.deterministic else Watchdog(self._kick, PREEMPT_S),
        )

    def _link(self) -> None:
        """Map the program's own dynamic linker, if it names one."""
        path = self.manifest.interpreter
        if not path or not self.system.linkers:
            return
        try:
            linker = map_interpreter(self.space, self.process.names, path, self.arch)
        except AotError:
            self._discard()
            raise
        self.loaded = replace(self.loaded, interpreter=linker)

    def _discard(self) -> None:
        """Give back what a program took that cannot run: a guest may try to execute it again and again."""
        self.cpu.close()
        self.space.close()

    def _kick(self) -> None:
        self.scheduler.kick()

    def _fault(self, ctx: Context, fault: Fault) -> bool:
        """Give a fault to the guest's handler, if it has one."""
        if ctx.mem.arena.limit is not None and ctx.mem.fault_code == FAULT_MEMORY:
            self.scheduler.over = f"the guest used more than --limit memory={ctx.mem.arena.limit}"
            return True
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
            net=o.net,
            limits=o.limits,
            program=program if os.path.isfile(program) else None,
        )
        process, interface = boot(self.space, world, os.fsencode(exec_path))
        self.fill(process)
        return process, interface

    def fill(self, process: Process) -> None:
        """What a process knows of its program."""
        o, m, bias = self.options, self.manifest, self.loaded.bias
        process.data["argv"] = tuple(os.fsencode(a) for a in o.argv)
        process.data["env"] = tuple(os.fsencode(f"{name}={value}") for name, value in o.env.items())
        start = m.brk + bias if m.brk else 0
        self.space.heap = Heap(start, start, m.brk_limit + bias if m.brk_limit else 0)

    def _exec_path(self, image: bytes | os.PathLike[str]) -> str:
        """The program's absolute path: the image's file, or what argv[0] names when it came as bytes."""
        named = (self.options.argv or ["program"])[0] if isinstance(image, bytes) else image
        return os.path.abspath(named)

    def _wrap(self) -> Wrap | None:
        return wrap_of(self)

    def _doors(self) -> Doors:
        return doors_of(self)

    def _identify(self, ctx: Context) -> None:
        programs.identify(self, ctx)

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
        doors = self._doors()
        images = Images(library_of(self, doors), self.cpu, self.manifest, self.loaded.bias)
        doors.in_place = images.code.places
        self.cpu.doors = doors
        self.space.watch(images)
        self._name_regions()
        assert self.system.start is not None, f"{self.system.name} has no start"
        try:
            state = begin(ctx, self.cpu, self.system.start, facts_of(self.loaded, ctx, start))
        except Errno as error:
            raise _unloadable(error) from None
        self.process.data.update(state.data)
        own = self.system.kernel_code.get(self.arch.value)
        for region in self.space.regions():
            if own is not None and region.name == own.name:
                self.images.own_code(region.start, region.size)
                self.images.bind_own(self.space, region.start, own)
        self.process.data["stack_start"] = ctx.regs[self.dispatcher.door.index[self.dispatcher.door.sp]]
        if state.before:
            self._before(ctx, state.before)
        return ctx

    def _name_regions(self) -> None:
        """What /proc/self/maps says of the program's own mappings."""
        area, size = self.loaded.area, self.manifest.area_size
        for region in self.space.regions():
            if region.name == IMAGE_NAME:
                stubs = area <= region.start < area + size
                region.name = STUBS_NAME if stubs else os.fsdecode(self.process.exec_path)

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
        ticker = ticker_of(self)
        if self.options.ready is not None:
            self.options.ready()
        signals = HostSignals(self.process, self._kick) if self.options.forward else None
        if signals is not None and signals.start():
            self.scheduler.alarm, self.scheduler.bell = signals.take, signals.bell
        expiry = expiry_of(self)
        try:
            return self.scheduler.run()
        finally:
            if expiry is not None:
                expiry.stop()
            if signals is not None:
                signals.stop()
            if ticker is not None:
                ticker.stop()

    def inline_by_name(self) -> dict[str, int]:
        """Calls that inline stubs of the first process answered, by name."""
        return inline_calls(self.images, self.process.mem)

    @property
    def images(self) -> Images:
        """The images of the first process."""
        watcher = self.process.mem.watcher
        assert isinstance(watcher, Images), "a process without images"
        return watcher

    def close(self) -> None:
        """Free the engine and the guest's memory."""
        if self.closed or not self.space.users:
            return
        self.cpu.close()
        self.space.close()


def _system_for(manifest: Manifest) -> System:
    """The system of a program. Raises an AotError when it cannot run it."""
    system = system_of(Personality(manifest.personality))
    if manifest.arch not in system.columns.get(manifest.column, ()):
        raise ManifestError(f"{system.name} has no column {manifest.column!r} for {manifest.arch}")
    if manifest.interpreter and not (system.libraries or system.linkers):
        raise SetupError(
            f"needs the interpreter {manifest.interpreter} and {', '.join(manifest.needed)}: "
            f"{system.name} programs run when they are linked statically"
        )
    return system


def _unloadable(error: Errno) -> ManifestError:
    """What is said of a program whose segments, stubs, stack or TLS cannot be where it wants them."""
    return ManifestError(f"the program cannot be loaded: {error.code.value} where its memory should be")


def run(image: bytes | os.PathLike[str], options: RunOptions) -> int:
    """Run a native ELF and return the status a shell would show."""
    machine = Machine(image, options)
    modes = terminal_modes() if options.forward else None
    try:
        end = machine.run()
        if options.stats is not None:
            made = report.calls(machine.dispatcher, machine.counts, machine.inline_by_name())
            summary = report.stats(machine.dispatcher, machine.manifest, made, machine.images)
            options.stats.write(summary)
        number = report.signal_of(end)
        if number and modes is not None:
            modes.restore()
        if (number or end.reason) and number not in report.SILENT and options.errors is not None:
            options.errors.write(report.describe(end))
        return 128 + number if number else end.status & 0xFF
    finally:
        machine.close()
        shadows.close_all()
