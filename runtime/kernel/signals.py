"""Signals: dispositions, masks, pending sets and default actions. Numbers and masks are neutral.

A signal sent to a process is for one of its contexts, which is chosen when it comes: the first one unless it
blocks the signal. That context is alerted (`Context.alert`); only an alerted context looks at what is pending.
A process that is stopped runs nothing until SIGCONT or SIGKILL come.
"""

from __future__ import annotations

from enum import Enum

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SI_KERNEL, SI_USER, SigInfo
from aot.personality.abi.signals import LAST, Signal
from runtime.kernel.context import Context, Process
from runtime.kernel.leave import Killed, Stopped

DEFAULT, IGNORE = 0, 1
"""Handlers that are no address."""
UNBLOCKABLE = 1 << (Signal.KILL - 1) | 1 << (Signal.STOP - 1)
KILL = 1 << (Signal.KILL - 1)
SYNCHRONOUS = sum(
    1 << (s - 1) for s in (Signal.SEGV, Signal.BUS, Signal.ILL, Signal.TRAP, Signal.FPE, Signal.SYS)
)
"""What an instruction causes is handled before anything else."""
CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED = range(1, 7)
"""What SIGCHLD is about (si_code), neutral: the numbers of Linux."""
SA_NOCLDSTOP, SA_NOCLDWAIT = 1, 2
REALTIME = 32
"""From here on every signal sent is kept, not only the first."""
QUEUED = 1024
"""Most instances of one signal that are kept."""


class Action(Enum):
    """What a signal does when nobody handles it."""

    KILL = "ends the process"
    NOTHING = "is ignored"
    STOP = "stops the process"


_IGNORED = (Signal.CHLD, Signal.CONT, Signal.URG, Signal.WINCH, Signal.INFO)
_STOPS = (Signal.STOP, Signal.TSTP, Signal.TTIN, Signal.TTOU)
STOPS = sum(1 << (s - 1) for s in _STOPS)
CONT = 1 << (Signal.CONT - 1)


def default_action(signal: int) -> Action:
    """The action of a signal without a handler."""
    if signal in _IGNORED:
        return Action.NOTHING
    return Action.STOP if signal in _STOPS else Action.KILL


def check(signal: int) -> None:
    """Raises INVAL for a number that is no signal; 0 asks whether a target exists."""
    if not 0 <= signal <= LAST:
        raise Errno(E.INVAL)


def bit_of(signal: int) -> int:
    """A signal's bit in a mask."""
    return 1 << (signal - 1)


def sent_by(ctx: Context, signal: int, code: int = SI_USER) -> SigInfo:
    """What a receiver is told of a signal that `ctx` sends."""
    return SigInfo(signal, code, pid=ctx.process.pid, uid=ctx.process.creds.uid)


def send(ctx: Context, signal: int, info: SigInfo | None = None, *, own: bool = True) -> bool:
    """A signal for one context; from its `own` process it may raise Killed. False: no room to keep it."""
    return not signal or _post(ctx.process, ctx, info or SigInfo(signal, SI_KERNEL), own=own)


def send_process(process: Process, signal: int, info: SigInfo | None = None, *, own: bool = False) -> bool:
    """A signal for whichever context of a process takes it. From its `own` call it may raise Killed."""
    return not signal or _post(process, None, info or SigInfo(signal, SI_KERNEL), own=own)


def _post(process: Process, target: Context | None, info: SigInfo, *, own: bool) -> bool:
    if process.status is not None:
        return True
    signal, bit = info.signal, bit_of(info.signal)
    if bit & STOPS:
        discard(process, CONT)
    elif bit & (CONT | KILL):
        go_on(process, told=bool(bit & CONT))
        discard(process, STOPS if bit & CONT else 0)
    contexts = process.contexts if target is None else [target]
    takers = [c for c in contexts if not c.sigmask & bit & ~UNBLOCKABLE]
    handler = handler_of(process, signal)
    if takers and not any(c.awaited & bit for c in process.contexts):
        action = default_action(signal) if handler == DEFAULT else Action.NOTHING
        if action is Action.KILL and own:
            raise Killed(signal)
        if handler in (DEFAULT, IGNORE) and action is Action.NOTHING:
            return True
    queue: Context | Process = process if target is None else target
    kept = queue.infos.setdefault(signal, [])
    if not queue.pending & bit or signal >= REALTIME:
        if len(kept) >= QUEUED:
            return False
        kept.append(info)
    queue.pending |= bit
    process.kernel.arrivals += 1
    _choose(process, takers)
    return True


def _choose(process: Process, takers: list[Context]) -> None:
    """Alert one of the contexts that do not block a signal; those alerted already will look anyway."""
    if takers:
        takers.sort(key=lambda c: c.tid != process.pid)
        alert(next((c for c in takers if not c.alert), takers[0]))


