"""The scheduler: one context at a time on the engine, everything that blocks waits here.

Ops never sleep. A handler that must wait raises Block; the context is parked with the call it made,
and when the wait may be over the call is made again outside the engine and completed in the context.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable

from aot.image.model import Arch
from aot.personality.abi.errors import Errno
from aot.personality.abi.frame import SigInfo
from aot.personality.abi.gate import Gate
from aot.personality.abi.signals import Signal
from aot.record import dataclass, field
from runtime.cpu.api import REG_INDEX, Cpu, Fault, FaultKind, Handler, Kick, Leave, Left
from runtime.cpu.watchdog import Watchdog
from runtime.kernel.context import Context, Process
from runtime.kernel.deliver import Deliverer
from runtime.kernel.faults import SIGNAL_OF
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
    Unserved,
    Upcall,
)
from runtime.kernel.ops_process import Spawned
from runtime.kernel.signals import IGNORE, handled_next, send_process
from runtime.kernel.timers import next_timer_ns, run_timers
from runtime.kernel.waiting import Waiting, due, fd_ready, poll_of, ready_fds

RED_ZONE = 128
CLD_EXITED, CLD_KILLED, SA_NOCLDWAIT = 1, 2, 2
M64 = (1 << 64) - 1
UNSERVED_STATUS = 127  # what a shell gives for a command it cannot find
IDLE_MS = 1000  # longest single wait on the host; a kick or signal ends it earlier


@dataclass(frozen=True, slots=True)
class Frame:
    """A call in progress that called guest code: what to restore, and how it goes on."""

    regs: bytes
    then: Callable[[Context, int], int]


class Returned(Leave):
    """A guest function that the kernel called came back to the return stub."""


@dataclass(slots=True)
class End:
    """How a process ended: its exit status, or the fault or signal that killed it.

    `reason` is a line for a person when it was something else (a call nobody serves).
    """

    status: int = 0
    reason: str = ""
    signal: int = 0
    fault: Fault | None = None
    ctx: Context | None = None


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
    waiting: list[Waiting] = field(default_factory=list)
    end: End | None = None
    forked: Callable[[Context, int], Context] | None = None  # (caller, pid) -> first context of its copy
    alarm: Callable[[], None] | None = None  # takes what arrived from outside; may raise Killed
    bell: int | None = None  # host descriptor that becomes readable when something arrives
    _last: Context | None = None
    _armed: bool = False

    def add(self, ctx: Context) -> None:
        """A new context is ready to run."""
        ctx.process.contexts.append(ctx)
        self.ready.append(ctx)

    def run(self) -> End:
        """Run until the process ends."""
        try:
            while self.end is None:
                if self.alarm is not None or self.process.kernel.timers:
                    self._events()
                if self.waiting:
                    self._wake(idle=not self.ready)
                if self.ready and self.end is None:
                    self._arm()
                    self._step(self.ready.popleft())
        finally:
            if self.timer is not None:
                self.timer.stop()
        return self.end

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

    def _events(self) -> None:
        """What happened outside the guest: signals of the host, timers."""
        try:
            if self.alarm is not None:
                self.alarm()
            if self.process.kernel.timers:
                run_timers(self.process.kernel)
        except Killed as cause:
            self.end = End(signal=cause.signal)

    def kick(self) -> None:
        """Stop whatever runs; from any thread."""
        for process in list(self.process.kernel.processes.values()):
            for ctx in process.contexts[:1]:
                ctx.cpu.kick()

    def _finish(self, process: Process, end: End) -> None:
        """A process ended; the run does with its first."""
        if process is self.process:
            self.end = end
            return
        self.ready = deque(c for c in self.ready if c.process is not process)
        for item in [w for w in self.waiting if w.ctx.process is process]:
            self.waiting.remove(item)
            if item.block.cancel is not None:
                item.block.cancel()
        signal = SIGNAL_OF[end.fault.kind] if end.fault is not None else end.signal
        process.status = signal or (end.status & 0xFF) << 8
        cpus = {id(c.cpu): c.cpu for c in process.contexts} or {0: end.ctx.cpu} if end.ctx else {}
        process.contexts.clear()
        process.files.close_all()
        if self._last is not None and self._last.process is process:
            self._last = None
        for cpu in cpus.values():
            cpu.close()
        process.mem.close()
        self._bereave(process, signal)

    def _bereave(self, process: Process, signal: int) -> None:
        """Tell the parent, or nobody."""
        everybody = self.process.kernel.processes
        for child in [p for p in everybody.values() if p.ppid == process.pid]:
            child.ppid = 1
            if child.status is not None:
                del everybody[child.pid]
        parent = everybody.get(process.ppid)
        action = parent.actions.get(Signal.CHLD) if parent is not None else None
        if parent is None or (
            action is not None and (action.handler == IGNORE or action.flags & SA_NOCLDWAIT)
        ):
            del everybody[process.pid]
        if parent is not None and parent.status is None:
            code, status = (CLD_KILLED, signal) if signal else (CLD_EXITED, (process.status or 0) >> 8)
            info = SigInfo(Signal.CHLD, code, pid=process.pid, uid=process.creds.uid, status=status)
            send_process(parent, Signal.CHLD, info)

    def _deliver(self, ctx: Context) -> bool:
        """Take a context to its handlers; False when a signal ended the process."""
        try:
            (ctx.process.signals or self.signals).deliver(ctx)
        except Killed as cause:
            self._finish(ctx.process, End(signal=cause.signal, ctx=ctx))
            return False
        return True

    def _step(self, ctx: Context) -> None:
        if (ctx.pending | ctx.process.pending) & ~ctx.sigmask and not self._deliver(ctx):
            return
        if ctx is not self._last:
            self._last = ctx
            if self.tid_changed:
                self.tid_changed(ctx)
        left = ctx.cpu.resume(ctx)
        match left:
            case Kick():
                self.ready.append(ctx)
            case Fault():
                self._fault(ctx, left)
            case Left(cause, again):
                self._left(ctx, cause, again)

    def _fault(self, ctx: Context, fault: Fault) -> None:
        fault = self.shown(ctx, fault)
        if self.on_fault(ctx, fault):
            self.ready.appendleft(ctx)
        else:
            self._finish(ctx.process, End(fault=fault, ctx=ctx))

    def _left(self, ctx: Context, cause: Leave, again: Handler) -> None:
        match cause:
            case Block():
                self.waiting.append(Waiting(ctx, cause, again))
            case ExitProcess():
                self._finish(ctx.process, End(status=cause.status, ctx=ctx))
            case Killed():
                self._finish(ctx.process, End(signal=cause.signal, ctx=ctx))
            case Unserved():
                self._finish(ctx.process, End(status=UNSERVED_STATUS, reason=str(cause), ctx=ctx))
            case Exec():
                self._exec(ctx, cause)
            case Fork():
                self._fork(ctx, cause, again)
            case ExitContext():
                self._remove(ctx, cause.status)
            case Reschedule():
                ctx.cpu.complete(ctx, 0)
                self.ready.append(ctx)
            case Spawn():
                self._spawn(ctx, cause, again)
            case NewState():
                self.ready.appendleft(ctx)
            case SigReturn():
                self._sigreturn(ctx)
            case Upcall():
                try:
                    self.upcall(ctx, cause)
                except GuestFault as fault:
                    self._left(ctx, fault, again)
                    return
                self.ready.appendleft(ctx)
            case Returned():
                self._returned(ctx)
            case GuestFault():
                self._fault(ctx, _as_fault(ctx, cause))
            case Invented():
                self._fault(ctx, Fault(FaultKind.ILLEGAL, ctx.regs[-1]))
            case _:
                raise AssertionError(f"nobody serves {type(cause).__name__}") from cause

    def _exec(self, ctx: Context, cause: Exec) -> None:
        """The program's other contexts end; the new one starts with what a process keeps."""
        process = ctx.process
        self.ready = deque(c for c in self.ready if c.process is not process)
        for item in [w for w in self.waiting if w.ctx.process is process]:
            self.waiting.remove(item)
            if item.block.cancel is not None:
                item.block.cancel()
        process.contexts.clear()
        self._last = None
        self.add(cause.start(ctx))

    def _fork(self, ctx: Context, cause: Fork, again: Handler) -> None:
        """Both processes finish the call, the new one first."""
        assert self.forked is not None, "nobody makes processes"
        kernel, index = self.process.kernel, REG_INDEX[ctx.arch]
        pid = kernel.next_id
        kernel.next_id += 1
        if cause.parent_tid:
            ctx.mem.write(cause.parent_tid, pid.to_bytes(4, "little"))
        child = self.forked(ctx, pid)
        ctx.cpu.duplicate(ctx, child)
        if cause.child_tid:
            child.mem.write(cause.child_tid, pid.to_bytes(4, "little"))
        for context, result in ((child, 0), (ctx, pid)):
            context.wait = Spawned(result)
            context.cpu.complete(context, again(context))
        x86 = ctx.arch is Arch.X86_64
        if cause.stack:
            child.regs[index["rsp" if x86 else "sp"]] = cause.stack
        if cause.tls is not None:
            child.cpu.set_base(child, "fs" if x86 else "tpidr_el0", cause.tls)
        child.clear_tid, child.altstack = cause.clear_tid, ctx.altstack
        child.process.contexts.append(child)
        self.ready += (child, ctx)

    def _spawn(self, ctx: Context, cause: Spawn, again: Handler) -> None:
        """Both contexts finish the call: the new one first, while the registers are still the caller's."""
        kernel, index = self.process.kernel, REG_INDEX[ctx.arch]
        tid = kernel.next_id
        kernel.next_id += 1
        for address in (cause.parent_tid, cause.child_tid):
            if address:
                ctx.mem.write(address, tid.to_bytes(cause.tid_bytes, "little"))
        child = _twin(ctx, tid, self.cpu.new_regs())
        self.cpu.duplicate(ctx, child)
        for context, result in ((child, 0), (ctx, tid)):
            context.wait = Spawned(result)
            self.cpu.complete(context, again(context))
        x86 = ctx.arch is Arch.X86_64
        if cause.stack:
            child.regs[index["rsp" if x86 else "sp"]] = cause.stack
        if cause.entry is not None:
            child.regs[index["rip" if x86 else "pc"]] = cause.entry
            child.regs[index["rdi" if x86 else "x0"]] = cause.argument
        if cause.tls is not None:
            self.cpu.set_base(child, "fs" if x86 else "tpidr_el0", cause.tls)
        child.clear_tid = cause.clear_tid
        self.add(child)
        self.ready.append(ctx)

    def _sigreturn(self, ctx: Context) -> None:
        try:
            (ctx.process.signals or self.signals).leave(ctx)
        except Killed as cause:
            self._finish(ctx.process, End(signal=cause.signal, ctx=ctx))
            return
        self.ready.appendleft(ctx)

    def _remove(self, ctx: Context, status: int) -> None:
        ctx.process.contexts.remove(ctx)
        if not ctx.process.contexts:
            self._finish(ctx.process, End(status=status, ctx=ctx))

    # -- waiting ------------------------------------------------------------------------------

    def _wake(self, *, idle: bool) -> None:
        self._interrupt()
        now = self.process.kernel.clocks.monotonic_ns()
        if idle and not self.ready and not any(due(w, now) for w in self.waiting):
            self._sleep(now)
            self._events()
            if self.end is not None:
                return
            self._interrupt()
            now = self.process.kernel.clocks.monotonic_ns()
        fds = ready_fds(self.waiting)
        for item in [w for w in self.waiting if due(w, now) or fd_ready(w, fds)]:
            self.waiting.remove(item)
            self._again(item.ctx, item.again)

    def _interrupt(self) -> None:
        """End the waits of contexts that have a signal to handle."""
        for item in [w for w in self.waiting if w.block.interruptible]:
            ctx = item.ctx
            if not (ctx.pending | ctx.process.pending) & ~ctx.sigmask:
                continue
            try:
                signal = handled_next(ctx)
            except Killed as cause:
                self._finish(ctx.process, End(signal=cause.signal, ctx=ctx))
                return
            if signal is not None and (ctx.process.signals or self.signals).frames is not None:
                self.waiting.remove(item)
                self._end_wait(item, signal)

    def _end_wait(self, item: Waiting, signal: int) -> None:
        """A signal ends a wait: the call is made again after the handler, or fails now."""
        ctx = item.ctx
        ctx.awaited = 0
        signals: Deliverer = ctx.process.signals or self.signals
        if signals.restarts(ctx, signal, item.block):
            if item.block.cancel is not None:
                item.block.cancel()
            ctx.wait = None
            signals.restart(ctx)
            self.ready.append(ctx)
            return
        Block.interrupting = True
        try:
            self._again(ctx, item.again)
        finally:
            Block.interrupting = False
        ctx.wait = None

    def _again(self, ctx: Context, again: Handler) -> None:
        try:
            carry = again(ctx)
        except Leave as cause:
            self._left(ctx, cause, again)
            return
        ctx.cpu.complete(ctx, carry)
        self.ready.append(ctx)

    def _sleep(self, now: int) -> None:
        deadlines = [w.block.deadline_ns for w in self.waiting if w.block.deadline_ns is not None]
        timer = next_timer_ns(self.process.kernel)
        nearest = min(deadlines if timer is None else [*deadlines, timer], default=None)
        poll = poll_of(self.waiting)
        if self.bell is not None:
            poll.register(self.bell, select.POLLIN)
        if nearest is not None and self.process.kernel.deterministic:
            if not poll.poll(0):
                self.process.kernel.clocks.advance_to(nearest)
            return
        left = IDLE_MS if nearest is None else min(IDLE_MS, max(0, -(-(nearest - now) // 1_000_000)))
        poll.poll(left)

    # -- guest functions called by the kernel ---------------------------------------------------

    def upcall(self, ctx: Context, call: Upcall) -> None:
        """Make `ctx` run call.address(*call.args) next and come back through the return stub."""
        gate: Gate | None = ctx.process.library or self.library
        stub: int = ctx.process.return_stub or self.return_stub
        assert gate is not None, "this personality has no library convention"
        index, x86 = REG_INDEX[ctx.arch], ctx.arch is Arch.X86_64
        sp = ctx.regs[index["rsp" if x86 else "sp"]] - RED_ZONE & -16
        if x86:
            sp -= 8 + (32 if gate.stack and gate.stack > 8 else 0)  # Win64 callees own 32 bytes above
            try:
                ctx.mem.write(sp & M64, stub.to_bytes(8, "little"))
            except Errno:  # no stack to call on
                raise GuestFault(sp & M64, write=True) from None
        ctx.upcalls.append(Frame(bytes(ctx.regs), call.then))
        for name, value in zip(gate.args, call.args, strict=False):
            ctx.regs[index[name]] = value & M64
        if x86:
            ctx.regs[index["rsp"]], ctx.regs[index["rip"]] = sp & M64, call.address
        else:
            ctx.regs[index["sp"]] = sp & M64
            ctx.regs[index["x30"]], ctx.regs[index["pc"]] = stub, call.address

    def _returned(self, ctx: Context) -> None:
        if not ctx.upcalls:  # the guest went to the return stub by itself
            self._left(ctx, Invented(), _never)
            return
        frame: Frame = ctx.upcalls.pop()
        result = ctx.regs[0]
        ctx.regs[:] = memoryview(frame.regs).cast("Q")
        try:
            frame.then(ctx, result)
        except Leave as cause:
            self._left(ctx, cause, _never)
            return
        self.ready.appendleft(ctx)


def _twin(ctx: Context, tid: int, regs: memoryview) -> Context:
    """Another context of the same process and system, with the caller's signal mask and no state of its own."""
    return Context(
        process=ctx.process,
        mem=ctx.mem,
        cpu=ctx.cpu,
        arch=ctx.arch,
        tid=tid,
        personality=ctx.personality,
        column=ctx.column,
        regs=regs,
        sigmask=ctx.sigmask,
        data=dict(ctx.data),
    )


def _never(ctx: Context) -> int:
    raise AssertionError("a call that calls guest code cannot block as well")


def _as_fault(ctx: Context, cause: GuestFault) -> Fault:
    kind = FaultKind.WRITE if cause.write else FaultKind.READ
    return Fault(kind, ctx.regs[-1], cause.address)
