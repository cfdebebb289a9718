"""Signals: dispositions, masks, pending sets and default actions. Numbers and masks are neutral."""

from __future__ import annotations

from enum import Enum

from aot.personality.abi.errors import E, Errno
from aot.personality.abi.frame import SI_KERNEL, SI_USER, SigInfo
from aot.personality.abi.signals import LAST, Signal
from runtime.kernel.context import Context, Process
from runtime.kernel.leave import Killed

DEFAULT, IGNORE = 0, 1
"""Handlers that are no address."""
UNBLOCKABLE = 1 << (Signal.KILL - 1) | 1 << (Signal.STOP - 1)
SYNCHRONOUS = sum(
    1 << (s - 1) for s in (Signal.SEGV, Signal.BUS, Signal.ILL, Signal.TRAP, Signal.FPE, Signal.SYS)
)
"""What an instruction causes is handled before anything else."""
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


def send(ctx: Context, signal: int, info: SigInfo | None = None) -> None:
    """A signal for one context, from its own process. Raises Killed when its default action ends the process."""
    if signal:
        _post(ctx.process, (ctx,), ctx, info or SigInfo(signal, SI_KERNEL), own=True)


def send_process(process: Process, signal: int, info: SigInfo | None = None, *, own: bool = False) -> None:
    """A signal for whichever context of a process takes it. From its `own` call it may raise Killed."""
    if signal:
        _post(process, tuple(process.contexts), process, info or SigInfo(signal, SI_KERNEL), own=own)


def _post(
    process: Process, targets: tuple[Context, ...], queue: Context | Process, info: SigInfo, *, own: bool
) -> None:
    signal, bit = info.signal, bit_of(info.signal)
    takers = [c for c in targets if not c.sigmask & bit & ~UNBLOCKABLE]
    waited = any(c.awaited & bit for c in targets)
    if takers and not waited:
        handler = handler_of(process, signal)
        kills = handler == DEFAULT and default_action(signal) is Action.KILL
        if kills and own:
            raise Killed(signal)
        if handler in (DEFAULT, IGNORE) and not kills:
            return
    kept = queue.infos.setdefault(signal, [])
    if not queue.pending & bit or (signal >= REALTIME and len(kept) < QUEUED):
        kept.append(info)
    queue.pending |= bit
    if takers:
        takers[0].cpu.kick()


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
            first = ready & SYNCHRONOUS or ready
            signal = (first & -first).bit_length()
            kept = queue.infos.get(signal) or [SigInfo(signal)]
            info = kept.pop(0)
            if not kept:
                queue.pending &= ~bit_of(signal)
            return info
    return None


def next_handled(ctx: Context) -> SigInfo | None:
    """Take the next signal that goes to a handler; those without act or vanish. May raise Killed."""
    while info := take(ctx, ~ctx.sigmask):
        handler = handler_of(ctx.process, info.signal)
        if handler not in (DEFAULT, IGNORE):
            return info
        if handler == DEFAULT and default_action(info.signal) is Action.KILL:
            raise Killed(info.signal)
    return None


def handled_next(ctx: Context) -> int | None:
    """The signal that `next_handled` would return; those before it without a handler act now."""
    while ready := deliverable(ctx):
        first = ready & SYNCHRONOUS or ready
        signal = (first & -first).bit_length()
        handler = handler_of(ctx.process, signal)
        if handler not in (DEFAULT, IGNORE):
            return signal
        if handler == DEFAULT and default_action(signal) is Action.KILL:
            raise Killed(signal)
        take(ctx, bit_of(signal))
    return None


def mask_changed(ctx: Context) -> None:
    """The mask was changed by a call: what is deliverable now has to be before the guest goes on.

    What has no handler acts at once: may raise Killed.
    """
    if deliverable(ctx) and handled_next(ctx) is not None:
        ctx.cpu.kick()


def ignored_now(process: Process, signal: int) -> None:
    """A signal is ignored from now on: pending ones are dropped."""
    queues: list[Context | Process] = [process, *process.contexts]
    for queue in queues:
        queue.pending &= ~bit_of(signal)
        queue.infos.pop(signal, None)
