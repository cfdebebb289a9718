"""The scheduler: one context at a time on the engine, everything that blocks waits here.

Ops never sleep. A handler that must wait raises Block; the context is parked with the call it made,
and when the wait may be over the call is made again outside the engine and completed in the context.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from aot.personality.abi.gate import Gate
from aot.record import dataclass, field
from runtime.cpu.api import Cpu, Fault, FaultKind, Handler, Kick, Leave, Left
from runtime.cpu.watchdog import Watchdog
from runtime.kernel.births import execute, fork, spawn
from runtime.kernel.context import Context, Process
from runtime.kernel.deliver import Deliverer
from runtime.kernel.ends import End, finish
from runtime.kernel.kin import stops
from runtime.kernel.leave import (
    Block,
    Exec,
    ExitContext,
    ExitProcess,
    Fork,
    GuestFault,
    Invented,
    Killed,
    NewState,
    Reschedule,
    SigReturn,
    Spawn,
    Stopped,
    Unserved,
    Upcall,
)
from runtime.kernel.limits import STATUS
from runtime.kernel.signals import hand_over
from runtime.kernel.timers import run_timers
from runtime.kernel.upcalls import Returned, returned, upcall
from runtime.kernel.usage import last_of, switch
from runtime.kernel.waiting import Waiting, Waits
from runtime.kernel.wakes import wake

UNSERVED_STATUS = 127  # what a shell gives for a command it cannot find


@dataclass(slots=True)
class Scheduler:
    """Runs the contexts of one process. `library` is the calling convention for guest functions."""

    cpu: Cpu
    process: Process
    library: Gate | None
    on_fault: Callable[[Context, Fault], bool]  # True: the guest handles it, go on
    signals: Deliverer
    shown: Callable[[Context, Fault], Fault] = lambda ctx, fault: fault  # at the PC the guest knows
    return_stub: int = 0
    tid_changed: Callable[[Context], None] | None = None
    timer: Watchdog | None = None  # preemption; None: contexts switch only where they block or yield
    ready: deque[Context] = field(default_factory=deque)
    waiting: Waits = field(default_factory=Waits)
    held: list[Context] = field(default_factory=list)  # of stopped processes, otherwise ready
    end: End | None = None
    forked: Callable[[Context, int, Fork], Context] | None = None  # (caller, pid, how) -> its copy
    alarm: Callable[[], None] | None = None  # takes what arrived from outside; may raise Killed
    bell: int | None = None  # host descriptor that becomes readable when something arrives
    kicked: bool = False
    over: str = ""  # why the run has to end now, for a person
    _last: Context | None = None
    _shown: Context | None = None
    _armed: bool = False

    def add(self, ctx: Context) -> None:
        """A new context is ready to run."""
        ctx.process.contexts.append(ctx)
        self.ready.append(ctx)

    def run(self) -> End:
        """Run until the first process ends."""
        kernel = self.process.kernel
        kernel.timer_set = self._arm  # whoever sets one may then compute, and never leave
        try:
            while self.end is None:
                if self.over:
                    return End(status=STATUS, reason=self.over)
                if self.alarm is not None or kernel.timers:
                    self.events()
                if self.held:
                    self._release()
                if self.waiting or kernel.alerted or not self.ready:
                    wake(self, idle=not self.ready)
                if self.ready and self.end is None:
                    self._arm()
                    self._step(self.ready.popleft())
        finally:
            if self.timer is not None:
                self.timer.stop()
        return self.end

    def _release(self) -> None:
        """Contexts of processes that were stopped and go on."""
        still: list[Context] = []
        for ctx in self.held:
            (still if ctx.process.stopped else self.ready).append(ctx)
        self.held = still

    def _arm(self) -> None:
        """The timer runs while there is somebody to switch to."""
        wanted = len(self.ready) > 1 or bool(self.waiting) or bool(self.process.kernel.timers)
        if self.timer is None or wanted == self._armed:
            return
        self._armed = not self._armed
        if self._armed:
            self.timer.start()
        else:
            self.timer.pause()

    def left_process(self, process: Process | None) -> None:
        """The next context to run is not the last one: its process (None: any) is gone."""
        if process is None or any(ctx.process is process for ctx in (self._last, self._shown) if ctx):
            self._last = self._shown = None

    def events(self) -> None:
        """What happened outside the guest: signals of the host, timers."""
        if self.alarm is not None:
            self.alarm()
        if self.process.kernel.timers:
            run_timers(self.process.kernel)

    def kick(self) -> None:
        """Stop whatever runs, or is about to; from any thread."""
        self.kicked = True
        running = self.process.kernel.running
        if running is not None:
            running.cpu.kick()

    def _deliver(self, ctx: Context) -> bool:
        """Take a context to its handlers; False when a signal ended or stopped the process."""
        try:
            (ctx.process.signals or self.signals).deliver(ctx)
        except Killed as cause:
            finish(self, ctx.process, End(signal=cause.signal, ctx=ctx))
            return False
        except Stopped as cause:
            stops(ctx.process, cause.signal)
            self.ready.appendleft(ctx)
            return False
        return True

    def _restart(self, ctx: Context) -> bool:
        """Others ran: a restartable sequence is left; False when that ended the process."""
        try:
            (ctx.process.signals or self.signals).left_sequence(ctx)
        except Killed as cause:
            finish(self, ctx.process, End(signal=cause.signal, ctx=ctx))
            return False
        return True

    def _step(self, ctx: Context) -> None:
        if ctx.process.stopped:
            self.held.append(ctx)
            return
        if ctx.alert and not self._deliver(ctx):
            return
        kernel = self.process.kernel
        switch(kernel, ctx)
        if ctx is not self._last:
            if ctx.restartable is not None and not self._restart(ctx):
                return
            self._last = ctx
        self.show(ctx)
        if self.kicked:  # it came while nobody ran
            self.kicked = False
            ctx.cpu.kick()
        left = ctx.cpu.resume(ctx)
        kernel.running = None
        match left:
            case Kick():
                self.kicked = False
                (self.ready.appendleft if ctx.alert else self.ready.append)(ctx)
            case Fault():
                self._fault(ctx, left)
            case Left(cause, again):
                self.leave(ctx, cause, again)

    def show(self, ctx: Context) -> None:
        """From here on calls are those of this context, under the ids of its process."""
        if ctx is not self._shown or ctx.process.kernel.park.fuller:
            self._shown = ctx
            if self.tid_changed:
                self.tid_changed(ctx)

    def _fault(self, ctx: Context, fault: Fault) -> None:
        fault = self.shown(ctx, fault)
        if self.on_fault(ctx, fault):
            self.ready.appendleft(ctx)
        else:
            finish(self, ctx.process, End(fault=fault, ctx=ctx))

    def leave(self, ctx: Context, cause: Leave, again: Handler) -> None:
        """Do what a handler left the engine for."""
        match cause:
            case Block():
                self.waiting.append(Waiting(ctx, cause, again))
                if ctx.alert:  # it came before the wait began
                    ctx.process.kernel.alerted.append(ctx)
            case ExitProcess():
                finish(self, ctx.process, End(status=cause.status, ctx=ctx))
            case Killed():
                finish(self, ctx.process, End(signal=cause.signal, ctx=ctx))
            case Unserved():
                finish(self, ctx.process, End(status=UNSERVED_STATUS, reason=str(cause), ctx=ctx))
            case Exec():
                execute(self, ctx, cause)
            case Fork():
                fork(self, ctx, cause, again)
            case ExitContext():
                self._remove(ctx, cause.status)
            case Reschedule():
                ctx.cpu.complete(ctx, 0)
                self.ready.append(ctx)
            case Spawn():
                spawn(self, ctx, cause, again)
            case NewState():
                self.ready.appendleft(ctx)
            case SigReturn():
                self._sigreturn(ctx)
            case Upcall():
                try:
                    upcall(self, ctx, cause)
                except GuestFault as fault:
                    self.leave(ctx, fault, again)
                    return
                self.ready.appendleft(ctx)
            case Returned():
                returned(self, ctx)
            case GuestFault():
                self._fault(ctx, _as_fault(ctx, cause))
            case Invented():
                self._fault(ctx, Fault(FaultKind.ILLEGAL, ctx.regs[-1]))
            case _:
                raise AssertionError(f"nobody serves {type(cause).__name__}") from cause

    def _sigreturn(self, ctx: Context) -> None:
        try:
            (ctx.process.signals or self.signals).leave(ctx)
        except Killed as cause:
            finish(self, ctx.process, End(signal=cause.signal, ctx=ctx))
            return
        self.ready.appendleft(ctx)

    def _remove(self, ctx: Context, status: int) -> None:
        process = ctx.process
        last_of(ctx)
        process.contexts.remove(ctx)
        if process.pending and process.contexts:
            hand_over(process, ctx, process.pending)
        if not process.contexts:
            finish(self, ctx.process, End(status=status, ctx=ctx))


def _as_fault(ctx: Context, cause: GuestFault) -> Fault:
    kind = FaultKind.WRITE if cause.write else FaultKind.READ
    return Fault(kind, ctx.regs[-1], cause.address)