def alert(ctx: Context) -> None:
    """Have a context look at its signals before it goes on, or in its wait."""
    kernel = ctx.process.kernel
    ctx.alert = True
    kernel.alerted.append(ctx)
    running = kernel.running
    if running is not None and running.process is ctx.process:
        running.cpu.kick()


def handler_of(process: Process, signal: int) -> int:
    """Address of a signal's handler, DEFAULT or IGNORE."""
    action = process.actions.get(signal)
    return DEFAULT if action is None else action.handler


def deliverable(ctx: Context) -> int:
    """Mask of the signals that wait for this context and are not blocked."""
    return (ctx.pending | ctx.process.pending) & ~ctx.sigmask


def take(ctx: Context, wanted: int) -> SigInfo | None:
    """Remove and return one pending signal of `wanted`, the context's own before the process's."""
    for queue in (ctx, ctx.process):
        ready = queue.pending & wanted
        if ready:
            first = ready & KILL or ready & SYNCHRONOUS or ready
            signal = (first & -first).bit_length()
            kept = queue.infos.get(signal) or [SigInfo(signal)]
            info = kept.pop(0)
            if not kept:
                queue.pending &= ~bit_of(signal)
            return info if info.late is None else info.late(info)
    return None


def next_handled(ctx: Context) -> SigInfo | None:
    """Take the next signal that goes to a handler; those without act or vanish.

    Raises Killed, and Stopped for a signal that stops the process.
    """
    while info := take(ctx, ~ctx.sigmask):
        handler = handler_of(ctx.process, info.signal)
        if handler not in (DEFAULT, IGNORE):
            return info
        if handler == DEFAULT or bit_of(info.signal) & UNBLOCKABLE:
            action = default_action(info.signal)
            if action is Action.KILL:
                raise Killed(info.signal)
            if action is Action.STOP:
                raise Stopped(info.signal)
    ctx.alert = False
    return None


def claim(ctx: Context) -> int | None:
    """The signal that `next_handled` would return, kept for this context alone. Raises what that raises."""
    info = next_handled(ctx)
    if info is None:
        return None
    ctx.infos.setdefault(info.signal, []).insert(0, info)
    ctx.pending |= bit_of(info.signal)
    return info.signal


def set_mask(ctx: Context, mask: int) -> None:
    """Change the mask: what it lets through is handled before the context goes on, what it blocks elsewhere."""
    process, blocked = ctx.process, mask & ~ctx.sigmask
    ctx.sigmask = mask & ~UNBLOCKABLE
    given_up = process.pending & blocked
    if given_up and len(process.contexts) > 1:
        hand_over(process, ctx, given_up)
    if deliverable(ctx):
        alert(ctx)
    else:
        ctx.alert = False


def hand_over(process: Process, leaving: Context, pending: int) -> None:
    """Signals that one context will not take are looked at by others."""
    others = [c for c in process.contexts if c is not leaving and pending & ~c.sigmask]
    while pending and others:
        other = others.pop(0)
        pending &= other.sigmask
        alert(other)


def discard(process: Process, mask: int) -> None:
    """Drop pending signals."""
    queues: list[Context | Process] = [process, *process.contexts]
    for queue in queues:
        gone = queue.pending & mask
        if gone:
            queue.pending &= ~mask
            for signal in [s for s in queue.infos if bit_of(s) & gone]:
                del queue.infos[signal]


def ignored_now(process: Process, signal: int) -> None:
    """A signal is ignored from now on: pending ones are dropped."""
    discard(process, bit_of(signal))


# -- stopping ----------------------------------------------------------------------------------


def stop(process: Process, signal: int) -> None:
    """No context of a process runs until it goes on; its parent is told."""
    if not process.stopped:
        process.stopped = signal
        _tell(process, CLD_STOPPED, signal)


def go_on(process: Process, *, told: bool = True) -> None:
    """A stopped process runs again; its parent is `told` unless the process goes on only to end."""
    if not process.stopped:
        return
    process.stopped = 0
    for ctx in process.contexts:
        if ctx.alert:
            process.kernel.alerted.append(ctx)
    if told:
        _tell(process, CLD_CONTINUED, Signal.CONT)


def _tell(process: Process, code: int, status: int) -> None:
    """A process stopped or goes on: news for who waits, and SIGCHLD for a parent that wants it."""
    process.life.news = code, status
    parent = process.kernel.processes.get(process.ppid)
    if parent is None:
        return
    action = parent.actions.get(Signal.CHLD)
    if action is None or not (action.handler == IGNORE or action.flags & SA_NOCLDSTOP):
        info = SigInfo(Signal.CHLD, code, pid=process.pid, uid=process.creds.uid, status=status)
        send_process(parent, Signal.CHLD, info)
